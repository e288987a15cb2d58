"""A root shell in the guest, over a virtio port of its own, so that tests can look at the agent from inside.

In the guest a plain `sh` reads commands from the port and writes to it. Each command is closed off from the shell's own input,
and its output ends with a line no command prints by chance: a number made for this one command, and the exit status.
"""

import random
import time

from client import AgentClient, AgentTimeout


class ShellError(Exception):
    """A command in the guest failed; `status` and `output` tell how."""

    def __init__(self, command, status, output):
        self.status = status
        self.output = output
        super().__init__("in the guest, exit status %d from: %s\n%s" % (status, command, output.strip()))


class Shell:
    """The shell behind a unix socket of QEMU. It connects on first use and stays connected."""

    def __init__(self, path):
        self.path = path
        self.line = None

    def run(self, command, timeout=60.0):
        """Runs a command, or several lines of them. Returns exit status and output, stderr included."""
        if self.line is None:
            self.line = AgentClient(self.path, timeout)
        mark = "%016x" % random.getrandbits(64)
        # The mark is put together in the guest. A newline before it ends output that has none; it is taken off again.
        script = "{ %s\n} </dev/null 2>&1; printf '\\n%%s%%s %%d\\n' '%s' '%s' $?\n" % (command, mark[:8], mark[8:])
        self.line.send(script.encode(), timeout)
        output = b""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self.line.read_line(max(0.001, deadline - time.monotonic()))
            except AgentTimeout as error:
                raise AgentTimeout("in the guest, not done within %g s: %s" % (timeout, command), output + error.received) from None
            if line.startswith(mark.encode()):
                return int(line.split()[1]), output[:-1].decode(errors="replace")
            output += line

    def check(self, command, timeout=60.0):
        """Runs a command that has to succeed, and returns its output without the newline at the end."""
        status, output = self.run(command, timeout)
        if status != 0:
            raise ShellError(command, status, output)
        return output.rstrip("\n")

    def reconnect(self):
        """After a reboot of the guest there is a new shell at the other end."""
        self.close()

    def close(self):
        if self.line is not None:
            self.line.close()
            self.line = None
