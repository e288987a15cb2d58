"""The machines these tests run in: the image they boot, and what tests do inside them through the shell port."""

import contextlib
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "host"))

import oracle  # noqa: E402  (the path above comes first)
import small_program  # noqa: E402
from report import Runner, Skip  # noqa: E402
from vm import DIRECTORY, Vm  # noqa: E402

# All files of this suite add their tests to it; run.py runs it.
runner = Runner("vm")
test = runner.test


class Options:
    """What run.py was told. `agent` is the binary under test, `image` the initramfs made with it."""

    agent = os.path.join(oracle.ROOT, "target", "x86_64-unknown-linux-musl", "release", "picoqga")
    image = None
    accel = "tcg"
    append = ""


def libraries(agent, *others):
    """What `--add` needs for a program that is not static, such as the real qemu-ga. `others` as in oracle.py."""
    def place(path):
        loader = os.path.basename(path).startswith("ld-linux")
        return path if loader else "/lib/x86_64-linux-gnu/" + os.path.basename(path)
    return ["%s:%s" % (path, place(path)) for path in oracle.libraries(agent, *others)]


def build_program(source, output):
    """A program of one file beside this one, for the guest."""
    small_program.build(os.path.join(HERE, source), output)


def build_image(agent, output, modules=(), additions=(), kernel="kernel"):
    """The initramfs of these tests: made with what users make theirs with. `modules` and `additions` (SRC:DST) go into one
    that not every test has to wait for. `kernel` is the directory of theirs under target/vm."""
    if not os.access(agent, os.X_OK):
        raise SystemExit("no agent at %s: build it, or name one with --agent" % agent)
    # Another process of these tests may want the same one: it is there when it is whole.
    work = "%s.%d" % (output, os.getpid())
    bridge = work + ".bridge"
    build_program("vsock_bridge.rs", bridge)
    command = [os.path.join(oracle.ROOT, "targets", "initramfs", "build"), "--agent", agent, "--output", work,
               "--busybox", os.path.join(DIRECTORY, "busybox"), "--modules", os.path.join(DIRECTORY, kernel, "modules"),
               "--module", "virtio_blk", "--module", "vsock_loopback", "--module", "virtio_net",
               "--module", "dummy", "--add", os.path.join(HERE, "guest") + ":/test",
               "--add", bridge + ":/bin/vsock-bridge"]
    for module in modules:
        command += ["--module", module]
    for addition in [*additions, *libraries(agent)]:
        command += ["--add", addition]
    subprocess.run(command, check=True)
    os.rename(work, output)


class Guest(Vm):
    """A machine with the tests' image and init, and what tests do in it."""

    def __init__(self, init="init", append="", image=None, **options):
        super().__init__(image or Options.image, init="/test/" + init, accel=Options.accel,
                         append="%s %s" % (append, Options.append), **options)

    def start_agent(self, options=""):
        """Starts the agent in the guest and returns its pid."""
        return int(self.shell.check(
            "rm -f /tmp/agent.log /tmp/agent.out; "
            "picoqga -l /tmp/agent.log -f /run/agent.pid %s </dev/null >/tmp/agent.out 2>&1 & echo $!" % options))

    def stop_agent(self, pid, timeout=5.0):
        """SIGTERM, and the exit status: None if it did not end in time, which kills it."""
        # The shell that started it is the one that can wait for it.
        output = self.shell.check(
            "kill -TERM %d; tries=%d; while kill -0 %d 2>/dev/null && [ $tries -gt 0 ]; do sleep 0.05; tries=$((tries-1)); done; "
            "if kill -0 %d 2>/dev/null; then kill -KILL %d; echo none; else wait %d; echo $?; fi"
            % (pid, timeout * 20, pid, pid, pid, pid))
        last = output.splitlines()[-1]
        return None if last == "none" else int(last)

    @contextlib.contextmanager
    def running_agent(self, options=""):
        """An agent for the time of a `with`; its pid. It must end with status 0 when told to."""
        pid = self.start_agent(options)
        try:
            yield pid
        except BaseException:
            self.shell.run("kill -KILL %d; echo; cat /tmp/agent.log /tmp/agent.out" % pid)
            raise
        status = self.stop_agent(pid)
        if status != 0:
            raise AssertionError("SIGTERM to the agent gave status %s; it said: %s" % (status, self.agent_said()))

    def agent_said(self):
        """What it logged and printed."""
        return self.shell.run("cat /tmp/agent.log /tmp/agent.out 2>/dev/null")[1].strip()

    def status(self, pid, field):
        """A number from /proc/PID/status; for counters the sum over the process's threads."""
        text = self.shell.check("cat /proc/%d/task/*/status" % pid)
        numbers = [int(number) for number in re.findall(r"^%s:\s*(\d+)" % field, text, re.M)]
        if not numbers:
            raise AssertionError("no %s in /proc/%d/status" % (field, pid))
        return sum(numbers) if field.endswith("switches") else numbers[0]

    def port_device(self, name):
        """The device of a virtio port, such as /dev/vport1p2."""
        return self.shell.check("for n in /sys/class/virtio-ports/*/name; do [ \"$(cat $n)\" = %s ] && "
                                "basename $(dirname $n); done; true" % name).strip().replace("vport", "/dev/vport")


@contextlib.contextmanager
def fresh():
    """A machine of one's own, whose agent port no host has ever opened."""
    with Guest() as guest:
        yield guest


class Shared:
    """One machine for many tests, booted when first asked for. After a failed test the next one gets a fresh machine."""

    def __init__(self, kind=Guest, **options):
        self.kind = kind
        self.options = options
        self.guest = None

    @contextlib.contextmanager
    def __call__(self):
        if self.guest is not None and self.guest.process.poll() is not None:
            self.close()
        if self.guest is None:
            self.guest = self.kind(**self.options).start()
        try:
            yield self.guest
        except Skip:
            raise
        except BaseException:
            self.close(failed=True)
            raise

    def close(self, failed=False):
        if self.guest is not None:
            self.guest.stop(failed)
            self.guest = None


# The machine of every test that does not change it for the next one.
plain = Shared()
