"""Disks with a root of their own for the init systems of distributions: their files from the Debian packages that ci/setup has
unpacked, picoqga as targets/appliance/install lays it down, busybox for all else. Nothing is run while one is made.
"""

import os
import re
import shutil
import subprocess
import tempfile

import oracle
from guest import Options
from report import Skip
from shutdown import tool
from vm import DIRECTORY

PACKAGES = os.path.join(DIRECTORY, "inits")
# One usr for all, as distributions have it by now.
MERGED = ("bin", "sbin", "lib", "lib64")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
CONFIGURATION = "[general]\nverbose=true\nlogfile=/var/log/picoqga.log\n"


def unpacked(package):
    """The directory of a package. Skips the test only where ci/setup has looked and this system has none."""
    path = os.path.join(PACKAGES, package)
    if not os.path.exists(os.path.join(PACKAGES, "ready")):
        raise AssertionError("nothing in %s: run ci/setup inits" % os.path.relpath(PACKAGES, oracle.ROOT))
    if not os.path.isdir(path):
        raise Skip("this system has no package for %s" % package)
    return path


class Root:
    """The tree that becomes the disk. `package` is the directory below target/vm/inits that files are taken from."""

    def __init__(self, path, package):
        self.path = path
        self.package = unpacked(package)
        for name in MERGED:
            os.makedirs(os.path.join(path, "usr", name))
            os.symlink("usr/" + name, os.path.join(path, name))
        for name in ("dev", "proc", "sys", "run", "tmp", "root", "mnt", "etc", "var/log", "var/lib"):
            os.makedirs(os.path.join(path, name))
        os.symlink("../run", os.path.join(path, "var/run"))
        self.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nmessagebus:x:101:101::/nonexistent:/bin/false\n")
        self.text("etc/group", "root:x:0:\nmessagebus:x:101:\n")
        self.text("etc/qemu/qemu-ga.conf", CONFIGURATION)

    def place(self, name):
        """Where a file of a package goes, from the time before there was one usr as well."""
        return os.path.join(self.path, ("usr/" if name.split("/")[0] in MERGED else "") + name)

    def text(self, name, content, mode=0o644):
        path = self.place(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)
        os.chmod(path, mode)

    def script(self, name, content):
        self.text(name, "#!/bin/sh\n" + content, 0o755)

    def link(self, name, target):
        path = self.place(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.remove(path)
        os.symlink(target, path)

    def take(self, *names, package=None):
        """Copies files and directories of the package."""
        source = os.path.join(PACKAGES, package) if package else self.package
        for name in names:
            found = [path for path in (os.path.join(source, name), os.path.join(source, "usr", name)) if os.path.lexists(path)]
            if not found:
                raise AssertionError("the package has no %s" % name)
            path = self.place(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.isdir(found[0]) and not os.path.islink(found[0]):
                shutil.copytree(found[0], path, symlinks=True, dirs_exist_ok=True)
            else:
                if os.path.lexists(path):
                    os.remove(path)
                shutil.copy2(found[0], path, follow_symlinks=False)

    def take_if_there(self, name):
        """Takes what only some releases have."""
        if os.path.lexists(os.path.join(self.package, name)) or os.path.lexists(os.path.join(self.package, "usr", name)):
            self.take(name)

    def busybox(self):
        """All of its commands, where there is none of the package."""
        program = os.path.join(DIRECTORY, "busybox")
        shutil.copy(program, self.place("bin/busybox"))
        listed = subprocess.run([program, "--list"], stdout=subprocess.PIPE, check=True).stdout.decode().split()
        for name in listed:
            if not any(os.path.lexists(self.place(directory + name)) for directory in ("bin/", "sbin/")):
                self.link("bin/" + name, "busybox")

    def libraries(self):
        """What the programs of the tree need, and what that needs."""
        known = {}
        for directory, _, names in os.walk(os.path.join(PACKAGES, "needed")):
            known.update((name, os.path.join(directory, name)) for name in names if ".so" in name)
        programs = [os.path.join(directory, name) for directory, _, names in os.walk(self.path) for name in names]
        asked = [path for path in programs if not os.path.islink(path) and is_elf(path)]
        os.makedirs(os.path.join(self.path, LIBRARIES), exist_ok=True)
        done = {os.path.basename(path) for path in programs}
        while asked:
            told = subprocess.run(["readelf", "-d", "-W", *asked], stdout=subprocess.PIPE, check=True).stdout.decode()
            needed = set(re.findall(r"\(NEEDED\)[^[]*\[([^]]+)\]", told)) - done
            missing = needed - set(known)
            if missing:
                raise AssertionError("no package has %s" % ", ".join(sorted(missing)))
            asked = [os.path.join(self.path, LIBRARIES, name) for name in needed]
            for path in asked:
                shutil.copy(known[os.path.basename(path)], path)
            done |= needed
        loader = "ld-linux-x86-64.so.2"
        shutil.copy(known[loader], os.path.join(self.path, "usr/lib64", loader))

    def picoqga(self, init):
        subprocess.run([os.path.join(oracle.ROOT, "targets", "appliance", "install"), "--agent", Options.agent, "--init", init,
                        "--destdir", self.path], check=True)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def make(recipe, package):
    """The path of the disk that `recipe`, a function that fills a Root, gives; made when first asked for."""
    disk = "%s.%s.root" % (Options.image, recipe.__name__)
    if os.path.exists(disk):
        return disk
    # Another process of these tests may want the same one: it is there when it is whole.
    work = "%s.%d" % (disk, os.getpid())
    with tempfile.TemporaryDirectory(prefix="root-", dir=DIRECTORY) as path:
        os.chmod(path, 0o755)
        root = Root(path, package)
        recipe(root)
        root.libraries()
        root.busybox()
        with open(work, "wb") as file:
            file.truncate(96 << 20)
        made = tool("mkfs.ext4", "-q", "-F", "-E", "root_owner=0:0", "-d", path, work)
        if made.returncode != 0:
            raise AssertionError("mkfs.ext4 says: %s" % made.stdout.decode())
    os.rename(work, disk)
    return disk
