"""A host's conversation with an agent in a small virtual machine, printed so that a person can follow it.

    python3 tests/host/converse.py --image INITRAMFS [--disk IMAGE] [--shell]

Every line sent is shown as `->`, every line received as `<-`, each with the milliseconds since the conversation began. Ends with
one line that says whether all went as it should; the exit status says the same. `ci/vm` makes the image and calls this.
"""

import argparse
import base64
import hashlib
import json
import os
import random
import signal
import sys
import time

from client import AgentClient, AgentClosed, AgentTimeout, request
from qmp import QmpTimeout
from report import check, equal
from vm import Vm, VmError, accelerator

WIDTH = 150
FILE = "/tmp/hello"
CONTENT = b"".join(b"line %d of a file that came in through the agent\n" % number for number in range(1, 41))


def printed(data):
    """A line as a person wants to see it: no newline, 0xFF visible, the middle of a long one left out."""
    text = data.decode("utf-8", "backslashreplace").rstrip("\n")
    if len(text) > WIDTH:
        text = "%s ... %s (%d bytes)" % (text[:WIDTH - 40], text[-20:], len(data))
    return text


class Conversation:
    """One connection whose traffic is printed."""

    def __init__(self, path, timeout):
        self.agent = AgentClient(path, timeout)
        self.began = time.monotonic()

    def say(self, arrow, data):
        print("%8.1f ms  %s %s" % ((time.monotonic() - self.began) * 1000, arrow, printed(data)), flush=True)

    def send(self, name, arguments=None, prefix=b""):
        data = prefix + request(name, arguments) + b"\n"
        self.say("->", data)
        self.agent.send(data)

    def receive(self, timeout=None):
        line = self.agent.read_line(timeout)
        self.say("<-", line)
        return line

    def run(self, name, arguments=None):
        """One request; returns what its reply returns."""
        self.send(name, arguments)
        reply = json.loads(self.receive())
        check("return" in reply, "%s was refused" % name)
        return reply["return"]

    def sync(self, timeout):
        """As libvirt's and Proxmox's hosts do: a byte that ends whatever was there before, and an answer to wait for."""
        number = random.randrange(1 << 32, 1 << 40)
        self.send("guest-sync-delimited", {"id": number}, prefix=b"\xff")
        while True:
            line = self.receive(timeout)
            if line.startswith(b"\xff"):
                equal(json.loads(line[1:]), {"return": number}, "the reply to guest-sync-delimited")
                return


def converse(vm):
    """The whole conversation, to the end of the machine."""
    booting = time.monotonic()
    talk = Conversation(vm.path("agent.sock"), 90.0)
    print("\nThe host writes before the guest is up; the first answer comes when the agent is there.")
    talk.sync(90.0)
    print("             (%.1f s after QEMU was started)" % (time.monotonic() - booting))

    print("\nWho is there?")
    talk.run("guest-ping")
    info = talk.run("guest-info")
    print("             %s %s, %d commands" % (
        info.get("implementation", "qemu-ga"), info["version"], len(info["supported_commands"])))
    system = talk.run("guest-get-osinfo")
    print("             Linux %s on %s" % (system["kernel-release"], system["machine"]))

    print("\nA file of %d bytes goes in and comes back." % len(CONTENT))
    handle = talk.run("guest-file-open", {"path": FILE, "mode": "w+"})
    written = talk.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(CONTENT).decode()})
    equal(written["count"], len(CONTENT), "bytes written")
    equal(talk.run("guest-file-seek", {"handle": handle, "offset": 0, "whence": "set"})["position"], 0, "position")
    read = talk.run("guest-file-read", {"handle": handle, "count": 65536})
    talk.run("guest-file-close", {"handle": handle})
    sums = [hashlib.sha256(data).hexdigest() for data in (CONTENT, base64.b64decode(read["buf-b64"]))]
    print("             SHA-256 sent %s, received %s" % (sums[0][:16], sums[1][:16]))
    equal(sums[1], sums[0], "checksum")

    print("\nThe machine is switched off. That has no reply: the end of the machine is the answer.")
    talk.send("guest-shutdown")
    asked = time.monotonic()
    event = vm.qmp.wait_event("SHUTDOWN", 60)
    print("%8.1f ms  QEMU says: SHUTDOWN %s" % ((time.monotonic() - talk.began) * 1000, json.dumps(event["data"])))
    equal(event["data"]["guest"], True, "the guest did it")
    equal(vm.wait_exit(), 0, "QEMU's exit status")
    print("             QEMU has ended, %.1f s after the request" % (time.monotonic() - asked))


def leave_up(vm):
    """Says how to talk to the machine, and waits for Ctrl-C or its end."""
    talk = Conversation(vm.path("agent.sock"), 90.0)
    talk.sync(90.0)
    talk.agent.close()
    agent, console = (os.path.relpath(vm.path(name)) for name in ("agent.sock", "console.sock"))
    print("""
The guest is up. In another terminal, in this directory:

  one request (socat):
    echo '{"execute":"guest-info"}' | socat -t 2 - UNIX-CONNECT:%(agent)s
  several, typed by hand (socat; Ctrl-C ends it):
    socat READLINE UNIX-CONNECT:%(agent)s
  one request (nothing but Python):
    python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect("%(agent)s"); s.sendall(sys.argv[1].encode()+b"\\n"); print(s.makefile().readline())' '{"execute":"guest-ping"}'
  a root shell in the guest, on its console:
    socat STDIO,raw,echo=0,escape=0x1d UNIX-CONNECT:%(console)s      (Ctrl-] leaves)

Only one host at a time can hold a port. Ctrl-C here ends the machine.""" % {"agent": agent, "console": console}, flush=True)
    try:
        vm.process.wait()
        print("\nThe machine has ended.")
    except KeyboardInterrupt:
        print("\nEnding the machine.")


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="talk to picoqga in a virtual machine")
    parser.add_argument("--image", required=True, help="the initramfs to boot")
    parser.add_argument("--disk", action="append", default=[], help="a disk of the machine; may be repeated")
    parser.add_argument("--shell", action="store_true", help="leave the machine up and say how to talk to it")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)

    print("Looking whether KVM works here.", flush=True)
    accel = accelerator()
    print("Booting a guest that has nothing but picoqga, busybox and its kernel (QEMU, %s)." % accel.upper(), flush=True)
    vm = Vm(arguments.image, accel=accel, disks=arguments.disk, console_socket=arguments.shell, append="picoqga.shell" if arguments.shell else "")
    try:
        with vm:
            try:
                leave_up(vm) if arguments.shell else converse(vm)
            except (AgentTimeout, QmpTimeout):
                print("\nThe console of the guest says last:\n%s" % vm.last_lines())
                raise
    except KeyboardInterrupt:
        print("\nFAILED: interrupted")
        sys.exit(130)
    except (AssertionError, AgentTimeout, AgentClosed, QmpTimeout, VmError) as error:
        print("\nFAILED: %s" % error)
        sys.exit(1)
    print("\nThe agent answered everything as it should: success." if not arguments.shell else "")


if __name__ == "__main__":
    main()
