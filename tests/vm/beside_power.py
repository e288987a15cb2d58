"""Sleep and the end of a guest, by the real qemu-ga and by picoqga: in a guest that has nothing but /sys/power, in one with
pm-utils, and in one with /sbin/shutdown.
"""

import contextlib
import json

import suspend
from beside import Beside, differ
from client import AgentClosed, request
from guest import test
from report import check, equal
from roots import unpacked
from seen import seen

# The package has links here, which are not followed from outside of the guest.
LINKS = "mkdir -p /usr/sbin; for name in suspend hibernate suspend-hybrid; do " \
    "ln -s /usr/lib/pm-utils/bin/pm-action /usr/sbin/pm-$name; done; "
# Notes what it is told, and forbids the sleep if it is to.
HOOK = """mkdir -p /etc/pm/sleep.d; printf '#!/bin/sh\\necho "$1 $2" >>/tmp/told\\n[ "$1" != "$(cat /tmp/forbidden)" ]\\n' \
>/etc/pm/sleep.d/50note; chmod +x /etc/pm/sleep.d/50note; echo nothing >/tmp/forbidden; """
# What pm-utils wants beside busybox: a directory for its log, no bash for hooks of graphics cards, and a lock, which nobody else
# asks for here.
WANTED = """mkdir -p /var/log /etc/pm/config.d; echo 'HOOK_BLACKLIST="98video-quirk-db-handler 99video"' >/etc/pm/config.d/here
printf '#!/bin/sh\\n' >/bin/flock; chmod +x /bin/flock"""


@contextlib.contextmanager
def fresh():
    with Beside(append=suspend.APPEND) as vm:
        yield vm


@contextlib.contextmanager
def with_pm_utils():
    package = unpacked("pm-utils")
    names = ("usr/lib/pm-utils", "usr/bin/pm-is-supported")
    with Beside(append=suspend.APPEND, additions=["%s/%s:/%s" % (package, name, name) for name in names]) as vm:
        vm.shell.check(LINKS + HOOK + WANTED)
        # qemu-ga goes by its PATH.
        vm.shell.check("ln -s /usr/bin/pm-* /usr/sbin/pm-* /bin")
        yield vm


def said_at_the_end(agent):
    """What is said to what was sent last."""
    try:
        return agent.read_quiet(0.5)
    except AgentClosed as closed:
        return closed.received


def told(vm, lines):
    """What the hook was told, once that many lines are there."""
    return vm.shell.check("for try in $(seq 100); do [ $(cat /tmp/told 2>/dev/null | wc -l) -lt %d ] || break; sleep 0.1; done; "
                          "cat /tmp/told; rm /tmp/told" % lines, timeout=60).splitlines()


@test(group="beside", fixture=fresh)
def sleep_without_helpers(vm):
    real = vm.real.call("guest-suspend-ram")
    check("'/sys/power/state'" in real["error"]["desc"], "qemu-ga without systemd and pm-utils: %s" % real)
    suspend.fall_asleep(vm, vm.ours, "guest-suspend-ram", "SUSPEND")
    suspend.wake_up(vm, vm.ours)
    differ("suspend-no-helper", real, None)
    real, ours = vm.each("guest-suspend-disk")
    check("'/sys/power/state'" in real["error"]["desc"], "qemu-ga without swap space: %s" % real)
    text = "Command guest-suspend-disk has been disabled: no swap space on a disk"
    equal(ours["error"], {"class": "CommandNotFound", "desc": text}, "without swap space")
    differ("command-that-can-not-work", real, ours)
    # As if systemd ran there, and had it forbidden.
    vm.shell.check("mkdir -p /run/systemd/system; printf '#!/bin/sh\\nexit 1\\n' >/bin/systemctl; chmod +x /bin/systemctl")
    real, ours = vm.each("guest-suspend-ram")
    check("'/sys/power/state'" in real["error"]["desc"], "qemu-ga, which then tries it itself: %s" % real)
    text = "the helper program 'systemctl suspend' returned an unexpected exit status code (1)"
    equal(ours["error"], {"class": "GenericError", "desc": text}, "forbidden by systemd")
    differ("suspend-refused", real, ours)


@test(group="beside", fixture=with_pm_utils)
def sleep_by_way_of_pm_utils(vm):
    # Ours first: a second sleep of the same machine ends at once under this QEMU, whoever asks for it.
    suspend.fall_asleep(vm, vm.ours, "guest-suspend-ram", "SUSPEND")
    suspend.wake_up(vm, vm.ours)
    ours = told(vm, 2)
    equal(ours, ["suspend suspend", "resume suspend"], "what the hook was told")
    vm.real.send(request("guest-suspend-ram") + request("guest-sync", {"id": 3}))
    equal(json.loads(vm.real.read_line(60)), {"return": 3}, "qemu-ga's first reply, to what came after the sleep")
    equal(told(vm, 2), ours, "what qemu-ga had the hook told")
    seen("guest-suspend-ram", "the hooks of pm-utils run before it and after it")
    vm.shell.check("echo suspend >/tmp/forbidden")
    text = "the helper program 'pm-suspend' returned an unexpected exit status code (1)"
    suspend.refused(vm, vm.ours, "guest-suspend-ram", text)
    equal(told(vm, 1), ["suspend suspend"], "what the hook was told that forbids it")


@test(group="beside")
def shutdown_where_there_is_a_program_for_it():
    """Each ends a machine of its own, because there is nothing after that; the host sees the same."""
    seen_of = []
    for name in ("real", "ours"):
        with Beside() as vm:
            vm.shell.check("printf '#!/bin/sh\\necho \"$@\" >>/tmp/told\\n' >/sbin/shutdown; chmod +x /sbin/shutdown")
            agent = getattr(vm, name)
            if name == "real":
                for mode in ("halt", "reboot"):
                    agent.send(request("guest-shutdown", {"mode": mode}))
                equal(agent.call("guest-ping"), {"return": {}}, "qemu-ga's first reply, to what came after the shutdowns")
                equal([line.split()[0:2] for line in told(vm, 2)], [["-h", "-H"], ["-h", "-r"]], "what /sbin/shutdown was told")
                vm.shell.check("echo 'busybox poweroff -f' >>/sbin/shutdown")
            vm.qmp.poll(0)
            agent.send(request("guest-shutdown"))
            event = vm.qmp.wait_event("SHUTDOWN", 30)
            seen_of.append((event["data"], vm.wait_exit(), said_at_the_end(agent)))
    real, ours = seen_of
    equal(ours, real, "what the host sees of guest-shutdown: QEMU's event and exit status, and what is replied")
    seen("guest-shutdown", "QEMU says the same of both")
