"""picoqga under the init systems of distributions, each booted as process 1 from its Debian package: started there, started again
after it was killed, and guest-shutdown by way of the init, in its own manner and in its time.
"""

import contextlib
import os
import subprocess
import tempfile
import time

import init_roots
import roots
import shutdown
import suspend
from appliance import shell
from client import request
from guest import Guest, test
from hotplug import plug, unplug
from report import check, equal
from seen import seen
from vm import DIRECTORY

LOG = "/var/log/picoqga.log"


@contextlib.contextmanager
def booted(recipe, init, package):
    """A machine with that program as process 1, on a disk of its own, which is yielded as well. It ends instead of a reboot."""
    made = roots.make(recipe, package)
    with tempfile.TemporaryDirectory(prefix="root-", dir=DIRECTORY) as directory:
        disk = os.path.join(directory, "root.img")
        subprocess.run(["cp", "--sparse=always", made, disk], check=True)
        with Guest("on-disk", append="systemd.show_status=1 no_console_suspend test.init=" + init, disks=[disk],
                   devices=["-no-reboot"]) as vm:
            yield vm, disk


def pid_of_agent(vm):
    """Waits for it to be there."""
    with vm.agent(timeout=180) as agent:
        agent.sync(timeout=180)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
        return int(shell(agent, "echo $PPID")[1])


def starts_again(vm, by_hand):
    """Kills the agent, which the init notices; `by_hand` is a command where it does not."""
    before = pid_of_agent(vm)
    with vm.agent() as agent:
        agent.sync()
        agent.run("guest-exec", {"path": "/bin/sh", "arg": ["-c", "kill -KILL %d; %s" % (before, by_hand)]})
    time.sleep(0.5)
    after = pid_of_agent(vm)
    check(after != before, "it has still pid %d" % after)
    with vm.agent() as agent:
        agent.sync()
        there = shell(agent, "cat /proc/[0-9]*/comm | grep -c picoqga")[1]
        equal(there, "1\n", "agents that run")


def ends(vm, disk, mode, name, said):
    """guest-shutdown by way of the init: `said` is what it says on the console, `name` what the agent calls it. The disk must be
    clean then, with what was written to it last."""
    ended(vm, disk, mode, name, said, shutdown.ask(vm, mode, "/last"))
    shutdown.check_clean(disk)


def ended(vm, disk, mode, name, said, began):
    if mode == "halt":
        took = shutdown.halted(vm) - began
    else:
        reason = vm.qmp.wait_event("SHUTDOWN", 60)["data"]["reason"]
        took = time.monotonic() - began
        equal(reason, {"powerdown": "guest-shutdown", "reboot": "guest-reset"}[mode], "QEMU's reason")
        equal(vm.wait_exit(), 0, "QEMU's exit status")
    check(took < 60, "it took %.1f s" % took)
    check(said in vm.text(), "the console does not say %r; it ends:\n%s" % (said, vm.last_lines()))
    log = shutdown.tool("debugfs", "-R", "cat " + LOG, disk).stdout.decode()
    check(log.rstrip().endswith("shutdown: asked " + name), "the log on the disk: %s" % log)


def declare(recipe, init, name, said, package=None, by_hand="true"):
    """A test of each way to end of `said`, by what is said of it; the first one sees the service started again as well."""
    for mode, words in said.items():
        @test(group="inits", name="%s_%s" % (recipe.__name__, mode))
        def of_one_init(mode=mode, words=words):
            with booted(recipe, init, package or recipe.__name__) as (vm, disk):
                if mode == "powerdown":
                    starts_again(vm, by_hand)
                else:
                    pid_of_agent(vm)
                ends(vm, disk, mode, name, words)
            seen("guest-shutdown", "by way of %s" % name)


declare(init_roots.sysvinit, "/sbin/init", "sysvinit",
        {"powerdown": "Will now halt.", "halt": "Will now halt.", "reboot": "Will now restart."},
        by_hand="/etc/init.d/picoqga start")
