"""What ci/figures measures in virtual machines: one for each of the two agents, both up at once.

Each agent is started from the initramfs, whose pages count as dirty, and from a disk, whose pages are only copies of it.
"""

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import termios
import time

import guest
import storage
import vm as machines
from guest import libraries
from measure import ping

MIB = 1 << 20
ROUNDS = 10
# Enough for what the real agent needs to read 48 MiB.
MEMORY = "512M"
PLACES = (("", "an initramfs"), ("chroot /mnt ", "a disk"))
# Directories of the initramfs that what is on the disk sees as well.
MOUNTED = ("dev", "proc", "sys", "run", "tmp")
PEAK_ROW = "In a guest, from %s: most of VmHWM and VmRSS after %s"


class Missing(Exception):
    """Something needed is not here; the message says what, and how to get it."""


def check():
    """What a guest is made of must be there before minutes are spent on the rest."""
    for name in ("busybox", "kernel/modules", "kernel/vmlinuz"):
        if not os.path.exists(os.path.join(machines.DIRECTORY, name)):
            raise Missing("no %s in %s: run ci/setup vm" % (name, os.path.relpath(machines.DIRECTORY)))
    machines.qemu()


def pack(kind, output, *options):
    """An initramfs with the agent and its libraries in it."""
    command = [os.path.join(guest.oracle.ROOT, "targets", "initramfs", "build"), "--agent", kind.path, "--output", output, *options]
    for library in libraries(kind.path):
        command += ["--add", library]
    subprocess.run(command, check=True)


