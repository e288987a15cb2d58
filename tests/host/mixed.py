"""Requests of all kinds, over and over: what an agent must bear without growing.

None of them changes the machine: files are the caller's own, and all else asks or is refused.
"""

import base64
import json
import os

from client import request
from report import equal

# For each of these there is one line of reply, an error for some.
ASKING = [request(name) for name in (
    "guest-ping", "guest-info", "guest-get-time", "guest-get-host-name", "guest-get-osinfo", "guest-get-timezone",
    "guest-get-users", "guest-get-load", "guest-network-get-interfaces", "guest-get-vcpus", "guest-ping", "no-such-command")] + [
    request("guest-sync", {"id": 7}), request("guest-ping", {"unexpected": [1, {"two": None}]}),
    request("guest-file-read", {"handle": 1}), request("guest-file-open", {"path": "/no/such/file"}),
    b'{"execute": "guest-ping", "id": [1, {"long": "' + b"i" * 500 + b'"}]}\n', b'{"execute": 5}\n']
# How often a handle is used before it is closed.
USES = 100
PIECE = os.urandom(3000)


class Mixed:
    """A client that sends them, and counts."""

    def __init__(self, client, directory):
        self.client = client
        self.path = os.path.join(directory, "mixed")
        self.sent = 0

    def lines(self, requests):
        """Sends them in one go and takes a line for each in; the lines."""
        self.client.send(b"".join(requests))
        self.sent += len(requests)
        return [self.client.read_line() for _ in requests]

    def value(self, name, arguments):
        (line,) = self.lines([request(name, arguments)])
        return json.loads(line)["return"]

    def round(self):
        """About USES times each of them."""
        handle = self.value("guest-file-open", {"path": self.path, "mode": "w+"})
        text = base64.b64encode(PIECE).decode()
        files = [request("guest-file-seek", {"handle": handle, "offset": 0, "whence": 0}),
                 request("guest-file-write", {"handle": handle, "buf-b64": text}),
                 request("guest-file-seek", {"handle": handle, "offset": 0, "whence": 0}),
                 request("guest-file-read", {"handle": handle, "count": len(PIECE)}),
                 request("guest-file-flush", {"handle": handle})]
        for _ in range(USES):
            read = json.loads(self.lines(ASKING + files)[-2])
            equal(read["return"]["buf-b64"], text, "what was read")
        self.value("guest-file-close", {"handle": handle})

    def send(self, count):
        """At least so many requests."""
        enough = self.sent + count
        while self.sent < enough:
            self.round()
