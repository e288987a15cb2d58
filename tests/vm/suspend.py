"""guest-suspend-ram, -disk and -hybrid, seen from outside: QEMU's events and state, what is on the swap disk, and what is left of a
guest that was off.
"""

import contextlib
import json
import os
import struct
import tempfile

from client import AgentClosed, request
from guest import Guest, test
from report import check, equal
from seen import seen
from vm import DIRECTORY

PAGE = 4096
MIB = 1 << 20
# Without `quiet` on the console there would be nothing to look at when a machine does not wake up.
APPEND = "no_console_suspend"


def make_swap(path, size):
    """A swap area as mkswap(8) makes it: version 1, the number of its last page, and the signature at the end of the first."""
    with open(path, "wb") as file:
        file.truncate(size)
        file.seek(1024)
        file.write(struct.pack("<III", 1, size // PAGE - 1, 0))
        file.seek(PAGE - 10)
        file.write(b"SWAPSPACE2")


def signature(path):
    """What is in the place of the signature: `S1SUSPEND` stands for the memory of a guest that was suspended to the disk."""
    with open(path, "rb") as file:
        file.seek(PAGE - 10)
        return file.read(10).rstrip(b"\0").decode()


@contextlib.contextmanager
def swap_disk(size=768 * MIB):
    with tempfile.TemporaryDirectory(prefix="swap-", dir=DIRECTORY) as directory:
        path = os.path.join(directory, "swap.img")
        make_swap(path, size)
        yield path


def machine(disk=None):
    """A guest with enough memory to copy its own, with the swap disk it resumes from, if there is one."""
    if disk is None:
        return Guest(append=APPEND)
    return Guest(append=APPEND + " resume=/dev/vda", memory="512M", disks=[disk])


@contextlib.contextmanager
def plain():
    with machine() as vm:
        yield vm


def fall_asleep(vm, agent, command, event):
    """Sends a sync and the command in one go: the one is answered, before the other is done."""
    vm.qmp.poll(0)
    agent.send(request("guest-sync", {"id": 11}) + request(command, id="unanswered"))
    equal(json.loads(agent.read_line(10)), {"return": 11}, "the sync sent with %s" % command)
    vm.qmp.wait_event(event, 60)


def wake_up(vm, agent):
    equal(vm.qmp.command("query-status")["status"], "suspended", "QEMU's view of the guest")
    # Asked while nobody can answer.
    agent.send(request("guest-sync", {"id": 12}) + b"\n")
    equal(agent.read_quiet(0.5), b"", "said by a sleeping guest")
    vm.qmp.command("system_wakeup")
    vm.qmp.wait_event("WAKEUP", 20)
    equal(vm.qmp.command("query-status")["status"], "running", "QEMU's view of the guest")
    equal(json.loads(agent.read_line(30)), {"return": 12}, "the sync sent while the guest slept, and no reply before it")
    agent.sync()


def lacking(vm, agent, command, what):
    """The guest stays awake, says what it lacks, and guest-info tells of it as well."""
    may = {entry["name"]: entry["enabled"] for entry in agent.run("guest-info", timeout=60)["supported_commands"]}
    equal(may[command], False, "guest-info of " + command)
    refused(vm, agent, command, "Command %s has been disabled: %s" % (command, what), "CommandNotFound")


def refused(vm, agent, command, text, error_class="GenericError"):
    """The guest stays awake, and says why."""
    vm.qmp.poll(0)
    equal(agent.call(command, timeout=60), {"error": {"class": error_class, "desc": text}}, command)
    equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
    slept = [event["event"] for event in vm.qmp.poll(0.3) if event["event"] in ("SUSPEND", "SUSPEND_DISK", "SHUTDOWN", "WAKEUP")]
    equal(slept, [], "events")
    equal(vm.qmp.command("query-status")["status"], "running", "QEMU's view of the guest")


@test(group="suspend", fixture=plain)
def to_ram(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        chosen = vm.shell.check("cat /sys/power/mem_sleep")
        check("[deep]" in chosen, "this guest sleeps as %r" % chosen)
        # Once: a second sleep of the same machine ends at once under this QEMU, whoever asks for it.
        fall_asleep(vm, agent, "guest-suspend-ram", "SUSPEND")
        wake_up(vm, agent)
        equal(vm.shell.check("cat /sys/power/suspend_stats/success"), "1", "the kernel's own count")
        seen("guest-suspend-ram", "QEMU says SUSPEND, then WAKEUP; the next sync on the same line is answered")


@test(group="suspend", fixture=plain)
def systemd_is_asked_where_it_runs(vm):
    vm.shell.check("mkdir -p /run/systemd/system /usr/bin; printf '#!/bin/sh\\necho \"$@\" >>/tmp/asked; exit $(cat /tmp/status)\\n' "
                   ">/usr/bin/systemctl; chmod +x /usr/bin/systemctl; echo 0 >/tmp/status")
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        # This one only takes note of it, so the guest stays awake; success has no reply.
        for command in ("guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid"):
            agent.send(request(command))
            equal(agent.call("guest-ping"), {"return": {}}, "the reply to what follows " + command)
        equal(vm.shell.check("cat /tmp/asked").split(), ["suspend", "hibernate", "hybrid-sleep"], "what systemctl was told")
        vm.shell.check("echo 1 >/tmp/status")
        refused(vm, agent, "guest-suspend-ram",
                "the helper program 'systemctl suspend' returned an unexpected exit status code (1)")
        # It is there, but can not be run: the agent does it itself.
        vm.shell.check("chmod -x /usr/bin/systemctl")
        fall_asleep(vm, agent, "guest-suspend-ram", "SUSPEND")
        wake_up(vm, agent)


@test(group="suspend", fixture=plain)
def without_sys_and_proc(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        vm.shell.check("umount /sys")
        equal(vm.shell.run("ls /sys/power")[0] != 0, True, "/sys is empty")
        fall_asleep(vm, agent, "guest-suspend-ram", "SUSPEND")
        wake_up(vm, agent)
        equal(vm.shell.check("grep -c sysfs /proc/%d/mounts || true" % pid), "0", "mounts of sysfs")
        vm.shell.check("umount /proc")
        lacking(vm, agent, "guest-suspend-disk", "no swap space on a disk")
        vm.shell.check("mount -t proc proc /proc")


@test(group="suspend")
def to_disk():
    with swap_disk() as disk:
        with machine(disk) as vm:
            with vm.agent() as agent:
                pid = vm.start_agent()
                agent.sync()
                vm.shell.check("swapon /dev/vda; echo here since before >/tmp/mark; sleep 1000000 & echo $! >/tmp/sleeper")
                fall_asleep(vm, agent, "guest-suspend-disk", "SUSPEND_DISK")
                vm.qmp.wait_event("SHUTDOWN", 20)
                equal(vm.wait_exit(), 0, "QEMU's exit status")
                try:
                    rest = agent.read_quiet(0.5)
                except AgentClosed as closed:
                    rest = closed.received
                equal(rest, b"", "reply to guest-suspend-disk")
        equal(signature(disk), "S1SUSPEND", "the signature on the swap disk")
        with machine(disk) as vm:
            with vm.agent(timeout=60) as agent:
                agent.sync(timeout=60)
                equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after the guest was off")
            equal(signature(disk), "SWAPSPACE2", "the signature on the swap disk")
            equal(vm.shell.check("cat /tmp/mark", timeout=60), "here since before", "the file in memory")
            equal(vm.shell.run("kill -0 $(cat /tmp/sleeper) && kill -0 %d" % pid)[0], 0, "the processes are there (status)")
            equal(vm.agent_said(), "", "what the agent says of it")
            seen("guest-suspend-disk", "QEMU says SUSPEND_DISK and ends; the next boot from that disk goes on with its processes")


@test(group="suspend")
def to_both():
    with swap_disk() as disk, machine(disk) as vm, vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.shell.check("swapon /dev/vda")
        before = vm.shell.check("cat /sys/power/disk")
        check("[suspend]" not in before and "suspend" in before, before)
        fall_asleep(vm, agent, "guest-suspend-hybrid", "SUSPEND")
        equal(signature(disk), "S1SUSPEND", "the signature on the swap disk while the guest sleeps")
        wake_up(vm, agent)
        equal(signature(disk), "SWAPSPACE2", "the signature on the swap disk")
        equal(vm.shell.check("cat /sys/power/disk"), before, "what a suspend to disk does afterwards")
        seen("guest-suspend-hybrid", "QEMU says SUSPEND while the image is on the swap disk, then WAKEUP")


@test(group="suspend")
def to_both_and_the_power_fails():
    with swap_disk() as disk:
        with machine(disk) as vm, vm.agent() as agent:
            vm.start_agent()
            agent.sync()
            vm.shell.check("swapon /dev/vda; echo here since before >/tmp/mark")
            before = vm.shell.check("cat /sys/power/disk")
            fall_asleep(vm, agent, "guest-suspend-hybrid", "SUSPEND")
        with machine(disk) as vm, vm.agent(timeout=60) as agent:
            agent.sync(timeout=60)
            equal(vm.shell.check("cat /tmp/mark", timeout=60), "here since before", "the file in memory")
            equal(vm.shell.check("cat /sys/power/disk"), before, "what a suspend to disk does afterwards")


@test(group="suspend")
def what_is_missing_is_named():
    with swap_disk() as disk, machine(disk) as vm, vm.running_agent(), vm.agent() as agent:
        agent.sync()
        for command in ("guest-suspend-disk", "guest-suspend-hybrid"):
            lacking(vm, agent, command, "no swap space on a disk")
        # Memory is no disk, even where the kernel swaps to it.
        vm.shell.check("printf 'Filename Type Size Used Priority\\n/dev/zram0 partition 1 0 100\\n' >/tmp/swaps; "
                       "mount --bind /tmp/swaps /proc/swaps")
        lacking(vm, agent, "guest-suspend-disk", "no swap space on a disk")
        vm.shell.check("umount /proc/swaps; swapon /dev/vda")

        vm.shell.check("echo 'freeze disks' >/tmp/state; mount --bind /tmp/state /sys/power/state")
        lacking(vm, agent, "guest-suspend-ram", "no mem in /sys/power/state")
        lacking(vm, agent, "guest-suspend-disk", "no disk in /sys/power/state")
        lacking(vm, agent, "guest-suspend-hybrid", "no disk in /sys/power/state")
        equal(vm.shell.check("cat /tmp/state"), "freeze disks", "nothing was written")
        vm.shell.check("umount /sys/power/state")

        vm.shell.check("echo '[platform] shutdown' >/tmp/disk; mount --bind /tmp/disk /sys/power/disk")
        lacking(vm, agent, "guest-suspend-hybrid", "no suspend in /sys/power/disk")
        equal(vm.shell.check("cat /tmp/disk"), "[platform] shutdown", "nothing was written")
        vm.shell.check("umount /sys/power/disk; mkdir /tmp/none; mount --bind /tmp/none /sys/power")
        lacking(vm, agent, "guest-suspend-ram", "no /sys/power/state")
        vm.shell.check("umount /sys/power")
        equal(signature(disk), "SWAPSPACE2", "the signature on the swap disk")


@test(group="suspend")
def what_the_kernel_refuses_is_told():
    with swap_disk(4 * MIB) as disk, machine(disk) as vm, vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.shell.check("swapon /dev/vda")
        before = vm.shell.check("cat /sys/power/disk")
        for command in ("guest-suspend-disk", "guest-suspend-hybrid"):
            refused(vm, agent, command, "suspend: cannot write to '/sys/power/state': No space left on device")
        equal(vm.shell.check("cat /sys/power/disk"), before, "what a suspend to disk does afterwards")
        vm.shell.check("mount -o remount,ro /sys")
        refused(vm, agent, "guest-suspend-ram", "suspend: cannot write to '/sys/power/state': Read-only file system")
