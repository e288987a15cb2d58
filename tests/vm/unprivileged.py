"""An agent that may not do what it is asked: each refusal names what was refused and why, and nothing has changed. And one whose
kernel does not know a system call, or whose sandbox forbids it: it does without, or names what is missing."""

import contextlib
import os
import tempfile

import hotplug
import small_program
from guest import Guest, Options, Shared, build_image, test
from report import check, equal
from storage import ext4
from vm import DIRECTORY

MIB = 1 << 20
NOBODY = "su nobody -s /bin/sh -c 'exec picoqga'"
# What some kernels or sandboxes do not know.
NEWER = "pidfd_open,close_range,statx,fsopen,fsconfig,fsmount,memfd_create,getrandom,mlockall"
DISABLED = "Command %s has been disabled: %s"
MOUNTS = "failed to open mtab file: '/proc/self/mounts': "


class Restricted(Guest):
    """A machine with two processors, a disk at /mnt, two users, and a program that starts others without some system calls."""

    def __init__(self):
        self.files = tempfile.TemporaryDirectory(prefix="disk-", dir=DIRECTORY)
        image, without = (os.path.join(self.files.name, name) for name in ("image", "without"))
        small_program.build(small_program.WITHOUT, without)
        build_image(Options.agent, image, additions=[without + ":/bin/without"])
        super().__init__(image=image, disks=[ext4(os.path.join(self.files.name, "disk"), 16)], devices=("-smp", "2"))

    def start(self):
        super().start()
        self.shell.check("mount -t ext4 /dev/vda /mnt; printf 'root:x:0:0::/root:/bin/sh\\nnobody:x:65534:65534::/:/bin/sh\\n' "
                         ">/etc/passwd; echo 'root:*:1::::::' >/etc/shadow; chmod 600 /etc/shadow; chmod 666 /dev/vport*")
        return self

    def stop(self, failed=False):
        super().stop(failed)
        self.files.cleanup()

    def state(self):
        """What a command could have changed."""
        return self.shell.check("cat /etc/shadow /sys/devices/system/cpu/cpu1/online /sys/devices/system/memory/memory1/state")

    @contextlib.contextmanager
    def started(self, command):
        """An agent that is started so, and a line to it."""
        pid = int(self.shell.check("%s </dev/null >/tmp/agent.out 2>&1 & echo $!" % command))
        try:
            with self.agent() as agent:
                agent.sync()
                yield agent
        finally:
            self.shell.run("killall picoqga; wait %d" % pid)

    @contextlib.contextmanager
    def without_proc_and_sys(self):
        self.shell.check("umount /sys; umount /proc")
        try:
            yield
        finally:
            self.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys")


restricted = Shared(kind=Restricted)


class Request(tuple):
    """A command and its arguments, as a key of a table."""

    def __new__(cls, command, **arguments):
        return super().__new__(cls, (command, {name.replace("_", "-"): value for name, value in arguments.items()}))

    def __hash__(self):
        return hash(self[0])


def refusals(agent, wanted):
    """Each command, with its arguments if any, must be refused in these words."""
    for request, text in wanted.items():
        name, arguments = request if isinstance(request, Request) else (request, None)
        reply = agent.call(name, arguments)
        equal(reply.get("error", {}).get("desc", reply), text, "%s %s" % (name, arguments or ""))


SWITCH_CPU = Request("guest-set-vcpus", vcpus=[{"logical-id": 1, "online": False}])
SWITCH_BLOCK = Request("guest-set-memory-blocks", mem_blks=[{"phys-index": 1, "online": False}])


