"""Proxmox VE: its QMPClient and what its API makes of the agent, and Terraform's and Packer's provider behind that.

A connection per command. guest-sync-delimited and the command go in one write; the reply is the two lines after the last 0xFF.
JSON comes out of Perl's hashes, so members stand in any order, in requests and in arguments; `arguments` is always there.
"""

import base64
import itertools
import re
import time

from client import AgentClient, AgentClosed, AgentTimeout
from report import check, equal
from suite import MIB, Malformed, Suite, compact, decode, parse

# What has to be there before anything is read: the rest of the line after 0xFF, and one more line.
REPLIES = re.compile(rb"^.*\xff([^\n]+}\r?\n[^\n]+})\r?\n(.*)$", re.DOTALL)
SYNC_REPLY = re.compile(rb"^.*\xff([^\n]+})\r?\n(.*)$", re.DOTALL)
# The agent may go without a reply to these; the sync before them has to be answered all the same.
MAY_CLOSE = ("guest-shutdown", "guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid")
# A process id as high as they get, which is followed by a nought and a counter: more than 32 bits from the tenth command on.
PROCESS = 4194304
READ_COUNT = MIB
MOST_READ = 16 * MIB
MOST_WRITTEN = 60 * 1024
# Seconds, where they are not the default.
TIMEOUTS = {"guest-fsfreeze-freeze": 3600, "guest-fsfreeze-thaw": 180, "guest-fstrim": 600, "guest-shutdown": 600}
# Every order of the members of a request, and of its arguments: (reversed, reversed).
ORDERS = tuple(itertools.product((False, True), repeat=2))
# What the API offers of commands without arguments that change nothing.
QUERIES = ("guest-ping", "guest-get-time", "guest-info", "guest-network-get-interfaces", "guest-get-vcpus", "guest-get-fsinfo",
           "guest-get-memory-blocks", "guest-get-memory-block-info", "guest-get-host-name", "guest-get-osinfo",
           "guest-get-users", "guest-get-timezone", "guest-fsfreeze-status")

subject = Suite("proxmox")


class AgentSaid(Exception):
    """`Agent error: DESC`."""


