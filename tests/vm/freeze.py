"""guest-fsfreeze-*: what is frozen, and in which order.

Seen by who writes: a write to a frozen file system hangs in the kernel, and goes on after the thaw.
"""

import contextlib
import time

from beside import REAL_PORT, differ
from client import AgentTimeout
from freezing import MARKER, Freezing, freezer, frozen, kill, refusal, restarted
from guest import test
from report import check, equal
from seen import seen

WHILE_FROZEN = {"guest-ping", "guest-info", "guest-sync", "guest-sync-delimited", "guest-fsfreeze-status",
                "guest-fsfreeze-thaw"}


def lock_kb(vm, pid):
    return vm.status(pid, "VmLck")


def resident_kb(vm, pid):
    """Counted page by page; what /proc/PID/status says lags behind."""
    return int(vm.shell.check("grep '^Rss:' /proc/%d/smaps_rollup" % pid).split()[1])


@test(group="freeze", fixture=frozen)
def every_kind_of_file_system(vm):
    """Three kinds; a bind mount, a subvolume and an overlay that belong to them; and memory, which is not frozen."""
    with freezer(vm, "vda", "vdb", "vdc") as (agent, pid):
        vm.shell.check("mount --bind /mnt/vda /mnt/a; mkdir -p /mnt/vda/upper /mnt/vda/work /mnt/vdc/sub; "
                       "mount -t tmpfs memory /mnt/b; mount -t btrfs -o subvolid=5 /dev/vdc /mnt/d; "
                       "mount -t overlay -o lowerdir=/mnt/b,upperdir=/mnt/vda/upper,workdir=/mnt/vda/work overlay /mnt/c")
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status before")
        equal(lock_kb(vm, pid), 0, "kB locked before")
        resident = resident_kb(vm, pid)
        equal(agent.run("guest-fsfreeze-freeze"), 3, "file systems frozen")
        waiting = [vm.writer("/mnt/%s/file" % place) for place in ("vda", "vdb", "vdc", "a", "c", "d/sub")]
        for writer in waiting:
            writer.check_waits()
        vm.writer("/mnt/b/file").check_done()
        vm.writer("/tmp/file").check_done()
        check(lock_kb(vm, pid) > 100, "only %d kB are locked" % lock_kb(vm, pid))
        vm.shell.check("test -e " + MARKER)
        equal(agent.run("guest-fsfreeze-status"), "frozen", "status")
        commands = agent.run("guest-info")["supported_commands"]
        equal({command["name"] for command in commands if command["enabled"]}, WHILE_FROZEN, "what is enabled")
        for command in sorted({command["name"] for command in commands} - WHILE_FROZEN):
            reply = agent.call(command)
            equal(reply["error"], {"class": "CommandNotFound", "desc": "Command %s has been disabled: the command is not allowed"
                                   % command}, command)
        agent.sync()
        equal(agent.run("guest-ping"), {}, "guest-ping")
        for writer in waiting:
            check(not writer.is_done(), "%s was written" % writer.path)
        equal(agent.run("guest-fsfreeze-thaw"), 3, "file systems thawed")
        for writer in waiting:
            writer.check_done()
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status after")
        equal(lock_kb(vm, pid), 0, "kB locked after")
        after = resident_kb(vm, pid)
        print("    resident: %d kB before, %d kB after" % (resident, after))
        check(after < resident + 128, "what is resident grew from %d kB to %d kB" % (resident, after))
        vm.shell.check("test ! -e " + MARKER)
        refused = {command["name"] for command in agent.run("guest-info")["supported_commands"] if not command["enabled"]}
        # There is no swap space here.
        equal(refused - {"guest-suspend-disk", "guest-suspend-hybrid"}, set(), "commands that are still refused")
        equal(agent.run("guest-fsfreeze-thaw"), 0, "thawed again")
        seen("guest-fsfreeze-freeze", "who writes to ext4, xfs and btrfs hangs in the kernel (state D)")
        seen("guest-fsfreeze-thaw", "who waited has written")
        seen("guest-fsfreeze-status", "frozen while a writer hangs, thawed when it is done")