@test(group="unprivileged", fixture=restricted)
def each_refusal_says_why(vm):
    with vm.started(NOBODY) as agent:
        equal(vm.shell.check("grep ^Uid /proc/$(pidof picoqga)/status").split()[1], "65534", "user of the agent")
        before = vm.state()
        denied, not_permitted = "Permission denied", "Operation not permitted"
        sleep = "suspend: cannot write to '/sys/power/state': " + denied
        refusals(agent, {
            Request("guest-set-time", time=10 ** 18): "Failed to set time to guest: " + not_permitted,
            "guest-set-time": "failed to read the hardware clock: " + denied,
            SWITCH_CPU: 'open("/sys/devices/system/cpu/cpu1//online"): ' + denied,
            Request("guest-set-user-password", username="root", password="eA==", crypted=False):
                "cannot open '/etc/shadow': " + denied,
            "guest-fsfreeze-freeze": "failed to freeze /mnt: " + not_permitted,
            Request("guest-fsfreeze-freeze-list", mountpoints=["/mnt"]): "failed to freeze /mnt: " + not_permitted,
            "guest-suspend-ram": sleep, "guest-suspend-disk": sleep, "guest-suspend-hybrid": sleep,
            "guest-shutdown": "failed to shut down: " + not_permitted,
            Request("guest-file-open", path="/etc/shadow"): "failed to open file '/etc/shadow' (mode: 'r'): " + denied,
            Request("guest-ssh-get-authorized-keys", username="root"):
                "failed to read '/root/.ssh/authorized_keys': " + denied,
        })
        equal(agent.run("guest-fsfreeze-status"), "thawed", "guest-fsfreeze-status")
        equal(agent.run("guest-fsfreeze-thaw"), 0, "guest-fsfreeze-thaw")
        equal(agent.run(*SWITCH_BLOCK), [{"phys-index": 1, "response": "operation-failed", "error-code": 13}], "a block")
        trimmed = agent.run("guest-fstrim")["paths"]
        equal(trimmed, [{"path": "/mnt", "error": "failed to trim: Operation not permitted"}], "guest-fstrim")
        # Files that only others may read.
        vm.shell.check("mount -t tmpfs -o mode=0700 none /sys/devices/system; cd /sys/devices/system; mkdir cpu memory; cd /")
        try:
            refusals(agent, {
                "guest-get-vcpus": "failed to list entries: /sys/devices/system/cpu: " + denied,
                SWITCH_CPU: 'open("/sys/devices/system/cpu/cpu1/"): ' + denied,
                "guest-get-memory-blocks": "Can't open directory\"/sys/devices/system/memory/\": " + denied,
                "guest-get-memory-block-info": 'open("/sys/devices/system/memory/"): ' + denied,
            })
            equal(agent.run(*SWITCH_BLOCK), [{"phys-index": 1, "response": "operation-failed", "error-code": 13}], "a block")
        finally:
            vm.shell.check("umount /sys/devices/system")
        # What only looks works all the same.
        equal(agent.run("guest-get-fsinfo")[0]["mountpoint"], "/mnt", "guest-get-fsinfo")
        equal(len(agent.run("guest-get-vcpus")), 2, "guest-get-vcpus")
        check(agent.run("guest-network-get-interfaces"), "guest-network-get-interfaces")
        vm.shell.check("echo x >/mnt/f")
        equal(vm.state(), before, "what they were to change")
        check(int(vm.shell.check("date +%s")) > 10 ** 9 + 10 ** 6, "the clock is where it was")


