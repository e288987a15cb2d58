"""`picoqga --check` in guests that have more and less: what it says of a command is what the command then answers."""

import base64
import contextlib
import json
import os
import tempfile
import time

from guest import Guest, test
from report import check, equal
from storage import ext4
from vm import AGENT_PORT, DIRECTORY

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBare check@host"
# Those that would end the machine, or keep it asleep: asked only where they are said not to work.
LAST = {"guest-shutdown", "guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid"}


@contextlib.contextmanager
def machine():
    with tempfile.TemporaryDirectory(prefix="disk-", dir=DIRECTORY) as directory:
        disk = ext4(os.path.join(directory, "disk"), 16)
        with Guest(disks=[disk], devices=("-smp", "2")) as vm:
            vm.shell.check("mount -t ext4 /dev/vda /mnt")
            yield vm


def checked(vm, options="", user=None, alone=True):
    """What --check says: the state and the reason of each command, and the exit status. Both forms must say the same, and
    nothing may have changed."""
    def run(command):
        return vm.shell.run("su %s -s /bin/sh -c '%s'" % (user, command) if user else command)

    look = "find / -xdev ! -path '/proc*' | sort | md5sum; cat /proc/mounts 2>/dev/null; cat /etc/shadow 2>/dev/null | md5sum; ls -la /dev /etc /run /tmp"
    before = vm.shell.check(look) if alone else None
    status, text = run("picoqga --check %s" % options)
    json_status, json_text = run("picoqga --check=json %s" % options)
    if alone:
        equal(vm.shell.check(look), before, "what is in the guest, after --check")
    told = json.loads(json_text)
    equal(json_status, status, "exit status of the two forms")
    entries = told["agent"] + told["commands"]
    lines = [line.split(None, 2) for line in text.splitlines()]
    equal([(line[0], line[1]) for line in lines], [(entry["name"], entry["state"]) for entry in entries], "names and states")
    for line, entry in zip(lines, entries):
        said = ": ".join(entry[member] for member in ("reason", "hint") if member in entry)
        equal(line[2:], [said] if said else [], "the rest of the line of %s" % entry["name"])
    fails = any(entry["state"] == "fails" for entry in entries)
    equal((status, told["works"]), (int(fails), not fails), "exit status, and `works`")
    for entry in entries:
        if entry["state"] not in ("works", "blocked"):
            check(entry.get("hint"), "%s says not how to get what is missing: %s" % (entry["name"], entry))
    return told["agent"], {entry["name"]: entry for entry in told["commands"]}, status


def arguments(agent, vm):
    """For each command arguments with which it does something that can be undone."""
    pid = agent.call("guest-exec", {"path": "/bin/true"}).get("return", {}).get("pid", 1)
    handle = agent.call("guest-file-open", {"path": "/tmp/file", "mode": "w+"}).get("return", -1)
    password = base64.b64encode(b"secret").decode()
    time.sleep(0.2)
    return {
        "guest-exec": {"path": "/bin/true"},
        "guest-exec-status": {"pid": pid},
        "guest-file-close": {"handle": agent.call("guest-file-open", {"path": "/tmp/file"}).get("return", -1)},
        "guest-file-flush": {"handle": handle},
        "guest-file-open": {"path": "/tmp/file"},
        "guest-file-read": {"handle": handle},
        "guest-file-seek": {"handle": handle, "offset": 0, "whence": 0},
        "guest-file-write": {"handle": handle, "buf-b64": "QUJD"},
        "guest-set-memory-blocks": {"mem-blks": [{"phys-index": 1, "online": True}]},
        "guest-set-user-password": {"username": "root", "password": password, "crypted": False},
        "guest-set-vcpus": {"vcpus": [{"logical-id": 1, "online": True}]},
        "guest-ssh-add-authorized-keys": {"username": "root", "keys": [KEY]},
        "guest-ssh-get-authorized-keys": {"username": "root"},
        "guest-ssh-remove-authorized-keys": {"username": "root", "keys": [KEY]},
        "guest-sync": {"id": 1},
        "guest-sync-delimited": {"id": 1},
    }


def failed(reply):
    """Whether a command did not work: it says so, or says so of a thing that it was to do."""
    result = reply.get("return")
    if isinstance(result, dict):
        result = result.get("paths")
    items = [item for item in result if isinstance(item, dict)] if isinstance(result, list) else []
    return "error" in reply or any(item.get("error") or item.get("error-code") for item in items)


def agree(vm, title, options="", user=None):
    """Asks each command, of an agent that runs as --check did, and compares. Answers what --check said, by command."""
    line, said, _ = checked(vm, options, user)
    equal([entry["state"] for entry in line], ["works"], "%s: the line to the host" % title)
    start = "picoqga %s </dev/null >/tmp/agent.out 2>&1 & echo $!" % options
    if user:
        vm.shell.check("rm -f /tmp/file")
        start = "su %s -s /bin/sh -c 'exec picoqga %s' </dev/null >/tmp/agent.out 2>&1 & echo $!" % (user, options)
    pid = int(vm.shell.check(start))
    try:
        with vm.agent() as agent:
            agent.sync()
            # It is there, and answers, while another one looks.
            checked(vm, options, user, alone=False)
            given = arguments(agent, vm)
            told = agent.call("guest-info")
            if said["guest-info"]["state"] == "works":
                enabled = {entry["name"]: entry["enabled"] for entry in told["return"]["supported_commands"]}
                equal(enabled, {name: entry["state"] not in ("blocked", "missing") for name, entry in said.items()},
                      "%s: what guest-info has" % title)
            for name, entry in said.items():
                state = entry["state"]
                if name in LAST and state in ("works", "partly"):
                    continue
                reply = agent.call(name, given.get(name))
                if name.startswith("guest-fsfreeze-freeze"):
                    agent.call("guest-fsfreeze-thaw")
                what = "%s: %s is said %r, and answers %s" % (title, name, entry, str(reply)[:300])
                if state == "works":
                    check(not failed(reply), what)
                elif state == "fails":
                    check(failed(reply) and reply.get("error", {}).get("class") != "CommandNotFound", what)
                elif state == "partly":
                    check(failed(reply), what)
                else:
                    equal(reply["error"], {"class": "CommandNotFound", "desc": "Command %s has been disabled: %s"
                                           % (name, entry["reason"])}, what)
            if said["guest-set-time"]["state"] == "partly":
                check(not failed(agent.call("guest-set-time", {"time": time.time_ns()})), "guest-set-time with a time")
    finally:
        vm.shell.run("kill %d; wait %d; rm -f /tmp/file" % (pid, pid))
    states = sorted({entry["state"] for entry in said.values()})
    print("    %s: %s" % (title, ", ".join("%d %s" % (sum(entry["state"] == state for entry in said.values()), state)
                                          for state in states)))
    return {name: entry["state"] for name, entry in said.items()}


