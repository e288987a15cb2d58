"""The agent on a kernel that does not know a system call, or in a sandbox that forbids it: it does without, or its refusal names
what is missing. What changes the machine is asked in virtual machines (tests/vm/unprivileged.py)."""

import base64
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time

import common
import small_program
from agents import Agent, Kind
from client import request
from common import Tested, switches
from programs import ended, no_children, sh, start, wait
from report import check, equal

ERRORS = {"ENOSYS": "Function not implemented", "EPERM": "Operation not permitted"}
NEWER = ("pidfd_open", "close_range", "statx", "fsopen,fsconfig,fsmount", "getrandom")
LONG = base64.b64encode(b"x" * 300_000)


class Built:
    """The program that starts others without some system calls, made when it is first needed."""

    directory = None

    @classmethod
    def path(cls):
        if cls.directory is None:
            cls.directory = tempfile.TemporaryDirectory(prefix="without-")
            small_program.build(small_program.WITHOUT, os.path.join(cls.directory.name, "without"))
        return os.path.join(cls.directory.name, "without")


@contextlib.contextmanager
def agent_without(errno, calls):
    kind = Kind(Tested.kind.name, Tested.kind.path, cage=[Built.path(), errno, calls])
    with Agent(kind) as running, running.connect() as client:
        client.sync()
        yield running, client


def serves(client):
    """What takes none of the newer calls."""
    equal(client.call("guest-ping"), {"return": {}}, "guest-ping")
    check(len(client.run("guest-info")["supported_commands"]) > 40, "guest-info")
    equal(client.run("guest-fsfreeze-status"), "thawed", "guest-fsfreeze-status")
    with tempfile.NamedTemporaryFile() as file:
        handle = client.run("guest-file-open", {"path": file.name, "mode": "w+"})
        # Longer than what is held, with the handle first: it goes to the file as it comes.
        written = client.run("guest-file-write", {"handle": handle, "buf-b64": LONG.decode()})
        equal(written, {"count": 300_000, "eof": False}, "guest-file-write")
        equal(file.read() == b"x" * 300_000, True, "what is in the file")
        client.run("guest-file-seek", {"handle": handle, "offset": 299_997, "whence": "set"})
        equal(client.run("guest-file-read", {"handle": handle}), {"count": 3, "buf-b64": "eHh4", "eof": True}, "what is read")
        equal(client.run("guest-file-close", {"handle": handle}), {}, "guest-file-close")


def spooled(client):
    """The reply to a long text that comes before it is known what it is for."""
    handle = client.run("guest-file-open", {"path": "/dev/null", "mode": "w"})
    client.send(b'{"execute":"guest-file-write","arguments":{"buf-b64":"%s","handle":%d}}\n' % (LONG, handle))
    reply = json.loads(client.read_line(10))
    client.run("guest-file-close", {"handle": handle})
    return reply


def runs_programs(running, client):
    """With output, with input, with an end that is noted at once, and none left behind."""
    equal(ended(client, "echo out; echo error >&2; exit 7", capture_output=True),
          {"exited": True, "exitcode": 7, "out-data": b"out\n", "err-data": b"error\n"}, "a program")
    # The shell has the directory open as well; of the agent's own, none is handed on.
    equal(ended(client, "cd /proc/self/fd; echo *", capture_output=True)["out-data"], b"0 1 2 3\n", "descriptors")
    pid = start(client, "cat", capture_output=True, input_data=LONG.decode())
    equal(len(wait(client, pid)["out-data"]), 300_000, "bytes through cat")
    pid = sh(client, "sleep 0.3; exit 5")
    no_children(running.pid)
    equal(client.run("guest-exec-status", {"pid": pid}), {"exited": True, "exitcode": 5}, "one that was not asked for meanwhile")


@common.test(group="system-calls")
def each_newer_call_can_be_done_without():
    for errno, calls in (*(("ENOSYS", calls) for calls in NEWER), *((errno, ",".join(NEWER)) for errno in ERRORS)):
        with agent_without(errno, calls) as (running, client):
            serves(client)
            equal(spooled(client), {"return": {"count": 300_000, "eof": False}}, "a long text before its handle")
            runs_programs(running, client)
            root = [one for one in client.run("guest-get-fsinfo") if one["mountpoint"] == "/"]
            check(all("total-bytes" in one for one in root), "the room of / is told: %s" % root)


