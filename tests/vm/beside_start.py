"""How the real qemu-ga and picoqga go into the background of a guest that has next to nothing, and what they write there."""

import contextlib

from beside import REAL_PORT, Beside, differ
from guest import test
from report import check, equal


@contextlib.contextmanager
def stopped():
    """A machine of both, in which neither runs."""
    with Beside() as vm:
        stop(vm)
        yield vm


def stop(vm):
    vm.shell.check("killall qemu-ga picoqga; while pidof qemu-ga picoqga; do sleep 0.1; done")


def start(vm, options=""):
    """Starts both in the background. Whether each is still there a second later, the real one first."""
    vm.shell.check("qemu-ga -d -p %s -t /tmp/real %s" % (vm.port_device(REAL_PORT), options % {"name": "real"}))
    vm.shell.check("picoqga -d %s" % options % {"name": "ours"})
    vm.rest(1)
    there = [vm.shell.run("pidof %s" % name)[0] == 0 for name in ("qemu-ga", "picoqga")]
    for line, is_there in zip((vm.real, vm.ours), there):
        if is_there:
            line.sync()
    return there


@test(group="beside", fixture=stopped)
def messages_of_the_background(vm):
    equal(start(vm, "-v -f /tmp/%(name)s.pid"), [True, True], "both run")

    def written(log):
        """The lines of each, without what is different at each start."""
        pids = [vm.shell.check("cat /tmp/%s.pid" % name) for name in ("real", "ours")]
        lines = vm.shell.check(log).splitlines()
        return [[line.split("]: ")[-1] for line in lines if "[%s]: " % pid in line] for pid in pids]

    for line in (vm.real, vm.ours):
        line.call("guest-ping")
    real, ours = written("dmesg")
    equal(real, [], "what qemu-ga wrote anywhere")
    check("info: guest-ping called" in ours, "in the kernel's log: %s" % ours)
    differ("background-log", real, ours)

    stop(vm)
    vm.shell.check("syslogd -O /tmp/messages; while ! [ -S /dev/log ]; do sleep 0.1; done")
    start(vm, "-f /tmp/%(name)s.pid")
    for line in (vm.real, vm.ours):
        line.call("guest-file-open", {"path": "/no/such/secret"})
    vm.rest(1)
    # qemu-ga does not tell its number.
    lines = vm.shell.check("grep guest-file-open /tmp/messages").splitlines()
    real = [line for line in lines if "picoqga" not in line]
    ours = [line for line in lines if "picoqga" in line]
    equal((len(real), len(ours)), (1, 1), "lines of each: %s" % lines)
    check("info: guest-file-open called" in ours[0], ours[0])
    differ("log-names-only", "secret" in real[0], "secret" in ours[0])


@test(group="beside", fixture=stopped)
def no_place_for_a_pid_file(vm):
    vm.shell.check("rm /var/run")
    real, ours = start(vm)
    equal((real, ours), (False, True), "which of both runs")
    differ("pid-file-not-needed", real, ours)
    equal(vm.ours.call("guest-ping"), {"return": {}}, "guest-ping")
