"""guest-get-users, with a /run of its own for each agent, in which there is the utmp of the case or none."""

import contextlib
import os
import struct

from agents import Agent, Kind
from declare import Subject

subject = Subject("users")

EMPTY, BOOT_TIME, LOGIN_PROCESS, USER_PROCESS, DEAD_PROCESS = 0, 2, 6, 7, 8


def record(user, seconds, microseconds=0, kind=USER_PROCESS, host=b""):
    """A record of utmp, as glibc has it on x86-64."""
    return struct.pack("<hxxi32s4s32s256shhiii16s20x", kind, 100, b"tty1", b"1", user, host, 0, 0, 0, seconds, microseconds, b"")


@contextlib.contextmanager
def agent_with(t, kind, script):
    """A client of an agent in a mount namespace whose /run was filled by a script, from the files of the case."""
    cage = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    cage += ["--", "sh", "-e", "-c", 'mount -t tmpfs none /run; [ /var/run -ef /run ] || mount --bind /run /var/run; cd "$1"; '
             + script + '; shift; exec "$@"', "sh", t.directory]
    with Agent(Kind(kind.name, kind.path, kind.environment, kind.exit_must_be_zero, cage=cage)) as agent:
        client = agent.connect()
        try:
            yield client
        finally:
            client.close()


def told(client):
    """The list, with times in microseconds: qemu-ga prints them from a floating point number, which is not exact."""
    users = client.call("guest-get-users")["return"]
    if not all(sorted(entry) == ["login-time", "user"] and type(entry["login-time"]) in (int, float) for entry in users):
        raise AssertionError("the entries are %s" % users)
    return [[entry["user"], round(entry["login-time"] * 10 ** 6)] for entry in users]


def case(name, content, diff=None, theirs=None, ours=None):
    def play(t, kind):
        t.file("utmp", content)
        with agent_with(t, kind, "cp utmp /run/utmp") as client:
            difference = {"diff": diff, "theirs": theirs, "ours": ours} if diff else {}
            t.note("who is logged in", told(client), **difference)
            t.note("with an id", sorted(client.call("guest-get-users", {}, id=[1])))
    subject.scenario(play, name=name, agent=False, diff=diff)


case("an empty file", b"")
case("one user", record(b"root", 1700000000, 123456))
case("no fraction", record(b"root", 1700000000))
case("fractions", b"".join(record(b"u%d" % number, 1700000000 + number, number) for number in (1, 10, 999999, 500000, 123000)))
case("one user on four lines", record(b"root", 1700000003) + record(b"root", 1700000002, 9) + record(b"root", 1700000002, 10)
     + record(b"root", 1700000009))
case("the order is that of the first records", b"".join(record(name, 1700000000 - number)
     for number, name in enumerate((b"c", b"a", b"b", b"a", b"c", b"aa", b"", b"b", b""))))
case("records of other kinds", b"".join(record(b"kind%d" % kind, 1700000000, kind=kind)
     for kind in (EMPTY, 1, BOOT_TIME, 3, 4, 5, LOGIN_PROCESS, USER_PROCESS, DEAD_PROCESS, 9, 10, -1, 263)))
case("other kinds with the name of a user", record(b"a", 1, kind=DEAD_PROCESS) + record(b"a", 1700000000)
     + record(b"a", 2, kind=LOGIN_PROCESS) + record(b"b", 1600000000))
case("nobody but the dead", record(b"a", 1, kind=DEAD_PROCESS) * 5)
case("half a record at the end", record(b"a", 1700000000) + record(b"b", 1700000000)[:383])
case("half a record only", record(b"a", 1700000000)[:100])
case("a byte too many", record(b"a", 1700000000) + b"x")
case("the time 0", record(b"a", 0) + record(b"b", 0, 1))
case("the last second of 2038's first days", record(b"a", 2 ** 31 - 1, 999999))
case("microseconds that are none", record(b"a", 1700000000, -1) + record(b"b", 1700000000, 2500000)
     + record(b"c", 1700000000, 2 ** 31 - 1) + record(b"d", 1700000000, -2 ** 31))
case("names that are not ASCII", b"".join(record(name, 1700000000) for name in (
    "j\u00f6rg".encode(), "\u2603\U0001F600".encode(), b"caf\xe9", b"\xff", b"\xc3", b"a\xed\xa0\x80b", b"a\x01\x7f\"\\/b", b" a b ")))
case("names that differ behind a NUL", record(b"a\0b", 1700000002) + record(b"a\0c", 1700000001))
case("names as long as there is room, from nowhere", record(b"x" * 32, 1700000002) + record(b"x" * 31, 1700000001)
     + record(b"x" * 32, 1700000000))
case("a name as long as there is room, from a host", record(b"x" * 32, 1700000000, host=b"host"), diff="users-long-name",
     theirs=[["x" * 32 + "host", 1700000000000000]], ours=[["x" * 32, 1700000000000000]])
case("three hundred users, each twice", b"".join(record(b"user%d" % (number % 300), 1700000000 - number) for number in range(600)))


@subject.scenario(agent=False)
def no_utmp(t, kind):
    with agent_with(t, kind, "true") as client:
        t.note("who is logged in", told(client))


@subject.scenario(agent=False)
def utmp_comes_changes_and_goes(t, kind):
    with agent_with(t, kind, "ln -s %s/utmp /run/utmp" % t.directory) as client:
        for content in (None, record(b"a", 5), b"", record(b"b", 6) + record(b"a", 7), None):
            if content is not None:
                t.file("utmp", content)
            elif os.path.exists(t.path("utmp")):
                os.unlink(t.path("utmp"))
            t.note("who is logged in", told(client))


@subject.scenario(agent=False, diff="users-unreadable")
def utmp_is_a_directory(t, kind):
    with agent_with(t, kind, "mkdir /run/utmp") as client:
        t.note("the reply", client.call("guest-get-users"), diff="users-unreadable", theirs={"return": []},
               ours={"error": {"class": "GenericError", "desc": "cannot read who is logged in: Is a directory"}})


@subject.scenario(agent=False, diff="users-without-utmp")
def only_logind_tells(t, kind):
    t.file("session", b"UID=1000\nUSER=anna\nSTATE=active\nCLASS=user\nREALTIME=1700000000123456\n")
    with agent_with(t, kind, "mkdir -p /run/systemd/sessions; cp session /run/systemd/sessions/c1") as client:
        t.note("who is logged in", told(client), diff="users-without-utmp", theirs=[], ours=[["anna", 1700000000123456]])


subject.wire("arguments it does not have", b'{"execute":"guest-get-users","arguments":{"user":"root"}}')