@common.test(group="system-calls")
def nor_does_it_wake_then_while_nothing_happens():
    with agent_without("ENOSYS", ",".join(NEWER)) as (running, client):
        pid = sh(client, "sleep 2")
        time.sleep(0.2)
        before = switches(running.pid)
        time.sleep(1)
        equal(switches(running.pid) - before, 0, "wake-ups in 1 s, with a program that runs")
        equal(wait(client, pid), {"exited": True, "exitcode": 0}, "the program")


@common.test(group="system-calls")
def without_files_in_memory_it_says_so():
    for errno, text in ERRORS.items():
        with agent_without(errno, "memfd_create") as (running, client):
            serves(client)
            equal(ended(client, "exit 3"), {"exited": True, "exitcode": 3}, "a program whose output is not kept")
            streams = "failed to open the program's streams (pipe, memfd, /dev/null): " + text
            for wanted, arguments in ((streams, {"path": "true", "capture-output": True}),
                                      ("failed to keep input-data in a memfd: " + text, {"path": "cat", "input-data": "eA=="}),
                                      ("failed to keep input-data in a memfd: " + text,
                                       {"path": "cat", "input-data": LONG.decode()})):
                equal(client.call("guest-exec", arguments)["error"]["desc"], wanted, "guest-exec")
            equal(spooled(client)["error"]["desc"], "failed to keep buf-b64, which came before handle, in a memfd: " + text,
                  "a long text before its handle")
            no_children(running.pid)
            serves(client)


@common.test(group="system-calls")
def without_epoll_it_does_not_start():
    for errno, text in ERRORS.items():
        command = [Built.path(), errno, "epoll_create1", Tested.kind.path, "-m", "unix-listen", "-p", "/nowhere/socket"]
        refused = subprocess.run(command, capture_output=True, timeout=5, check=False)
        equal(refused.returncode, 1, "exit status")
        said = refused.stderr.decode()
        check(said.endswith("critical: this kernel cannot wait for events (epoll): %s\n" % text), said)


@common.test(group="system-calls")
def without_the_network_it_says_so():
    """A sandbox may forbid sockets, after the line to the host is there. Its own events of devices it does without."""
    for errno, text in ERRORS.items():
        ours, theirs = socket.socketpair()
        command = [Built.path(), errno, "socket", Tested.kind.path, "-m", "fd", "-p", "0"]
        with ours, subprocess.Popen(command, stdin=theirs) as process:
            theirs.close()
            ours.settimeout(10)
            ours.sendall(request("guest-network-get-interfaces"))
            with ours.makefile("rb") as lines:
                reply = json.loads(lines.readline())
            process.kill()
        equal(reply["error"]["desc"], "getifaddrs failed: " + text, "guest-network-get-interfaces")


@common.test(group="system-calls")
def what_the_kernel_does_not_tell_is_named():
    for errno, text in ERRORS.items():
        with agent_without(errno, "uname,clock_gettime") as (_, client):
            for command, wanted in (("guest-get-osinfo", "uname failed: "), ("guest-get-host-name", "cannot get hostname: "),
                                    ("guest-get-time", "Failed to get time: ")):
                equal(client.call(command)["error"]["desc"], wanted + text, command)
            serves(client)


@common.test(group="system-calls")
def where_there_can_be_no_process_no_number_of_one_is_told():
    """musl's way to clone(2) answers the error itself, as a negative number."""
    for errno, text in (*ERRORS.items(), ("EAGAIN", "Resource temporarily unavailable")):
        with agent_without(errno, "clone") as (_, client):
            for arguments in ({"path": "/bin/true"}, {"path": "/bin/cat", "capture-output": True, "input-data": LONG.decode()}):
                equal(client.call("guest-exec", arguments)["error"]["desc"], "Failed to fork (%s)" % text, "guest-exec")
            serves(client)
