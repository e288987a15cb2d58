"""guest-get-fsinfo, guest-get-disks, guest-fstrim and guest-fsfreeze-* on the controllers of real machines, beside qemu-ga: what
both say is compared with what QEMU was told, and with the database of the real udev."""

import os
import time

from beside import differ
from buses import CDS, DISKS, MIRRORED, STRIPED, UNKNOWN, VOLUME, Disk, machine
from guest import test
from report import check, equal
from seen import seen

EVERY = {**DISKS, **CDS}
FLOPPY = Disk("", UNKNOWN, None)
# The disks under the volume that qemu-ga does not find, because between it and them is a partition of an array.
UNDER_A_PARTITION = set(MIRRORED)


def mounted(vm):
    """By mount point, of both agents; the real one's first."""
    return [{entry["mountpoint"]: entry for entry in reply["return"]} for reply in vm.each("guest-get-fsinfo")]


def split(told):
    """An address without its serial number, and that."""
    return {name: value for name, value in told.items() if name != "serial"}, told.get("serial")


def check_place(name, disk, node, real, ours):
    """One disk, as both tell it, its serial numbers left out."""
    wanted = {**disk.place, "dev": node}
    equal(ours, wanted, "where %s is" % name)
    equal(real, wanted if disk.known else {**UNKNOWN, "dev": node}, "where %s is, by qemu-ga" % name)
    if not disk.known:
        differ("disk-places", real, ours)


def check_serials(name, disk, real, ours):
    """Both serial numbers of one disk, without the database of udev."""
    equal(real, None, "the serial number of %s, by qemu-ga without udev" % name)
    equal(ours, disk.serial if disk.seen else None, "the serial number of %s" % name)
    if ours is not None:
        differ("disk-serial", real, ours)


def by_device(entry):
    told = {disk["dev"]: disk for disk in entry["disk"]}
    equal(len(told), len(entry["disk"]), "each disk under %s is there once" % entry["name"])
    return told


def array_nodes(vm):
    """The nodes of what arrays are made of, by their names, from the kernel's own file."""
    told = {}
    for array, names in (("md0", MIRRORED), ("md1", STRIPED)):
        for number, name in enumerate(names):
            told[name] = "/dev/" + vm.shell.check("basename $(readlink /sys/block/%s/md/rd%d/block)" % (array, number))
    return told


@test(group="buses", fixture=machine)
def file_systems_are_where_qemu_was_told_to_put_them(vm):
    real, ours = mounted(vm)
    equal(sorted(ours), sorted("/mnt/" + name for name in vm.nodes), "mount points: all but the network file system's")
    equal(list(ours), list(real), "mount points in their order, beside qemu-ga")
    for name in set(vm.nodes) - {"volume"}:
        disk = EVERY.get(name, FLOPPY)
        pair = [entries["/mnt/" + name].pop("disk") for entries in (real, ours)]
        equal([len(told) for told in pair], [1, 1], "disks under %s" % name)
        places, serials = zip(*(split(told[0]) for told in pair))
        check_place(name, disk, vm.node(name), *places)
        check_serials(name, disk, *serials)
    # All of the volume but its parts on a partition of an array.
    nodes = array_nodes(vm)
    pair = [by_device(entries["/mnt/volume"]) for entries in (real, ours)]
    equal(sorted(pair[1]), sorted(nodes.values()), "disks under the volume")
    for name in VOLUME:
        told, serial = split(pair[1][nodes[name]])
        equal(told, {**DISKS[name].place, "dev": nodes[name]}, "where %s is, under the volume" % name)
        equal(serial, DISKS[name].serial, "its serial number")
        if name in UNDER_A_PARTITION:
            check(nodes[name] not in pair[0], "qemu-ga finds %s: the difference disk-places has gone" % name)
            differ("disk-places", None, told)
        else:
            equal(split(pair[0][nodes[name]])[0], told, "where %s is, by qemu-ga" % name)
    for entries in (real, ours):
        entries["/mnt/volume"].pop("disk")
    equal(ours, real, "all else, beside qemu-ga")
    kinds = sorted({disk.place["bus-type"] for disk in EVERY.values()} - {"unknown"})
    seen("guest-get-fsinfo", "%d disks of a real machine's kernel, on %s, where QEMU was told" % (len(EVERY), ", ".join(kinds)))
    seen("guest-get-fsinfo", "a volume of LVM over md arrays: the disks on 4 buses that mdadm made them of")