@test(group="unprivileged", fixture=restricted)
def what_can_not_be_mounted_is_named(vm):
    """Without /proc and /sys, and without the right to mount them: as another user, and as root in a sandbox."""
    why = "Operation not permitted"
    no_cpus, no_blocks = "no /sys/devices/system/cpu", "no /sys/devices/system/memory"
    wanted = {
        **{name: MOUNTS + why for name in ("guest-get-fsinfo", "guest-fstrim", "guest-fsfreeze-freeze",
                                           "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw")},
        **{name: "suspend: cannot write to '/sys/power/state': " + why
           for name in ("guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid")},
        "guest-get-disks": "Can't open directory \"/sys/block\": " + why,
        "guest-get-cpustats": 'open("/proc/stat"): ' + why,
        "guest-get-diskstats": 'open("/proc/diskstats"): ' + why,
        "guest-network-get-route": 'open("/proc/net/route"): ' + why,
        "guest-get-vcpus": DISABLED % ("guest-get-vcpus", no_cpus),
        SWITCH_CPU: DISABLED % ("guest-set-vcpus", no_cpus),
        "guest-get-memory-blocks": "Can't open directory\"/sys/devices/system/memory/\": " + why,
        SWITCH_BLOCK: DISABLED % ("guest-set-memory-blocks", no_blocks),
        "guest-get-memory-block-info": DISABLED % ("guest-get-memory-block-info", no_blocks),
    }
    for command in (NOBODY, "without EPERM mount,fsopen picoqga"):
        with vm.started(command) as agent:
            before = vm.state()
            with vm.without_proc_and_sys():
                refusals(agent, wanted)
                refused = {one["name"] for one in agent.run("guest-info")["supported_commands"] if not one["enabled"]}
                equal(refused, {"guest-get-vcpus", "guest-set-vcpus", "guest-set-memory-blocks", "guest-get-memory-block-info"},
                      "what guest-info says can not work")
                # What needs neither.
                equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
                equal(agent.run("guest-fsfreeze-status"), "thawed", "guest-fsfreeze-status")
                equal([one["name"] for one in agent.run("guest-network-get-interfaces")], ["lo"], "interfaces")
                equal(sorted(agent.run("guest-get-load")), ["load15m", "load1m", "load5m"], "guest-get-load")
                equal(agent.run("guest-get-timezone"), {"zone": "UTC", "offset": 0}, "guest-get-timezone")
                equal(agent.run("guest-get-users"), [], "guest-get-users")
                equal(agent.run("guest-get-osinfo")["machine"], "x86_64", "guest-get-osinfo")
            equal(vm.state(), before, "what they were to change")


def disk(agent):
    """What is told of /mnt, but for what changes."""
    [one] = agent.run("guest-get-fsinfo")
    return {name: value for name, value in one.items() if name != "used-bytes"}, "used-bytes" in one


@test(group="without-calls", fixture=restricted)
def proc_and_sys_are_mounted_by_older_calls(vm):
    """Before Linux 5.2, and in a sandbox that does not know the new calls for mounts."""
    with vm.started("picoqga") as agent:
        before = disk(agent)
    mounts = sorted(vm.shell.check("cat /proc/self/mounts").splitlines())
    for errno in ("ENOSYS", "EPERM"):
        with vm.started("without %s fsopen,fsconfig,fsmount picoqga" % errno) as agent:
            with vm.without_proc_and_sys():
                equal(disk(agent), before, "guest-get-fsinfo, %s" % errno)
                equal(sorted(one["logical-id"] for one in agent.run("guest-get-vcpus")), [0, 1], "processors, %s" % errno)
                equal(agent.run("guest-get-memory-block-info"), {"size": 128 * MIB}, "size of a block, %s" % errno)
                equal(sorted(one["cpu"] for one in agent.run("guest-get-cpustats")), [0, 1], "counters, %s" % errno)
                equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen, %s" % errno)
                equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed, %s" % errno)
                for place in ("proc", "sys", "tmp", "dev"):
                    check(vm.shell.run("test -e /%s/self || test -e /%s/devices" % (place, place))[0] != 0,
                          "something of the agent's is seen at /%s" % place)
        equal(sorted(vm.shell.check("cat /proc/self/mounts").splitlines()), mounts, "what is mounted, %s" % errno)


