"""A client for QMP, the protocol QEMU itself is steered with: commands, their results, and events.

    qmp = Qmp(path)
    qmp.command("query-status")
    qmp.wait_event("SHUTDOWN", 10)

Events that arrive while something else is waited for are kept; `wait_event` finds them later.
"""

import json
import socket
import time

from client import connect


class QmpError(Exception):
    """QEMU refused a command."""


class QmpTimeout(Exception):
    """An answer or event did not come in time; the message tells which events did."""


class Qmp:
    """One QMP connection. `events` are those not yet taken by `wait_event`, `closed` says that QEMU has hung up."""

    def __init__(self, path, timeout=10.0):
        """Connects to `path`, which QEMU may still have to create, and does the handshake."""
        self.events = []
        self.closed = False
        self.buffer = b""
        deadline = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connect(self.socket, path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self.socket.close()
                if time.monotonic() >= deadline:
                    raise QmpTimeout("QEMU opened no QMP socket within %g s" % timeout) from None
                time.sleep(0.02)
        if "QMP" not in self.message(deadline):
            raise QmpError("that is no QMP socket: %s" % path)
        self.command("qmp_capabilities")

    def message(self, deadline):
        """The next message from QEMU as it is, or None at the deadline or when QEMU hangs up."""
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                if line.strip():
                    return json.loads(line)
                continue
            left = deadline - time.monotonic()
            if left <= 0 or self.closed:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return None
            except ConnectionResetError:
                data = b""
            if not data:
                self.closed = True
            self.buffer += data

    def command(self, name, arguments=None, timeout=20.0):
        """Runs a command and returns what it returns."""
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            message = self.message(deadline)
            if message is None:
                raise QmpTimeout("no answer to %s%s" % (name, ": QEMU has hung up" if self.closed else ""))
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError("%s: %s" % (name, message["error"].get("desc")))
            else:
                return message["return"]

    def poll(self, seconds=0.0):
        """Takes in what arrives within `seconds`, so that `events` is up to date."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.message(deadline if seconds else time.monotonic() + 0.001)
            if message is None:
                return self.events
            self.events.append(message)

    def wait_event(self, name, timeout=20.0, **data):
        """The next event of that name whose data has the given members; it is taken from `events`."""
        deadline = time.monotonic() + timeout
        looked_at = 0
        while True:
            for event in self.events[looked_at:]:
                looked_at += 1
                if event["event"] == name and all(event.get("data", {}).get(key) == value for key, value in data.items()):
                    self.events.remove(event)
                    return event
            message = self.message(deadline)
            if message is None:
                seen = ", ".join(event["event"] for event in self.events) or "none"
                raise QmpTimeout("no event %s within %g s%s; events seen: %s" % (
                    name, timeout, " (QEMU has hung up)" if self.closed else "", seen))
            self.events.append(message)

    def add_chardev(self, chardev, path):
        """A socket of that id which QEMU listens on."""
        self.command("chardev-add", {"id": chardev, "backend": {"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": path}}, "server": True, "wait": False}}})

    def add_device(self, driver, device, **properties):
        self.command("device_add", dict(properties, driver=driver, id=device))

    def delete_device(self, device, timeout=20.0):
        """Takes a device away and waits until it is gone."""
        self.command("device_del", {"id": device})
        self.wait_event("DEVICE_DELETED", timeout, device=device)

    def close(self):
        self.socket.close()
