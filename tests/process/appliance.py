"""What targets/appliance/install makes of a tree, and what it puts there, as far as this machine can tell: scripts are run,
units and configurations read. tests/vm boots them."""

import configparser
import os
import re
import shutil
import signal
import subprocess
import tempfile

import agents
from common import ROOT, Tested, surroundings, test, until
from report import Skip, check, equal

INSTALL = os.path.join(ROOT, "targets", "appliance", "install")
INITS = ("systemd", "openrc", "sysv", "busybox", "runit", "s6", "none")
PORT = "dev-virtio\\x2dports-org.qemu.guest_agent.0.device"


def install(init, root, *options):
    subprocess.run([INSTALL, "--agent", Tested.kind.path, "--init", init, "--destdir", root, *options], check=True, timeout=20)


def files(root):
    return sorted(os.path.relpath(os.path.join(directory, name), root) for directory, _, names in os.walk(root) for name in names)


def read(root, *path):
    with open(os.path.join(root, *path)) as file:
        return file.read()


def unit(root, name):
    """Its sections; a key that is there twice has its last value."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(os.path.join(root, "usr/lib/systemd/system", name))
    return parser


@test(group="appliance")
def each_init_gets_what_is_its_own():
    own = {"systemd": {"usr/lib/systemd/system/picoqga.service", "usr/lib/systemd/system/picoqga-vsock.service",
                       "usr/lib/systemd/system/picoqga-vsock.socket", "usr/lib/udev/rules.d/60-picoqga.rules",
                       "usr/share/doc/picoqga/hardened.conf"},
           "openrc": {"etc/init.d/picoqga"}, "sysv": {"etc/init.d/picoqga"}, "busybox": {"etc/inittab"},
           "runit": {"etc/sv/picoqga/run"}, "s6": {"etc/s6/sv/picoqga/run", "etc/s6/sv/picoqga/type"}, "none": set()}
    for init in INITS:
        with tempfile.TemporaryDirectory() as root:
            install(init, root, "--link", "/usr/sbin/qemu-ga")
            common = {"usr/sbin/picoqga", "usr/sbin/qemu-ga", "usr/share/man/man8/picoqga.8", "etc/qemu/qemu-ga.conf"}
            equal(set(files(root)), common | own[init], "files for %s" % init)
            equal(os.readlink(os.path.join(root, "usr/sbin/qemu-ga")), "/usr/sbin/picoqga", "the link")
            for path in own[init]:
                text = read(root, path)
                is_script = text.startswith("#!")
                equal(os.stat(os.path.join(root, path)).st_mode & 0o777, 0o755 if is_script else 0o644, "mode of %s" % path)
                if is_script:
                    subprocess.run(["sh", "-n", os.path.join(root, path)], check=True)
            # Once more: nothing is there twice, and what somebody has changed stays.
            with open(os.path.join(root, "etc/qemu/qemu-ga.conf"), "w") as file:
                file.write("[general]\nverbose=true\n")
            before = {path: read(root, path) for path in own[init] | {"etc/qemu/qemu-ga.conf"}}
            install(init, root)
            equal({path: read(root, path) for path in before}, before, "the same, installed again for %s" % init)


@test(group="appliance")
def other_places_are_named_everywhere():
    for init in INITS:
        with tempfile.TemporaryDirectory() as root:
            install(init, root, "--prefix", "/opt/x", "--sysconfdir", "/opt/x/etc")
            equal([path for path in files(root) if not path.startswith("opt/x/")], [], "files elsewhere, for %s" % init)
            for path in files(root):
                if path.endswith(("/sbin/picoqga", ".8")):
                    continue
                found = re.findall(r"(?<![\w.])/(?:usr/sbin|etc)/\S*", read(root, path))
                equal([place for place in found if "/opt/x" not in place], [], "places named in %s" % path)


@test(group="appliance")
def an_inittab_that_is_there_gets_one_line():
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(os.path.join(root, "etc"))
        with open(os.path.join(root, "etc/inittab"), "w") as file:
            file.write("::sysinit:/etc/rcS\n")
        install("busybox", root)
        install("busybox", root)
        equal(read(root, "etc/inittab"), "::sysinit:/etc/rcS\n::respawn:/usr/sbin/picoqga\n", "the table")


@test(group="appliance")
def the_example_of_a_configuration_is_one():
    with tempfile.TemporaryDirectory() as root:
        install("none", root)
        path = os.path.join(root, "etc/qemu/qemu-ga.conf")

        def dump(*options):
            done = subprocess.run([Tested.kind.path, *options, "-D"], capture_output=True, timeout=5, check=False, env=surroundings(),
                                  text=True)
            equal((done.returncode, done.stderr), (0, ""), "--dump-conf %s" % (options,))
            return done.stdout

        # As it is it says nothing, and what its comments offer is understood.
        open(os.path.join(root, "empty"), "w").close()
        equal(dump("-c", path), dump("-c", os.path.join(root, "empty")), "what it says")
        text = read(path)
        with open(path, "w") as file:
            file.write(re.sub(r"(?m)^#(?=[a-z-]+=)", "", text))
        printed = dump("-c", path)
        for key in re.findall(r"(?m)^#([a-z-]+)=", text):
            check("%s=" % key in printed, "%s is not in %s" % (key, printed))


@test(group="appliance")
def the_units_are_bound_to_the_port():
    with tempfile.TemporaryDirectory() as root:
        install("systemd", root)
        service = unit(root, "picoqga.service")
        equal((service["Unit"]["BindsTo"], service["Unit"]["After"], service["Install"]["WantedBy"]), (PORT, PORT, PORT), "the port")
        equal(service["Service"]["ExecStart"], "/usr/sbin/picoqga", "what is started")
        equal(service["Service"]["Restart"], "always", "Restart")
        rule = [line for line in read(root, "usr/lib/udev/rules.d/60-picoqga.rules").splitlines() if not line.startswith("#")]
        equal(rule, ['SUBSYSTEM=="virtio-ports", ATTR{name}=="org.qemu.guest_agent.0", TAG+="systemd", '
                     'ENV{SYSTEMD_WANTS}+="picoqga.service"'], "the rule")
        blocked = re.search("--block-rpcs=(\\S+)", read(root, "usr/share/doc/picoqga/hardened.conf")).group(1).split(",")
        known = subprocess.run([Tested.kind.path, "-b", "help"], capture_output=True, check=True, text=True).stdout.split()
        equal(sorted(set(blocked) - set(known)), [], "commands blocked that are none")
        equal([name for name in known if re.match("guest-(exec|file|ssh|set-user)", name) and name not in blocked], [],
              "commands that do something in the guest, and are not blocked")


@test(group="appliance")
def systemd_understands_the_units():
    if not shutil.which("systemd-analyze"):
        raise Skip("there is no systemd-analyze")
    with tempfile.TemporaryDirectory() as root:
        install("systemd", root)
        directory = os.path.join(root, "usr/lib/systemd/system")
        os.mkdir(os.path.join(directory, "picoqga.service.d"))
        shutil.copy(os.path.join(root, "usr/share/doc/picoqga/hardened.conf"), os.path.join(directory, "picoqga.service.d"))
        done = subprocess.run(["systemd-analyze", "verify", "--root", root, *(os.path.join(directory, name) for name in (
            "picoqga.service", "picoqga-vsock.service", "picoqga-vsock.socket"))], capture_output=True, text=True, timeout=30, check=False)
        # The tree has no targets, and this machine may have no man; a key or value that is none is told with its line.
        said = [line for line in done.stderr.splitlines() if re.search(r":\d+: |Unknown|Invalid|Failed to parse", line)]
        equal(said, [], "what systemd says")


@test(group="appliance")
def the_system_v_script_starts_and_stops_it():
    with tempfile.TemporaryDirectory() as root:
        install("sysv", "", "--prefix", root + "/usr", "--sysconfdir", root + "/etc")
        socket, pid_file = root + "/socket", root + "/pid"
        os.mkdir(root + "/etc/default")
        with open(root + "/etc/default/picoqga", "w") as file:
            file.write("PICOQGA_PID=%s\nPICOQGA_OPTIONS='-m unix-listen -p %s'\n" % (pid_file, socket))

        def script(action):
            return subprocess.run([root + "/etc/init.d/picoqga", action], capture_output=True, timeout=20, check=False,
                                  env=surroundings(), text=True)

        def pid():
            return int(read(pid_file))

        equal((script("status").returncode, script("stop").returncode), (3, 0), "before it is started")
        try:
            started = script("start")
            equal((started.returncode, started.stdout, started.stderr), (0, "", ""), "start")
            first = pid()
            with agents.AgentClient(socket) as client:
                client.sync()
            equal((script("status").stdout, script("start").returncode, pid()),
                  ("picoqga runs as process %d\n" % first, 0, first), "started again")
            # Replaced while it runs, it is still the one.
            install("sysv", "", "--prefix", root + "/usr", "--sysconfdir", root + "/etc")
            equal(script("restart").returncode, 0, "restart")
            check(pid() != first, "it has still pid %d" % first)
            os.kill(pid(), signal.SIGKILL)
            until(lambda: script("status").returncode == 3, "the end of it")
            equal(script("start").returncode, 0, "start after it was killed")
        finally:
            equal(script("stop").returncode, 0, "stop")
        check(not os.path.exists(pid_file), "the pid file is still there")
        equal(script("nonsense").returncode, 2, "an action that is none")
        with open(root + "/etc/default/picoqga", "a") as file:
            file.write("PICOQGA_OPTIONS='-m nonsense'\n")
        failed = script("start")
        check(failed.returncode == 1 and "nonsense" in failed.stderr, "a start that fails: %s" % failed)