@test(group="buses", fixture=machine)
def disks_are_where_qemu_was_told_to_put_them(vm):
    real, ours = ({entry["name"]: entry for entry in reply["return"]} for reply in vm.each("guest-get-disks"))
    equal(sorted(ours), sorted(real), "names, beside qemu-ga")
    nodes = {**{name: vm.node(name) for name in EVERY if name in vm.nodes}, **array_nodes(vm)}
    for name, node in nodes.items():
        if EVERY[name].partition:
            equal(ours[node]["partition"], True, "%s is a partition" % name)
            node, = ours[node]["dependencies"]
        places, serials = zip(*(split(entries[node].pop("address")) for entries in (real, ours)))
        check_place(name, EVERY[name], node, *places)
        check_serials(name, EVERY[name], *serials)
    equal(sorted(ours["/dev/dm-0"]["dependencies"]), ["/dev/md0p1", "/dev/md1"], "what the volume is made of")
    equal(ours["/dev/md0p1"], {"name": "/dev/md0p1", "partition": True, "dependencies": ["/dev/md0"]}, "an array's partition")
    for array, names in (("/dev/md0", MIRRORED), ("/dev/md1", STRIPED)):
        equal(sorted(ours[array]["dependencies"]), sorted(nodes[name] for name in names), "what %s is made of" % array)
    equal(ours["/dev/dm-0"].pop("alias"), "group-volume", "the name of the volume")
    check("alias" not in real["/dev/dm-0"], "qemu-ga knows an alias: the difference disk-alias has gone")
    differ("disk-alias", None, "group-volume")
    for entries in (real, ours):
        # Of the floppy disk only that it is one, and of NVMe disks nothing that changes.
        equal(split(entries["/dev/fd0"].pop("address"))[0], {**UNKNOWN, "dev": "/dev/fd0"}, "where the floppy disk is")
        for entry in entries.values():
            entry.get("dependencies", []).sort()
            entry.pop("smart", None)
    equal(ours, real, "all else, beside qemu-ga")
    seen("guest-get-disks", "md arrays, the partition of one and a volume of LVM, made of what mdadm and lvm made them of")


@test(group="buses", fixture=machine)
def all_are_frozen_in_one_go(vm):
    def told(agent, *arguments):
        count = agent.run(*arguments, timeout=60)
        equal(agent.run("guest-fsfreeze-status"), "frozen" if count else "thawed", "status")
        equal(agent.run("guest-fsfreeze-thaw", timeout=60), count, "file systems thawed")
        return count

    writable = int(vm.shell.check("grep -c '^/dev/.* ext4 rw' /proc/mounts"))
    equal(writable, len(vm.nodes) - len(CDS) - 1, "file systems that can be written to")
    equal([told(agent, "guest-fsfreeze-freeze") for agent in (vm.real, vm.ours)], [writable] * 2, "of those frozen, all")
    # Neither what comes over a network nor what can only be read is; and naming it changes nothing.
    for names, count in ((["share"], 0), (["share", "volume"], 1), (["CD-ATA"], 0), (["floppy"], 0), (["CD-SCSI", "uhci"], 1)):
        arguments = ("guest-fsfreeze-freeze-list", {"mountpoints": ["/mnt/" + name for name in names]})
        equal([told(agent, *arguments) for agent in (vm.real, vm.ours)], [count] * 2, "frozen of %s" % names)
    equal(vm.ours.run("guest-fsfreeze-freeze", timeout=60), writable, "file systems frozen")
    waiting = [vm.writer("/mnt/%s/file" % name) for name in ("volume", "sata0", "ahci5", "ide01", "uhci", "uas1", "card")]
    for writer in waiting:
        writer.check_waits()
    vm.writer("/mnt/share/file").check_done()
    with open(os.path.join(vm.image_of["share"], "file")) as file:
        equal(file.read(), "written\n", "what the host has of it")
    equal(vm.ours.run("guest-fsfreeze-thaw", timeout=60), writable, "file systems thawed")
    for writer in waiting:
        writer.check_done()
    seen("guest-fsfreeze-freeze", "who writes to LVM over md, AHCI, IDE, USB and an SD card hangs; who writes to 9p does not")


