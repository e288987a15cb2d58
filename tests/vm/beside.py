"""The real qemu-ga and picoqga in the same guest, which has nothing but a kernel, busybox and the libraries of the one.

Both are asked the same. Their replies must be alike, and what they do must be seen in the guest; or one of docs/differences.md,
by its id, says how they differ, and both must do what it says.
"""

import base64
import json
import os
import time

import cpus_memory
import oracle
import passwords
import users
from client import AgentError
from guest import Guest, Options, Shared, build_image, libraries, test
from report import check, equal
from seen import seen, shown
from vm import Vm

REAL_PORT = "org.qemu.guest_agent.real"
SECOND = 10 ** 9


class Beside(Guest):
    """A machine in which both run. `ours` and `real` are the lines to them."""

    def __init__(self, append="", disks=(), devices=(), modules=(), additions=(), kernel="kernel"):
        contents = (*modules, *map(os.path.basename, additions)) if kernel == "kernel" else (kernel,)
        image = "-".join((Options.image + ".beside", *contents))
        if not os.path.exists(image):
            real = oracle.binary()
            build_image(Options.agent, image, modules, ["%s:/bin/qemu-ga" % real, *libraries(real), *additions], kernel)
        devices = ["-smp", "1,maxcpus=2", "-m", "256M,slots=2,maxmem=1G", *devices,
                   *Vm.socket("real"), "-device", "virtserialport,chardev=real,name=" + REAL_PORT]
        super().__init__(image=image, append="movable_node " + append, devices=devices, disks=disks, kernel=kernel)
        self.ours = self.real = None

    def start(self):
        super().start()
        try:
            # A kernel with drivers for everything, and all that they find, takes longer to come up than the small one.
            self.shell.check("true", timeout=240)
            self.start_agent()
            port = self.port_device(REAL_PORT)
            self.shell.check("mkdir -p /tmp/real; qemu-ga -p %s -t /tmp/real </dev/null >/tmp/real/log 2>&1 & echo $!" % port)
            self.ours = self.agent()
            self.real = self.agent("real")
            self.ours.sync()
            self.real.sync()
        except BaseException:
            self.stop(failed=True)
            raise
        return self

    def stop(self, failed=False):
        for line in (self.ours, self.real):
            if line is not None:
                line.close()
        super().stop(failed)

    def each(self, command, arguments=None, before=None):
        """The replies of both, the real one's first. `before` is run in the guest's shell before each."""
        replies = []
        for agent in (self.real, self.ours):
            if before:
                self.shell.check(before)
            replies.append(agent.call(command, arguments))
        return replies

    def alike(self, command, arguments=None, before=None, but=lambda value: value):
        """What both return, which must be equal, except for what `but` takes away."""
        real, ours = self.each(command, arguments, before)
        equal(without_texts(ours, but), without_texts(real, but), "%s, beside qemu-ga" % command)
        return ours.get("return")


def without_texts(reply, but):
    """A reply to compare: of errors only the class, if this is not the qemu-ga whose texts are ours."""
    if "error" in reply:
        return {"error": reply["error"] if oracle.texts_comparable() else reply["error"]["class"]}
    return {"return": but(reply["return"])}


def differ(identifier, real, ours):
    """Two results that have to be unequal, as docs/differences.md says under this id."""
    check(real != ours, "both give %s: the difference %s has gone" % (json.dumps(ours), identifier))
    shown.add(identifier)


both = Shared(kind=Beside)


