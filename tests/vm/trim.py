"""guest-fstrim: what was deleted in the guest is given back by the image on the host."""

import contextlib
import fcntl
import os
import struct
import termios
import time

from guest import test
from report import check, equal
from seen import seen
from storage import MIB, drive, empty, ext4, storage, xfs


@contextlib.contextmanager
def trimmable():
    def disks(directory):
        vm_images.update({name: os.path.join(directory, name) for name in ("ext4", "xfs", "vfat", "fixed")})
        return [
            "-device", "virtio-scsi-pci,id=scsi",
            *drive("ext4", ext4(vm_images["ext4"], 256)), "-device", "scsi-hd,drive=ext4,bus=scsi.0,lun=0,serial=ext4",
            *drive("xfs", xfs(vm_images["xfs"], 320)), "-device", "scsi-hd,drive=xfs,bus=scsi.0,lun=1,serial=xfs",
            *drive("vfat", empty(vm_images["vfat"], 64)), "-device", "virtio-blk-pci,drive=vfat",
            # One that knows no discarding.
            *drive("fixed", ext4(vm_images["fixed"], 16)), "-device", "virtio-blk-pci,drive=fixed,discard=off",
        ]

    vm_images = {}
    with storage(disks) as vm, vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.images = vm_images
        vm.client = agent
        vm.trim = lambda **arguments: agent.run("guest-fstrim", arguments or None, timeout=120)["paths"]
        vm.shell.check("mkdosfs /dev/vda; mkdir -p /mnt/ext4 /mnt/xfs /mnt/vfat /mnt/fixed")
        nodes = {"vfat": "vda", "fixed": "vdb"}
        for name in ("ext4", "xfs"):
            nodes[name] = vm.shell.check("for d in /sys/block/sd*; do grep -q %s $d/device/vpd_pg80 && echo ${d##*/}; done; true"
                                         % name).strip()
        for name, kind in (("ext4", "ext4"), ("xfs", "xfs"), ("vfat", "vfat"), ("fixed", "ext4")):
            vm.shell.check("mount -t %s /dev/%s /mnt/%s" % (kind, nodes[name], name))
        vm.nodes = nodes
        yield vm


def taken(vm, name):
    """How many bytes of the image the host keeps."""
    return os.stat(vm.images[name]).st_blocks * 512


def fill(vm, name, size_mib):
    """Writes a file and deletes it; answers what the host keeps in between."""
    vm.shell.check("dd if=/dev/urandom of=/mnt/%s/f bs=1M count=%d 2>/dev/null; sync" % (name, size_mib), timeout=120)
    kept = taken(vm, name)
    check(kept >= size_mib * MIB, "the host keeps %d bytes of %s" % (kept, name))
    vm.shell.check("rm /mnt/%s/f; sync" % name)
    return kept


