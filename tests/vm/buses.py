"""A machine with the controllers of real ones, on which are some forty disks, arrays and a volume of LVM, and what each of them
is by the word of who told QEMU. It boots the kernel that distributions give to real machines; both agents run in it.
"""

import glob
import os
import tempfile

import oracle
from beside import Beside
from file_systems import address
from freezing import Freezing
from guest import Shared, libraries
from report import check, equal
from storage import drive, ext4, partitioned
from vm import DIRECTORY

STORAGE = os.path.join(DIRECTORY, "storage")
MODULES = (
    "ahci", "ata_piix", "sd_mod", "sr_mod", "usb_storage", "uas", "xhci_pci", "ehci_pci", "uhci_hcd", "ohci_pci", "sym53c8xx",
    "megaraid_sas", "vmw_pvscsi", "virtio_scsi", "nvme", "sdhci_pci", "mmc_block", "floppy", "raid0", "raid1", "dm_mod",
    "crc32c_generic", "ext4", "isofs", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "9p", "9pnet_virtio")
PROGRAMS = ("udevadm", "mdadm", "lvm")
# Of udev what tells of disks, and its own programs for that. All else of it would only be slow here.
HELPERS = ("ata_id", "scsi_id", "cdrom_id")
RULES = ("50-udev-default", "55-dm", "60-block", "60-cdrom_id", "60-persistent-storage", "60-persistent-storage-dm")
SIZE_MIB = 8
NOWHERE = {"domain": -1, "bus": -1, "slot": -1, "function": -1}


def unpacked(name):
    """A file among what ci/setup has unpacked."""
    found = glob.glob(os.path.join(STORAGE, "**", name), recursive=True)
    check(found, "no %s in %s: run ci/setup storage" % (name, os.path.relpath(STORAGE)))
    return found[0]


def additions():
    """What goes into the guest for udev, mdadm and LVM. Several programs need the same libraries, so each only once."""
    programs = [unpacked(os.path.join("*bin", name)) for name in PROGRAMS]
    wanted = ["%s:/bin/%s" % (path, os.path.basename(path)) for path in programs]
    wanted += ["%s:/lib/udev/%s" % (unpacked("udev/" + name), name) for name in HELPERS]
    wanted += ["%s:/lib/udev/rules.d/%s" % (unpacked("rules.d/%s.rules" % name), name + ".rules") for name in RULES]
    there = {word.partition(":")[2] for word in libraries(oracle.binary())}
    needed = {}
    for path in programs + [unpacked("udev/" + name) for name in HELPERS]:
        needed.update({word.partition(":")[2]: word for word in libraries(path, STORAGE)})
    return wanted + [word for place, word in sorted(needed.items()) if place not in there]


class Disk:
    """A disk as QEMU is told to make it.

    device      without its drive, which has the name of the disk; that is the label of what is on it as well
    before      devices that have to be there first: its controller, or a hub
    place       where both agents must find it; with `known` false, only ours does
    serial      what udev calls ID_SERIAL
    seen        whether the kernel alone tells it
    partition   whether there is one on it, with the file system
    """

    def __init__(self, device, place, serial, *, partition=False, seen=True, known=True, before=()):
        self.device, self.place, self.serial, self.partition = device, place, serial, partition
        self.seen, self.known, self.before = seen, known, before


def sata(slot, port, function=0, **more):
    return address("sata", slot, function, unit=port, **more)


def ide(bus, unit):
    return {**address("ide", 0x15), "bus": bus, "unit": unit}


def scsi(slot, unit):
    return {**address("scsi", slot), "unit": unit}


UNKNOWN = {**address("unknown", -1), "pci-controller": NOWHERE}
HARD = "0QEMU_QEMU_HARDDISK_"
USB = "QEMU_QEMU_HARDDISK_%s-0:%d"