@test(group="beside", fixture=both)
def what_says_how_it_is(vm):
    vm.alike("guest-ping")
    vm.alike("guest-sync", {"id": 2 ** 62})
    vm.alike("guest-sync-delimited", {"id": -5})
    for command in ("guest-ping", "guest-sync", "guest-sync-delimited"):
        seen(command, "the bytes at QEMU's end of the port, as qemu-ga's")
    names = {name: vm.shell.check("uname -" + option)
             for name, option in (("kernel-release", "r"), ("kernel-version", "v"), ("machine", "m"))}
    equal(vm.alike("guest-get-osinfo"), names, "guest-get-osinfo, and uname in the guest")
    seen("guest-get-osinfo", "kernel %(kernel-release)s, as uname says" % names)
    for name in ("beside", "a" * 63):
        vm.shell.check("hostname " + name)
        equal(vm.alike("guest-get-host-name"), {"host-name": name}, "guest-get-host-name")
    vm.shell.check("hostname " + "a" * 64)
    real, ours = vm.each("guest-get-host-name")
    equal(real["error"]["desc"], "cannot get hostname: File name too long", "qemu-ga with the longest name")
    equal(ours, {"return": {"host-name": "a" * 64}}, "guest-get-host-name with the longest name")
    differ("host-name-length", real, ours)
    seen("guest-get-host-name", "names that hostname set, the longest too")
    equal(vm.alike("guest-get-timezone"), {"zone": "UTC", "offset": 0}, "guest-get-timezone")
    real, ours = vm.each("guest-get-time")
    between = ours["return"] - real["return"]
    check(0 <= between < 5 * SECOND, "guest-get-time gives %d ns more than qemu-ga just before" % between)
    clock = int(vm.shell.check("date +%s")) * SECOND
    check(0 <= clock + SECOND - ours["return"] < 6 * SECOND, "guest-get-time gives %d, date %d" % (ours["return"], clock))
    seen("guest-get-time", "date in the guest says the same")


@test(group="beside", fixture=both)
def guest_info(vm):
    real, ours = ({command["name"]: command for command in agent.run("guest-info")["supported_commands"]}
                  for agent in (vm.real, vm.ours))
    # There is no swap space here, and only ours says so.
    for name in ("guest-suspend-disk", "guest-suspend-hybrid"):
        equal(ours[name]["enabled"], False, name)
        differ("command-that-can-not-work", real[name], ours[name])
        ours[name]["enabled"] = True
    equal({name: real[name] for name in ours if name in real}, ours, "the entries of guest-info, as qemu-ga has them")
    seen("guest-info", "%d commands, each entry as qemu-ga's in the same guest" % len(ours))


@test(group="beside", fixture=both)
def files(vm):
    content = os.urandom(5000)
    encoded = base64.b64encode(content).decode()
    results = []
    for agent in (vm.real, vm.ours):
        vm.shell.check("rm -f /tmp/file")
        result = []

        def run(command, arguments):
            reply = agent.call(command, arguments)
            result.append(without_texts(reply, lambda value: value))
            return reply

        handle = agent.run("guest-file-open", {"path": "/tmp/file", "mode": "w+"})
        run("guest-file-write", {"handle": handle, "buf-b64": encoded})
        run("guest-file-flush", {"handle": handle})
        result.append(vm.shell.check("base64 /tmp/file | tr -d '\\n'"))
        equal(result[-1], encoded, "what is in the file")
        for offset, whence in ((-100, "end"), (7, "set"), (0, "cur"), (-1, "set")):
            run("guest-file-seek", {"handle": handle, "offset": offset, "whence": whence})
            run("guest-file-read", {"handle": handle, "count": 300})
        run("guest-file-close", {"handle": handle})
        for path, mode in (("/nowhere/file", "r"), ("/tmp/file", "x"), ("/tmp", "w")):
            run("guest-file-open", {"path": path, "mode": mode})
        results.append(result)
    equal(results[1], results[0], "the replies to the same requests, beside qemu-ga")
    seen("guest-file-open", "base64 in the guest reads what was written")
    seen("guest-file-write", "%d bytes, read by base64 in the guest" % len(content))
    seen("guest-file-flush", "the bytes are in the file before it is closed")
    for command in ("guest-file-read", "guest-file-seek", "guest-file-close"):
        seen(command, "as qemu-ga with the same file")


@test(group="beside", fixture=both)
def network(vm):
    def without_counters(interfaces):
        return {one["name"]: {name: value for name, value in one.items() if name != "statistics"} for one in interfaces}

    vm.shell.check("ip link set lo up; ip addr add 192.0.2.9/24 dev lo; ip -6 addr add 2001:db8::9/64 dev lo")
    told = without_counters(vm.alike("guest-network-get-interfaces", but=without_counters))
    addresses = {one["ip-address"] for one in told["lo"]["ip-addresses"]}
    check({"192.0.2.9", "2001:db8::9"} <= addresses, "addresses of lo: %s" % addresses)
    seen("guest-network-get-interfaces", "the addresses that ip set: %s" % ", ".join(sorted(addresses)))
    vm.shell.check("ip addr flush dev lo; ip link set lo down")


