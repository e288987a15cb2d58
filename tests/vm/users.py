"""guest-get-users in a guest that keeps utmp, in one where only logind tells, and in one where nobody does."""

import base64
import struct

from guest import plain, test
from report import equal

USER_PROCESS = 7
DEAD_PROCESS = 8


def record(kind, user, seconds, microseconds=0, line=b"tty1"):
    """A record of utmp, as glibc has it on x86-64."""
    return struct.pack("<hxxi32s4s32s256shhiii16s20x", kind, 100, line, b"1", user, b"", 0, 0, 0, seconds, microseconds, b"")


def put(agent, path, content):
    handle = agent.run("guest-file-open", {"path": path, "mode": "w"})
    agent.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(content).decode()})
    agent.run("guest-file-close", {"handle": handle})


@test(group="users", fixture=plain)
def by_the_records_of_utmp(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-get-users"), [], "without utmp and without logind")
        put(agent, "/run/utmp", record(USER_PROCESS, b"root", 1700000000, 250000, b"tty1")
            + record(DEAD_PROCESS, b"gone", 1) + record(USER_PROCESS, b"anna", 1700000001, 0, b"tty2")
            + record(USER_PROCESS, b"root", 1600000000, 500000, b"tty3"))
        expected = [{"user": "root", "login-time": 1600000000.5}, {"user": "anna", "login-time": 1700000001}]
        equal(agent.run("guest-get-users"), expected, "with utmp")
        # busybox reads the same file. It leaves out processes that there are not, but with -a.
        seen = {line.split()[0] for line in vm.shell.check("who -a").splitlines()[1:]} - {"USER"}
        equal(seen >= {"root", "anna"}, True, "who -a names %s" % sorted(seen))
        vm.shell.check("mkdir -p /run/systemd/sessions; printf 'UID=5\\nUSER=other\\nREALTIME=1\\n' >/run/systemd/sessions/1")
        equal(agent.run("guest-get-users"), expected, "with utmp and with logind")
        vm.shell.check("rm /var/run")
        equal(agent.run("guest-get-users"), expected, "without /var/run")
        vm.shell.check("rm -r /run/systemd; ln -s /run /var/run; rm /run/utmp; mkdir /run/utmp")
        reply = agent.call("guest-get-users")
        equal(reply["error"]["desc"], "cannot read who is logged in: Is a directory", "with a directory for utmp")
        vm.shell.check("rmdir /run/utmp")


@test(group="users", fixture=plain)
def a_thousand_users(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        agent.run("guest-get-users")
        before = vm.status(pid, "VmHWM")
        put(agent, "/run/utmp", b"".join(record(USER_PROCESS, b"user%d" % number, 1700000000 + number) for number in range(1000)))
        reply = agent.call("guest-get-users", timeout=120)
        equal(reply["return"], [{"user": "user%d" % number, "login-time": 1700000000 + number} for number in range(1000)], "users")
        grown = vm.status(pid, "VmHWM") - before
        equal(grown <= 128, True, "memory grew by no more than 128 kB: %d kB" % grown)
        vm.shell.check("rm /run/utmp")


@test(group="users", fixture=plain)
def by_the_sessions_of_logind(vm):
    session = "# This is private data. Do not parse.\nUID=%d\nUSER=%s\nACTIVE=1\nSTATE=%s\nTYPE=tty\nCLASS=%s\nREALTIME=%d\nMONOTONIC=5\n"
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.shell.check("mkdir -p /run/systemd/sessions; mkfifo /run/systemd/sessions/1.ref /run/systemd/sessions/fifo")
        equal(agent.run("guest-get-users"), [], "without sessions")
        for name, *fields in (("1", 1000, "anna", "active", "user", 1700000000123456), ("2", 0, "root", "online", "user", 1700000001000000),
                              ("c3", 1000, "anna", "online", "user-early", 1600000000500000), ("4", 42, "gdm", "active", "greeter", 1),
                              ("5", 1000, "anna", "active", "manager", 1), ("6", 7, "gone", "closing", "user", 1)):
            put(agent, "/run/systemd/sessions/" + name, (session % tuple(fields)).encode())
        equal(agent.run("guest-get-users"),
              [{"user": "root", "login-time": 1700000001}, {"user": "anna", "login-time": 1600000000.5}], "with sessions")
        vm.shell.check("rm /run/systemd/sessions/c3")
        equal(agent.run("guest-get-users")[1], {"user": "anna", "login-time": 1700000000.123456}, "after a logout")
        vm.shell.check("rm -r /run/systemd")
        equal(agent.run("guest-get-users"), [], "without logind")
