"""The three that are measured side by side: picoqga, the real qemu-ga, and the floor (floor.rs); each over a unix socket.

All are asked for the same work, through a client that does as little as it can: requests are made before the clock runs, and of
a reply only the end is looked for.
"""

import base64
import json
import os
import socket
import subprocess
import tempfile
import time

import agents
import oracle

CLIENT_CPU = 0
PING = b'{"execute":"guest-ping"}\n'
PONG = b'{"return": {}}\n'
FILE_BYTES = 48 << 20


def build_floor(output):
    """The floor, linked as picoqga is."""
    # In the repository, so with the compiler that is pinned there, and without libraries but the C library.
    subprocess.run(["rustc", "--edition", "2024", "--target", "x86_64-unknown-linux-musl", "-C", "opt-level=3", "-C", "lto=fat",
                    "-C", "panic=abort", "-C", "strip=symbols", "-C", "linker=rust-lld", "-C", "link-arg=-lc",
                    "-C", "link-arg=--no-eh-frame-hdr", "-C", "link-arg=-zpack-relative-relocs", "-C", "link-arg=-zrodynamic",
                    "-C", "link-arg=-Tsrc/main.ld",
                    "-o", output, os.path.join(os.path.dirname(os.path.abspath(__file__)), "floor.rs")],
                   cwd=oracle.ROOT, check=True)


class Server:
    """A running one, on a CPU of its own or on the client's, with a connection to it."""

    def __init__(self, kind, directory, cpu=CLIENT_CPU):
        self.name = kind.name
        self.is_floor = kind.name == "floor"
        self.directory = tempfile.mkdtemp(prefix=kind.name + "-", dir=directory)
        self.file = os.path.join(directory, "content")
        path = os.path.join(self.directory, "socket")
        words = command(kind, path, self.directory, self.file)
        surroundings = {name: value for name, value in os.environ.items() if not agents.UNWANTED.match(name)}
        self.process = subprocess.Popen(words, env={**surroundings, **kind.environment}, cwd=self.directory,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        self.line = connected(path)
        self.received = bytearray(1 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()
        self.process.kill()
        self.process.wait()

    def cpu_ns(self):
        """CPU time used so far, by all its threads."""
        tasks = "/proc/%d/task" % self.process.pid
        return sum(int(open("%s/%s/schedstat" % (tasks, task)).read().split()[0]) for task in os.listdir(tasks))

    def take_lines(self, count):
        """Takes that many lines in; returns the last piece received."""
        while count > 0:
            length = self.line.recv_into(self.received)
            if length == 0:
                raise AssertionError("%s closed the line" % self.name)
            count -= self.received.count(b"\n", 0, length)
        return bytes(self.received[:length])

    def take_one(self):
        """Takes a line in, of which only the end is looked at. Returns its length and its last piece."""
        total = 0
        while True:
            length = self.line.recv_into(self.received)
            if length == 0:
                raise AssertionError("%s closed the line" % self.name)
            total += length
            if self.received[length - 1] == 10:
                return total, bytes(self.received[:length])

    def run(self, name, arguments=None):
        """A request that is not measured; the value of its reply."""
        self.line.sendall(json.dumps({"execute": name, "arguments": arguments or {}}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.line.recv(1 << 16)
        return json.loads(answer)["return"]

    # Work

    def pings(self, count):
        for _ in range(count):
            self.line.sendall(PING)
            if self.line.recv(4096) != PONG:
                raise AssertionError("%s does not answer a ping" % self.name)

    def many_pings(self, count):
        self.line.sendall(PING * count)
        self.take_lines(count)

    def requests(self, name, count):
        request = json.dumps({"execute": name}).encode() + b"\n"
        for _ in range(count):
            self.line.sendall(request)
            self.take_lines(1)

    def open(self, mode):
        """A handle for file work; the floor has none."""
        path = self.file if mode == "r" else os.path.join(self.directory, "sink")
        return None if self.is_floor else self.run("guest-file-open", {"path": path, "mode": mode})

    def read_request(self, handle, count):
        if self.is_floor:
            return b"R%d\n" % count
        return b'{"execute":"guest-file-read","arguments":{"handle":%d,"count":%d}}\n' % (handle, count)

    def rewind(self, handle):
        if not self.is_floor:
            self.run("guest-file-seek", {"handle": handle, "offset": 0, "whence": "set"})

    def read_file(self, request, times, count):
        for _ in range(times):
            self.line.sendall(request)
            total, _ = self.take_one()
            if total < count // 3 * 4:
                raise AssertionError("%s gave %d bytes of base64 for %d" % (self.name, total, count))

    def write_request(self, handle, count):
        text = base64.b64encode(os.urandom(count))
        if self.is_floor:
            return b"W" + text + b"\n"
        return b'{"execute":"guest-file-write","arguments":{"handle":%d,"buf-b64":"%s"}}\n' % (handle, text)

    def write_file(self, request, times, count):
        for _ in range(times):
            self.line.sendall(request)
            _, answer = self.take_one()
            if not self.is_floor and b'"count": %d' % count not in answer:
                raise AssertionError("%s answers a write with %r" % (self.name, answer))


def command(kind, path, directory, file):
    if kind.name == "floor":
        return [kind.path, path, file]
    return [kind.path, "-m", "unix-listen", "-p", path, "-t", directory]


def connected(path, timeout=10.0):
    deadline = time.monotonic() + timeout
    while True:
        line = socket.socket(socket.AF_UNIX)
        if line.connect_ex(path) == 0:
            return line
        line.close()
        if time.monotonic() > deadline:
            raise AssertionError("nobody listens on %s" % path)
        time.sleep(0.002)


def start(kind, directory, file):
    """Milliseconds from the call that starts one to its answer to a first ping, and its page faults until then."""
    with tempfile.TemporaryDirectory(prefix="start-", dir=directory) as own:
        path = os.path.join(own, "socket")
        null = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0), (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
        surroundings = {name: value for name, value in os.environ.items() if not agents.UNWANTED.match(name)}
        words = command(kind, path, own, file)
        began = time.perf_counter()
        pid = os.posix_spawn(kind.path, words, {**surroundings, **kind.environment}, file_actions=null)
        try:
            while True:
                line = socket.socket(socket.AF_UNIX)
                if line.connect_ex(path) == 0:
                    break
                line.close()
                if time.perf_counter() - began > 10:
                    raise AssertionError("%s does not listen" % kind.name)
                # One CPU may have to do for both; sleeping would take longer than what is measured.
                os.sched_yield()
            line.sendall(PING)
            answer = b""
            while not answer.endswith(b"\n"):
                answer += line.recv(4096) or b"closed\n"
            took = time.perf_counter() - began
            line.close()
            if answer != PONG:
                raise AssertionError("%s answered the first ping with %r" % (kind.name, answer))
            with open("/proc/%d/stat" % pid) as stat:
                faults = int(stat.read().rpartition(")")[2].split()[7])
            return took * 1000, faults
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
