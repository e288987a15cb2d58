"""What a scenario talks through: it sends, and keeps what it saw in a form in which two agents can be compared.

Numbers that name file handles become `H1`, `H2` in the order in which they were given; the scenario's own directory becomes
`$DIR`. Files are made in that directory, which is also the agent's, so relative paths work.
"""

import base64
import json
import os
import re
import stat
import time

import replies
from client import AgentClosed, AgentTimeout, request

# Where a number is a handle: in a request and in an error text. (A count may well be the same number.)
HANDLE = re.compile(r"""(["']handle["']: ?|handle ')([0-9]+)""")

# How long a reply may take. Long, because nothing here waits for it unless something is wrong.
PATIENCE = 10.0


class Record:
    """One thing seen: a `label` to find it by, the `value`, and what a known difference says it must be on each side.

    What is said may be a value, or an object with a method `matches(value)`.
    """

    def __init__(self, label, value, diff=None, theirs=None, ours=None):
        self.label = label
        self.value = value
        self.diff = diff
        self.expected = {"theirs": theirs, "ours": ours}


class Talk:
    """One scenario's connection to one agent."""

    def __init__(self, side, agent, directory, cut):
        self.side = side
        self.agent = agent
        self.directory = directory
        self.cut = cut
        self.records = []
        self.handles = {}
        self.client = None
        self.complaints = []

    def connect(self):
        """A new connection; a scenario may do this again after `hang_up`."""
        self.client = self.agent.connect()

    def hang_up(self):
        self.client.close()

    # Requests

    def call(self, name, arguments=None, diff=None, theirs=None, ours=None, **top_level):
        """One request, one reply. Returns the parsed reply, as plain Python values (None when the agent went away)."""
        return self.raw(request(name, arguments, **top_level), diff, theirs, ours)

    def raw(self, data, diff=None, theirs=None, ours=None, silence_after=None):
        """As `call`, with the bytes of the request as given. `silence_after` seconds without a reply are `no reply`."""
        label = replies.show(self.normal(data.decode("latin-1")).encode("latin-1"))
        try:
            self.cut.send(self.client, data)
            line = self.client.read_line(PATIENCE if silence_after is None else silence_after)
        except (AgentClosed, BrokenPipeError, ConnectionResetError):
            self.note(label, "the agent closed the line", diff, theirs, ours)
            return None
        except AgentTimeout as error:
            if silence_after is not None:
                self.note(label, "no reply", diff, theirs, ours)
                return None
            raise AssertionError("no reply to %s: %s" % (label, error)) from None
        line = line[:-1]
        if self.side == "ours" and replies.complaint(line):
            self.complaints.append("the reply %s %s" % (replies.show(line), replies.complaint(line)))
        plain = json.loads(line.lstrip(b"\xff"))
        if b"guest-file-open" in data and "return" in plain:
            self.handles[plain["return"]] = "H%d" % (len(self.handles) + 1)
            self.note(label, {**plain, "return": self.handles[plain["return"]]}, diff, theirs, ours)
            return plain
        self.note(label, self.normal(plain), diff, theirs, ours)
        return plain

    def value(self, name, arguments=None):
        """As `call`, for a request that must succeed on both sides: returns the value of `return`."""
        reply = self.call(name, arguments)
        if reply is None or "return" not in reply:
            raise AssertionError("%s %s failed: %s" % (name, arguments, reply))
        return reply["return"]

    # The file commands, so that a scenario reads well. Each takes diff, theirs and ours too.

    def open(self, path, mode=None, **difference):
        """Returns the handle, or None when it was refused."""
        arguments = {"path": path} if mode is None else {"path": path, "mode": mode}
        return (self.call("guest-file-open", arguments, **difference) or {}).get("return")

    def close(self, handle, **difference):
        return self.call("guest-file-close", {"handle": handle}, **difference)

    def read(self, handle, count=None, **difference):
        arguments = {"handle": handle} if count is None else {"handle": handle, "count": count}
        return self.call("guest-file-read", arguments, **difference)

    def write(self, handle, data, count=None, **difference):
        """`data` is bytes, or a str that is sent as it is in place of base64."""
        text = data if isinstance(data, str) else base64.b64encode(data).decode()
        arguments = {"handle": handle, "buf-b64": text}
        if count is not None:
            arguments["count"] = count
        return self.call("guest-file-write", arguments, **difference)

    def seek(self, handle, offset, whence, **difference):
        return self.call("guest-file-seek", {"handle": handle, "offset": offset, "whence": whence}, **difference)

    def flush(self, handle, **difference):
        return self.call("guest-file-flush", {"handle": handle}, **difference)

    # Files

    def path(self, name):
        return os.path.join(self.directory, name)

    def file(self, name, content=b"", mode=0o644):
        with open(self.path(name), "wb") as file:
            file.write(content)
        os.chmod(self.path(name), mode)

    def content(self, name, **difference):
        with open(self.path(name), "rb") as file:
            # As Python writes bytes; a long content is compared all the same.
            self.note("content of %s" % name, repr(file.read()), **difference)

    def size(self, name, **difference):
        self.note("size of %s" % name, os.stat(self.path(name)).st_size, **difference)

    def mode(self, name, **difference):
        self.note("mode of %s" % name, oct(stat.S_IMODE(os.stat(self.path(name)).st_mode)), **difference)

    def exists(self, name, **difference):
        self.note("%s exists" % name, os.path.lexists(self.path(name)), **difference)

    # Records

    def note(self, label, value, diff=None, theirs=None, ours=None):
        """Keeps something seen. With `diff`, `theirs` and `ours` say what it must be on each side."""
        if diff is not None and theirs == ours:
            raise ValueError("%s: a difference whose sides are equal" % label)
        self.records.append(Record(label, value, diff, theirs, ours))

    def near(self, label, value, expected, tolerance):
        """For a value that can not be the same twice: it must be within `tolerance` of what is expected, on both sides."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise AssertionError("%s is %r, no integer" % (label, value))
        if abs(value - expected) > tolerance:
            raise AssertionError("%s is %d, which is not within %d of %d" % (label, value, tolerance, expected))

    def now_ns(self):
        return time.time_ns()

    def normal(self, value):
        """A value with what differs from run to run replaced: handles where they are named as such, and the directory."""
        if isinstance(value, str):
            return HANDLE.sub(self.named, value.replace(self.directory, "$DIR"))
        if isinstance(value, dict):
            return {name: self.normal(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.normal(item) for item in value]
        return value

    def named(self, match):
        return match.group(1) + self.handles.get(int(match.group(2)), match.group(2))