# By name. The machine has one AHCI controller of its own, at 1f.2.
DISKS = {
    "sata0": Disk("ide-hd,bus=ide.0,serial=of-sata0", sata(0x1f, 0, 2), "QEMU_HARDDISK_of-sata0"),
    "sata3": Disk("ide-hd,bus=ide.3,serial= x  y(z)/ ,model= Big  (disk)*,wwn=0x5000c50000000003", sata(0x1f, 3, 2),
                  "Big__disk___x_y_z__"),
    "ahci5": Disk("ide-hd,bus=ahci.5,serial=of-ahci5", sata(8, 5), "QEMU_HARDDISK_of-ahci5", partition=True,
                  before=["ich9-ahci,id=ahci,addr=8"]),
    "ide00": Disk("ide-hd,bus=pata.0,unit=0,serial=of-ide00", ide(0, 0), "QEMU_HARDDISK_of-ide00",
                  before=["piix3-ide,id=pata,addr=0x15"]),
    "ide01": Disk("ide-hd,bus=pata.0,unit=1,serial=of-ide01", ide(0, 1), "QEMU_HARDDISK_of-ide01"),
    "ide10": Disk("ide-hd,bus=pata.1,unit=0,serial=of-ide10", ide(1, 0), "QEMU_HARDDISK_of-ide10"),
    "ide11": Disk("ide-hd,bus=pata.1,unit=1,serial=of-ide11", ide(1, 1), "QEMU_HARDDISK_of-ide11"),
    "xhci": Disk("usb-storage,bus=xhci.0,port=1,serial=of-xhci", address("usb", 0x16), USB % ("of-xhci", 0),
                 before=["qemu-xhci,id=xhci,addr=0x16,p2=8,p3=8"]),
    "hub": Disk("usb-storage,bus=xhci.0,port=2.3,serial= x (y)  z/*", address("usb", 0x16), USB % ("x__y__z__", 0),
                before=["usb-hub,bus=xhci.0,port=2"]),
    "uas0": Disk("scsi-hd,bus=uas.0,lun=0,serial=of-uas0", address("usb", 0x16), USB % ("of-uas", 0),
                 before=["usb-uas,id=uas,bus=xhci.0,port=3,serial=of-uas"]),
    "uas1": Disk("scsi-hd,bus=uas.0,lun=1,serial=of-uas1", address("usb", 0x16), USB % ("of-uas", 1)),
    # QEMU makes one of where it is; and udev takes none with a comma.
    "usb-none": Disk("usb-storage,bus=xhci.0,port=4", address("usb", 0x16), USB % ("1-0000:00:16.0-4", 0)),
    "comma": Disk("usb-storage,bus=xhci.0,port=5,serial=a,,b", address("usb", 0x16), "QEMU_QEMU_HARDDISK-0:0"),
    "ehci": Disk("usb-storage,bus=ehci.0,serial=of-ehci", address("usb", 0x17), USB % ("of-ehci", 0),
                 before=["usb-ehci,id=ehci,addr=0x17"]),
    "bot0": Disk("scsi-hd,bus=bot.0,lun=0,serial=of-bot0", address("usb", 0x17), USB % ("of-bot", 0),
                 before=["usb-bot,id=bot,bus=ehci.0,serial=of-bot"]),
    "bot1": Disk("scsi-hd,bus=bot.0,lun=1,serial=of-bot1", address("usb", 0x17), USB % ("of-bot", 1)),
    "uhci": Disk("usb-storage,bus=uhci.0,serial=of-uhci", address("usb", 0x18), USB % ("of-uhci", 0), known=False,
                 before=["piix3-usb-uhci,id=uhci,addr=0x18"]),
    "ohci": Disk("usb-storage,bus=ohci.0,serial=of-ohci", address("usb", 0x19), USB % ("of-ohci", 0), known=False,
                 before=["pci-ohci,id=ohci,addr=0x19"]),
    "lsi3": Disk("scsi-hd,bus=lsi.0,scsi-id=3,serial=of-lsi3", scsi(0x1a, 3), HARD + "of-lsi3",
                 before=["lsi53c895a,id=lsi,addr=0x1a"]),
    "lsi5": Disk("scsi-hd,bus=lsi.0,scsi-id=5,serial=of-lsi5", scsi(0x1a, 5), HARD + "of-lsi5"),
    "lun00": Disk("scsi-hd,bus=scsi.0,scsi-id=0,lun=0,serial=of-lun00", scsi(0x1b, 0), HARD + "of-lun00",
                  before=["virtio-scsi-pci,id=scsi,addr=0x1b"]),
    "lun03": Disk("scsi-hd,bus=scsi.0,scsi-id=0,lun=3,serial= s  t(u)/* ,vendor=A B/C,product=a  (b)", scsi(0x1b, 3),
                  "0A_B_C_a__b__s_t_u___"),
    "lun71": Disk("scsi-hd,bus=scsi.0,scsi-id=7,lun=1,serial=of-lun71,wwn=0x6001405abcdef012,port_wwn=0x5001405abcdef013",
                  scsi(0x1b, 1), "36001405abcdef012"),
    # Such units are flat ones to the kernel, 0x4000 and the number; and of SCSI-2 it reads no pages.
    "lun300": Disk("scsi-hd,bus=scsi.0,scsi-id=2,lun=300,serial=of-lun300", scsi(0x1b, 0x4000 + 300), HARD + "of-lun300"),
    "scsi-2": Disk("scsi-hd,bus=scsi.0,scsi-id=4,scsi_version=2,serial=of-scsi-2", scsi(0x1b, 0), HARD + "of-scsi-2", seen=False),
    "mega": Disk("scsi-hd,bus=mega.0,scsi-id=1,serial=of-mega", UNKNOWN, HARD + "of-mega", before=["megasas,id=mega,addr=9"]),
    "pvscsi": Disk("scsi-hd,bus=pvscsi.0,scsi-id=1,serial=of-pvscsi", UNKNOWN, HARD + "of-pvscsi",
                   before=["pvscsi,id=pvscsi,addr=0xb"]),
    "flash": Disk("nvme,serial=of-flash,addr=0xd", address("nvme", 0xd), "QEMU_NVMe_Ctrl_of-flash_1"),
    "space1": Disk("nvme-ns,bus=nvme,nsid=1", address("nvme", 0x12), "QEMU_NVMe_Ctrl_a_b_c_d_1",
                   before=["nvme,id=nvme,serial=a b(c/d,addr=0x12"]),
    "space7": Disk("nvme-ns,bus=nvme,nsid=7", address("nvme", 0x12), "QEMU_NVMe_Ctrl_a_b_c_d_7"),
    "blk": Disk("virtio-blk-pci,serial=of blk/1,addr=0x10", address("virtio", 0x10), "of blk/1", partition=True),
    "card": Disk("sd-card", UNKNOWN, "0xdeadbeef", before=["sdhci-pci,addr=0xe"]),
}
# CDs, whose serial numbers the kernel does not read.
CDS = {
    "CD-ATA": Disk("ide-cd,bus=ide.4,serial=of-cd", sata(0x1f, 4, 2), "QEMU_DVD-ROM_of-cd", seen=False),
    "CD-SCSI": Disk("scsi-cd,bus=scsi.0,scsi-id=5,serial=of-cd2", scsi(0x1b, 0), "0QEMU_QEMU_CD-ROM_of-cd2", seen=False),
}
# What arrays are made of, in their order, and the volume that is made of a partition of the one and of the other.
MIRRORED, STRIPED = ("ide11", "bot1"), ("lsi5", "lun00")
VOLUME = (*MIRRORED, *STRIPED)


