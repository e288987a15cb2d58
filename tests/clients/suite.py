"""What the files of clients have in common: their scenarios, where an agent is to be found, and strict readers of replies."""

import base64
import json
import os

from client import AgentClient
from report import Skip
from required import REQUIRED

MIB = 1 << 20


class Suite:
    """The scenarios of one client. Its name is a key of REQUIRED."""

    def __init__(self, client):
        self.client = client
        self.scenarios = []

    def scenario(self, *needs, local=False):
        """Declares a scenario: a function of a Place. It returns what the client concludes where both agents must lead it to
        the same, else None. (Not what docs/differences.md says they tell differently.)

        `needs` are the commands it calls; without one of them in guest-info it is skipped. All are among those the client
        requires, so that a command that should be there is missed elsewhere. `local` ones are not played in the virtual
        machine: they say something of this machine, or move too much data.
        """
        unknown = set(needs) - REQUIRED[self.client]
        if unknown:
            raise ValueError("%s is said not to need %s" % (self.client, ", ".join(sorted(unknown))))

        def declare(function):
            self.scenarios.append(Scenario(self.client, function, needs, local))
            return function
        return declare


class Scenario:
    """One of them; `play` it at a Place."""

    def __init__(self, client, function, needs, local):
        self.name = "%s/%s" % (client, function.__name__)
        self.function = function
        self.needs = needs
        self.local = local

    def play(self, place):
        """What the client concludes. Raises Skip where a command is missing."""
        place.require(*self.needs)
        return self.function(place)


class Place:
    """Where a client finds an agent.

    socket      the path of the host's end
    directory   one in the guest, for files
    side        "ours", or "theirs" for qemu-ga
    """

    def __init__(self, socket, directory, side):
        self.socket = socket
        self.directory = directory
        self.side = side
        with AgentClient(socket) as agent:
            agent.sync()
            self.commands = {entry["name"]: entry["enabled"] for entry in agent.run("guest-info")["supported_commands"]}

    def require(self, *names):
        """Skips the test if the agent does not list a command, or says that it can not work in this guest."""
        absent = [name for name in names if name not in self.commands]
        if absent:
            raise Skip("guest-info does not list %s" % ", ".join(absent))
        disabled = [name for name in names if not self.commands[name]]
        if disabled:
            raise Skip("guest-info says of %s that it can not work here" % ", ".join(disabled))

    def path(self, name):
        return os.path.join(self.directory, name)

    def make_file(self, name, content, hole=0):
        """Makes a file in the guest, through the agent and as no client does it; `hole` bytes of zeros come first."""
        with AgentClient(self.socket) as agent:
            handle = agent.run("guest-file-open", {"path": self.path(name), "mode": "w"})
            agent.run("guest-file-seek", {"handle": handle, "offset": hole, "whence": "set"})
            agent.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(content).decode()})
            agent.run("guest-file-close", {"handle": handle})
        return self.path(name)


# Reading

class Malformed(AssertionError):
    """A reply that this client could not have read."""


def parse(line, what):
    """A line of JSON, as the strictest of the readers takes it: UTF-8, no NUL, no member twice, no NaN; an object."""
    if b"\0" in line:
        raise Malformed("%s: a NUL in %r" % (what, line[:200]))
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=no_doubles, parse_constant=no_constant)
    except ValueError as error:
        raise Malformed("%s: %s in %r" % (what, error, line[:200])) from None
    if not isinstance(value, dict):
        raise Malformed("%s: no object but %r" % (what, value))
    return value


def no_doubles(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member twice")
    return value


def no_constant(word):
    raise ValueError("%s is not JSON" % word)


def decode(text):
    """Base64 with nothing in it that does not belong there."""
    return base64.b64decode(text, validate=True)


def compact(value):
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# Members, by the types that a client's language has for them.

def text(value, name, default=None):
    """A string; `default` where there is no such member. None may not stand for it."""
    if name not in value:
        return default
    if not isinstance(value[name], str):
        raise Malformed("%s is no string: %r" % (name, value[name]))
    return value[name]


def required_text(value, name):
    found = text(value, name)
    if found is None:
        raise Malformed("no %s in %r" % (name, value))
    return found


def integer(value, name, low, high):
    """A number without a fraction, in range. It has to be there."""
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise Malformed("%s is no integer between %d and %d: %r" % (name, low, high, found))
    return found


def unsigned(value, name, bits=32):
    return integer(value, name, 0, (1 << bits) - 1)


def signed(value, name, bits=64):
    return integer(value, name, -(1 << bits - 1), (1 << bits - 1) - 1)


def number(value, name):
    found = value.get(name)
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        raise Malformed("%s is no number: %r" % (name, found))
    return found


def boolean(value, name):
    found = value.get(name)
    if not isinstance(found, bool):
        raise Malformed("%s is neither true nor false: %r" % (name, found))
    return found


def array(value, name):
    found = value.get(name)
    if not isinstance(found, list):
        raise Malformed("%s is no array: %r" % (name, found))
    return found
