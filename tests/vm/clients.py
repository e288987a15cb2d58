"""The clients of tests/clients over a virtio port, and what of their dialogues changes a machine: freezing around a backup,
clocks, passwords, keys, and the end.

What an agent does not list in guest-info is skipped, and printed as such.
"""

import base64
import contextlib
import os
import shutil
import sys
import time

from client import AgentError, AgentTimeout
from guest import Guest, fresh, plain, test
from passwords import accounts, entry, lets_in
from report import Skip, check, equal
from shutdown import formatted_disk, powered_down, tool
from vm import DIRECTORY

# Last, because there is a run.py too.
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))

import qapi_client  # noqa: E402
import vmtest  # noqa: E402
from avocado import QemuAgent, refused  # noqa: E402
from cloudstack import FREEZE, THAW, CloudStack  # noqa: E402
from kubevirt import KubeVirt  # noqa: E402
from libvirt import Libvirt  # noqa: E402
from proxmox import AgentSaid, Proxmox  # noqa: E402
from required import FREEZE as FREEZING  # noqa: E402
from required import KEYS  # noqa: E402
from subjects import SUBJECTS  # noqa: E402
from suite import Place  # noqa: E402

SECOND = 10 ** 9


def place(vm, *needs):
    """Where the clients find this machine's agent. Skips the test without the commands it needs."""
    found = Place(vm.path("agent.sock"), "/tmp", "ours")
    found.require(*needs)
    return found


# What is played on the host as well

def declare(subject):
    @test(group="clients", name=subject.client, fixture=plain)
    def everything_it_says(vm):
        # Terraform waits for an address, KubeVirt asks for a user.
        vm.shell.check("ip link set lo up; mkdir -p /etc; echo root:x:0:0::/root:/bin/sh >/etc/passwd")
        played = 0
        with vm.running_agent():
            found = place(vm)
            for scenario in subject.scenarios:
                if scenario.local:
                    continue
                try:
                    scenario.play(found)
                    played += 1
                except Skip as why:
                    print("    skipped %s: %s" % (scenario.name, why))
                except Exception as error:
                    raise AssertionError("%s: %s" % (scenario.name, error)) from error
        vm.shell.check("rm /etc/passwd")
        if not played:
            raise Skip("all of its scenarios are")


for _subject in SUBJECTS:
    declare(_subject)


@test(group="clients", fixture=accounts)
def the_qapi_crate_decodes_what_changes_the_machine(vm):
    qapi_client.build()
    with vm.running_agent():
        lines = qapi_client.conversation(vm.path("agent.sock"), "/tmp", "--changing")
    equal([line for line in lines if line[0] in ("FAILED", "error")], [], "replies that do not fit, and refusals")
    for word, name, why in lines:
        if word == "left":
            print("    skipped %s: %s" % (name, why))


@test(group="clients", fixture=fresh)
def vmtest_connects_before_the_guest_is_up(vm):
    """The port is open on the host long before anybody is at its other end."""
    vm.start_agent()
    qga, attempts = vmtest.connect(vm.path("agent.sock"))
    with qga:
        check(attempts <= 2, "%d attempts" % attempts)
        qga.guest_sync()


@test(group="clients", fixture=plain)
def proxmox_polls(vm):
    """A connection per command, and the next as soon as the last is closed. The first bytes of one host may come between the
    departure of the other and the agent's look at the port: they are nobody's then, and still have to be answered."""
    with vm.running_agent():
        proxmox = Proxmox(place(vm, "guest-ping").socket, (True, False))
        for number in range(3000):
            try:
                equal(proxmox.mon_cmd("guest-ping"), {}, "guest-ping %d" % number)
            except AgentTimeout as error:
                raise AssertionError("guest-ping %d: %s" % (number, error)) from None


# Freezing

@contextlib.contextmanager
def with_a_disk():
    """A machine with an ext4 disk at /mnt, which is clean when the machine is through with it; the disk's image."""
    with formatted_disk() as disk:
        with Guest(disks=[disk]) as vm:
            vm.shell.check("mount -t ext4 /dev/vda /mnt")
            vm.disk = disk
            yield vm


def write_in_the_background(vm):
    vm.shell.check("rm -f /tmp/written; { echo late >/mnt/late && sync && touch /tmp/written; } </dev/null >/dev/null 2>&1 & true")


def is_written(vm, patience):
    deadline = time.monotonic() + patience
    while vm.shell.run("test -e /tmp/written")[0] != 0:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def check_backup(vm):
    """What a backup would get of the disk right now: a file system that needs no repair, with what was written before."""
    copy = os.path.join(DIRECTORY, "backup-%d.img" % os.getpid())
    try:
        shutil.copyfile(vm.disk, copy)
        check("needs_recovery" not in tool("dumpe2fs", "-h", copy).stdout.decode(), "its journal is to be replayed")
        looked = tool("e2fsck", "-f", "-n", copy)
        equal(looked.returncode, 0, "e2fsck says: %s" % looked.stdout.decode())
        check(b"early" in tool("debugfs", "-R", "cat /early", copy).stdout, "what was written before is not in the backup")
    finally:
        os.remove(copy)


