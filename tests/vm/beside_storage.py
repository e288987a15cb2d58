"""The real qemu-ga and picoqga in the same guest with disks: what both tell of them, trim and freeze."""

import contextlib
import os
import tempfile

from beside import Beside, differ
from guest import build_program, test
from report import check, equal
from storage import drive, empty, ext4, partitioned
from vm import DIRECTORY


@contextlib.contextmanager
def disks():
    """A virtio disk, and one that has room for several controllers; both are mounted."""
    with tempfile.TemporaryDirectory(prefix="beside-", dir=DIRECTORY) as directory:
        blk, shared = (os.path.join(directory, name) for name in ("blk", "shared"))
        devices = [*drive("blk", ext4(blk, 64)), "-device", "virtio-blk-pci,drive=blk,serial=of-blk,addr=0x10",
                   "-device", "nvme-subsys,id=shared,nqn=shared", "-device", "nvme,serial=of-shared,subsys=shared,addr=0x14",
                   *drive("shared", ext4(shared, 16)), "-device", "nvme-ns,drive=shared,nsid=1"]
        with Beside(devices=devices, modules=("nvme",)) as vm:
            vm.image_path = blk
            vm.shell.check("mkdir /mnt/blk /mnt/shared; mount -t ext4 /dev/vda /mnt/blk; mount -t ext4 /dev/nvme0n1 /mnt/shared")
            yield vm


@contextlib.contextmanager
def mapped():
    """A volume of device mapper on a partition, a plain NVMe disk, and one that has room for several controllers."""
    with tempfile.TemporaryDirectory(prefix="beside-", dir=DIRECTORY) as directory:
        blk, flash, shared, mapper = (os.path.join(directory, name) for name in ("blk", "flash", "shared", "mapper"))
        build_program("device_mapper.rs", mapper)
        devices = [*drive("blk", partitioned(blk, 32)), "-device", "virtio-blk-pci,drive=blk,serial=of-blk,addr=0x10",
                   *drive("flash", empty(flash, 16)), "-device", "nvme,drive=flash,serial=of-flash,addr=0x13",
                   "-device", "nvme-subsys,id=shared,nqn=shared", "-device", "nvme,serial=of-shared,subsys=shared,addr=0x14",
                   *drive("shared", empty(shared, 16)), "-device", "nvme-ns,drive=shared,nsid=1"]
        with Beside(devices=devices, modules=("nvme", "dm_mod"), additions=[mapper + ":/bin/device-mapper"]) as vm:
            vm.shell.check("device-mapper of-the-test $(cat /sys/class/block/vda1/dev)=20480")
            yield vm


def by_mount_point(reply):
    return {one["mountpoint"]: one for one in reply["return"]}


@test(group="beside", fixture=disks)
def file_systems(vm):
    real, ours = map(by_mount_point, vm.each("guest-get-fsinfo"))
    equal(list(ours), ["/mnt/shared", "/mnt/blk"], "the one mounted last is first")
    equal(list(real), list(ours), "mount points, beside qemu-ga")
    for point, serial in (("/mnt/blk", "of-blk"), ("/mnt/shared", "QEMU_NVMe_Ctrl_of-shared_1")):
        equal(ours[point]["disk"][0].pop("serial"), serial, "serial number")
        check("serial" not in real[point]["disk"][0], "qemu-ga knows a serial number: the difference disk-serial has gone")
        differ("disk-serial", None, serial)
    equal(ours["/mnt/blk"], real["/mnt/blk"], "the virtio disk, beside qemu-ga")
    places = [one["/mnt/shared"].pop("disk") for one in (real, ours)]
    equal(ours["/mnt/shared"], real["/mnt/shared"], "the NVMe disk but for its place, beside qemu-ga")
    equal(places[1][0]["pci-controller"]["slot"], 0x14, "the place of the NVMe disk")
    differ("disk-places", *places)


@test(group="beside", fixture=disks)
def trimming(vm):
    # Each finds blocks to trim that a file has left.
    before = "dd if=/dev/urandom of=/mnt/blk/f bs=1M count=8 2>/dev/null; sync; rm /mnt/blk/f; sync"
    real, ours = ({one["path"]: one for one in reply["return"]["paths"]} for reply in vm.each("guest-fstrim", before=before))
    equal(list(ours), list(real), "paths, beside qemu-ga")
    for one in (real, ours):
        check(one["/mnt/blk"].pop("trimmed") >= 8 << 20, "bytes trimmed of a file of 8 MiB")
        one["/mnt/shared"].pop("trimmed", None)
    equal(ours, real, "results, beside qemu-ga")


def at_slot(disks, slot):
    """The name of the disk there."""
    return next(name for name, one in disks.items() if one.get("address", {}).get("pci-controller", {}).get("slot") == slot)


@test(group="beside", fixture=mapped)
def disks_and_partitions(vm):
    real, ours = ({one["name"]: one for one in reply["return"]} for reply in vm.each("guest-get-disks"))
    equal(sorted(ours), sorted(real), "names, beside qemu-ga")
    check("alias" not in real["/dev/dm-0"], "qemu-ga knows an alias: the difference disk-alias has gone")
    differ("disk-alias", None, ours["/dev/dm-0"].pop("alias"))
    for slot, serial in ((0x10, "of-blk"), (0x13, "QEMU_NVMe_Ctrl_of-flash_1"), (0x14, "QEMU_NVMe_Ctrl_of-shared_1")):
        name = at_slot(ours, slot)
        equal(ours[name]["address"].pop("serial"), serial, "serial number")
        check("serial" not in real[name]["address"], "qemu-ga knows a serial number: the difference disk-serial has gone")
        differ("disk-serial", None, serial)
    shared = at_slot(ours, 0x14)
    differ("disk-places", real[shared].pop("address"), ours[shared].pop("address"))
    differ("disk-places", real[shared].pop("smart", None), ours[shared].pop("smart"))
    equal(ours, real, "all else, beside qemu-ga")
    check("smart" in ours[at_slot(ours, 0x13)], "the plain NVMe disk has smart")