def disk(kind, directory):
    """An ext4 image with the agent and its libraries in it, and the directories that a guest has."""
    root = os.path.join(directory, kind.name + "-root")
    for name in (*MOUNTED, "var"):
        os.makedirs(os.path.join(root, name))
    os.symlink("/run", os.path.join(root, "var", "run"))
    for addition in [kind.path + ":/bin/picoqga", *libraries(kind.path)]:
        source, _, target = addition.partition(":")
        target = os.path.join(root, target.lstrip("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        subprocess.run(["cp", "-L", source, target], check=True)
    image = storage.empty(os.path.join(directory, kind.name + ".ext4"), 32)
    storage.make("mkfs.ext4", "-q", "-F", "-E", storage.AT_ONCE, "-d", root, image)
    return image


class Guest(guest.Guest):
    """A guest whose agent can be started from more than one place."""

    def start_from(self, place):
        """Starts it, talks to it once, and answers its process number."""
        # Exec, so that this is the agent's own.
        pid = int(self.shell.check("exec %spicoqga </dev/null >/dev/null 2>&1 & echo $!" % place))
        with self.agent() as client:
            client.sync()
            ping(client)
        time.sleep(1)
        return pid

    def held(self, pid):
        text = self.shell.check("cat /proc/%d/smaps_rollup" % pid)
        return {name: int(re.search(r"^%s:\s*(\d+)" % name, text, re.M).group(1))
                for name in ("Rss", "Anonymous", "Private_Dirty")}


def start(kind, work, stack):
    """A guest for an agent, with a disk at /mnt that has it too."""
    image = os.path.join(work, kind.name + ".img")
    pack(kind, image, "--busybox", os.path.join(machines.DIRECTORY, "busybox"), "--modules",
         os.path.join(machines.DIRECTORY, "kernel", "modules"), "--module", "virtio_blk",
         "--add", os.path.join(guest.HERE, "guest") + ":/test")
    # The real one does not look for its port.
    vm = stack.enter_context(Guest(image=image, append="test.links", memory=MEMORY, disks=[disk(kind, work)]))
    vm.shell.check("mount -t ext4 -o ro /dev/vda /mnt; for d in %s; do mount -o bind /$d /mnt/$d; done"
                   % " ".join(MOUNTED))
    return vm


def memory(table, name, vm, place, title):
    pid = vm.start_from(place)
    holds = vm.held(pid)
    for field, row in (("Rss", "VmRSS"), ("Anonymous", "RssAnon"), ("Private_Dirty", "Private_Dirty")):
        table.add("In a guest, from %s: %s, idle" % (title, row), "kB", name, holds[field])
    vm.stop_agent(pid)


# The large requests. What they read and write is nothing, so that the guest needs no room for it.


def read(client):
    handle = client.run("guest-file-open", {"path": "/dev/zero", "mode": "r"})
    reply = client.run("guest-file-read", {"handle": handle, "count": 48 * MIB}, timeout=300)
    if reply["count"] != 48 * MIB:
        raise AssertionError("%d bytes were read" % reply["count"])


def write(client):
    handle = client.run("guest-file-open", {"path": "/dev/null", "mode": "w"})
    reply = client.run("guest-file-write", {"handle": handle, "buf-b64": "A" * (64 * MIB // 3 * 4)}, timeout=300)
    if reply["count"] != 64 * MIB // 3 * 3:
        raise AssertionError("%d bytes were written" % reply["count"])


def endless(client):
    client.send(b'{"execute":"' + b"a" * (32 * MIB), timeout=300)
    while struct.unpack("i", fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4)))[0]:
        time.sleep(0.1)
    client.sync(timeout=60)


def peaks(table, vm, place, title):
    """Of ours only: the real one refuses the second."""
    for what, work in (("reading 48 MiB", read), ("writing 64 MiB", write), ("32 MiB of a string without end", endless)):
        pid = vm.start_from(place)
        with vm.agent() as client:
            client.sync()
            work(client)
        row = PEAK_ROW % (title, what)
        table.add(row, "kB", "picoqga", max(vm.status(pid, "VmHWM"), vm.held(pid)["Rss"]))
        table.add(row, "kB", "qemu-ga", "not measured")
        vm.stop_agent(pid)


def wake_ups(table, running, pids, seconds, state):
    time.sleep(1)
    before = [vm.status(pid, "voluntary_ctxt_switches") for (_, vm), pid in zip(running, pids)]
    time.sleep(seconds)
    row = "In a guest: wake-ups in %d s, %s" % (seconds, state)
    for (name, vm), pid, count in zip(running, pids, before):
        table.add(row, "", name, vm.status(pid, "voluntary_ctxt_switches") - count)
    table.want(row, most=0)


def measure(table, kinds, work, seconds, wanted):
    """Adds its rows; answers what guests these were. `wanted`: kB of Rss, Anonymous and the peak."""
    with contextlib.ExitStack() as stack:
        running = [(kind.name, start(kind, work, stack)) for kind in kinds]
        for place, title in PLACES:
            for name, vm in running:
                memory(table, name, vm, place, title)
            table.want("In a guest, from %s: VmRSS, idle" % title, most=wanted["Rss"])
            table.want("In a guest, from %s: RssAnon, idle" % title, most=wanted["Anonymous"])
        for place, title in PLACES:
            peaks(table, running[0][1], place, title)
        for name in list(table.rows):
            if name.startswith("In a guest") and "VmHWM" in name:
                table.want(name, most=wanted["peak"])
        pids = [vm.start_from("") for _, vm in running]
        for _ in range(ROUNDS):
            for name, vm in running:
                with vm.agent() as client:
                    client.sync()
                    began, count = time.perf_counter(), 0
                    while time.perf_counter() < began + 1:
                        ping(client, 10)
                        count += 10
                    table.add("In a guest: pings", "per second", name, count / (time.perf_counter() - began))
        table.want("In a guest: pings", ratio=3)
        with contextlib.ExitStack() as connected:
            for _, vm in running:
                connected.enter_context(vm.agent()).sync()
            wake_ups(table, running, pids, seconds, "connected")
        wake_ups(table, running, pids, seconds, "the host gone")
        emulator = subprocess.run([machines.qemu(), "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
        return "Guests: Linux %s, one CPU, an initramfs and a disk with ext4, under TCG of QEMU %s." % (
            running[0][1].shell.check("uname -r"), re.search(r"version (\S+)", emulator).group(1))