@test(group="trim", fixture=trimmable)
def images_shrink(vm):
    before = {name: fill(vm, name, 40) for name in ("ext4", "xfs", "vfat")}
    told = vm.trim()
    equal([entry["path"] for entry in told], ["/mnt/fixed", "/mnt/vfat", "/mnt/xfs", "/mnt/ext4"], "paths")
    equal(told[0], {"path": "/mnt/fixed", "error": "trim not supported"}, "the disk that knows no discarding")
    for entry in told[1:]:
        name = os.path.basename(entry["path"])
        equal(sorted(entry), ["minimum", "path", "trimmed"], "members for " + name)
        check(entry["trimmed"] >= 40 * MIB, "of %s %d bytes were trimmed" % (name, entry["trimmed"]))
        after = taken(vm, name)
        check(before[name] - after >= 38 * MIB, "%s takes %d bytes, before %d" % (name, after, before[name]))
        print("    %s: the image shrinks from %d to %d KiB, trimmed %d KiB, minimum %d" % (
            name, before[name] // 1024, after // 1024, entry["trimmed"] // 1024, entry["minimum"]))
    seen("guest-fstrim", "the image of an ext4 shrinks from %d to %d KiB" % (before["ext4"] // 1024, taken(vm, "ext4") // 1024))


@test(group="trim", fixture=trimmable)
def a_minimum(vm):
    before = fill(vm, "ext4", 20)
    # No run of free blocks is as long as that, and the file systems say so each in its way.
    told = {entry["path"]: entry for entry in vm.trim(minimum=1 << 31)}
    for path in ("/mnt/ext4", "/mnt/xfs", "/mnt/vfat"):
        check("error" in told[path] or told[path]["trimmed"] == 0, "nothing is trimmed: %s" % told[path])
    check(taken(vm, "ext4") >= before, "the image does not shrink")
    told = {entry["path"]: entry for entry in vm.trim(minimum=-1)}
    check("error" in told["/mnt/ext4"] or told["/mnt/ext4"]["trimmed"] == 0, "nothing is trimmed: %s" % told["/mnt/ext4"])
    check(taken(vm, "ext4") >= before, "the image does not shrink")
    # Its groups of blocks have 8 MiB each.
    told = {entry["path"]: entry for entry in vm.trim(minimum=4 * MIB)}
    equal(told["/mnt/ext4"]["minimum"], 4 * MIB, "the minimum that is kept to")
    check(before - taken(vm, "ext4") >= 10 * MIB, "the image shrinks by the large runs: %s" % told["/mnt/ext4"])


@test(group="trim", fixture=trimmable)
def file_systems_that_fail_keep_none_from_it(vm):
    # A journal that is not looked at makes ext4 refuse; so does a file system that knows nothing of it.
    vm.shell.check("umount /mnt/fixed /mnt/ext4; mount -t ext4 -o ro,noload /dev/%(ext4)s /mnt/ext4" % vm.nodes)
    before = fill(vm, "xfs", 40)
    told = {entry["path"]: entry for entry in vm.trim()}
    equal(told["/mnt/ext4"], {"path": "/mnt/ext4", "error": "failed to trim: Read-only file system"}, "the one without journal")
    check(before - taken(vm, "xfs") >= 38 * MIB, "the image of the other shrinks")
    vm.shell.check("umount /proc")
    equal({entry["path"] for entry in vm.trim()}, {"/mnt/ext4", "/mnt/xfs", "/mnt/vfat"}, "without /proc")
    vm.shell.check("mount -t proc proc /proc")


@test(group="trim", fixture=trimmable)
def what_is_covered_is_trimmed_and_nothing_else(vm):
    before = fill(vm, "ext4", 40)
    # At its own place something else is seen, but it is mounted elsewhere too.
    vm.shell.check("mkdir -p '/mnt/else where'; mount --bind /mnt/ext4 '/mnt/else where'; mount -t tmpfs none /mnt/ext4; "
                   "umount /mnt/xfs; mount -t xfs /dev/%(xfs)s '/mnt/xfs'; mount --bind /mnt/vfat /mnt/xfs" % vm.nodes)
    told = {entry["path"]: entry for entry in vm.trim()}
    check(told["/mnt/ext4"]["trimmed"] >= 40 * MIB, "it is trimmed: %s" % told["/mnt/ext4"])
    check(before - taken(vm, "ext4") >= 38 * MIB, "its image shrinks")
    equal(told["/mnt/xfs"], {"path": "/mnt/xfs", "error": "failed to open: Device or resource busy"}, "the one out of reach")
    equal(sorted(told), ["/mnt/ext4", "/mnt/fixed", "/mnt/vfat", "/mnt/xfs"], "each is there once")


@test(group="trim", fixture=trimmable)
def a_host_that_goes_stops_nothing(vm):
    before = {name: fill(vm, name, 40) for name in ("ext4", "xfs", "vfat")}
    # One host at a time.
    vm.client.close()
    with vm.agent() as agent:
        agent.sync()
        agent.send(b'{"execute":"guest-fstrim"}\n')
        # What QEMU has not taken when the line is closed it drops.
        while struct.unpack("i", fcntl.ioctl(agent.socket, termios.TIOCOUTQ, bytes(4)))[0] > 0:
            time.sleep(0.001)
    with vm.agent() as agent:
        agent.sync(timeout=60)
    for name, kept in before.items():
        check(kept - taken(vm, name) >= 38 * MIB, "the image of %s shrinks from %d, to %d" % (name, kept, taken(vm, name)))
