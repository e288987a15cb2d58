"""guest-set-time and guest-get-timezone, seen from outside: the guest's own clock through its shell, and QEMU's event when the
hardware clock is set."""

import base64
import contextlib
import struct
import time

from guest import Guest, test
from report import check, equal

SECOND = 10 ** 9


@contextlib.contextmanager
def clocks():
    with Guest() as guest:
        yield guest


def now(vm):
    return int(vm.shell.check("date +%s"))


def near(got, wanted, what):
    check(wanted <= got <= wanted + 5, "%s: %d, not %d to %d" % (what, got, wanted, wanted + 5))


def since_epoch(vm):
    """The hardware clock, as the kernel shows it."""
    return int(vm.shell.check("cat /sys/class/rtc/rtc0/since_epoch"))


@test(group="clock", fixture=clocks)
def set_time(vm):
    check(vm.shell.run("ls /sbin/hwclock")[0] != 0, "this guest is meant to have no hwclock")
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        for wanted in (1700000000, 951782399, 86400, 3155759990):
            vm.qmp.poll(0)
            equal(agent.call("guest-set-time", {"time": wanted * SECOND + 5}), {"return": {}}, "guest-set-time")
            near(now(vm), wanted, "the guest's clock")
            vm.qmp.wait_event("RTC_CHANGE", 10)
            near(since_epoch(vm), wanted, "the hardware clock")

        vm.shell.check("date -s @1234567890")
        hardware = since_epoch(vm)
        equal(agent.call("guest-set-time"), {"return": {}}, "guest-set-time from the hardware clock")
        near(now(vm), hardware, "the guest's clock, from the hardware clock")

        before = now(vm)
        for wrong in (-1, -(2 ** 63), 3155760000 * SECOND, 2 ** 63 - 1):
            reply = agent.call("guest-set-time", {"time": wrong})
            equal(reply["error"]["desc"], "Invalid time", "guest-set-time %d" % wrong)
        near(now(vm), before, "the guest's clock after times out of range")

        # The kernel's own time of the guest goes on from what it was set to.
        reply = agent.run("guest-get-time")
        check(abs(reply - now(vm) * SECOND) < 5 * SECOND, "guest-get-time gives %d" % reply)


@test(group="clock", fixture=clocks)
def without_a_hardware_clock(vm):
    # Twice: a driver that is gone, and then a kernel that has the device but no node for it.
    vm.shell.check("rm /dev/rtc*")
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        agent.run("guest-set-time", {"time": 1700000000 * SECOND})
        near(now(vm), 1700000000, "the guest's clock")
        near(since_epoch(vm), 1700000000, "the hardware clock, through a node of the agent's own")
        vm.shell.check("cd /sys/bus/pnp/drivers/rtc_cmos && for d in *:*; do echo $d >unbind; done; ! [ -e /sys/class/rtc/rtc0 ]")
        equal(agent.call("guest-set-time", {"time": 1600000000 * SECOND}), {"return": {}}, "guest-set-time without a clock")
        near(now(vm), 1600000000, "the guest's clock")
        reply = agent.call("guest-set-time")
        equal(reply["error"]["desc"], "no hardware clock to take the time from: no /dev/rtc0", "the error")
        near(now(vm), 1600000000, "the guest's clock")


@test(group="clock", fixture=clocks)
def a_hardware_clock_that_keeps_local_time(vm):
    """As the kernel was told with `hwclock --systz`: here it is 5:45 hours ahead of UTC."""
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.shell.check("TZ=XXX-5:45 busybox hwclock --systz --localtime")
        agent.run("guest-set-time", {"time": 1700000000 * SECOND})
        near(now(vm), 1700000000, "the guest's clock")
        near(since_epoch(vm), 1700000000 + 20700, "the hardware clock, in local time")
        vm.shell.check("date -s @1234567890")
        hardware = since_epoch(vm)
        agent.run("guest-set-time")
        near(now(vm), hardware - 20700, "the guest's clock, from the hardware clock")


@test(group="clock", fixture=clocks)
def a_time_that_is_none(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        before = time.monotonic(), now(vm)
        for wrong in ('"1"', "1.5", "null", "1700000000000000000000"):
            agent.send(b'{"execute":"guest-set-time","arguments":{"time":%s}}\n' % wrong.encode())
            line = agent.read_line()
            check(b"Invalid parameter type for 'time', expected: integer" in line, line)
        passed = int(time.monotonic() - before[0])
        check(abs(now(vm) - before[1] - passed) <= 2, "the clock was touched")


def zone_file(rule):
    """A time zone file as small as they come: no transitions, one type, and a rule."""
    header = b"TZif2" + bytes(15) + struct.pack(">6I", 0, 0, 0, 0, 1, 4)
    data = struct.pack(">iBB", 0, 0, 0) + b"LMT\0"
    return header + data + header + data + b"\n" + rule + b"\n"


@test(group="clock", fixture=clocks)
def timezone(vm):
    check(vm.shell.run("ls /etc/localtime /usr/share/zoneinfo")[0] != 0, "this guest is meant to have no time zones")
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-get-timezone"), {"zone": "UTC", "offset": 0}, "without /etc/localtime")
        vm.shell.check("mkdir -p /etc")
        # A plain file, which qemu-ga takes for UTC.
        for content, wanted in ((zone_file(b"XYZ-5:45"), {"zone": "XYZ", "offset": 20700}),
                                (zone_file(b""), {"zone": "LMT", "offset": 0}),
                                (zone_file(b"XYZ-5:45")[:60], "Invalid argument"),
                                # Longer than what is read at once: its rule could be cut.
                                (zone_file(b"XYZ-5:45") + b"x" * 200_000, "File too large")):
            handle = agent.run("guest-file-open", {"path": "/etc/localtime", "mode": "w"})
            agent.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(content).decode()})
            agent.run("guest-file-close", {"handle": handle})
            reply = agent.call("guest-get-timezone")
            if isinstance(wanted, dict):
                equal(reply, {"return": wanted}, "with %r" % content[-12:])
            else:
                equal(reply["error"]["desc"], "Couldn't retrieve local timezone: " + wanted, "with %d bytes" % len(content))