@test(group="without-calls", fixture=restricted)
def file_systems_are_found_by_their_device(vm):
    """Without statx(2) there is no number of a mount to know it by."""
    with vm.started("picoqga") as agent:
        before = disk(agent)
    for errno in ("ENOSYS", "EPERM"):
        with vm.started("without %s statx picoqga" % errno) as agent:
            equal(disk(agent), before, "guest-get-fsinfo, %s" % errno)
            vm.shell.check("dd if=/dev/zero of=/mnt/f bs=1M count=4 2>/dev/null; sync; rm /mnt/f; sync")
            [trimmed] = agent.run("guest-fstrim")["paths"]
            check(trimmed["path"] == "/mnt" and trimmed["trimmed"] >= 4 * MIB, "guest-fstrim, %s: %s" % (errno, trimmed))
            equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen, %s" % errno)
            writer = vm.shell.check("{ echo written >/mnt/file; } </dev/null >/dev/null 2>&1 & echo $!")
            vm.shell.check("while ! grep -q '^State:.D' /proc/%s/status; do sleep 0.05; done" % writer)
            equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed, %s" % errno)
            equal(vm.shell.check("wait %s; cat /mnt/file; rm /mnt/file" % writer), "written", "what waited")
            # What another file system covers is none of it.
            vm.shell.check("mount -t tmpfs none /mnt")
            try:
                equal(agent.run("guest-fsfreeze-freeze"), 0, "file systems that can be reached, %s" % errno)
                equal(agent.run("guest-fstrim")["paths"],
                      [{"path": "/mnt", "error": "failed to open: Device or resource busy"}], "what is covered, %s" % errno)
            finally:
                vm.shell.check("umount /mnt")


@test(group="without-calls", fixture=restricted)
def without_all_newer_calls(vm):
    for errno in ("ENOSYS", "EPERM"):
        vm.shell.check("printf '#!/bin/sh\\necho $1 >>/tmp/hook.log\\n' >/tmp/hook; chmod +x /tmp/hook; rm -f /tmp/hook.log")
        with vm.started("without %s %s picoqga -F/tmp/hook" % (errno, NEWER)) as agent:
            hashes = set()
            for _ in range(2):
                agent.run("guest-set-user-password", {"username": "root", "password": "eA==", "crypted": False})
                hashes.add(vm.shell.check("head -n 1 /etc/shadow").split(":")[1])
            equal((len(hashes), {one[:3] for one in hashes}), (2, {"$6$"}), "hashes of the same password, %s" % errno)
            equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen, %s" % errno)
            equal(vm.status(int(vm.shell.check("pidof picoqga")), "VmLck"), 0, "kB locked, %s" % errno)
            equal(agent.run("guest-fsfreeze-status"), "frozen", "status, %s" % errno)
            equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed, %s" % errno)
            equal(vm.shell.check("cat /tmp/hook.log"), "freeze\nthaw", "calls of the hook, %s" % errno)
            equal(agent.run("guest-set-time", {"time": 1700000000 * 10 ** 9}), {}, "guest-set-time, %s" % errno)
            check(0 <= int(vm.shell.check("date +%s")) - 1700000000 < 10, "the clock, %s" % errno)
            equal(agent.run(*SWITCH_CPU), 1, "processors switched, %s" % errno)
            equal(vm.shell.check("grep -c ^processor /proc/cpuinfo"), "1", "processors, %s" % errno)
            vm.shell.check("echo 1 >/sys/devices/system/cpu/cpu1/online")
    vm.shell.check("echo 'root:*:1::::::' >/etc/shadow")


@test(group="without-calls", fixture=restricted)
def what_a_new_file_can_not_be_given_is_named(vm):
    """The old one stays, and nothing is left of the new one."""
    password = Request("guest-set-user-password", username="root", password="eA==", crypted=False)
    key = Request("guest-ssh-add-authorized-keys", username="root", keys=["ssh-ed25519 AAAA new"])
    for call, shadow, directory, keys in (
            ("fchown", "cannot keep the owner of", "failed to set ownership of directory", "failed to set ownership of"),
            ("fchmod", "cannot keep the permissions of",
             "failed to set permissions of directory", "failed to set permissions of"),
            ("fgetxattr", "cannot keep the attributes of", None, "failed to keep the labels of"),
            ("fsync", None, None, "failed to write to")):
        with vm.started("without EPERM %s picoqga" % call) as agent:
            why = ": Operation not permitted"
            before = vm.shell.check("ls -A /etc; cat /etc/shadow")
            refusals(agent, {password: shadow + " '/etc/shadow'" + why if shadow else "cannot write '/etc/shadow+'" + why})
            equal(vm.shell.check("ls -A /etc; cat /etc/shadow"), before, "/etc without %s" % call)
            vm.shell.check("rm -rf /root/.ssh")
            if directory:
                refusals(agent, {key: directory + " '/root/.ssh'" + why})
            vm.shell.check("rm -rf /root/.ssh; mkdir -m 700 /root/.ssh; echo old >/root/.ssh/authorized_keys")
            refusals(agent, {key: keys + " '/root/.ssh/authorized_keys'" + why})
            equal(vm.shell.check("ls -A /root/.ssh; cat /root/.ssh/*"), "authorized_keys\nold", "keys without %s" % call)
    vm.shell.check("rm -r /root/.ssh")


