"""guest-get-disks: disks on each bus, partitions and volumes, as QEMU was told to make them and as the guest's own files tell."""

import contextlib
import time

import file_systems
import files
from file_systems import EXPECTED, address, find
from guest import test
from report import check, equal
from seen import seen
from storage import storage

# What QEMU's controller says of itself where nobody has told it otherwise: 50 degrees Celsius, in kelvin.
TEMPERATURE = 323
COUNTERS = ("data-units-read", "data-units-written", "host-read-commands", "host-write-commands", "controller-busy-time",
            "power-cycles", "power-on-hours", "unsafe-shutdowns", "media-errors", "number-of-error-log-entries")


@contextlib.contextmanager
def every_bus():
    with storage(file_systems.disks) as vm, vm.running_agent():
        with vm.agent() as agent:
            agent.sync()
            vm.ask = lambda: by_name(agent.run("guest-get-disks", timeout=60))
            yield vm


def by_name(reply):
    found = {entry["name"]: entry for entry in reply}
    equal(len(found), len(reply), "each is there once: %s" % [entry["name"] for entry in reply])
    return found


def names_in_guest(vm):
    """All disks with a size and a node, and their partitions, as a shell finds them; the path of each with its disk's."""
    script = ("for d in /sys/block/*; do [ $(cat $d/size) = 0 ] && continue; grep -q DEVNAME= $d/uevent || continue; "
              "echo /dev/${d##*/} -; for p in $d/*/partition; do [ -e $p ] && p=${p%/partition} && "
              "echo /dev/${p##*/} /dev/${d##*/}; done; done; true")
    return dict(line.split() for line in vm.shell.check(script).splitlines())


def check_smart(smart):
    """QEMU's own: what it counts changes with each request."""
    equal(smart.pop("type"), "nvme", "the type of smart")
    for name in COUNTERS:
        equal(smart.pop(name + "-hi"), 0, name + "-hi")
    counted = {name: smart.pop(name + "-lo") for name in COUNTERS}
    # Not every version of it says how much is spare.
    check(smart.pop("available-spare") <= 100 and smart.pop("available-spare-threshold") <= 100, "parts of a hundred")
    equal(smart, {"critical-warning": 0, "temperature": TEMPERATURE, "percentage-used": 0}, "smart")
    return counted


@test(group="disks", fixture=every_bus)
def each_disk_and_partition(vm):
    told = vm.ask()
    in_guest = names_in_guest(vm)
    equal(sorted(told), sorted(in_guest), "names")
    for name, disk in in_guest.items():
        equal(told[name]["partition"], disk != "-", "whether %s is a partition" % name)
        equal(told[name].get("dependencies"), [] if disk == "-" else [disk], "what %s is made of" % name)
    for name, (_, _, place) in EXPECTED.items():
        node = "/dev/" + find(vm, name)
        # It is the disk that has a place.
        node = in_guest[node] if in_guest[node] != "-" else node
        equal(told[node].get("address"), {**place, "dev": node}, "the address of %s" % name)
        equal("smart" in told[node], place["bus-type"] == "nvme", "whether %s has smart" % name)
    equal(told["/dev/vdb"]["address"], address("virtio", 0x11, dev="/dev/vdb"), "the address of the empty disk")
    check("address" not in told["/dev/vda1"], "a partition has no address")
    check(all("alias" not in entry for entry in told.values()), "none has an alias")
    seen("guest-get-disks", "%d disks and partitions as /sys has them, on the buses QEMU was told" % len(told))


@test(group="disks", fixture=every_bus)
def smart_of_nvme(vm):
    node = find(vm, "flash")
    before = check_smart(vm.ask()["/dev/" + node]["smart"])
    # QEMU counts what is read in thousands of 512 bytes, rounded up.
    vm.shell.check("dd if=/dev/%s of=/dev/null bs=1M count=8 iflag=direct" % node)
    after = check_smart(vm.ask()["/dev/" + node]["smart"])
    units = after["data-units-read"] - before["data-units-read"]
    check(16 <= units <= 17, "8 MiB are read, and %d thousands of 512 bytes counted" % units)
    more = after["host-read-commands"] - before["host-read-commands"]
    check(more >= 8, "commands to read: %d" % more)
    equal(after["data-units-written"], before["data-units-written"], "nothing is written")
    seen("guest-get-disks", "smart of QEMU's controller: %d K, and 8 MiB that the guest read are counted" % TEMPERATURE)
    # Without its node the controller can not be asked; all else is told.
    vm.shell.check("mv /dev/%s /dev/away" % node)
    entry = vm.ask()["/dev/" + node]
    vm.shell.check("mv /dev/away /dev/%s" % node)
    check("smart" not in entry and "address" in entry, "without its node: %s" % sorted(entry))


@test(group="disks", fixture=every_bus)
def volumes(vm):
    def number(name):
        return vm.shell.check("cat /sys/class/block/%s/dev" % name)

    lun0, flash = find(vm, "lun0"), find(vm, "flash")
    vm.shell.check("device-mapper lower-volume %s=20480 %s=20480" % (number(lun0), number(flash)))
    vm.shell.check("device-mapper upper %s=40960 %s=20480" % (number("dm-0"), number("vda1")))
    told = vm.ask()
    for entry in told.values():
        entry.get("dependencies", []).sort()
    equal([told["/dev/dm-0"], told["/dev/dm-1"]], [
        {"name": "/dev/dm-0", "partition": False, "alias": "lower-volume",
         "dependencies": sorted(["/dev/" + lun0, "/dev/" + flash])},
        {"name": "/dev/dm-1", "partition": False, "alias": "upper", "dependencies": ["/dev/dm-0", "/dev/vda1"]},
    ], "volumes")
    seen("guest-get-disks", "volumes with the names and devices they were made with")


@test(group="disks", fixture=every_bus)
def without_sys(vm):
    def still():
        told = vm.ask()
        for entry in told.values():
            entry.pop("smart", None)
        return told

    wanted = still()
    vm.shell.check("umount /sys")
    equal(still(), wanted, "without /sys")
    equal(vm.shell.run("ls /sys/block")[0] != 0, True, "it is empty")
    vm.shell.check("mount -t sysfs sys /sys")
    equal(still(), wanted, "with it again")


@test(group="disks", fixture=file_systems.many_devices)
def more_disks_than_a_step_tells(fixture):
    vm, pid, agent = fixture
    count = 800
    vm.shell.check("insmod /lib/picoqga/brd.ko rd_nr=%d rd_size=64 max_part=0" % count, timeout=120)
    began = time.monotonic()
    told = by_name(agent.run("guest-get-disks", timeout=120))
    took = time.monotonic() - began
    equal({name for name in told if name.startswith("/dev/ram")}, {"/dev/ram%d" % number for number in range(count)}, "names")
    equal(told["/dev/ram0"], {"name": "/dev/ram0", "partition": False, "dependencies": []}, "one of them")
    print("    %d disks in %.2f s" % (len(told), took))
    files.check_memory(vm, pid, "with %d disks" % len(told))
