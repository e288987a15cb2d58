"""guest-get-fsinfo: disks on each bus, as QEMU was told to make them, and sizes as the guest's own stat tells them."""

import contextlib
import os
import time

import files
from guest import test
from report import check, equal
from seen import seen
from storage import drive, empty, ext4, partitioned, storage, xfs


def disks(directory):
    """One disk for each bus."""
    def image(name):
        return os.path.join(directory, name)

    return [
        *drive("blk", partitioned(image("blk"), 32)),
        "-device", "virtio-blk-pci,drive=blk,serial=of-blk,bus=pcie.0,addr=0x10",
        *drive("empty", empty(image("empty"), 16)),
        "-device", "virtio-blk-pci,drive=empty,bus=pcie.0,addr=0x11,multifunction=on",
        *drive("plain", ext4(image("plain"), 16)),
        "-device", "virtio-blk-pci,drive=plain,bus=pcie.0,addr=0x11.3",
        # Behind a bridge, as most machines have it.
        "-device", "pcie-root-port,id=bridge,bus=pcie.0,addr=0x12,chassis=1",
        "-device", "virtio-scsi-pci,id=scsi,bus=bridge",
        *drive("lun0", ext4(image("lun0"), 16)),
        "-device", "scsi-hd,drive=lun0,bus=scsi.0,scsi-id=0,lun=0,serial=of-lun0",
        *drive("lun5", xfs(image("lun5"), 320)),
        "-device", "scsi-hd,drive=lun5,bus=scsi.0,scsi-id=2,lun=5,serial=of-lun5,wwn=0x5000c50012345678",
        *drive("flash", ext4(image("flash"), 16)),
        "-device", "nvme,drive=flash,serial=of-flash,bus=pcie.0,addr=0x13",
        # As disks with several controllers.
        "-device", "nvme-subsys,id=shared,nqn=shared", "-device", "nvme,serial=of-shared,subsys=shared,bus=pcie.0,addr=0x14",
        *drive("shared", ext4(image("shared"), 16)), "-device", "nvme-ns,drive=shared,nsid=1",
        "-device", "piix3-ide,id=ide,bus=pcie.0,addr=0x15",
        *drive("ide", ext4(image("ide"), 16)), "-device", "ide-hd,drive=ide,bus=ide.1,unit=1,serial=of-ide",
    ]


def address(bus_type, slot, function=0, bus=0, **more):
    """A disk as it is expected, on this bus of the machine; what is not given is 0."""
    pci = {"domain": 0, "bus": bus, "slot": slot, "function": function}
    return {"bus-type": bus_type, "bus": 0, "target": 0, "unit": 0, "pci-controller": pci, **more}


# What is expected of each disk, by the name that disks() gives it: how the guest's name of it begins, the type of its file
# system, and its address. The bridge makes bus 1.
EXPECTED = {
    "blk": ("vda1", "ext4", address("virtio", 0x10, serial="of-blk", dev="/dev/vda1")),
    "plain": ("vdc", "ext4", address("virtio", 0x11, 3, dev="/dev/vdc")),
    "lun0": ("sd", "ext4", address("scsi", 0, bus=1, unit=0, serial="0QEMU_QEMU_HARDDISK_of-lun0")),
    "lun5": ("sd", "xfs", address("scsi", 0, bus=1, unit=5, serial="35000c50012345678")),
    "flash": ("nvme", "ext4", address("nvme", 0x13, serial="QEMU_NVMe_Ctrl_of-flash_1")),
    "shared": ("nvme", "ext4", address("nvme", 0x14, serial="QEMU_NVMe_Ctrl_of-shared_1")),
    "ide": ("sd", "ext4", {**address("ide", 0x15, unit=1, serial="QEMU_HARDDISK_of-ide"), "bus": 1}),
}


def find(vm, name):
    """The node of a disk in the guest: by what QEMU was told as serial number, wherever the kernel keeps it."""
    fixed = {"blk": "vda1", "plain": "vdc"}
    if name in fixed:
        return fixed[name]
    # Of a disk with several controllers the ways to it are there too, nvme1c1n1, in front of the disk.
    return vm.shell.check("for d in /sys/block/sd* /sys/block/nvme*n*; do cat $d/device/vpd_pg80 $d/device/serial "
                          "2>/dev/null | grep -q of-%s && echo ${d##*/}; done; true" % name).split()[-1]


def mount(vm):
    """Mounts each disk at /mnt/NAME, in the order of EXPECTED; answers their devices."""
    found = {}
    for name, (_, kind, _) in EXPECTED.items():
        found[name] = find(vm, name)
        vm.shell.check("mkdir -p /mnt/%s; mount -t %s /dev/%s /mnt/%s" % (name, kind, found[name], name))
    return found


def sizes(vm, path):
    """As the guest's own stat has them."""
    blocks, free, available, size = map(int, vm.shell.check("stat -f -c '%%b %%f %%a %%S' %s" % path).split())
    used = blocks - free
    return {"used-bytes": used * size, "total-bytes": (used + available) * size, "total-bytes-privileged": blocks * size}