@test(group="without-calls", fixture=restricted)
def a_hook_for_which_there_can_be_no_process(vm):
    vm.shell.check("printf '#!/bin/sh\\n' >/tmp/hook; chmod +x /tmp/hook")
    with vm.started("without ENOSYS clone picoqga -F/tmp/hook") as agent:
        text = "failed to create child process: Function not implemented"
        refusals(agent, {"guest-fsfreeze-freeze": text, "guest-fsfreeze-freeze-list": text})
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
        vm.shell.check("echo x >/mnt/f; rm /mnt/f")


@test(group="unprivileged", fixture=restricted)
def a_clock_that_is_none(vm):
    """A node that is something else: the time of day is set, and what was not is told."""
    vm.shell.check("mv /dev/rtc0 /dev/rtc-kept; mknod /dev/rtc0 c 1 3")
    try:
        with vm.started("picoqga") as agent:
            why = "Inappropriate ioctl for device"
            refusals(agent, {
                Request("guest-set-time", time=16 * 10 ** 17): "the time is set, but the hardware clock is not: " + why,
                "guest-set-time": "failed to read the hardware clock: " + why,
            })
            check(0 <= int(vm.shell.check("date +%s")) - 16 * 10 ** 8 < 10, "the time of day")
    finally:
        vm.shell.check("mv /dev/rtc-kept /dev/rtc0")


@test(group="unprivileged", fixture=restricted)
def sleeps_that_are_refused(vm):
    vm.shell.check("dd if=/dev/zero of=/mnt/swap bs=1M count=2 2>/dev/null; mkswap /mnt/swap >/dev/null; swapon /mnt/swap; "
                   "mount --bind /sys/power/disk /sys/power/disk; mount -o remount,ro,bind /sys/power/disk")
    try:
        with vm.started("picoqga") as agent:
            refusals(agent, {"guest-suspend-hybrid": "suspend: cannot write to '/sys/power/disk': Read-only file system"})
            vm.shell.check("umount /sys/power/disk; mkdir -p /run/systemd/system /usr/bin; "
                           "printf '#!/bin/sh\\nexit 4\\n' >/usr/bin/systemctl; chmod +x /usr/bin/systemctl")
            text = "the helper program '%s' returned an unexpected exit status code (4)"
            refusals(agent, {"guest-suspend-ram": text % "systemctl suspend", "guest-suspend-disk": text % "systemctl hibernate",
                             "guest-suspend-hybrid": text % "systemctl hybrid-sleep"})
    finally:
        vm.shell.run("umount /sys/power/disk")
        vm.shell.check("rm -r /run/systemd /usr/bin/systemctl; swapoff /mnt/swap; rm /mnt/swap")


@test(group="without-calls", fixture=restricted)
def a_port_is_found_without_being_told_of_it(vm):
    """Where sockets are forbidden nobody tells of devices. The last test on this machine: the port is another one then."""
    with vm.started("without EPERM socket picoqga") as agent:
        agent.close()
        hotplug.unplug(vm)
        vm.rest(0.5)
        hotplug.plug(vm)
        with vm.agent() as agent:
            agent.sync(timeout=30)
            refusals(agent, {"guest-network-get-interfaces": "getifaddrs failed: Operation not permitted"})
