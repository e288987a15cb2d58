#!/usr/bin/env python3
"""picoqga as a process on this machine: signals, files it makes, clients that misbehave. Over unix-listen. How it starts, the
lines it can be given, the commands it may run, the programs it starts and what it holds of memory are in process/.

    tests/process.py [--agent PATH] [WORDS]
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "process"))

from common import Tested, agent, end, runner, switches, test, ticks  # noqa: E402  (the path above comes first)
import agents  # noqa: E402
from client import request  # noqa: E402
from report import check, equal  # noqa: E402


@test
def sigterm_and_sigint_end_it_with_status_0():
    for number in (signal.SIGTERM, signal.SIGINT):
        with agent() as running:
            running.connect().close()
            status, took = end(running.process, number)
            equal(status, 0, "exit status")
            check(took < 1, "it took %.1f s" % took)


@test
def signals_end_it_while_a_client_does_not_read():
    for number in (signal.SIGTERM, signal.SIGINT):
        with agent() as running, running.connect() as client:
            client.socket.settimeout(2)
            client.socket.sendall(request("guest-info") * 2000)
            time.sleep(0.3)
            before = ticks(running.pid)
            time.sleep(1)
            used = ticks(running.pid) - before
            check(used <= 2, "it used %d ticks in 1 s of waiting for a client" % used)
            status, took = end(running.process, number)
            equal(status, 0, "exit status")
            check(took < 1, "it took %.1f s" % took)


@test
def it_does_not_wake_while_nothing_happens():
    with agent() as running:
        for connected in (False, True):
            client = running.connect()
            client.sync()
            if not connected:
                client.close()
            time.sleep(0.5)
            before = switches(running.pid)
            time.sleep(3)
            equal(switches(running.pid) - before, 0, "wake-ups in 3 s, client connected: %s" % connected)
            client.close()


@test
def the_socket_is_for_its_owner_only():
    with agent(umask=0) as running:
        running.connect().close()
        equal(stat.S_IMODE(os.stat(running.socket).st_mode), 0o600, "mode of the socket")


@test
def a_socket_left_behind_is_replaced_and_anything_else_is_not():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "agent.sock")
        left = socket.socket(socket.AF_UNIX)
        left.bind(path)
        left.close()
        with agent(directory=directory) as running, running.connect() as client:
            client.sync()
        os.unlink(path)
        with open(path, "w") as file:
            file.write("precious")
        ended = subprocess.run([Tested.kind.path, "-m", "unix-listen", "-p", path], capture_output=True, timeout=5, check=False)
        equal(ended.returncode, 1, "exit status")
        check(b"Address already in use" in ended.stderr, ended.stderr)
        with open(path) as file:
            equal(file.read(), "precious", "what was there")


@test
def the_pid_file_is_locked_and_goes_with_the_process():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pid")
        with open(path, "w") as file:
            file.write("99999999999\n")
        with agent("-f", path) as running:
            running.connect().close()
            with open(path) as file:
                equal(file.read(), "%d\n" % running.pid, "the file")
            second = subprocess.run([Tested.kind.path, "-m", "unix-listen", "-p", path + ".sock", "-f", path], capture_output=True,
                                    timeout=5, check=False)
            equal(second.returncode, 1, "exit status of a second agent")
            check(b"Cannot lock pid file" in second.stderr, second.stderr)
            with open(path) as file:
                equal(file.read(), "%d\n" % running.pid, "the file, after a second agent wanted it")
        check(not os.path.exists(path), "the file is still there")


@test
def messages_go_to_the_log_file():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "log")
        with agent("-v", "-l", path) as running:
            running.connect().close()
            running.connect().close()
        with open(path) as file:
            said = file.read()
        check(": info: channel '%s' is open\n" % running.socket in said, said)


@test
def it_leaves_no_state_behind():
    with tempfile.TemporaryDirectory() as directory, agent(directory=directory) as running:
        with running.connect() as client:
            client.run("guest-file-open", {"path": "/dev/null"})
        equal(os.listdir(running.state), [], "the state directory")


@test
def clients_are_served_one_after_the_other():
    with agent() as running, running.connect() as first:
        first.sync()
        with running.connect() as second:
            second.send(request("guest-ping"))
            time.sleep(0.3)
            first.sync()
            equal(second.read_quiet(0.2), b"", "the second client, while the first is there")
            first.close()
            equal(second.read_line(2), b'{"return": {}}\n', "the second client, when the first has gone")


@test
def a_half_closed_client_is_answered_in_full():
    with agent() as running, running.connect() as client:
        client.send(request("guest-info") * 500)
        client.half_close()
        equal(client.read_eof(10).count(b"\n"), 500, "replies")


@test
def a_client_that_goes_away_takes_nobody_with_it():
    with agent() as running:
        for _ in range(20):
            client = running.connect()
            client.socket.sendall(request("guest-info") * 50 + b'{"execute":"guest-pi')
            client.close()
        with running.connect() as client:
            client.send(request("guest-ping"))
            equal(client.read_line(2), b'{"return": {}}\n', "the next client")


@test
def a_reply_nobody_waits_for_is_not_produced():
    with tempfile.NamedTemporaryFile() as file, agent() as running:
        file.truncate(48 << 20)
        client = running.connect()
        handle = client.run("guest-file-open", {"path": file.name})
        client.send(request("guest-file-read", {"handle": handle, "count": 48 << 20}))
        time.sleep(0.2)
        client.close()
        with running.connect() as client:
            client.sync()
            place = client.run("guest-file-seek", {"handle": handle, "offset": 0, "whence": "cur"})["position"]
            check(0 < place < 8 << 20, "%d bytes were read for nobody" % place)


@test
def without_standard_descriptors_the_line_is_none_of_them():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "agent.sock")
        process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", Tested.kind.path, "-v", "-m", "unix-listen", "-p", path])
        try:
            with agents.AgentClient(path) as client:
                client.sync()
                for number in (0, 1, 2):
                    equal(os.readlink("/proc/%d/fd/%d" % (process.pid, number)), "/dev/null", "descriptor %d" % number)
        finally:
            status, _ = end(process, signal.SIGTERM)
        equal(status, 0, "exit status")


# Importing them declares their tests, which run after those above.
import appliance  # noqa: E402, F401
import background  # noqa: E402, F401
import check_option  # noqa: E402, F401
import commands  # noqa: E402, F401
import lines  # noqa: E402, F401
import memory  # noqa: E402, F401
import programs  # noqa: E402, F401
import system_calls  # noqa: E402, F401

if __name__ == "__main__":
    words = sys.argv[1:]
    path = None
    if "--agent" in words:
        index = words.index("--agent")
        path = words[index + 1]
        del words[index:index + 2]
    Tested.kind = agents.picoqga(path)
    sys.argv[1:] = words
    runner.main()
