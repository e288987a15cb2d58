"""A machine with a disk on each bus that its kernel has a driver for, and what their images hold.

The small kernel of most tests has none for AHCI, for USB and for the SCSI controllers of real machines: buses.py has them, with another kernel.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile

import guest
from guest import Guest, Options
from vm import DIRECTORY

MIB = 1 << 20

MODULES = ("virtio_scsi", "sd_mod", "ata_piix", "dm_mod", "xfs", "vfat", "nls_cp437", "nls_ascii", "brd", "virtio_mmio")

# mkfs lives in sbin, which is not on everybody's PATH.
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}


def make(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)


def empty(path, size_mib):
    with open(path, "wb") as file:
        file.truncate(size_mib * MIB)
    return path


# Nothing is left for later, when the image would grow by it.
AT_ONCE = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"


def ext4(path, size_mib, label=""):
    make("mkfs.ext4", "-q", "-F", "-L", label, "-E", AT_ONCE, empty(path, size_mib))
    return path


def xfs(path, size_mib):
    make("mkfs.xfs", "-q", empty(path, size_mib))
    return path


def partitioned(path, size_mib, label=""):
    """An image with one partition, of all but the first MiB, and ext4 in it."""
    empty(path, size_mib)
    make("mkfs.ext4", "-q", "-F", "-L", label, "-E", "%s,offset=%d" % (AT_ONCE, MIB), path, "%dM" % (size_mib - 1))
    sectors = MIB // 512
    entry = bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + sectors.to_bytes(4, "little") + ((size_mib - 1) * sectors).to_bytes(4, "little")
    with open(path, "r+b") as file:
        file.seek(446)
        file.write(entry)
        file.seek(510)
        file.write(b"\x55\xaa")
    return path


def drive(name, path):
    return ["-drive", "file=%s,if=none,id=%s,format=raw,discard=unmap" % (os.path.abspath(path), name)]


class Storage:
    """Machines with such disks, one at a time. The image that they boot is made once."""

    def __init__(self):
        self.directory = None

    def image(self):
        if self.directory is None:
            self.directory = tempfile.mkdtemp(prefix="storage-", dir=DIRECTORY)
            mapper = os.path.join(self.directory, "device-mapper")
            guest.build_program("device_mapper.rs", mapper)
            guest.build_image(Options.agent, self.path("storage.img"), MODULES, [mapper + ":/bin/device-mapper"])
        return self.path("storage.img")

    def path(self, name):
        return os.path.join(self.directory, name)

    @contextlib.contextmanager
    def __call__(self, disks, **options):
        """A machine; `disks` makes the images, given the path of a directory for them, and answers QEMU's arguments."""
        image = self.image()
        with tempfile.TemporaryDirectory(dir=self.directory) as images:
            with Guest(image=image, devices=disks(images), **options) as vm:
                yield vm

    def close(self):
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None


storage = Storage()
