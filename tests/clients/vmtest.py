"""vmtest, on the crate qapi: tests a kernel in a machine that has just been started, so the agent may not be there yet.

It connects, sends a guest-sync with a number up to 9999, waits five seconds for its answer, and else begins anew a second later.
"""

import random
import time

from client import AgentClient, AgentClosed, AgentTimeout
from report import check, equal
from suite import Suite, compact, decode, parse

READ_TIMEOUT = 5.0
PAUSE = 1.0

subject = Suite("vmtest")


class Qga:
    """The crate's client: `arguments` is always there, an unknown reply is an error, nothing is skipped."""

    def __init__(self, path):
        self.line = AgentClient(path, READ_TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def execute(self, name, **arguments):
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.line.send(compact({"execute": name, "arguments": arguments}) + b"\n")
        reply = parse(self.line.read_line(READ_TIMEOUT), name)
        check(set(reply) == {"return"}, "%s answered %r" % (name, reply))
        return reply["return"]

    def guest_sync(self):
        number = random.randrange(1, 10_000)
        equal(self.execute("guest-sync", id=number), number, "guest-sync handshake")


def connect(path, seconds=120):
    """A client in sync, and how many attempts it took."""
    deadline = time.monotonic() + seconds
    attempts = 0
    while True:
        attempts += 1
        try:
            qga = Qga(path)
            try:
                qga.guest_sync()
                return qga, attempts
            except BaseException:
                qga.line.close()
                raise
        except (AgentTimeout, AgentClosed, AssertionError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE)


def run_command(qga, command, *arguments):
    """The exit code and the two outputs, polled for."""
    pid = qga.execute("guest-exec", path=command, arg=list(arguments), capture_output=True)["pid"]
    while True:
        status = qga.execute("guest-exec-status", pid=pid)
        if status["exited"]:
            return status.get("exitcode"), decode(status.get("out-data", "")), decode(status.get("err-data", ""))
        time.sleep(0.05)


@subject.scenario("guest-sync")
def the_first_sync_after_each_reconnect(place):
    for _ in range(5):
        qga, attempts = connect(place.socket)
        with qga:
            equal(attempts, 1, "attempts")


@subject.scenario("guest-sync", local=True)
def the_first_sync_after_one_who_left_in_the_middle(place):
    """qemu-ga completes the half request with what comes next (`hang-up-drops-half`): it takes a second attempt there."""
    for half in (b'{"execute":"guest-sync","argume', b'{"execute":"guest-ping"', b'{"execute":"guest-sync","arguments":{"id":1'):
        with AgentClient(place.socket) as line:
            line.send(half)
        if place.side == "ours":
            qga, attempts = connect(place.socket)
            with qga:
                equal(attempts, 1, "attempts after %r" % half)


@subject.scenario("guest-exec", "guest-exec-status")
def a_command_is_run(place):
    with connect(place.socket)[0] as qga:
        equal(run_command(qga, "/bin/sh", "-c", "echo out; echo err >&2; exit 7"), (7, b"out\n", b"err\n"), "what it gave")