@test(group="beside", fixture=both)
def processors_and_memory(vm):
    cpus_memory.plug_cpu(vm)
    new = cpus_memory.plug_memory(vm)

    def by_number(items):
        return sorted(items, key=lambda item: item.get("logical-id", item.get("phys-index")))

    vm.alike("guest-get-vcpus", but=by_number)
    vm.alike("guest-get-memory-blocks", but=by_number)
    size = vm.alike("guest-get-memory-block-info")["size"]
    for online in (True, False, True):
        back = "echo %d >%s/cpu1/online" % (not online, cpus_memory.CPU)
        equal(vm.alike("guest-set-vcpus", {"vcpus": [{"logical-id": 1, "online": online}]}, back), 1, "processors set")
        equal(cpus_memory.processors(vm), 2 if online else 1, "processors in /proc/cpuinfo")
    vm.alike("guest-set-vcpus", {"vcpus": [{"logical-id": 0, "online": False}]})
    vm.alike("guest-set-vcpus", {"vcpus": [{"logical-id": 1, "online": True}, {"logical-id": 77, "online": True}]})
    for online in (True, False):
        # A block that is in this state already refuses it.
        back = "echo o%sline >%s/memory%d/state || true" % ("ff" if online else "n", cpus_memory.MEMORY, new[0])
        before = cpus_memory.total_kb(vm)
        vm.alike("guest-set-memory-blocks", {"mem-blks": [{"phys-index": new[0], "online": online}]}, back)
        equal(cpus_memory.blocks_in_sys(vm)[new[0]]["online"], online, "the kernel's own word")
        grown = cpus_memory.total_kb(vm) - before
    vm.alike("guest-set-memory-blocks", {"mem-blks": [{"phys-index": 0, "online": False}, {"phys-index": 999, "online": True}]})
    seen("guest-get-vcpus", "a processor plugged in by QMP")
    seen("guest-set-vcpus", "processors in /proc/cpuinfo: 1, then 2")
    seen("guest-get-memory-blocks", "blocks %s plugged in by QMP" % ", ".join(map(str, new)))
    seen("guest-set-memory-blocks", "MemTotal changed by %d kB" % grown)
    seen("guest-get-memory-block-info", "%d MiB, as in /sys" % (size >> 20))

    for place, command, name, file, path in (
            (cpus_memory.CPU, "guest-get-vcpus", "cpu7", "online", 'pread("/sys/devices/system/cpu/cpu7//online"): '),
            (cpus_memory.MEMORY, "guest-get-memory-blocks", "memory7", "state",
             'pread sysfs file "/sys/devices/system/memory/memory7/state": ')):
        for broken, why in ((": >%s", "unexpected EOF"), ("mkdir %s", "Is a directory"), ("ln -s nowhere %s", None)):
            vm.shell.check("mount -t tmpfs none %s; mkdir %s/%s; cd %s/%s; %s" % (place, place, name, place, name, broken % file))
            real, ours = vm.each(command)
            vm.shell.check("cd /; umount %s" % place)
            if why:
                equal(ours["error"]["desc"], path + why, "%s with a file made by %s" % (command, broken % file))
                if file == "state":
                    equal(real["error"]["desc"], 'pread sysfs file "state": ' + why, "qemu-ga with such a file")
                    differ("memory-block-file", real, ours)
                    continue
            equal(ours, real, "%s with a file made by %s, beside qemu-ga" % (command, broken % file))

    vm.shell.check("umount /sys")
    try:
        for command in ("guest-get-vcpus", "guest-get-memory-blocks", "guest-get-memory-block-info"):
            real, ours = vm.each(command)
            check("error" in real or real["return"] == [], "qemu-ga without /sys: %s" % real)
            check(ours.get("return"), "without /sys: %s" % ours)
            differ("sys-not-mounted", real, ours)
    finally:
        vm.shell.check("mount -t sysfs sys /sys")


