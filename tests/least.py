#!/usr/bin/env python3
"""Builds in which much is left out: what is left out is not there at all, says so where it is asked for, and the rest serves.

    tests/least.py --agent PATH --least PATH [WORDS]

    --agent   built with `--no-default-features --features linux,command-line,unix-listen`
    --least   built with `--no-default-features --features linux,power`: it takes no options, and serves the port that has the
              usual name. Here that is a terminal in a name space of its own; tests/vm has it in a virtual machine, where it
              also shuts down, which no test may ask for here.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import tty

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "host"))

import agents  # noqa: E402  (the path above comes first)
from client import request  # noqa: E402
from report import Runner, Skip, check, equal  # noqa: E402

runner = Runner("least")
test = runner.test

# What every build has.
COMMANDS = ["guest-info", "guest-ping", "guest-sync", "guest-sync-delimited"]
# One of each group that can be left out.
LEFT_OUT = ["guest-exec", "guest-file-open", "guest-fsfreeze-freeze", "guest-fstrim", "guest-get-disks", "guest-get-host-name",
            "guest-get-time", "guest-get-vcpus", "guest-network-get-interfaces", "guest-set-user-password", "guest-shutdown",
            "guest-ssh-get-authorized-keys", "guest-suspend-ram"]
# Options of what can be left out, in both spellings.
OPTIONS = {"config": ["-c", "/x"], "dump-conf": ["-D"], "daemonize": ["-d"], "pidfile": ["-f", "/x"], "logfile": ["-l", "/x"],
           "verbose": ["-v"], "fsfreeze-hook": ["-F"], "hook-timeout": ["--hook-timeout=1"],
           "freeze-timeout": ["--freeze-timeout", "1"], "shutdown-timeout": ["--shutdown-timeout=1"],
           "vsock-peer": ["--vsock-peer", "any"], "check": ["--check"]}
METHODS = ["isa-serial", "vsock-listen", "fd"]
PORT = "org.qemu.guest_agent.0"
# Puts $1, a terminal, in the place of the port: through $2, an empty file, because a new /dev covers the terminal.
PLACE = """set -e
mount --bind "$1" "$2"
mount -t tmpfs none /dev
mkdir /dev/virtio-ports
: >/dev/virtio-ports/%s
mount --bind "$2" /dev/virtio-ports/%s
exec "$3"
""" % (PORT, PORT)


class Tested:
    kind = None
    least = None


@test
def commands_left_out_are_not_found():
    with agents.Agent(Tested.kind) as running, running.connect() as client:
        listed = client.run("guest-info")["supported_commands"]
        equal(sorted(entry["name"] for entry in listed), COMMANDS, "guest-info")
        for name in LEFT_OUT:
            equal(client.call(name, {"nonsense": 1})["error"],
                  {"class": "CommandNotFound", "desc": "The command %s has not been found" % name}, name)
        client.sync()


@test
def nothing_else_tells_of_them():
    names = subprocess.run([Tested.kind.path, "-b", "help"], capture_output=True, check=True, text=True).stdout.split()
    equal(sorted(names), COMMANDS, "-b help")
    told = subprocess.run([Tested.kind.path, "--help"], capture_output=True, check=True, text=True).stdout
    for name in OPTIONS:
        check("--" + name not in told, "--help tells of --%s: %s" % (name, told))


@test
def options_left_out_are_refused():
    for name, words in OPTIONS.items():
        refused(Tested.kind.path, words, "option '--%s' was left out when this agent was built" % name)
    for name in METHODS:
        refused(Tested.kind.path, ["-m", name, "-p", "/x"], "channel method '%s' was left out when this agent was built" % name)
    # What never was is told from that.
    done = subprocess.run([Tested.kind.path, "--nonsense"], capture_output=True, check=False, text=True)
    check("unrecognized option '--nonsense'" in done.stderr, done.stderr)


@test
def a_request_that_does_not_fit_is_refused_and_the_next_one_served():
    with agents.Agent(Tested.kind) as running, running.connect() as client:
        reply = client.call("guest-ping", {"buf-b64": "QUJD" * 100_000})
        check("98304" in reply["error"]["desc"], reply)
        client.sync()


@test
def the_least_build_takes_no_options():
    for words in (["-V"], ["-p", "/x"], ["--help"], ["x"]):
        refused(Tested.least, words, "the command line was left out when this agent was built")


@test
def the_least_build_serves_its_port():
    with port() as line:
        equal(line.call("guest-sync", {"id": 7}), {"return": 7}, "guest-sync")
        line.send(request("guest-sync-delimited", {"id": 8}))
        equal(line.read(), b"\xff{\"return\": 8}\n", "guest-sync-delimited")
        equal(line.call("guest-ping"), {"return": {}}, "guest-ping")
        listed = line.call("guest-info")["return"]["supported_commands"]
        equal([entry["name"] for entry in listed], sorted([*COMMANDS, "guest-shutdown"]), "guest-info")
        equal([entry["name"] for entry in listed if not entry["success-response"]], ["guest-shutdown"], "without an answer")
        check("has not been found" in line.call("guest-exec", {"path": "/x"})["error"]["desc"], "guest-exec is not there")
        line.send(b"{]\n")
        check("JSON parse error" in json.loads(line.read())["error"]["desc"], "what is no JSON is told")
        equal(line.call("guest-ping"), {"return": {}}, "guest-ping after it")


def refused(path, words, text):
    """It must not start with these words, and say why."""
    done = subprocess.run([path, *words], capture_output=True, check=False, text=True, timeout=5)
    equal((done.returncode, done.stdout), (1, ""), "status and output of %s" % words)
    check(text in done.stderr, "%s says %r" % (words, done.stderr))


class Line:
    """The host's end of a terminal that the agent takes for its port."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def send(self, data):
        os.write(self.descriptor, data)

    def read(self, timeout=10.0):
        """What comes, up to the end of a line."""
        received = b""
        deadline = time.monotonic() + timeout
        while not received.endswith(b"\n"):
            if not select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError("nothing but %r came within %g s" % (received, timeout))
            received += os.read(self.descriptor, 65536)
        return received

    def call(self, name, arguments=None):
        self.send(request(name, arguments))
        return json.loads(self.read())


@contextlib.contextmanager
def port():
    """The least build over a terminal that is where the port would be; it must end with status 0 when told to."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with tempfile.TemporaryDirectory(prefix="least-") as directory:
        place = os.path.join(directory, "port")
        with open(place, "w"):
            pass
        cage = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
        if subprocess.run([*cage, "true"], capture_output=True, check=False).returncode != 0:
            raise Skip("no name space for mounts may be made here")
        process = subprocess.Popen([*cage, "sh", "-c", PLACE, "sh", os.ttyname(theirs), place, Tested.least],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            yield Line(ours)
            process.terminate()
            said = process.communicate(timeout=5)[0]
            equal((process.returncode, said), (0, b""), "status and output after SIGTERM")
        finally:
            if process.poll() is None:
                process.kill()
                print(process.communicate()[0].decode(), file=sys.stderr)
            os.close(ours)
            os.close(theirs)


def take(words, name):
    """Takes an option with its value out of the words."""
    index = words.index(name)
    value = words[index + 1]
    del words[index:index + 2]
    return os.path.abspath(value)


if __name__ == "__main__":
    words = sys.argv[1:]
    Tested.kind = agents.picoqga(take(words, "--agent"))
    Tested.least = take(words, "--least")
    sys.argv[1:] = words
    runner.main()