def expected(vm, name, device):
    start, kind, disk = EXPECTED[name]
    check(device.startswith(start), "%s is %s..., not %s" % (name, start, device))
    return {"name": device, "mountpoint": "/mnt/" + name, "type": kind, **sizes(vm, "/mnt/" + name),
            "disk": [{**disk, "dev": "/dev/" + device}]}


@contextlib.contextmanager
def every_bus():
    with storage(disks) as vm, vm.running_agent():
        with vm.agent() as agent:
            agent.sync()
            vm.ask = lambda: agent.run("guest-get-fsinfo")
            vm.client = agent
            yield vm


@test(group="file-systems", fixture=every_bus)
def each_disk_is_where_qemu_was_told_to_put_it(vm):
    equal(vm.ask(), [], "with nothing mounted")
    found = mount(vm)
    wanted = [expected(vm, name, found[name]) for name in reversed(EXPECTED)]
    equal(vm.ask(), wanted, "guest-get-fsinfo")
    for entry in wanted:
        disk = entry["disk"][0]
        print("    %s: %s %s, %s" % (entry["mountpoint"], disk["bus-type"],
                                     "%(bus)02x:%(slot)02x.%(function)x" % disk["pci-controller"], disk.get("serial")))
    seen("guest-get-fsinfo", "%d disks on the buses and with the serial numbers QEMU was told, sizes as stat -f has them" % len(wanted))
    # Another one covers it, but not its second mount: it is told as before.
    vm.shell.check("mkdir '/mnt/once more'; mount --bind /mnt/plain '/mnt/once more'; mount -t tmpfs none /mnt/plain")
    equal(vm.ask(), wanted, "with a mount beside it and one over it")
    # Nothing of it can be reached any more, so nobody can tell how large it is.
    vm.shell.check("mount -t tmpfs none '/mnt/once more'")
    covered = [entry if entry["mountpoint"] != "/mnt/plain" else
               {name: member for name, member in entry.items() if "-bytes" not in name} for entry in wanted]
    equal(vm.ask(), covered, "with mounts over both")
    # Then the second one is the first.
    vm.shell.check("umount '/mnt/once more'; umount /mnt/plain; umount /mnt/plain")
    equal({**vm.ask()[0], "mountpoint": "/mnt/plain"}, wanted[-2], "what is left of it is the newest")
    equal(vm.ask()[0]["mountpoint"], "/mnt/once more", "where it is mounted")


@test(group="file-systems", fixture=every_bus)
def without_proc_and_sys(vm):
    found = mount(vm)
    wanted = [expected(vm, name, found[name]) for name in reversed(EXPECTED)]
    vm.shell.check("umount /sys")
    equal(vm.ask(), wanted, "without /sys")
    vm.shell.check("umount /proc")
    equal(vm.shell.run("ls /proc/self /sys/block")[0] != 0, True, "both are empty")
    equal(vm.ask(), wanted, "without either")
    vm.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys")
    equal(vm.ask(), wanted, "with both again")


@test(group="file-systems", fixture=every_bus)
def the_database_of_udev_is_read_where_it_is(vm):
    found = mount(vm)
    number = vm.shell.check("cat /sys/class/block/vda1/dev")
    vm.shell.check("mkdir -p /run/udev/data; printf 'S:x\\nE:ID_SERIAL=as udev says\\n' >/run/udev/data/b%s" % number)
    serials = {entry["mountpoint"]: entry["disk"][0].get("serial") for entry in vm.ask()}
    equal(serials["/mnt/blk"], "as udev says", "its serial number")
    equal(serials["/mnt/plain"], None, "the one of a disk that has none")
    equal(serials["/mnt/flash"], "QEMU_NVMe_Ctrl_of-flash_1", "the one of %s, which udev does not know" % found["flash"])


@test(group="file-systems", fixture=every_bus)
def disks_made_of_others(vm):
    # Two volumes as LVM makes them: one over two disks on different buses, one over the first and a third.
    def number(name):
        return vm.shell.check("cat /sys/class/block/%s/dev" % name)

    lun0, flash = find(vm, "lun0"), find(vm, "flash")
    vm.shell.check("device-mapper lower %s=20480 %s=20480" % (number(lun0), number(flash)))
    vm.shell.check("device-mapper upper %s=40960 %s=20480" % (number("dm-0"), number("vda1")))
    vm.shell.check("mkdosfs /dev/dm-1; mkdir -p /mnt/volume; mount -t vfat /dev/dm-1 /mnt/volume")
    told = vm.ask()
    equal([entry["name"] for entry in told], ["dm-1"], "names")
    by_node = {disk["dev"]: disk for disk in told[0]["disk"]}
    equal(by_node, {"/dev/" + device: {**EXPECTED[name][2], "dev": "/dev/" + device}
                    for name, device in (("lun0", lun0), ("flash", flash), ("blk", "vda1"))}, "disks")
    equal(len(told[0]["disk"]), 3, "each is there once")
    equal({name: told[0][name] for name in sizes(vm, "/mnt/volume")}, sizes(vm, "/mnt/volume"), "sizes")