@test(group="beside", fixture=both)
def time_without_helpers(vm):
    before = "date -s @1500000000"
    real, ours = vm.each("guest-set-time", {"time": 1700000000 * SECOND}, before)
    check("error" in real, "qemu-ga without hwclock: %s" % real)
    equal(ours, {"return": {}}, "guest-set-time")
    clock, hardware = int(vm.shell.check("date +%s")), int(vm.shell.check("cat /sys/class/rtc/rtc0/since_epoch"))
    check(0 <= clock - 1700000000 < 5 and 0 <= hardware - 1700000000 < 5, "the clocks: %d, %d" % (clock, hardware))
    differ("set-time-rtc", real, ours)
    seen("guest-set-time", "date says %d, rtc0 says %d" % (clock, hardware))
    for wrong in (-1, 2 ** 63 - 1):
        real, ours = vm.each("guest-set-time", {"time": wrong})
        equal([reply["error"]["class"] for reply in (real, ours)], ["GenericError"] * 2, "a time out of range")


def zone():
    """A time zone file without transitions: UTC+5:45, always."""
    import clock  # Its tests are declared before these.
    return clock.zone_file(b"XYZ-5:45")


@test(group="beside", fixture=both)
def a_zone_in_a_plain_file(vm):
    handle = vm.ours.run("guest-file-open", {"path": "/etc/localtime", "mode": "w"})
    vm.ours.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(zone()).decode()})
    vm.ours.run("guest-file-close", {"handle": handle})
    real, ours = vm.each("guest-get-timezone")
    vm.shell.check("rm /etc/localtime")
    equal(real, {"return": {"zone": "UTC", "offset": 0}}, "qemu-ga with a plain file")
    equal(ours, {"return": {"zone": "XYZ", "offset": 20700}}, "with a plain file")
    differ("timezone-file", real, ours)
    seen("guest-get-timezone", "XYZ, 20700 s, from the file that was put there")


def program(agent, path, *words, **more):
    """How a program ended, its number left out, or the refusal."""
    arguments = {"path": path, "arg": list(words), **{name.replace("_", "-"): value for name, value in more.items()}}
    reply = agent.call("guest-exec", arguments, timeout=60)
    if "error" in reply:
        return without_texts(reply, lambda value: value)
    while True:
        status = agent.run("guest-exec-status", reply["return"], timeout=60)
        if status["exited"]:
            return status
        time.sleep(0.05)


@test(group="beside", fixture=both)
def programs(vm):
    vm.shell.check("echo 'echo no interpreter' >/tmp/script; chmod 755 /tmp/script; mkdir -p /tmp/gone")
    for words, more in ((("sh", "-c", "echo out; echo error >&2; exit 3"), {"capture_output": True}),
                        (("/bin/sh", "-c", "kill -9 $$"), {}),
                        (("cat",), {"input_data": base64.b64encode(b"x" * 100000).decode(), "capture_output": "merged"}),
                        (("/tmp/script",), {"capture_output": True}),
                        (("script",), {"env": ["PATH=/nowhere:/tmp"], "capture_output": True}),
                        (("env",), {"env": ["A=1"], "capture_output": True}),
                        (("/nonexistent",), {}), (("/tmp",), {}), (("",), {})):
        real, ours = (program(agent, *words, **more) for agent in (vm.real, vm.ours))
        equal(ours, real, "%s, beside qemu-ga" % (words,))
    seen("guest-exec", "as qemu-ga with the same programs")
    seen("guest-exec-status", "as qemu-ga with the same programs")


