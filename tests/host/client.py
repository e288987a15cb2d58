"""A host's end of a guest agent channel: a stream socket on which requests and replies travel.

Nothing here interprets more than it must: `send` and `read_line` pass bytes on unchanged, so a test can say exactly
what went over the line. Times are in seconds. A time-out is an `AgentTimeout` that carries what had arrived.
"""

import json
import os
import random
import socket
import time


class AgentError(Exception):
    """The agent answered with an `error` member."""

    def __init__(self, request, reply):
        error = reply["error"]
        self.reply = reply
        self.error_class = error.get("class")
        self.desc = error.get("desc")
        super().__init__("%s answered %s: %s" % (request, self.error_class, self.desc))


class AgentTimeout(Exception):
    """Nothing, or not enough, came in time. `received` holds the bytes that did come."""

    def __init__(self, what, received):
        self.received = bytes(received)
        super().__init__("%s; received so far: %s" % (what, shorten(self.received)))


class AgentClosed(Exception):
    """The other side closed the line. `received` holds the bytes that came before."""

    def __init__(self, what, received):
        self.received = bytes(received)
        super().__init__("%s; received so far: %s" % (what, shorten(self.received)))


def shorten(data, limit=400):
    """Bytes for a message to a person: whole when short, else both ends."""
    if len(data) <= limit:
        return repr(data)
    half = limit // 2
    return "%r ... %r (%d bytes)" % (data[:half], data[-half:], len(data))


class AgentClient:
    """One connection to an agent's unix socket (or to the socket QEMU keeps for its port)."""

    def __init__(self, path, timeout=10.0):
        """Connects to `path`; the socket may appear, and begin to listen, up to `timeout` seconds later."""
        self.path = path
        self.timeout = timeout
        # Grows in place: a reply may be 64 MiB long.
        self.buffer = bytearray()
        self.socket = None
        deadline = time.monotonic() + timeout
        while True:
            candidate = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                candidate.settimeout(max(0.01, deadline - time.monotonic()))
                connect(candidate, path)
                self.socket = candidate
                return
            except (FileNotFoundError, ConnectionRefusedError, BlockingIOError, socket.timeout) as error:
                candidate.close()
                if time.monotonic() >= deadline:
                    raise AgentTimeout("no connection to %s within %g s (%s)" % (path, timeout, error), b"") from None
                time.sleep(0.002)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Bytes

    def send(self, data, timeout=None):
        """Sends all of `data`. Replies are taken in meanwhile, so neither side can wait for the other for ever."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        view = memoryview(data)
        self.socket.setblocking(False)
        while view:
            try:
                sent = self.socket.send(view)
                view = view[sent:]
                continue
            except BlockingIOError:
                pass
            if time.monotonic() >= deadline:
                raise AgentTimeout("%d of %d bytes not taken by the agent" % (len(view), len(data)), self.buffer)
            if not self.take(0.0, eof_is_error=False):
                time.sleep(0.002)

    def read_line(self, timeout=None):
        """The next line, its LF included, exactly as it came."""
        timeout = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        searched = 0
        while True:
            end = self.buffer.find(b"\n", searched)
            if end >= 0:
                return self.cut(end + 1)
            searched = len(self.buffer)
            left = deadline - time.monotonic()
            if left <= 0 or not self.take(left):
                if time.monotonic() >= deadline:
                    raise AgentTimeout("no whole line within %g s" % timeout, self.buffer)

    def read_quiet(self, seconds):
        """Everything that arrives until the line has been quiet for `seconds`, or is closed."""
        while self.take(seconds, eof_is_error=False):
            pass
        return self.cut(len(self.buffer))

    def read_eof(self, timeout=None):
        """Everything up to the agent's closing of the line."""
        timeout = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AgentTimeout("the line was not closed within %g s" % timeout, self.buffer)
            try:
                self.take(left)
            except AgentClosed:
                return self.cut(len(self.buffer))

    def cut(self, length):
        """Takes that many bytes from the front of what has come."""
        data = bytes(self.buffer[:length])
        del self.buffer[:length]
        return data

    def take(self, seconds, eof_is_error=True):
        """Waits up to `seconds` for bytes and adds them to the buffer. False when none came."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 20)
        except (socket.timeout, BlockingIOError):
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            if eof_is_error:
                raise AgentClosed("the agent closed the line", self.buffer)
            return False
        self.buffer += data
        return True

    # Requests

    def call(self, name, arguments=None, timeout=None, **top_level):
        """Sends one request and returns its parsed reply, `error` replies too. `top_level` adds members, such as id."""
        self.send(request(name, arguments, **top_level) + b"\n", timeout)
        line = self.read_line(timeout)
        if name == "guest-sync-delimited" and line[:1] == b"\xff":
            return json.loads(line[1:])
        try:
            return json.loads(line)
        except ValueError as error:
            raise AssertionError("the reply to %s is not JSON (%s): %s" % (name, error, shorten(line))) from None

    def run(self, name, arguments=None, timeout=None):
        """As `call`, but returns the value of `return`, and raises AgentError for an error reply."""
        reply = self.call(name, arguments, timeout)
        if "error" in reply:
            raise AgentError(name, reply)
        return reply["return"]

    def sync(self, timeout=None):
        """Brings both sides together whatever was on the line before: 0xFF, guest-sync-delimited, and its 0xFF reply."""
        timeout = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        number = random.randrange(1 << 32, 1 << 62)
        self.send(b"\xff" + request("guest-sync-delimited", {"id": number}) + b"\n", timeout)
        seen = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AgentTimeout("no answer to guest-sync-delimited %d within %g s" % (number, timeout), seen + bytes(self.buffer))
            try:
                line = self.read_line(left)
            except AgentTimeout:
                continue
            seen += line
            # What stands before the last 0xFF is left over from somebody else.
            start = line.rfind(b"\xff")
            if start < 0:
                continue
            try:
                reply = json.loads(line[start + 1:])
            except ValueError:
                continue
            if reply.get("return") == number:
                return number

    # The end

    def half_close(self):
        """Says that no more requests will come; replies can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def request(name, arguments=None, **top_level):
    """The bytes of one request, without a newline."""
    members = {"execute": name}
    if arguments is not None:
        members["arguments"] = arguments
    members.update(top_level)
    return json.dumps(members).encode()


def connect(stream, path):
    """Connects also where `path` is longer than the 108 bytes a socket address holds."""
    if len(os.fsencode(path)) < 108:
        stream.connect(path)
        return
    directory = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY)
    try:
        stream.connect("/proc/self/fd/%d/%s" % (directory, os.path.basename(path)))
    finally:
        os.close(directory)