ACCOUNTS = ("printf 'root:x:0:0::/root:/bin/sh\\nnobody:x:65534:65534::/:/bin/sh\\n' >/etc/passwd; "
            "echo 'root:*:1::::::' >/etc/shadow; chmod 600 /etc/shadow; ")
SSH = {"guest-ssh-%s-authorized-keys" % verb for verb in ("add", "get", "remove")}


def but(states, *wanted):
    return {name for name, state in states.items() if state in wanted}


@test(group="check", fixture=machine)
def what_it_says_is_what_commands_answer(vm):
    vm.shell.check("rm -f /etc/passwd /etc/shadow")
    states = agree(vm, "a bare guest")
    equal(but(states, "fails"), SSH | {"guest-set-user-password"}, "what fails without accounts")

    vm.shell.check(ACCOUNTS)
    states = agree(vm, "with accounts")
    equal(but(states, "fails"), set(), "what fails in a guest that has all")
    equal(states["guest-suspend-disk"], "missing", "guest-suspend-disk without swap")

    states = agree(vm, "with a hook that is not there, and a list", "-F/etc/none -b guest-get-time,guest-info")
    equal(but(states, "fails"), {"guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw"}, "what fails")
    equal(but(states, "blocked"), {"guest-get-time", "guest-info"}, "what is blocked")

    vm.shell.check("mount -t tmpfs none /root && mkdir /root/.ssh && echo %s >/root/.ssh/authorized_keys; "
                   "mount -o remount,ro /root; mount --bind /etc /etc; mount -o remount,ro,bind /etc" % KEY)
    states = agree(vm, "where nothing can be written")
    equal(but(states, "fails"), {"guest-set-user-password"}, "what fails where /etc can not be written")
    equal(but(states, "partly"), {"guest-ssh-add-authorized-keys", "guest-ssh-remove-authorized-keys"}, "and what does in part")
    vm.shell.check("umount /root; umount /etc")

    vm.shell.check("umount /sys; umount /proc")
    states = agree(vm, "without /proc and /sys")
    equal(but(states, "fails"), set(), "what fails where /proc and /sys are not mounted")
    vm.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys")

    vm.shell.check("cd /sys/bus/pnp/drivers/rtc_cmos && for d in *:*; do echo $d >unbind; done; rm -f /dev/rtc*")
    states = agree(vm, "without a hardware clock")
    equal(but(states, "partly"), {"guest-set-time"}, "what works in part without a hardware clock")


@test(group="check", fixture=machine)
def what_it_says_to_somebody_who_is_not_root(vm):
    vm.shell.check(ACCOUNTS)
    line, _, status = checked(vm, user="nobody")
    equal((status, line[0]["reason"]), (1, "Permission denied"), "a port that only root may open")
    vm.shell.check("chmod 666 /dev/vport*; chmod 777 /tmp")
    states = agree(vm, "not root", user="nobody")
    fails = but(states, "fails")
    check({"guest-shutdown", "guest-set-time", "guest-set-vcpus", "guest-set-memory-blocks", "guest-set-user-password",
           "guest-fsfreeze-freeze", "guest-fstrim", "guest-suspend-ram"} <= fails, "not root: only %s fail" % sorted(fails))
    port = vm.port_device(AGENT_PORT)
    vm.shell.check("umount /sys; umount /proc")
    states = agree(vm, "not root, without /proc and /sys", "-p " + port, user="nobody")
    check("guest-get-fsinfo" in but(states, "fails"), "guest-get-fsinfo is said to be %s" % states["guest-get-fsinfo"])


@test(group="check", fixture=machine)
def lines_that_are_not_there(vm):
    for options, name, state in (
            ("", "/dev/virtio-ports/org.qemu.guest_agent.0", "works"),
            ("-p /dev/virtio-ports/other", "/dev/virtio-ports/other", "fails"),
            ("-m isa-serial", "/dev/ttyS0", "works"),
            ("-m isa-serial -p /dev/ttyS9", "/dev/ttyS9", "fails"),
            ("-m vsock-listen -p 4294967295:1234", "4294967295:1234", "fails"),
            ("-m unix-listen -p /run/socket", "/run/socket", "works"),
            ("-m unix-listen -p /none/socket", "/none/socket", "fails"),
            ("-m fd -p 3", "3", "works")):
        line, _, _ = checked(vm, options)
        equal([(entry["name"], entry["state"]) for entry in line], [(name, state)], "--check %s" % options)
    line, _, _ = checked(vm, "-l /none/log -f /run/pid")
    equal([(entry["name"], entry["state"]) for entry in line[1:]], [("/none/log", "fails"), ("/run/pid", "works")], "own files")