@test(group="beside", fixture=both)
def a_number_that_is_used_again(vm):
    statuses = []
    for agent in (vm.real, vm.ours):
        first = agent.run("guest-exec", {"path": "/bin/true"})["pid"]
        for _ in range(20):
            vm.rest(0.2)
            # The kernel gives out the number behind this one next.
            vm.shell.check("echo %d >/proc/sys/kernel/ns_last_pid" % (first - 1))
            second = agent.run("guest-exec", {"path": "/bin/sh", "arg": ["-c", "exit 7"]})["pid"]
            if second == first:
                break
        equal(second, first, "the number, used again")
        vm.rest(0.5)
        statuses.append(agent.run("guest-exec-status", {"pid": first}))
    real, ours = statuses
    equal(real, {"exited": True, "exitcode": 0}, "qemu-ga on a number that was used again")
    equal(ours, {"exited": True, "exitcode": 7}, "a number that was used again")
    differ("exec-pid-reused", real, ours)


@test(group="beside", fixture=both)
def users_of_utmp(vm):
    content = b"".join(users.record(kind, user, seconds, microseconds) for kind, user, seconds, microseconds in (
        (users.USER_PROCESS, b"root", 1700000000, 250000), (users.DEAD_PROCESS, b"gone", 1, 0),
        (users.USER_PROCESS, b"anna", 1700000001, 0), (users.USER_PROCESS, b"root", 1600000000, 500000)))
    users.put(vm.ours, "/run/utmp", content)
    told = vm.alike("guest-get-users", but=lambda value: [{**user, "login-time": float(user["login-time"])} for user in value])
    vm.shell.check("rm /run/utmp")
    equal([user["user"] for user in told], ["root", "anna"], "users")
    equal(vm.alike("guest-get-users"), [], "guest-get-users without utmp")
    seen("guest-get-users", "root and anna, of the records that were put into /run/utmp")


@test(group="beside", fixture=both)
def a_password_without_helpers(vm):
    passwords.put(vm, "/etc/passwd", passwords.PASSWD)
    passwords.put(vm, "/etc/shadow", passwords.SHADOW)

    def each(password):
        return vm.each("guest-set-user-password", {
            "username": "tester", "crypted": False, "password": base64.b64encode(password.encode()).decode()})

    for identifier, password, text in (
            ("password-no-helper", "secret", None), ("password-characters", "a\0b", "forbidden characters in raw password"),
            ("password-length", "x" * 512, "the password is too long: 512 bytes, and at most 511 are taken")):
        real, ours = each(password)
        check("failed to set user password" in real["error"]["desc"], "qemu-ga without chpasswd: %s" % real)
        equal(ours.get("error", {}).get("desc"), text, "the error")
        differ(identifier, real, ours)
    real, ours = each("a\nb")
    equal(ours, real, "a line feed in the password, beside qemu-ga")
    check(passwords.entry(vm, "tester")[1].startswith("$6$"), "the password is set")
    vm.shell.check("rm /etc/passwd /etc/shadow /etc/.pwd.lock")


# What ends the machine comes last.

@test(group="beside", fixture=both)
def hybrid_sleep_without_helpers(vm):
    real, ours = vm.each("guest-suspend-hybrid")
    text = "the requested suspend mode is not supported by the guest"
    equal(real["error"]["desc"], text, "qemu-ga without systemd and pm-utils")
    text = "Command guest-suspend-hybrid has been disabled: no swap space on a disk"
    equal(ours["error"], {"class": "CommandNotFound", "desc": text}, "without swap")
    differ("suspend-no-helper", real, ours)
    differ("command-that-can-not-work", real, ours)

@test(group="beside", fixture=both)
def shutdown_without_helpers(vm):
    for mode in ("powerdown", "halt", "reboot"):
        try:
            vm.real.run("guest-shutdown", {"mode": mode}, timeout=10)
            raise AssertionError("qemu-ga says that it shuts down")
        except AgentError as error:
            refusal = error.desc
    time.sleep(1)
    equal(vm.real.call("guest-ping"), {"return": {}}, "guest-ping to qemu-ga, which did nothing")
    vm.ours.send(b'{"execute":"guest-shutdown"}\n')
    event = vm.qmp.wait_event("SHUTDOWN", 30)
    equal(vm.wait_exit(), 0, "QEMU's exit status")
    differ("shutdown-no-helper", refusal, None)
    seen("guest-shutdown", "QEMU says SHUTDOWN, %s, and ends with status 0" % event["data"]["reason"])