def iso9660(path, label):
    """An image of a CD with an empty directory."""
    def both(number, size):
        return number.to_bytes(size, "little") + number.to_bytes(size, "big")

    root = bytes([34, 0]) + both(19, 4) + both(2048, 4) + bytes([124, 1, 1, 0, 0, 0, 0, 2, 0, 0]) + both(1, 2) + b"\1\0"
    volume = (b"\1CD001\1\0" + b"LINUX".ljust(32) + label.encode().ljust(32) + bytes(8) + both(24, 4) + bytes(32) + both(1, 2)
              + both(1, 2) + both(2048, 2) + both(10, 4) + (18).to_bytes(4, "little") + bytes(4) + (18).to_bytes(4, "big")
              + bytes(4) + root)
    with open(path, "wb") as file:
        file.seek(16 * 2048)
        file.write(volume.ljust(881, b" ").ljust(2048, b"\1") + b"\xffCD001\1".ljust(2048, b"\0") + bytes(2048))
        file.write((root + root[:33] + b"\1").ljust(2048, b"\0"))
        file.truncate(240 * 2048)
    return path


class Buses(Beside):
    """The machine. `nodes` are the devices of what has a file system, by name, each mounted at /mnt/NAME."""

    def __init__(self):
        self.files = tempfile.TemporaryDirectory(prefix="buses-", dir=DIRECTORY)
        self.writers = 0
        self.nodes = {}
        self.image_of = {name: os.path.join(self.files.name, name) for name in (*DISKS, *CDS, "floppy", "share")}
        devices = ["-m", "384M"]
        for name, disk in DISKS.items():
            make = partitioned if disk.partition else ext4
            devices += self.device(name, disk, drive(name, make(self.image_of[name], SIZE_MIB, name)))
        for name, disk in CDS.items():
            medium = "file=%s,if=none,id=%s,format=raw,media=cdrom,readonly=on" % (iso9660(self.image_of[name], name), name)
            devices += self.device(name, disk, ["-drive", medium])
        with open(self.image_of["floppy"], "wb") as file:
            file.truncate(1440 * 1024)
        devices += [*drive("floppy", self.image_of["floppy"]), "-device", "isa-fdc,id=fdc", "-device", "floppy,drive=floppy"]
        os.mkdir(self.image_of["share"])
        devices += ["-fsdev", "local,id=share,path=%s,security_model=none" % self.image_of["share"],
                    "-device", "virtio-9p-pci,fsdev=share,mount_tag=share"]
        super().__init__(devices=devices, modules=MODULES, additions=additions(), kernel="generic")

    @staticmethod
    def device(name, disk, medium):
        """QEMU's arguments for a disk."""
        driver, _, rest = disk.device.partition(",")
        before = [word for one in disk.before for word in ("-device", one)]
        return [*before, *medium, "-device", "%s,drive=%s,%s" % (driver, name, rest)]

    def start(self):
        super().start()
        try:
            self.find()
            self.make_arrays()
            self.mount()
        except BaseException:
            self.stop(failed=True)
            raise
        return self

    def stop(self, failed=False):
        super().stop(failed)
        self.files.cleanup()

    writer = Freezing.writer

    def find(self):
        """By the labels on them. USB disks come last, a second after their controllers."""
        wanted = {*DISKS, *CDS}
        # Where ext4 has its label, and where a CD has it, in pieces of 8 bytes.
        script = ("cd /sys/class/block; for d in [nsvm]*; do place='skip=143 count=2'; "
                  "case $d in sr*) place='skip=4101 count=4'; esac; "
                  "echo $d $(dd if=/dev/$d bs=8 $place 2>/dev/null | tr -d '\\0'); done; true")
        for _ in range(40):
            said = [line.split() for line in self.shell.check(script, timeout=120).splitlines()]
            found = {words[1]: words[0] for words in said if len(words) == 2}
            if wanted <= set(found):
                break
            self.rest(0.5)
        equal(sorted(wanted - set(found)), [], "disks that the guest has not found")
        self.nodes = {name: found[name] for name in wanted}

    def make_arrays(self):
        def nodes(names):
            return " ".join("/dev/" + self.nodes[name] for name in names)

        self.shell.check("mdadm --create /dev/md0 --run --level=1 --metadata=1.2 --raid-devices=2 --assume-clean %s && "
                         "mdadm --create /dev/md1 --run --level=0 --raid-devices=2 %s && "
                         "printf 'n\\np\\n1\\n\\n\\nw\\n' | fdisk /dev/md0" % (nodes(MIRRORED), nodes(STRIPED)), timeout=120)
        # Nobody answers for udev yet.
        self.shell.check("mkdir -p /etc/lvm /run/lvm /run/lock/lvm; export LVM_SYSTEM_DIR=/etc/lvm; "
                         "echo 'activation { udev_sync=0 udev_rules=0 }' >/etc/lvm/lvm.conf; "
                         "lvm pvcreate -y /dev/md0p1 /dev/md1 && lvm vgcreate group /dev/md0p1 /dev/md1 && "
                         "lvm lvcreate -y -Wn -Zn -l 100%FREE -n volume group && mke2fs -L volume /dev/dm-0", timeout=120)
        self.nodes["volume"] = "dm-0"
        for name in VOLUME:
            del self.nodes[name]

    def mount(self):
        """All in the order of their names, of which CDs and the floppy disk can only be read; and a directory of the host's."""
        self.shell.check("mkdosfs /dev/fd0", timeout=120)
        self.nodes["floppy"] = "fd0"
        for name in sorted(self.nodes):
            kind = "iso9660 -o ro" if name in CDS else "vfat -o ro" if name == "floppy" else "ext4"
            self.shell.check("mkdir -p /mnt/%s; mount -t %s /dev/%s /mnt/%s" % (name, kind, self.nodes[name], name))
        self.shell.check("mkdir /mnt/share; mount -t 9p -o trans=virtio,version=9p2000.L share /mnt/share")

    def node(self, name):
        return "/dev/" + self.nodes[name]


machine = Shared(kind=Buses)
