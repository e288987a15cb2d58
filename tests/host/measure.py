"""Ways to measure an agent that runs on this machine: its memory, its sleeps, its system calls, its start.

Of its requests only sync, ping and file-* are sent.
"""

import base64
import collections
import fcntl
import json
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import termios
import time

import agents
import oracle

PING = b'{"execute":"guest-ping"}\n'
PONG = {"return": {}}


def proc(pid, file, field):
    """A number from a file of /proc/PID."""
    with open("/proc/%d/%s" % (pid, file)) as text:
        return int(re.search(r"^%s:\s*(\d+)" % field, text.read(), re.M).group(1))


def switches(pid):
    """How often the agent has gone to sleep, all its threads together."""
    return sum(proc(pid, "task/%s/status" % task, "voluntary_ctxt_switches") for task in os.listdir("/proc/%d/task" % pid))


def ping(client, count=1):
    """That many pings, each after the answer to the one before."""
    for _ in range(count):
        client.send(PING)
        answer = json.loads(client.read_line())
        if answer != PONG:
            raise AssertionError("guest-ping was answered %s" % answer)


def held(pid):
    """What a process holds: kB of pages, exactly, as the kernel counts them one by one for this file; descriptors; mappings."""
    with open("/proc/%d/maps" % pid) as maps:
        mappings = len(maps.readlines())
    return {**{name: proc(pid, "smaps_rollup", name) for name in ("Rss", "Anonymous", "Private_Dirty")},
            "descriptors": len(os.listdir("/proc/%d/fd" % pid)), "mappings": mappings}


# Work that is large. Each returns None, or the error it was refused with.


def read_file(agent, client, size):
    content = os.urandom(size)
    with open(os.path.join(agent.directory, "file"), "wb") as file:
        file.write(content)
    handle = client.run("guest-file-open", {"path": file.name, "mode": "r"})
    reply = client.call("guest-file-read", {"handle": handle, "count": size})
    if "error" in reply:
        return reply["error"]["desc"]
    if base64.b64decode(reply["return"]["buf-b64"]) != content:
        raise AssertionError("%s read something else than the file holds" % agent.kind.name)
    return None


def write_file(agent, client, size):
    """In one request."""
    path = os.path.join(agent.directory, "file")
    handle = client.run("guest-file-open", {"path": path, "mode": "w"})
    reply = client.call("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(bytes(size)).decode()})
    if "error" in reply:
        return reply["error"]["desc"]
    if reply["return"]["count"] != size or os.path.getsize(path) != size:
        raise AssertionError("%s wrote %d bytes and said %s" % (agent.kind.name, os.path.getsize(path), reply))
    return None


def send_endless(_, client, size, timeout=60.0):
    """A string that does not end. Waits until the agent has read it, and has had a moment to work on it."""
    client.send(b'{"execute":"' + b"a" * size)
    deadline = time.monotonic() + timeout
    while struct.unpack("i", fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4)))[0]:
        if time.monotonic() >= deadline:
            raise AssertionError("the agent did not read everything within %g s" % timeout)
        time.sleep(0.01)
    time.sleep(0.3)


# Counting and timing


def count_calls(kind, pings):
    """System calls of an agent for that many pings, one after the other: how many, by their numbers."""
    with tempfile.TemporaryDirectory(prefix="calls-") as directory:
        log = os.path.join(directory, "calls")
        traced = agents.Kind(kind.name, kind.path, kind.environment, exit_must_be_zero=False,
                             cage=[sys.executable, os.path.join(oracle.ROOT, "tests", "host", "trace.py"), log])
        with agents.Agent(traced) as agent, agent.connect() as client:
            client.sync()
            ping(client)
            # The wait for the next one belongs to the last one.
            time.sleep(0.3)
            began = os.path.getsize(log)
            ping(client, pings)
            time.sleep(0.3)
            with open(log, "rb") as file:
                file.seek(began)
                return collections.Counter(number for (number,) in struct.iter_unpack("<H", file.read()))


def start(kind, timeout=10.0):
    """Milliseconds from the call that starts an agent to its answer to a first ping."""
    with tempfile.TemporaryDirectory(prefix="start-") as directory:
        path = os.path.join(directory, "agent.sock")
        null = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0), (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
        surroundings = {name: value for name, value in os.environ.items() if not agents.UNWANTED.match(name)}
        began = time.perf_counter()
        pid = os.posix_spawn(kind.path, [kind.path, "-m", "unix-listen", "-p", path, "-t", directory],
                             {**surroundings, **kind.environment}, file_actions=null)
        try:
            with connected(path, began + timeout) as line:
                line.sendall(PING)
                answer = b""
                while not answer.endswith(b"\n"):
                    answer += line.recv(4096) or b"(closed)\n"
            took = time.perf_counter() - began
            if json.loads(answer) != PONG:
                raise AssertionError("%s answered the first ping with %r" % (kind.name, answer))
            return took * 1000
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def connected(path, deadline):
    """A connection to a socket as soon as somebody listens there. It does not sleep between attempts: that would take longer
    than what is measured."""
    while time.perf_counter() < deadline:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(10)
        if line.connect_ex(path) == 0:
            return line
        line.close()
        # One CPU may have to do for both.
        os.sched_yield()
    raise AssertionError("nobody listened on the socket in time")
