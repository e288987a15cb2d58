"""What the guest counts, and its routes: the effect of what is done in the guest, beside the real qemu-ga, and without /proc."""

import contextlib
import os
import tempfile
import time

import cpus_memory
from beside import Beside, differ
from guest import test
from report import check, equal
from seen import seen
from vm import DIRECTORY

MIB = 1 << 20
SECTOR = 512
WHOLE = 1 << 32


@contextlib.contextmanager
def with_disk():
    with tempfile.TemporaryDirectory(prefix="disk-", dir=DIRECTORY) as directory:
        disk = os.path.join(directory, "disk.img")
        with open(disk, "wb") as file:
            file.truncate(16 * MIB)
        with Beside(disks=[disk]) as vm:
            yield vm


@contextlib.contextmanager
def without_ipv6():
    with Beside(append="ipv6.disable=1") as vm:
        yield vm


def vda(vm):
    return next(disk for disk in vm.alike("guest-get-diskstats") if disk["name"] == "vda")["stats"]


@test(group="counters", fixture=with_disk)
def a_disk_counts_what_goes_through(vm):
    before = vda(vm)
    vm.shell.check("dd if=/dev/urandom of=/dev/vda bs=1M count=4 conv=fsync; echo 3 >/proc/sys/vm/drop_caches")
    written = vda(vm)
    equal(written["write-sectors"] - before["write-sectors"], 4 * MIB // SECTOR, "sectors written")
    check(written["write-ios"] > before["write-ios"], "writes are counted: %s" % written)
    vm.shell.check("dd if=/dev/vda of=/dev/null bs=1M skip=8 count=8")
    after = vda(vm)
    # The kernel reads ahead, up to the end of the disk.
    read = (after["read-sectors"] - written["read-sectors"]) * SECTOR
    check(8 * MIB <= read <= 16 * MIB, "%d bytes read" % read)
    equal(after["ios-pgr"], 0, "requests that are not done")
    seen("guest-get-diskstats", "4 MiB that dd wrote to vda, 8 MiB that it read")
    columns = vm.shell.check("grep vda /proc/diskstats").split()
    equal(sorted(after.values()), sorted(map(int, columns[3:])), "the counters of vda, and those of /proc/diskstats")


def busy(vm, first):
    """Runs a loop for a while, after a command in the same shell; answers by how much each time grew, in milliseconds."""
    def times():
        total = {}
        for cpu in vm.ours.run("guest-get-cpustats"):
            for name, value in cpu.items():
                if name not in ("cpu", "type"):
                    total[name] = total.get(name, 0) + value
        return total

    before = times()
    vm.shell.check("timeout 3 sh -c '%s; while :; do :; done' || true" % first)
    return {name: value - before[name] for name, value in times().items()}


@test(group="counters", fixture=with_disk)
def processors_count_what_they_do(vm):
    def constant(listed):
        return [[cpu["cpu"], cpu["type"], sorted(cpu)] for cpu in listed]

    equal([cpu["cpu"] for cpu in vm.alike("guest-get-cpustats", but=constant)], [0], "processors")
    grown = busy(vm, ":")
    check(2000 < grown["user"] < 10000, "a loop of 3 s in user time: %s" % grown)
    check(grown["nice"] < 500, "nothing was nice: %s" % grown)
    nice = busy(vm, "renice -n 19 -p $$")
    check(2000 < nice["nice"] < 10000, "a loop of 3 s that is nice: %s" % nice)
    cpus_memory.plug_cpu(vm)
    for online in (True, False):
        vm.shell.check("echo %d >%s/cpu1/online || true" % (online, cpus_memory.CPU))
        listed = vm.alike("guest-get-cpustats", but=constant)
        equal([cpu["cpu"] for cpu in listed], [0, 1] if online else [0], "processors, the second one plugged in by QMP")
    seen("guest-get-cpustats", "3 s of a busy loop: %(user)d ms" % grown)

    # What this made of the averages, which the kernel reckons anew every 5 s.
    deadline = time.monotonic() + 30
    while True:
        real, ours = (reply["return"] for reply in vm.each("guest-get-load"))
        own = vm.shell.check("cat /proc/loadavg").split()
        if real == ours:
            break
        check(time.monotonic() < deadline, "the averages of both: %s, %s" % (real, ours))
    for name, text in zip(("load1m", "load5m", "load15m"), own):
        check(abs(ours[name] - float(text)) < 0.011, "%s is %r, /proc/loadavg says %s" % (name, ours[name], text))
    check(ours["load1m"] > 0, "the loop was seen: %s" % ours)
    seen("guest-get-load", "%r, /proc/loadavg %s" % (ours["load1m"], own[0]))


ROUTES = """
insmod /lib/picoqga/dummy.ko
ip link set lo up; ip link set dummy0 up; ip addr add 192.0.2.9/24 dev dummy0
ip route add default via 192.0.2.1; ip route add 198.51.100.0/24 via 192.0.2.2 metric 7; ip route add 203.0.113.7 dev dummy0
"""
SET = {"0.0.0.0": ["0.0.0.0", "192.0.2.1", 0], "192.0.2.0": ["255.255.255.0", "0.0.0.0", 0],
       "198.51.100.0": ["255.255.255.0", "192.0.2.2", 7], "203.0.113.7": ["255.255.255.255", "0.0.0.0", 0]}


def of_ipv4(listed):
    return {route["destination"]: [route["mask"], route["gateway"], route["metric"]] for route in listed if route["version"] == 4}


def of_ipv6(listed):
    return {(route["destination"], route["desprefixlen"], route["iface"]) for route in listed if route["version"] == 6}


@test(group="counters", fixture=with_disk)
def routes_that_ip_set(vm):
    def unsigned(listed):
        return [{**route, **{name: route[name] % WHOLE for name in ("metric", "flags")}} for route in listed]

    vm.shell.check(ROUTES + "ip -6 addr add 2001:db8::9/64 dev dummy0; ip -6 route add 2001:db8:7::/48 dev dummy0")
    # What the kernel itself does about an address takes a second.
    vm.rest(3)
    listed = vm.alike("guest-network-get-route", but=unsigned)
    equal(of_ipv4(listed), SET, "routes of IPv4")
    wanted = {("2001:db8::", "64", "dummy0"), ("2001:db8:7::", "48", "dummy0"), ("2001:db8::9", "128", "dummy0")}
    check(wanted <= of_ipv6(listed), "routes of IPv6: %s" % of_ipv6(listed))
    vm.shell.check("for n in $(seq 0 999); do ip route add 10.$((n / 250)).$((n % 250)).0/24 dev dummy0; done", timeout=300)
    equal(len(of_ipv4(vm.alike("guest-network-get-route", but=unsigned))), len(SET) + 1000, "routes of IPv4")
    vm.shell.check("ip link set dummy0 down")
    equal(of_ipv4(vm.alike("guest-network-get-route", but=unsigned)), {}, "routes of IPv4, with the interface down")
    seen("guest-network-get-route", "1004 routes that ip set")


@test(group="counters", fixture=without_ipv6)
def routes_of_a_kernel_without_ipv6(vm):
    vm.shell.check(ROUTES)
    equal(vm.shell.run("test -e /proc/net/ipv6_route")[0], 1, "there is no /proc/net/ipv6_route (status of test -e)")
    real, ours = vm.each("guest-network-get-route")
    equal(real["error"]["desc"], 'open("/proc/net/ipv6_route"): No such file or directory', "qemu-ga without IPv6")
    equal(of_ipv4(ours["return"]), SET, "routes of IPv4")
    equal(len(ours["return"]), len(SET), "routes")
    differ("routes-without-ipv6", real, ours)


@test(group="counters", fixture=with_disk)
def without_proc(vm):
    vm.shell.check(ROUTES)
    vm.rest(3)
    commands = ("guest-get-diskstats", "guest-get-cpustats", "guest-network-get-route")
    before = {command: vm.ours.run(command) for command in commands}
    vm.shell.check("umount /proc")
    for command, path in zip(commands[:2], ("/proc/diskstats", "/proc/stat")):
        real, ours = vm.each(command)
        equal(real["error"]["desc"], 'open("%s"): No such file or directory' % path, "qemu-ga without /proc")
        differ("proc-not-mounted", real, ours)
    equal(vm.ours.run("guest-get-diskstats"), before["guest-get-diskstats"], "guest-get-diskstats")
    equal([cpu["cpu"] for cpu in vm.ours.run("guest-get-cpustats")], [0], "processors")
    equal(vm.ours.run("guest-network-get-route"), before["guest-network-get-route"], "guest-network-get-route")
    vm.alike("guest-get-load", but=sorted)
    equal(vm.shell.check("ls /proc"), "", "what others see in /proc")
    vm.shell.check("mount -t proc proc /proc")
    # Mounted again, it is what is read; and nothing of it stays open, so it can be unmounted at any time.
    equal(vm.ours.run("guest-get-diskstats"), before["guest-get-diskstats"], "guest-get-diskstats")
    vm.shell.check("umount /proc")
    # The real one ends over two missing files.
    vm.real.send(b'{"execute":"guest-network-get-route"}\n')
    vm.rest(2)
    vm.shell.check("mount -t proc proc /proc")
    equal(vm.shell.run("pidof qemu-ga")[0], 1, "qemu-ga has ended (status of pidof)")