class Proxmox:
    """The agent of one machine, in one of the orders."""

    def __init__(self, path, order=(False, False)):
        self.path = path
        self.order = order
        self.counter = 98

    def json(self, members, reverse):
        return dict(reversed(list(members.items()))) if reverse else members

    def request(self, name, arguments):
        outer, inner = self.order
        return compact(self.json({"execute": name, "arguments": self.json(arguments, inner)}, outer)) + b"\n"

    def mon_cmd(self, execute, timeout=None, **arguments):
        """The value of `return`, or {"error": ...} as the reply has it; None of a command that closed the line."""
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.counter += 1
        number = int("%d0%d" % (PROCESS, self.counter))
        timeout = timeout or TIMEOUTS.get(execute, 5)
        deadline = time.monotonic() + timeout
        with AgentClient(self.path, timeout) as line:
            line.send(self.request("guest-sync-delimited", {"id": number}) + self.request(execute, arguments))
            while True:
                found = REPLIES.match(bytes(line.buffer))
                if found:
                    line.cut(len(line.buffer))
                    reply = self.understand(execute, number, *found.groups())
                    if reply is not None:
                        return reply["return"] if reply.get("return") is not None else {"error": reply["error"]}
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AgentTimeout("%s: got timeout" % execute, line.buffer)
                try:
                    line.take(left)
                except AgentClosed:
                    return self.closed(execute, number, bytes(line.buffer))

    def understand(self, execute, number, replies, rest):
        """The command's reply; None for those of an earlier command."""
        lines = replies.replace(b"\r\n", b"\n").split(b"\n")
        equal(len(lines), 2, "lines of the reply to %s" % execute)
        if b"\xff" in replies or rest:
            raise Malformed("%s: more than a reply: %r" % (execute, (replies + rest)[:400]))
        told = parse(lines[0], "guest-sync-delimited").get("return")
        if not told:
            raise Malformed("%s: a reply without command id: %r" % (execute, lines[0]))
        if told < number:
            return None
        equal(str(told), str(number), "command id")
        reply = parse(lines[1], execute)
        check(("return" in reply) != ("error" in reply), "%s: neither return nor error: %r" % (execute, reply))
        return reply

    @staticmethod
    def closed(execute, number, received):
        found = SYNC_REPLY.match(received)
        if execute not in MAY_CLOSE or not found:
            raise AgentClosed("%s: client closed connection" % execute, received)
        equal(parse(found.group(1), "guest-sync-delimited").get("return"), number, "command id")

    def agent_cmd(self, command, **arguments):
        """As mon_cmd, for a running agent, and with errors raised."""
        check(self.running(), "QEMU guest agent is not running")
        reply = self.mon_cmd("guest-" + command, **arguments)
        if isinstance(reply, dict) and reply.get("error"):
            raise AgentSaid(reply["error"]["desc"])
        return reply

    def running(self):
        try:
            return self.mon_cmd("guest-ping", timeout=3) == {}
        except AgentTimeout:
            return False

    # The API

    def file_write(self, path, content):
        check(len(content) <= MOST_WRITTEN, "longer than the API takes")
        handle = self.agent_cmd("file-open", path=path, mode="wb")
        # With a line feed every 76 characters, and one at the end.
        self.agent_cmd("file-write", handle=handle, buf_b64=base64.encodebytes(content).decode())
        self.agent_cmd("file-close", handle=handle)

    def file_read(self, path):
        """The content, and whether it was cut at 16 MiB."""
        handle = self.agent_cmd("file-open", path=path)
        content, left, end = b"", MOST_READ, False
        while left > 0 and not end:
            read = self.agent_cmd("file-read", handle=handle, count=READ_COUNT)
            content += decode(read["buf-b64"])
            left -= read["count"]
            end = read["eof"]
            # It would ask for ever.
            check(end or read["count"] > 0, "count 0 before the end of the file")
        self.agent_cmd("file-close", handle=handle)
        equal(len(content), MOST_READ - left, "bytes-read")
        return content, not end

    def execute(self, command, input_data=None):
        arguments = {"capture-output": True, "path": command[0], "arg": command[1:]}
        if input_data is not None:
            arguments["input-data"] = base64.b64encode(input_data).decode()
        return self.agent_cmd("exec", **arguments)["pid"]

    def execute_and_wait(self, command, input_data=None, seconds=30):
        """qm guest exec: the status, with its data decoded."""
        pid = self.execute(command, input_data)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.agent_cmd("exec-status", pid=pid)
            if status["exited"]:
                for name in ("out-data", "err-data"):
                    if status.get(name):
                        status[name] = decode(status[name])
                return status
            time.sleep(0.1)
        raise AssertionError("%s does not end" % command)

    def set_user_password(self, name, password, crypted=False):
        self.agent_cmd("set-user-password", username=name, password=base64.encodebytes(password.encode()).decode(),
                       crypted=crypted)

    def freeze(self, timeout=600):
        """As a backup begins: a freeze that times out is asked after with status, which waits behind it."""
        try:
            reply = self.mon_cmd("guest-fsfreeze-freeze", timeout=timeout)
            if isinstance(reply, dict):
                raise AgentSaid(reply["error"]["desc"])
            return
        except AgentTimeout:
            pass
        equal(self.mon_cmd("guest-fsfreeze-status", timeout=timeout), "frozen", "status after a freeze that took long")

    def thaw(self):
        reply = self.mon_cmd("guest-fsfreeze-thaw")
        if isinstance(reply, dict):
            raise AgentSaid(reply["error"]["desc"])
        return reply


def each_order(place):
    return [Proxmox(place.socket, order) for order in ORDERS]


# Scenarios

@subject.scenario("guest-ping")
def a_ping_in_every_order(place):
    for proxmox in each_order(place):
        for _ in range(3):
            check(proxmox.running(), "it does not run")


@subject.scenario("guest-ping")
def the_bytes_of_a_ping(place):
    for request in (b'{"arguments":{"id":41943040123},"execute":"guest-sync-delimited"}\n{"arguments":{},"execute":"guest-ping"}\n',
                    b'{"execute":"guest-sync-delimited","arguments":{"id":41943040123}}\n{"execute":"guest-ping","arguments":{}}\n'):
        with AgentClient(place.socket) as line:
            line.send(request)
            equal(line.read_line() + line.read_line(), b'\xff{"return": 41943040123}\n{"return": {}}\n', "the replies")
        with AgentClient(place.socket) as line:
            for byte in request:
                line.send(bytes((byte,)))
            equal(line.read_line() + line.read_line(), b'\xff{"return": 41943040123}\n{"return": {}}\n', "byte by byte")