@test(group="file-systems", fixture=every_bus)
def eight_thousand_mounts(vm):
    pid = int(vm.shell.check("cat /run/agent.pid"))
    found = mount(vm)
    wanted = vm.ask()
    files.check_memory(vm, pid, "with few mounts")
    # Each turn mounts all that is there once more, in a directory of it.
    vm.shell.check("mkdir /mnt/tree; mount --bind /mnt/blk /mnt/tree; n=0; while [ $n -lt 13 ]; do "
                   "mkdir /mnt/blk/$n; mount --rbind /mnt/tree /mnt/tree/$n; n=$((n+1)); done", timeout=120)
    count = int(vm.shell.check("grep -c ' /mnt/tree' /proc/self/mountinfo", timeout=60))
    equal(count, 1 << 13, "mounts")
    began = time.monotonic()
    told = vm.client.run("guest-get-fsinfo", timeout=60)
    took = time.monotonic() - began
    changing = sizes(vm, "/mnt/blk")
    wanted[-1].update(changing)
    equal(told, wanted, "the same %d file systems" % len(found))
    print("    %d mounts, %d file systems in %.2f s" % (count, len(told), took))
    files.check_memory(vm, pid, "with %d" % count)
    check(took < 10, "within 10 s: %.1f s" % took)


@contextlib.contextmanager
def without_pci():
    def disks(directory):
        names = [os.path.join(directory, name) for name in ("blk", "lun")]
        return [
            # The later of two words of QEMU's command line holds. Its clocks are none that this kernel knows under TCG.
            "-machine", "microvm,pcie=on,rtc=on,pit=on,pic=on",
            *drive("blk", ext4(names[0], 16)), "-device", "virtio-blk-device,drive=blk,serial=of-blk",
            "-device", "virtio-scsi-device,id=scsi",
            *drive("lun", ext4(names[1], 16)), "-device", "scsi-hd,drive=lun,bus=scsi.0,scsi-id=3,lun=4,serial=of-lun",
        ]

    with storage(disks, append="lpj=4000000 tsc_early_khz=2000000 no_timer_check") as vm, vm.running_agent(), vm.agent() as agent:
        agent.sync()
        yield vm, agent


@test(group="file-systems", fixture=without_pci)
def disks_on_virtio_mmio(fixture):
    vm, agent = fixture
    vm.shell.check("mkdir /mnt/blk /mnt/lun; mount -t ext4 /dev/vda /mnt/blk; mount -t ext4 /dev/sda /mnt/lun")
    nowhere = {"domain": -1, "bus": -1, "slot": -1, "function": -1}
    wanted = [
        {**address("scsi", -1, serial="0QEMU_QEMU_HARDDISK_of-lun", dev="/dev/sda"), "target": 3, "unit": 4},
        address("virtio", -1, serial="of-blk", dev="/dev/vda"),
    ]
    equal([entry["disk"] for entry in agent.run("guest-get-fsinfo")],
          [[{**disk, "pci-controller": nowhere}] for disk in wanted], "disks")


@contextlib.contextmanager
def many_devices():
    with storage(lambda directory: []) as vm, vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        yield vm, pid, agent


@test(group="file-systems", fixture=many_devices)
def more_file_systems_than_a_step_tells(fixture):
    vm, pid, agent = fixture
    count = 250
    # A small file system, copied to as many disks in memory.
    vm.shell.check("insmod /lib/picoqga/brd.ko rd_nr=%d rd_size=64 max_part=0" % count, timeout=120)
    vm.shell.check("mke2fs -F -b 1024 /dev/ram0 64 && dd if=/dev/ram0 of=/tmp/fs bs=64k")
    vm.shell.check("n=0; while [ $n -lt %d ]; do cat /tmp/fs >/dev/ram$n; mkdir -p /mnt/ram$n; "
                   "mount -t ext4 /dev/ram$n /mnt/ram$n || break; n=$((n+1)); done; [ $n = %d ]" % (count, count), timeout=300)
    began = time.monotonic()
    told = agent.run("guest-get-fsinfo", timeout=120)
    took = time.monotonic() - began
    downwards = list(range(count - 1, -1, -1))
    equal([entry["name"] for entry in told], ["ram%d" % number for number in downwards], "names")
    equal([entry["mountpoint"] for entry in told], ["/mnt/ram%d" % number for number in downwards], "mount points")
    equal([entry["disk"] for entry in told], [[]] * count, "disks")
    print("    %d file systems in %.2f s" % (count, took))
    files.check_memory(vm, pid, "with %d file systems" % count)
    trimmed = agent.run("guest-fstrim", timeout=120)["paths"]
    equal([entry["path"] for entry in trimmed], ["/mnt/ram%d" % number for number in downwards], "trimmed ones")