@test(group="freeze", fixture=frozen)
def a_list_of_places(vm):
    with freezer(vm, "vda", "vdb", "vdc") as (agent, _):
        vm.shell.check("mount --bind /mnt/vda /mnt/a; mkdir -p '/mnt/b c'; mount -t btrfs -o subvolid=5 /dev/vdc '/mnt/b c'")
        for places, frozen_ones in ((["/mnt/vdb"], ["vdb"]), (["/mnt/a"], ["vda"]), (["/mnt/b c", "/nowhere"], ["vdc"]),
                                    (["/mnt/vda", "/mnt/a", "/mnt/vda"], ["vda"]), ([], []), (["/mnt", "/mnt/vda/", "vda"], []),
                                    (["/nowhere-%d" % number for number in range(5000)] + ["/mnt/vdb", "/mnt/vda"],
                                     ["vda", "vdb"])):
            equal(agent.run("guest-fsfreeze-freeze-list", {"mountpoints": places}), len(frozen_ones), "of %s" % places[-2:])
            equal(agent.run("guest-fsfreeze-status"), "frozen" if frozen_ones else "thawed", "status")
            writers = {device: vm.writer("/mnt/%s/file" % device) for device in ("vda", "vdb", "vdc")}
            for device, writer in writers.items():
                (writer.check_waits if device in frozen_ones else writer.check_done)()
            equal(agent.run("guest-fsfreeze-thaw"), len(frozen_ones), "file systems thawed")
            for writer in writers.values():
                writer.check_done()
        equal(agent.run("guest-fsfreeze-freeze-list"), 3, "without a list")
        equal(agent.run("guest-fsfreeze-thaw"), 3, "file systems thawed")
        vm.shell.check("umount '/mnt/b c'")
        seen("guest-fsfreeze-freeze-list", "of three file systems only those named make their writers hang")


def stack(vm):
    """An ext4 on a mapped device over a file on an ext4 in a file on /dev/vda; in mountinfo the lowest stands last."""
    vm.shell.check("""(
        for number in 7 8; do [ -e /dev/loop$number ] || mknod /dev/loop$number b 7 $number; done
        dd if=/dev/zero of=/mnt/vda/image bs=1M seek=40 count=0 2>/dev/null
        losetup /dev/loop7 /mnt/vda/image && mke2fs -q /dev/loop7 && mount -t ext4 /dev/loop7 /mnt/a || exit 1
        dd if=/dev/zero of=/mnt/a/image bs=1M seek=24 count=0 2>/dev/null
        losetup /dev/loop8 /mnt/a/image && dmsetup create --noudevsync upper --table '0 49152 linear /dev/loop8 0' || exit 1
        mke2fs -q /dev/dm-0 && mount -t ext4 /dev/dm-0 /mnt/b || exit 1
        mount --bind /mnt/a /mnt/c && umount -l /mnt/a
        mount --bind /mnt/vda /mnt/d && umount -l /mnt/vda
    )""")
    order = vm.shell.check("grep ' /mnt' /proc/self/mountinfo | cut -d' ' -f5").split()
    equal(order, ["/mnt/b", "/mnt/c", "/mnt/d"], "the order of mountinfo")


def unstack(vm):
    vm.shell.check("umount /mnt/b && dmsetup remove --noudevsync upper && losetup -d /dev/loop8 && umount /mnt/c && losetup -d /dev/loop7")


@test(group="freeze", fixture=frozen)
def loop_devices_over_frozen_file_systems(vm):
    """Frozen in the order of mountinfo backwards, the upper ones could not be written out any more."""
    with freezer(vm, "vda") as (agent, _):
        stack(vm)
        for _ in range(3):
            # Something that has to be written out at each level.
            vm.shell.check("for place in b c d; do dd if=/dev/urandom of=/mnt/$place/data bs=64k count=20 2>/dev/null; done")
            equal(agent.run("guest-fsfreeze-freeze", timeout=60), 3, "file systems frozen")
            writers = [vm.writer("/mnt/%s/file" % place) for place in "bcd"]
            for writer in writers:
                writer.check_waits()
            equal(agent.run("guest-fsfreeze-thaw", timeout=60), 3, "file systems thawed")
            for writer in writers:
                writer.check_done()
        unstack(vm)


@test(group="freeze", fixture=frozen)
def the_same_with_another_agent_to_thaw(vm):
    """One that was started anew holds nothing open, so it has to find out what rests on what."""
    vm.mount("vda")
    stack(vm)
    pid = vm.start_agent()
    with vm.agent() as agent:
        agent.sync()
        vm.shell.check("for place in b c d; do dd if=/dev/urandom of=/mnt/$place/data bs=64k count=20 2>/dev/null; done")
        equal(agent.run("guest-fsfreeze-freeze", timeout=60), 3, "file systems frozen")
    kill(vm, pid)
    with restarted(vm) as agent:
        equal(agent.run("guest-fsfreeze-thaw", timeout=60), 3, "file systems thawed")
    vm.writer("/mnt/b/file").check_done()
    unstack(vm)
    vm.unmount_all()


@contextlib.contextmanager
def own():
    with Freezing() as vm:
        yield vm


