"""Starting and stopping agents on this machine: the real qemu-ga and picoqga, over unix-listen, each in directories of its own.

Never send such an agent a request that changes the machine's state: it would shut down, freeze or re-time the very machine
the tests run on. `AgentClient` does not hold you back.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import oracle
from client import AgentClient, AgentTimeout

PICOQGA = os.path.join(oracle.ROOT, "target", "x86_64-unknown-linux-musl", "release", "picoqga")

# What the tests' own surroundings must not decide.
UNWANTED = re.compile(r"^(QGA_|LISTEN_|LD_LIBRARY_PATH$|TZ$)")


# The user and group that own nothing.
NOBODY = 65534
# With its parent. `unshare --kill-child` asks for that too, but changing the user undoes it.
DIE = ("--pdeathsig", "KILL")


class Kind:
    """A program that is an agent: `name` for people, `path`, and what its environment must hold."""

    def __init__(self, name, path, environment=None, exit_must_be_zero=True, cage=()):
        self.name = name
        self.path = path
        self.environment = environment or {}
        self.exit_must_be_zero = exit_must_be_zero
        self.cage = list(cage)


def real():
    return Kind("qemu-ga", oracle.binary(), oracle.environment(), exit_must_be_zero=False)


def picoqga(path=None):
    path = os.path.abspath(path or PICOQGA)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError("no agent at %s: build it (cargo build --release) or name one with --agent" % path)
    return Kind("picoqga", path)


def built(path=None):
    """The agent at `path`; without one the release binary, as the source is now: what is measured must not be an older one."""
    if path is None:
        subprocess.run(["cargo", "build", "--quiet", "--release", "--target", "x86_64-unknown-linux-musl"], cwd=oracle.ROOT, check=True)
    return picoqga(path)


def caged(kind):
    """The same agent where it can not harm this machine, for requests that a faulty agent might take for an order to shut down.

    It has no privilege, and a process id space of its own: it sees no other process to end, and may neither reboot nor remount.
    """
    for tool in ("unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise FileNotFoundError("%s is needed to keep an agent from shutting this machine down (package util-linux)" % tool)
    if os.geteuid() == 0:
        cage = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--", "setpriv", "--reuid=%d" % NOBODY,
                "--regid=%d" % NOBODY,
                "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", *DIE, "--"]
    else:
        cage = ["unshare", "--user", "--pid", "--fork", "--kill-child=KILL", "--", "setpriv", "--no-new-privs", *DIE, "--"]
    return Kind(kind.name, kind.path, kind.environment, exit_must_be_zero=False, cage=cage)


class Agent:
    """A running agent. Use as a context manager, or call `stop`.

    `directory` holds its socket, its state and the log of its stderr; `cwd` is where its relative paths begin.
    `directory` given is the caller's; else one is made, and removed at the end.
    """

    def __init__(self, kind, env=None, cwd=None, umask=0o022, options=(), directory=None):
        self.kind = kind
        self.stopped = False
        self.temporary = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="agent-")
        self.socket = os.path.join(self.directory, "agent.sock")
        self.state = os.path.join(self.directory, "state")
        self.log = os.path.join(self.directory, "log")
        os.makedirs(self.state, exist_ok=True)
        if kind.cage and os.geteuid() == 0:
            for path in (self.directory, self.state):
                os.chown(path, NOBODY, NOBODY)
        surroundings = {name: value for name, value in os.environ.items() if not UNWANTED.match(name)}
        surroundings.update(kind.environment)
        surroundings.update(env or {})
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*kind.cage, kind.path, "-m", "unix-listen", "-p", self.socket, "-t", self.state, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd or self.directory, env=surroundings,
                # A shell's umask must not decide what a test of file modes sees. In the child: Python has no thread here.
                preexec_fn=lambda: os.umask(umask))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            # The first failure is the one to report.
            self.kill()

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def output(self):
        with open(self.log, errors="replace") as log:
            return log.read().strip()

    def connect(self, timeout=10.0):
        """A client of this agent, as soon as it listens."""
        deadline = time.monotonic() + timeout
        while True:
            if not self.running():
                raise AssertionError("%s ended with status %d: %s" % (self.kind.name, self.process.returncode, self.output()))
            try:
                client = AgentClient(self.socket, timeout=min(0.5, timeout))
                client.timeout = timeout
                return client
            except AgentTimeout:
                if time.monotonic() >= deadline:
                    raise

    def stop(self, timeout=5.0):
        """SIGTERM, and the exit status it must have. An agent that does not end is killed, and that is a failure.

        Not so for the real one: a SIGTERM that comes just before it begins to wait is lost on it.
        """
        if self.stopped:
            return
        if not self.kind.exit_must_be_zero:
            self.kill()
            return
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("%s was still running %g s after SIGTERM" % (self.kind.name, timeout)) from None
        said = self.output()
        self.remove()
        if status != 0 and self.kind.exit_must_be_zero:
            raise AssertionError("%s ended with status %d: %s" % (self.kind.name, status, said))

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()
        self.remove()

    def remove(self):
        self.stopped = True
        if self.temporary:
            shutil.rmtree(self.directory, ignore_errors=True)


def machine(ours):
    """A line that says on what was measured, and what."""
    with open("/proc/cpuinfo") as text:
        model = re.search(r"^model name\s*:\s*(.*)", text.read(), re.M)
    version = subprocess.run([ours.path, "-V"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    return "Machine: %s, %d cores, Linux %s, load %.1f at the start. qemu-ga %s; picoqga says `%s`." % (
        model.group(1) if model else "CPU of no name", os.cpu_count(), os.uname().release, os.getloadavg()[0],
        oracle.version(), version)
