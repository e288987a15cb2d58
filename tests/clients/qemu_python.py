"""QEMU's own qemu-ga-client, in Python, over its QMP library; and the one of old, over the QMP class of its day.

The library gives each request an `id` of its own and sends no line feed after it. It drops a reply with an id it does not know,
and hangs up on an error without one. The old class had neither.
"""

import itertools
import json
import random
import time

from client import AgentClient, AgentError
from report import check, equal
from suite import Malformed, Suite, compact, decode

READ_COUNT = 1024
PATIENCE = 3.0
subject = Suite("qemu_python")


class Protocol:
    """The library: `command` gives the value of `return`."""

    def __init__(self, path):
        self.line = AgentClient(path)
        self.numbers = itertools.count()

    def request(self, name, arguments, number):
        return compact({"execute": name, "arguments": arguments, "id": number})

    def command(self, name, arguments, timeout=PATIENCE):
        number = "__qmp#%05d" % next(self.numbers)
        self.line.send(self.request(name, arguments, number))
        deadline = time.monotonic() + timeout
        while True:
            reply = json.loads(self.line.read_line(max(0.001, deadline - time.monotonic())))
            if self.is_mine(reply, number):
                break
        if "error" in reply:
            check(set(reply["error"]) == {"class", "desc"}, "a malformed error: %r" % reply)
            raise AgentError(name, reply)
        if "return" not in reply:
            raise Malformed("%s: neither return nor error: %r" % (name, reply))
        return reply["return"]

    @staticmethod
    def is_mine(reply, number):
        if "event" in reply:
            return False
        if "error" in reply and "id" not in reply:
            raise Malformed("an error without an id, which ends the session: %r" % reply)
        return reply.get("id") == number


class OldProtocol(Protocol):
    """No id, blanks after commas and colons, and arguments only where there are some."""

    def request(self, name, arguments, number):
        members = {"execute": name}
        if arguments:
            members["arguments"] = arguments
        return json.dumps(members).encode()

    @staticmethod
    def is_mine(reply, number):
        return "event" not in reply


class GaClient:
    """qemu-ga-client: each call is one run of it, which begins with a ping and a sync."""

    def __init__(self, path, protocol=Protocol):
        self.qga = protocol(path)
        self.sync()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.qga.line.close()

    def call(self, name, **arguments):
        return self.qga.command("guest-" + name, arguments)

    def sync(self):
        check(self.call("ping") == {}, "Agent seems not alive")
        number = random.randint(0, (1 << 32) - 1)
        deadline = time.monotonic() + PATIENCE
        while self.call("sync", id=number) != number:
            check(time.monotonic() < deadline, "it never syncs")

    def cat(self, path):
        handle = self.call("file-open", path=path)
        content, end = b"", False
        while not end:
            read = self.call("file-read", handle=handle, count=READ_COUNT)
            content += decode(read["buf-b64"])
            end = read["eof"]
            check(end or read["count"] > 0, "nothing read, and not the end: it would ask for ever")
        self.call("file-close", handle=handle)
        return content

    def ifconfig(self):
        """What it prints."""
        lines = []
        for interface in self.call("network-get-interfaces"):
            lines.append(interface["name"] + ":")
            for address in interface.get("ip-addresses", ()):
                if address["ip-address-type"] == "ipv4":
                    mask = (0xFFFFFFFF << (32 - int(address["prefix"]))) & 0xFFFFFFFF
                    dotted = ".".join(str(byte) for byte in mask.to_bytes(4, "big"))
                    lines.append("\tinet %s  netmask %s" % (address["ip-address"], dotted))
                elif address["ip-address-type"] == "ipv6":
                    lines.append("\tinet6 %s  prefixlen %s" % (address["ip-address"], address["prefix"]))
            # Not asked whether it is there: an interface without one ends the program.
            if interface["hardware-address"] != "00:00:00:00:00:00":
                lines.append("\tether " + interface["hardware-address"])
        return lines

    def info(self):
        info = self.call("info")
        return info["version"], {enabled: sorted(command["name"] for command in info["supported_commands"]
                                                 if command["enabled"] is enabled) for enabled in (True, False)}


CLIENTS = (Protocol, OldProtocol)


@subject.scenario("guest-ping", "guest-sync")
def it_syncs(place):
    for protocol in CLIENTS:
        for _ in range(3):
            with GaClient(place.socket, protocol):
                pass


@subject.scenario("guest-info")
def info(place):
    for protocol in CLIENTS:
        with GaClient(place.socket, protocol) as client:
            version, commands = client.info()
            check("guest-info" in commands[True], "guest-info is not enabled")
    return version


@subject.scenario("guest-file-open", "guest-file-read", "guest-file-close")
def cat(place):
    for length in (0, 1, READ_COUNT, 5 * READ_COUNT, 5 * READ_COUNT + 7):
        content = (bytes(range(256)) * 21)[:length]
        path = place.make_file("cat", content)
        for protocol in CLIENTS:
            with GaClient(place.socket, protocol) as client:
                equal(client.cat(path) == content, True, "what it prints of %d bytes" % length)


@subject.scenario("guest-network-get-interfaces")
def ifconfig(place):
    printed = []
    for protocol in CLIENTS:
        with GaClient(place.socket, protocol) as client:
            printed.append(client.ifconfig())
    equal(printed[1], printed[0], "what the old one prints")
    check("lo:" in printed[0], "no lo: %s" % printed[0])
    return printed[0]


@subject.scenario("guest-fsfreeze-status")
def fsfreeze_status(place):
    with GaClient(place.socket) as client:
        return client.call("fsfreeze-status")


@subject.scenario("guest-ping", "guest-file-open")
def errors_have_the_id_of_their_request(place):
    with GaClient(place.socket) as client:
        for name, arguments in (("no-such-command", {}), ("ping", {"one": 1}), ("file-open", {"path": 1}),
                                ("file-open", {"path": "/no/such/file"})):
            try:
                raise AssertionError("%s returned %r" % (name, client.call(name, **arguments)))
            except AgentError:
                pass
        client.sync()