@test(group="freeze", fixture=own)
def the_order_of_qemu_ga(vm):
    """It hangs, so the machine is of no use any more."""
    vm.mount("vda")
    stack(vm)
    vm.shell.check("for place in b c d; do dd if=/dev/urandom of=/mnt/$place/data bs=64k count=20 2>/dev/null; done")
    pid = int(vm.shell.check("qemu-ga -p %s -t /tmp </dev/null >/tmp/real.log 2>&1 & echo $!" % vm.port_device(REAL_PORT)))
    with vm.agent("real") as agent:
        agent.sync()
        try:
            said = agent.call("guest-fsfreeze-freeze", timeout=10)
        except AgentTimeout:
            vm.shell.check("grep -q '^State:.D' /proc/%d/status" % pid)
            said = "hangs"
        equal(said, "hangs", "qemu-ga with a loop device over a file system that is frozen first")
        differ("freeze-order", said, 3)


@test(group="freeze", fixture=frozen)
def those_that_can_not_be_frozen_are_passed_over(vm):
    """One that knows no freezing, and one that somebody else has frozen; they are no error, and do not count."""
    with freezer(vm, "vda", "vdb") as (agent, _):
        vm.shell.check("dd if=/dev/zero of=/tmp/fat bs=1M count=1 2>/dev/null; mkdosfs /tmp/fat; [ -e /dev/loop7 ] || "
                       "mknod /dev/loop7 b 7 7; losetup /dev/loop7 /tmp/fat && mount -t vfat /dev/loop7 /mnt/a && "
                       "fsfreeze --freeze /mnt/vdb")
        with vm.real_agent() as (real, _):
            equal(real.run("guest-fsfreeze-freeze"), 1, "frozen by qemu-ga")
        vm.shell.check("fsfreeze --unfreeze /mnt/vda")
        waiting = vm.writer("/mnt/vdb/file")
        waiting.check_waits()
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        equal(agent.run("guest-fsfreeze-status"), "frozen", "status")
        vm.writer("/mnt/a/file").check_done()
        # It is not held either: it can be unmounted meanwhile.
        vm.shell.check("umount /mnt/a && mount -t vfat /dev/loop7 /mnt/a")
        writer = vm.writer("/mnt/vda/file")
        writer.check_waits()
        # What is frozen besides is thawed too, and counts.
        equal(agent.run("guest-fsfreeze-thaw"), 2, "file systems thawed")
        writer.check_done()
        waiting.check_done()
        vm.shell.check("fsfreeze --freeze /mnt/vdb")
        equal(agent.run("guest-fsfreeze-freeze-list", {"mountpoints": ["/mnt/a", "/mnt/vdb"]}), 0, "of none that can be frozen now")
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status, of none")
        vm.shell.check("fsfreeze --unfreeze /mnt/vdb && umount /mnt/a; losetup -d /dev/loop7; rm /tmp/fat")


@test(group="freeze", fixture=frozen)
def mounts_that_cover_each_other(vm):
    with freezer(vm, "vda", "vdb") as (agent, _):
        vm.shell.check("mount --bind /mnt/vda /mnt/a; mount -t tmpfs memory /mnt/vda; mount -t tmpfs memory /mnt/vdb")
        # /dev/vda is reached through its second place, /dev/vdb not at all.
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        writer = vm.writer("/mnt/a/file")
        writer.check_waits()
        vm.writer("/mnt/vda/file").check_done()
        equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed")
        writer.check_done()


@test(group="freeze", fixture=frozen)
def mounts_that_go_while_frozen(vm):
    with freezer(vm, "vda", "vdb") as (agent, _):
        equal(agent.run("guest-fsfreeze-freeze"), 2, "file systems frozen")
        writers = [vm.writer("/mnt/%s/file" % device) for device in ("vda", "vdb")]
        for writer in writers:
            writer.check_waits()
        vm.shell.check("mount -t tmpfs memory /mnt/vda; umount -l /mnt/vdb")
        equal(agent.run("guest-fsfreeze-thaw"), 2, "file systems thawed")
        check(all(writer.is_done(10) for writer in writers), "who writes still waits")
        vm.shell.check("umount /mnt/vda")
        equal(vm.shell.check("cat /mnt/vda/file"), "written", "content")
        # Nothing of it is held open any more: the device is free.
        vm.shell.check("mount -t xfs -o ro /dev/vdb /mnt/vdb")