@subject.scenario()
def a_command_that_is_not_there(place):
    for proxmox in each_order(place):
        reply = proxmox.mon_cmd("guest-of-the-future")
        equal(reply["error"]["class"], "CommandNotFound", "class")
    return reply


@subject.scenario("guest-ping")
def arguments_that_are_wrong(place):
    for proxmox in each_order(place):
        reply = proxmox.mon_cmd("guest-ping", one=1)
        equal(reply["error"]["class"], "GenericError", "class")
    return reply


def query(name):
    def ask(place):
        for proxmox in each_order(place):
            value = proxmox.mon_cmd(name)
            check(not isinstance(value, dict) or "error" not in value, "%s: %s" % (name, value))
    ask.__name__ = name.removeprefix("guest-").replace("-", "_")
    return ask


for _name in QUERIES:
    subject.scenario(_name)(query(_name))


@subject.scenario("guest-file-open", "guest-file-write", "guest-file-read", "guest-file-close")
def files_of_every_length(place):
    content = bytes(range(256)) * 240
    for length in (0, 1, 2, 3, 56, 57, 58, 59, 114, 4095, 4096, 4097, MOST_WRITTEN):
        # Each order at two lengths at least; all of them at the longest.
        for proxmox in each_order(place) if length in (58, MOST_WRITTEN) else [Proxmox(place.socket, ORDERS[length % 4])]:
            proxmox.file_write(place.path("proxmox"), content[:length])
            equal(proxmox.file_read(place.path("proxmox")), (content[:length], False), "%d bytes" % length)


@subject.scenario("guest-file-open", "guest-file-read", "guest-file-close")
def a_file_of_some_reads(place):
    proxmox = Proxmox(place.socket, (True, False))
    for size in (MIB, 2 * MIB + 5):
        path = place.make_file("proxmox-large", b"end", hole=size - 3)
        equal(proxmox.file_read(path), (bytes(size - 3) + b"end", False), "content of %d bytes" % size)


@subject.scenario("guest-file-open", "guest-file-read", "guest-file-close", local=True)
def a_file_beyond_what_is_read(place):
    path = place.make_file("proxmox-huge", b"end", hole=MOST_READ)
    content, truncated = Proxmox(place.socket, (False, True)).file_read(path)
    equal((len(content), truncated), (MOST_READ, True), "length, and whether it is truncated")


@subject.scenario("guest-file-open")
def a_file_that_is_not_there(place):
    try:
        raise AssertionError("read %r" % (Proxmox(place.socket).file_read("/no/such/file"),))
    except AgentSaid as error:
        return str(error)


@subject.scenario("guest-exec", "guest-exec-status")
def children(place):
    for proxmox in each_order(place):
        status = proxmox.execute_and_wait(["/bin/sh", "-c", "cat; echo oops >&2; exit 3"], b"hello\n")
        equal(status, {"exited": True, "exitcode": 3, "out-data": b"hello\n", "err-data": b"oops\n"}, "status")
        # Nothing captured: no member for it.
        equal(proxmox.execute_and_wait(["/bin/sh", "-c", "exit 0"]), {"exited": True, "exitcode": 0}, "status of a quiet one")
        status = proxmox.execute_and_wait(["/bin/sh", "-c", "kill -9 $$"])
        equal(status, {"exited": True, "signal": 9}, "status of one that was killed")


@subject.scenario("guest-exec", "guest-exec-status")
def input_of_a_mebibyte(place):
    """--pass-stdin takes that much, in one request of 1.4 MB."""
    content = bytes(range(256)) * 4096
    for proxmox in each_order(place):
        status = proxmox.execute_and_wait(["/bin/sh", "-c", "wc -c"], content)
        equal(status["exitcode"], 0, "exit code")
        equal(int(status["out-data"]), 1048576, "bytes that the child read")


@subject.scenario("guest-exec")
def a_program_that_is_not_there(place):
    try:
        raise AssertionError("it has pid %d" % Proxmox(place.socket).execute(["/no/such/program"]))
    except AgentSaid as error:
        check("Failed to execute child process" in str(error), str(error))
