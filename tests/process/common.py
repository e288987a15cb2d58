"""What the files of this suite share: the runner, the agent under test, and what the kernel tells of a process."""

import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "host"))

import agents  # noqa: E402
from report import Runner  # noqa: E402

runner = Runner("process")
test = runner.test


class Tested:
    """The agent under test; process.py sets it before anything runs."""

    kind = None


def agent(*options, **more):
    """An agent over unix-listen, with more options."""
    return agents.Agent(Tested.kind, options=options, **more)


def surroundings(**more):
    """The environment of an agent that a test starts itself."""
    kept = {name: value for name, value in os.environ.items() if not agents.UNWANTED.match(name)}
    return {**kept, **more}


def end(process, number=signal.SIGTERM):
    """Sends the signal; the exit status, and how long it took."""
    began = time.monotonic()
    process.send_signal(number)
    return process.wait(5), time.monotonic() - began


def until(condition, what, timeout=5.0):
    """Waits until `condition()` is true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError("not within %g s: %s" % (timeout, what))
        time.sleep(0.02)


def ticks(pid):
    """The processor time the process has used, in ticks of the kernel's clock."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def switches(pid):
    with open("/proc/%d/status" % pid) as file:
        return int(next(line for line in file if line.startswith("voluntary_ctxt_switches")).split()[1])