@test(group="clients", fixture=with_a_disk)
def proxmox_backs_up(vm):
    with vm.running_agent():
        place(vm, *FREEZING)
        proxmox = Proxmox(vm.path("agent.sock"), (True, True))
        check(proxmox.running(), "it does not run")
        vm.shell.check("echo early >/mnt/early")
        proxmox.freeze()
        equal(proxmox.mon_cmd("guest-fsfreeze-status"), "frozen", "status")
        write_in_the_background(vm)
        check(not is_written(vm, 1.0), "a frozen file system was written to")
        check_backup(vm)
        check(proxmox.running(), "it does not run while frozen")
        try:
            raise AssertionError("read %r while frozen" % (proxmox.file_read("/mnt/early"),))
        except AgentSaid as error:
            check("guest-file-open has been disabled" in str(error), str(error))
        equal(proxmox.thaw(), 1, "file systems thawed")
        check(is_written(vm, 10.0), "the write still waits after the thaw")
        # After every attempt, also where nothing was frozen.
        equal(proxmox.thaw(), 0, "file systems thawed when none was frozen")
        equal(proxmox.mon_cmd("guest-fsfreeze-status"), "thawed", "status")


@test(group="clients", fixture=with_a_disk)
def proxmox_waits_behind_a_freeze(vm):
    """It does not wait for the freeze's reply, and asks for the status on a new connection: that is queued behind the freeze."""
    with vm.running_agent():
        place(vm, *FREEZING)
        # Much to be written out first, so that the freeze takes a moment.
        vm.shell.check("dd if=/dev/zero of=/mnt/much bs=1M count=8 2>/dev/null")
        proxmox = Proxmox(vm.path("agent.sock"))
        with vm.agent() as line:
            line.send(proxmox.request("guest-sync-delimited", {"id": 41943040123}) + proxmox.request("guest-fsfreeze-freeze", {}))
            # It has to be through before the next host comes: then it is executed, whoever hears of it.
            with contextlib.suppress(AgentTimeout):
                line.read_line(0.5)
        equal(proxmox.mon_cmd("guest-fsfreeze-status", timeout=30), "frozen", "status")
        equal(proxmox.thaw(), 1, "file systems thawed")


@test(group="clients", fixture=with_a_disk)
def cloudstack_freezes(vm):
    with vm.running_agent():
        place(vm, *FREEZING)
        with CloudStack(vm.path("agent.sock")) as manager:
            manager.change(FREEZE)
            manager.change(THAW)


@test(group="clients", fixture=with_a_disk)
def kubevirt_freezes(vm):
    with vm.running_agent():
        place(vm, "guest-fsfreeze-freeze-list", *FREEZING)
        with KubeVirt(vm.path("agent.sock")) as launcher:
            equal(launcher.freeze_status(), "thawed", "status before")
            launcher.raw("guest-fsfreeze-freeze")
            equal(launcher.freeze_status(), "frozen", "status")
            # "fs thaw is idempotent by itself"
            for _ in range(2):
                launcher.raw("guest-fsfreeze-thaw")
            equal(launcher.freeze_status(), "thawed", "status after")
            # And libvirt with a list, of which one is no mount point.
            equal(launcher.domain.run("guest-fsfreeze-freeze-list", mountpoints=["/nowhere", "/mnt"])["return"], 1, "frozen of two")
            equal(launcher.domain.run("guest-fsfreeze-thaw")["return"], 1, "thawed")


@test(group="clients", fixture=with_a_disk)
def avocado_freezes(vm):
    with vm.running_agent():
        place(vm, *FREEZING)
        with QemuAgent(vm.path("agent.sock")) as agent:
            equal(agent.cmd("guest-fsfreeze-status"), "thawed", "status before")
            equal(agent.cmd("guest-fsfreeze-thaw"), 0, "thawing what is not frozen")
            equal(agent.cmd("guest-fsfreeze-freeze", timeout=90), 1, "frozen")
            try:
                equal(agent.cmd("guest-fsfreeze-status"), "frozen", "status")
                refused("guest-file-open has been disabled", agent.file_open, "/mnt/file", "a+")
                for mode in ("powerdown", "reboot"):
                    refused("guest-shutdown has been disabled", agent.cmd, "guest-shutdown", mode=mode)
                refused("guest-fsfreeze-freeze has been disabled", agent.cmd, "guest-fsfreeze-freeze")
            finally:
                equal(agent.cmd("guest-fsfreeze-thaw"), 1, "thawed")
            handle = agent.file_open("/mnt/file", "a+")
            agent.file_write(handle, b"hello world\n")
            agent.file_flush(handle)
            agent.file_seek(handle, 0, 0)
            agent.check_read(handle, b"hello world")
            agent.file_close(handle)


# Clock, passwords, keys

@contextlib.contextmanager
def alone():
    with Guest() as vm:
        yield vm