@test(group="freeze", fixture=frozen)
def without_proc_and_sys(vm):
    with freezer(vm, "vda", "vdb") as (agent, _):
        with vm.real_agent() as (real, _):
            vm.shell.check("umount /sys && umount /proc")
            try:
                ours = agent.run("guest-fsfreeze-freeze")
                equal(ours, 2, "file systems frozen")
                equal(agent.run("guest-fsfreeze-thaw"), 2, "file systems thawed")
                said = refusal(real, "guest-fsfreeze-freeze")
                equal(said, "failed to open mtab file: '/proc/self/mounts'", "qemu-ga")
                differ("proc-not-mounted", said, ours)
            finally:
                vm.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys")


@test(group="freeze", fixture=frozen)
def an_error_in_the_middle(vm):
    """A file system that cannot be written out: its file is in memory that is full. The hook was run before, and so is after."""
    with freezer(vm, options="-F/tmp/hook") as (agent, pid):
        vm.shell.check("""
            printf '#!/bin/sh\\necho $1 >>/tmp/hook.log\\n' >/tmp/hook; chmod +x /tmp/hook; rm -f /tmp/hook.log
            mount -t tmpfs -o size=6M memory /mnt/a
            dd if=/dev/zero of=/mnt/a/image bs=1M seek=32 count=0 2>/dev/null
            [ -e /dev/loop7 ] || mknod /dev/loop7 b 7 7
            losetup /dev/loop7 /mnt/a/image && mke2fs -q /dev/loop7 && mount -t ext4 -o errors=remount-ro /dev/loop7 /mnt/b
            dd if=/dev/zero of=/mnt/a/rest bs=64k 2>/dev/null
            dd if=/dev/urandom of=/mnt/b/data bs=64k count=100 2>/dev/null
            for number in $(seq 1 300); do mkdir /mnt/b/$number; done
            true""")
        vm.mount("vda", "vdb")
        said = refusal(agent, "guest-fsfreeze-freeze")
        print("    " + said)
        check(said.startswith("failed to freeze /mnt/b: "), said)
        equal(vm.shell.check("cat /tmp/hook.log"), "freeze\nthaw", "calls of the hook")
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
        equal(lock_kb(vm, pid), 0, "kB locked")
        for device in ("vda", "vdb"):
            vm.writer("/mnt/%s/file" % device).check_done()
        vm.shell.check("umount /mnt/b; losetup -d /dev/loop7")


@test(group="freeze", fixture=frozen)
def as_many_as_there_is_room_for(vm):
    """512 file systems are frozen; with one more, none is. They all share one file, which nobody writes."""
    with freezer(vm, "vda") as (agent, _):
        vm.shell.check("dd if=/dev/zero of=/tmp/small bs=1k count=64 2>/dev/null; mke2fs -q -F /tmp/small 2>/dev/null; mkdir -p /tmp/many")

        def mount_up_to(count):
            # A few at a time: the shell's answer is waited for.
            vm.shell.check("""(
                have=$(grep -c ' /tmp/many/' /proc/self/mountinfo)
                while [ $have -lt %d ]; do
                    have=$((have+1))
                    [ -e /dev/loop$((have+20)) ] || mknod /dev/loop$((have+20)) b 7 $((have+20))
                    mkdir -p /tmp/many/$have
                    losetup -r /dev/loop$((have+20)) /tmp/small && mount -t ext4 -o ro /dev/loop$((have+20)) /tmp/many/$have || exit 1
                done)""" % count, timeout=240)

        try:
            for others in (255, 511):
                mount_up_to(others)
                began = time.monotonic()
                equal(agent.run("guest-fsfreeze-freeze", timeout=120), others + 1, "file systems frozen")
                took = time.monotonic() - began
                writer = vm.writer("/mnt/vda/file")
                writer.check_waits()
                equal(agent.run("guest-fsfreeze-thaw", timeout=120), others + 1, "file systems thawed")
                writer.check_done()
                print("    %d file systems: %.1f s" % (others + 1, took))
            mount_up_to(512)
            limit = refusal(agent, "guest-fsfreeze-freeze")
            equal(limit, "more than 512 file systems are mounted; nothing is frozen", "513 file systems")
            vm.writer("/mnt/vda/file2").check_done()
            equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
            seen("guest-fsfreeze-freeze", "512 file systems frozen, of 513 none")
            with vm.real_agent() as (real, _):
                equal(real.run("guest-fsfreeze-freeze", timeout=120), 513, "frozen by qemu-ga")
                equal(real.run("guest-fsfreeze-thaw", timeout=120), 513, "thawed by qemu-ga")
            differ("freeze-limit", 513, limit)
        finally:
            vm.shell.check("for number in $(seq 1 512); do umount /tmp/many/$number; losetup -d /dev/loop$((number+20)); done; true",
                           timeout=240)
