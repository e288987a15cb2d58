"""guest-shutdown, seen from outside: QEMU's events, the console, and the file system that was mounted.

Three kinds of PID 1 are asked: busybox's init, which does it; a shell script, which can not be asked, so the agent does it
itself and at once; and one that takes the signal and does nothing, which the agent waits for as long as it was told.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

from client import AgentClosed, request
from guest import Guest, test
from report import check, equal
from vm import DIRECTORY

WAIT_SECONDS = 3
CONTENT = b"written just before the end, and by nobody synced\n"


def find(name):
    """The path of a tool that lives in sbin: not everybody has that on PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise AssertionError("there is no %s: run ci/setup vm" % name)
    return path


def tool(name, *arguments):
    """Runs such a tool."""
    return subprocess.run([find(name), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


@contextlib.contextmanager
def formatted_disk():
    """The image of a disk of 16 MiB with an ext4 file system."""
    with tempfile.TemporaryDirectory(prefix="disk-", dir=DIRECTORY) as directory:
        disk = os.path.join(directory, "disk.img")
        with open(disk, "wb") as file:
            file.truncate(16 << 20)
        made = tool("mkfs.ext4", "-q", "-F", disk)
        equal(made.returncode, 0, made.stdout.decode())
        yield disk


@contextlib.contextmanager
def machine(init, agent=""):
    """A guest with that PID 1, its agent started by it, and an ext4 disk mounted; the disk is looked at afterwards."""
    with formatted_disk() as disk:
        with Guest(init, append="test.agent=" + agent, disks=[disk]) as vm:
            # Somebody who has something to do before the end.
            vm.shell.check("mount -t ext4 /dev/vda /mnt; { trap 'echo heard >/mnt/told; exit' TERM; while :; do sleep 0.1; done; } "
                           "</dev/null >/dev/null 2>&1 &")
            yield vm, disk
        check_clean(disk)
        if init != "init-busybox":
            # That one unmounts before it ends what runs.
            told = tool("debugfs", "-R", "cat /told", disk).stdout
            check(b"heard" in told, "a process was not told of the end before it came: %r" % told)


def check_clean(disk):
    state = tool("dumpe2fs", "-h", disk).stdout.decode()
    check("needs_recovery" not in state, "the file system was not unmounted: its journal is to be replayed")
    looked = tool("e2fsck", "-f", "-n", disk)
    equal(looked.returncode, 0, "e2fsck says: %s" % looked.stdout.decode())
    content = tool("debugfs", "-R", "cat /last", disk).stdout
    check(CONTENT in content, "the file written last is not on the disk: %r" % content)


def ask(vm, mode, path="/mnt/last"):
    """Writes a file, and sends a sync and the shutdown in one go, as some clients do. Returns when it was sent.

    The sync has to be answered, and the shutdown not: it has no reply but the end.
    """
    with vm.agent() as agent:
        agent.sync()
        handle = agent.run("guest-file-open", {"path": path, "mode": "w"})
        agent.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(CONTENT).decode()})
        agent.run("guest-file-close", {"handle": handle})
        began = time.monotonic()
        arguments = {"mode": mode} if mode else None
        agent.send(request("guest-sync", {"id": 9}) + request("guest-shutdown", arguments, id="unanswered"))
        equal(json.loads(agent.read_line(5)), {"return": 9}, "the sync sent with the shutdown")
        try:
            rest = agent.read_quiet(0.5)
        except AgentClosed as closed:
            rest = closed.received
        equal(rest, b"", "reply to the shutdown")
    return began


def powered_down(vm):
    event = vm.qmp.wait_event("SHUTDOWN", 30)
    equal(event["data"]["guest"], True, "the guest did it")
    took = time.monotonic()
    equal(vm.wait_exit(), 0, "QEMU's exit status")
    return took


def halted(vm):
    vm.wait_console("reboot: System halted")
    took = time.monotonic()
    equal([event["event"] for event in vm.qmp.poll(1.0) if event["event"] in ("SHUTDOWN", "RESET")], [], "events")
    equal(vm.qmp.command("query-status")["status"], "running", "QEMU's view of a halted machine")
    return took


def rebooted(vm):
    vm.qmp.wait_event("RESET", 30)
    took = time.monotonic()
    vm.shell.reconnect()
    with vm.agent() as agent:
        agent.sync(timeout=60)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after the reboot")
    equal(vm.shell.run("mount | grep -q /mnt")[0], 1, "it is a fresh boot: nothing mounted at /mnt (status of grep)")
    return took


ENDS = {"powerdown": powered_down, "halt": halted, "reboot": rebooted}


def declare(mode, init, agent, earliest, latest, said=None):
    """A test of one mode with one PID 1; the end has to come between `earliest` and `latest` seconds after the request."""
    @test(group="shutdown", name="%s_with_%s" % (mode, init.replace("-", "_")))
    def shut_down():
        with machine(init, agent) as (vm, _):
            began = ask(vm, mode)
            took = ENDS[mode](vm) - began
            check(earliest <= took <= latest, "it took %.1f s, not between %g and %g" % (took, earliest, latest))
            if said:
                check(said in vm.text(), "PID 1 was not asked: the console does not say %r" % said)


for _mode in ENDS:
    declare(_mode, "init-busybox", "", 0, 20, "inittab: shutting down")
    # With the default of 90 s: a PID 1 that can not be asked is not waited for.
    declare(_mode, "init", "", 0, 20)
    declare(_mode, "init-deaf", "--shutdown-timeout,%d" % WAIT_SECONDS, WAIT_SECONDS - 0.1, 20, "not heard")


@test(group="shutdown")
def no_mode_is_powerdown():
    with machine("init") as (vm, _):
        ask(vm, None)
        powered_down(vm)


@test(group="shutdown")
def a_bad_mode_changes_nothing():
    with Guest(append="test.agent=") as vm, vm.agent() as agent:
        for mode in ("off", "", "Halt", "powerdown "):
            reply = agent.call("guest-shutdown", {"mode": mode})
            check(reply["error"]["desc"].startswith("mode is invalid (valid values are: halt|powerdown|reboot"), reply)
        time.sleep(1)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