@test(group="clients", fixture=alone)
def libvirt_sets_the_time(vm):
    with vm.running_agent():
        place(vm, "guest-set-time", "guest-get-time")
        with Libvirt(vm.path("agent.sock")) as domain:
            wanted = 1_700_000_000
            equal(domain.run("guest-set-time", time=wanted * SECOND), {"return": {}}, "virsh domtime --time")
            vm.qmp.wait_event("RTC_CHANGE", 10)
            check(wanted <= int(vm.shell.check("date +%s")) <= wanted + 10, "the guest's clock")
            check(wanted <= domain.get_time()[0] <= wanted + 10, "virsh domtime")
            vm.shell.check("date -s @1234567890")
            # No arguments at all.
            equal(domain.run("guest-set-time"), {"return": {}}, "virsh domtime --sync")
            check(wanted <= int(vm.shell.check("date +%s")) <= wanted + 30, "the guest's clock, from the hardware clock")


@test(group="clients", fixture=accounts)
def they_set_passwords(vm):
    with vm.running_agent():
        place(vm, "guest-set-user-password")
        with Libvirt(vm.path("agent.sock")) as domain:
            domain.run("guest-set-user-password", crypted=False, username="tester",
                       password=base64.b64encode(b"of-libvirt").decode())
        check(lets_in(vm, "tester", "of-libvirt"), "libvirt's password does not let in")
        Proxmox(vm.path("agent.sock"), (True, False)).set_user_password("tester", "of-proxmox" * 8)
        check(lets_in(vm, "tester", "of-proxmox" * 8), "Proxmox's password, in base64 of two lines, does not let in")
        with KubeVirt(vm.path("agent.sock")) as launcher:
            launcher.set_user_password("tester", "of-kubevirt")
        check(lets_in(vm, "tester", "of-kubevirt"), "KubeVirt's password does not let in")
        with QemuAgent(vm.path("agent.sock")) as agent:
            crypted = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
            agent.cmd("guest-set-user-password", username="tester", crypted=True, password=base64.b64encode(crypted.encode()).decode())
        equal(entry(vm, "tester")[1], crypted, "what avocado-vt had hashed")


@test(group="clients", fixture=accounts)
def they_set_keys(vm):
    first, second = "ssh-ed25519 AAAAC3first one@host", "ssh-rsa AAAAB3second two@host"
    with vm.running_agent():
        place(vm, *KEYS)
        vm.shell.check("mkdir -p /tmp/home && chown 1000:1000 /tmp/home && sed -i 's|:Tester:/tmp:|:Tester:/tmp/home:|' /etc/passwd")
        path = "/tmp/home/.ssh/authorized_keys"
        with QemuAgent(vm.path("agent.sock")) as agent:
            agent.cmd("guest-ssh-add-authorized-keys", username="tester", keys=[first])
            agent.cmd("guest-ssh-add-authorized-keys", username="tester", keys=[second, first])
            equal(sorted(agent.cmd("guest-ssh-get-authorized-keys", username="tester")["keys"]), sorted([first, second]), "keys")
            equal(sorted(vm.shell.check("grep . " + path).splitlines()), sorted([first, second]), "lines of the file")
            equal(vm.shell.check("stat -c '%%a %%u' %s" % path), "600 1000", "mode and owner of the file")
            agent.cmd("guest-ssh-remove-authorized-keys", username="tester", keys=[first])
            equal(vm.shell.check("grep . " + path), second, "the file after a removal")
        with Libvirt(vm.path("agent.sock")) as domain:
            equal(domain.authorized_keys("tester"), [second], "virsh get-user-sshkeys")
            # virsh set-user-sshkeys
            domain.run("guest-ssh-add-authorized-keys", username="tester", keys=[first], reset=True)
            equal(domain.authorized_keys("tester"), [first], "virsh get-user-sshkeys, after a reset")
            try:
                domain.run("guest-ssh-add-authorized-keys", username="nobody-here", keys=[first])
                raise AssertionError("keys of a user that is not there")
            except AgentError as error:
                check("failed to lookup user" in error.desc, error.desc)


# The end

@test(group="clients", fixture=alone)
def libvirt_shuts_down(vm):
    vm.start_agent()
    place(vm, "guest-shutdown")
    with Libvirt(vm.path("agent.sock")) as domain:
        # No reply is waited for, but the event of the machine.
        domain.without_reply("guest-shutdown", mode="powerdown")
        powered_down(vm)
        equal(bytes(domain.line.buffer), b"", "what came after the sync")


@test(group="clients", fixture=alone)
def proxmox_shuts_down(vm):
    vm.start_agent()
    place(vm, "guest-shutdown", "guest-ping")
    proxmox = Proxmox(vm.path("agent.sock"), (True, False))
    check(proxmox.running(), "it does not run")
    # The sync is answered, and then the line closes: that is success.
    equal(proxmox.mon_cmd("guest-shutdown", timeout=60), None, "guest-shutdown")
    powered_down(vm)