@test(group="buses", fixture=machine)
def images_on_real_controllers_shrink(vm):
    """By TRIM of ATA, UNMAP of SCSI and USB, and what NVMe has."""
    names = ("sata0", "ahci5", "lun71", "uas1", "pvscsi", "flash")
    mebibyte = 1 << 20

    def taken(name):
        return os.stat(vm.image_of[name]).st_blocks * 512

    results = []
    for agent in (vm.real, vm.ours):
        for name in names:
            vm.shell.check("dd if=/dev/urandom of=/mnt/%s/f bs=1M count=4 2>/dev/null" % name)
        vm.shell.check("sync", timeout=60)
        before = {name: taken(name) for name in names}
        vm.shell.check("rm /mnt/*/f; sync", timeout=60)
        told = {entry["path"]: entry for entry in agent.run("guest-fstrim", timeout=120)["paths"]}
        for name in names:
            trimmed = told["/mnt/" + name]["trimmed"]
            check(trimmed >= 4 * mebibyte, "of %s %d bytes are trimmed" % (name, trimmed))
            deadline = time.monotonic() + 5
            while before[name] - taken(name) < 3.5 * mebibyte:
                check(time.monotonic() < deadline, "%s takes %d bytes, before %d" % (name, taken(name), before[name]))
                time.sleep(0.05)
        for entry in told.values():
            entry.pop("trimmed", None)
        results.append(told)
    real, ours = results
    equal(ours, real, "paths, least lengths and errors, beside qemu-ga")
    for name in (*CDS, "ehci"):
        equal(ours["/mnt/" + name].get("error"), "trim not supported", name)
    seen("guest-fstrim", "images on %s shrink" % ", ".join(names))


@test(group="buses", fixture=machine)
def serial_numbers_are_those_of_the_real_udev(vm):
    """The last one here, for the database stays."""
    without = mounted(vm)[1]
    vm.shell.check("mkdir -p /run/udev; ln -s /bin/udevadm /bin/systemd-udevd; systemd-udevd --daemon; "
                   "udevadm trigger --action=change --subsystem-match=block; udevadm settle --timeout=100", timeout=120)
    real, ours = mounted(vm)
    for name in set(vm.nodes) - {"volume", "floppy"}:
        disk = EVERY[name]
        serials = [entries["/mnt/" + name]["disk"][0].get("serial") for entries in (real, ours, without)]
        said = vm.shell.check("udevadm info -q property %s | sed -n 's/^ID_SERIAL=//p'" % vm.node(name))
        equal(said, disk.serial, "ID_SERIAL of %s" % name)
        equal(serials, [said, said, said if disk.seen else None], "%s, by qemu-ga, by ours, and by ours without udev" % name)
    wanted = {disk["dev"]: disk for disk in without["/mnt/volume"]["disk"]}
    equal({disk["dev"]: disk for disk in ours["/mnt/volume"]["disk"]}, wanted, "the disks under the volume, as without udev")
    names = ["/dev/dm-0", *(vm.node(name) for name in ("sata0", "lun300", "space7", "comma"))]
    pair = [{entry["name"]: entry for entry in reply["return"]} for reply in vm.each("guest-get-disks")]
    for name in names:
        for entries in pair:
            entries[name].get("dependencies", []).sort()
            entries[name].pop("smart", None)
        equal(pair[1][name], pair[0][name], "%s with the database, beside qemu-ga" % name)
    equal(pair[1]["/dev/dm-0"]["alias"], "group-volume", "the name of the volume")
    seen("guest-get-fsinfo", "the serial numbers that udev's ata_id, scsi_id, usb_id and rules give %d disks" % len(EVERY))