# It knows no halt that leaves the power on: the agent does that itself.
declare(init_roots.runit, "/lib/runit/runit-init", "runit", {"powerdown": "the last of runit", "reboot": "the last of runit"})
declare(init_roots.s6, "/sbin/init", "s6-svscan",
        {"powerdown": "s6: poweroff", "halt": "s6: halt", "reboot": "s6: reboot"})
declare(init_roots.openrc, "/sbin/openrc-init", "openrc-init",
        {"powerdown": 'Received "poweroff"', "halt": 'Received "halt"', "reboot": 'Received "reboot"'})


SYSTEMD = "/lib/systemd/systemd"
SLEPT = "/var/log/slept"
REFUSED = "the helper program 'systemctl %s' returned an unexpected exit status code (1)"


def sleeps_and_wakes(vm):
    """guest-suspend-ram by way of systemd, which runs its hooks; they are seen in the guest."""
    with vm.agent() as agent:
        agent.sync()
        suspend.fall_asleep(vm, agent, "guest-suspend-ram", "SUSPEND")
        suspend.wake_up(vm, agent)
        slept = "for try in $(seq 50); do grep -q post %s && break; sleep 0.1; done; cat %s" % (SLEPT, SLEPT)
        equal(shell(agent, slept)[1].splitlines(), ["pre suspend", "post suspend"], "what systemd's hooks were told")
    seen("guest-suspend-ram", "systemd's hooks run, QEMU says SUSPEND, then WAKEUP")


@test(group="systemd")
def with_logind():
    with booted(init_roots.systemd_with_logind, SYSTEMD, "systemd") as (vm, disk):
        starts_again(vm, "true")
        before = pid_of_agent(vm)
        unplug(vm)
        time.sleep(1)
        plug(vm)
        check(pid_of_agent(vm) != before, "the service was not stopped when the port went")
        with vm.agent() as agent:
            agent.sync()
            shell(agent, "systemctl start systemd-logind")
            shell(agent, "printf '[Sleep]\\nAllowSuspend=no\\n' >/etc/systemd/sleep.conf")
            suspend.refused(vm, agent, "guest-suspend-ram", REFUSED % "suspend")
            shell(agent, "rm /etc/systemd/sleep.conf")
            # There is no swap space.
            suspend.refused(vm, agent, "guest-suspend-disk", REFUSED % "hibernate")
            suspend.refused(vm, agent, "guest-suspend-hybrid", REFUSED % "hybrid-sleep")
        sleeps_and_wakes(vm)
        ends(vm, disk, "reboot", "systemd", "System Reboot")


@test(group="systemd")
def without_logind():
    with booted(init_roots.systemd, SYSTEMD, "systemd") as (vm, disk):
        with vm.agent(timeout=180) as agent:
            agent.sync(timeout=180)
            shell(agent, "ln -s /dev/null /etc/systemd/system/suspend.target; systemctl daemon-reload")
            suspend.refused(vm, agent, "guest-suspend-ram", REFUSED % "suspend")
            shell(agent, "rm /etc/systemd/system/suspend.target; systemctl daemon-reload")
        sleeps_and_wakes(vm)
        ends(vm, disk, "halt", "systemd", "System Halt")


@test(group="systemd")
def with_the_hardened_service():
    with booted(init_roots.hardened_systemd, SYSTEMD, "systemd") as (vm, disk):
        with vm.agent(timeout=180) as agent:
            agent.sync(timeout=180)
            equal(agent.call("guest-exec", {"path": "/bin/true"})["error"]["class"], "CommandNotFound", "guest-exec")
            agent.send(request("guest-shutdown"))
        # Not in a machine that has slept: there the kernel panics at the end of it, whoever asks.
        ended(vm, disk, "powerdown", "systemd", "System Power Off", time.monotonic())
