"""A machine with disks of three kinds of file systems, and what it takes to see whether one is frozen."""

import contextlib
import os
import tempfile
import time

import oracle
from beside import REAL_PORT
from client import AgentError
from guest import Guest, Options, Shared, build_image, libraries
from report import check, equal
from shutdown import find, tool
from vm import DIRECTORY, Vm

MODULES = ("loop", "xfs", "btrfs", "overlay", "dm-mod", "vfat", "nls_cp437", "nls_ascii")
MARKER = "/run/qga.state.isfrozen"
MIB = 1 << 20
# By device: how it is made, its size, and where it is mounted.
DISKS = {"vda": ("ext4", ("mkfs.ext4", "-q", "-F"), 64 * MIB),
         "vdb": ("xfs", ("mkfs.xfs", "-q"), 300 * MIB),
         "vdc": ("btrfs", ("mkfs.btrfs", "-q"), 160 * MIB)}


def module_files(names):
    """The files of modules of the guest's kernel, those that others need first."""
    directory = os.path.join(DIRECTORY, "kernel", "modules")
    needs = {}
    with open(os.path.join(directory, "modules.dep")) as file:
        for line in file:
            path, _, rest = line.partition(":")
            needs[path] = rest.split()
    found = []
    for name in names:
        path = next(path for path in needs if os.path.basename(path).split(".")[0] == name)
        for needed in [*reversed(needs[path]), path]:
            if needed not in found:
                found.append(needed)
    return [os.path.join(directory, path) for path in found]


class Freezing(Guest):
    """The machine. Nothing is mounted at the start; the agent is not started."""

    def __init__(self):
        image = Options.image + ".freezing"
        self.modules = module_files(MODULES)
        if not os.path.exists(image):
            real = oracle.binary()
            mapper = find("dmsetup")
            build_image(Options.agent, image, additions=["%s:/bin/qemu-ga" % real, *libraries(real), mapper + ":/bin/dmsetup",
                        *(word for word in libraries(mapper) if word not in libraries(real)),
                        *("%s:/lib/freezing/%02d" % (path, number) for number, path in enumerate(self.modules))])
        self.files = tempfile.TemporaryDirectory(prefix="disks-", dir=DIRECTORY)
        disks = []
        for name, (_, make, size) in DISKS.items():
            disks.append(os.path.join(self.files.name, name))
            with open(disks[-1], "wb") as file:
                file.truncate(size)
            made = tool(*make, disks[-1])
            equal(made.returncode, 0, made.stdout.decode())
        self.writers = 0
        super().__init__(image=image, disks=disks,
                         devices=[*Vm.socket("real"), "-device", "virtserialport,chardev=real,name=" + REAL_PORT])

    def start(self):
        super().start()
        self.shell.check("for module in /lib/freezing/*; do insmod $module; done; cd /mnt; mkdir vda vdb vdc a b c d; cd /",
                         timeout=60)
        return self

    def stop(self, failed=False):
        super().stop(failed)
        self.files.cleanup()

    def mount(self, *devices):
        for device in devices:
            self.shell.check("mount -t %s /dev/%s /mnt/%s" % (DISKS[device][0], device, device))

    def unmount_all(self):
        """Everything under /mnt, the newest first, and the loop devices."""
        self.shell.check("for place in $(grep ' /mnt' /proc/self/mountinfo | cut -d' ' -f5 | tac); do umount \"$place\" || exit; done; "
                         "rm -f /tmp/writer-* /tmp/hook*")

    @contextlib.contextmanager
    def real_agent(self, options=""):
        """The real qemu-ga, and a line to it. It is killed at the end, because while frozen it hears no other signal."""
        pid = int(self.shell.check("qemu-ga -p %s -t /tmp %s </dev/null >/tmp/real.log 2>&1 & echo $!"
                                   % (self.port_device(REAL_PORT), options)))
        try:
            with self.agent("real") as agent:
                agent.sync()
                yield agent, pid
        finally:
            self.shell.run("kill -9 %d; wait %d; rm -f /tmp/qga.state*" % (pid, pid))

    def writer(self, path):
        """Begins to write a file; the write may have to wait."""
        self.writers += 1
        done = "/tmp/writer-%d" % self.writers
        pid = int(self.shell.check("{ echo written >%s && echo ok >%s; } </dev/null >/dev/null 2>&1 & echo $!" % (path, done)))
        return Writer(self, path, pid, done)


class Writer:
    """A process in the guest that writes a file."""

    def __init__(self, vm, path, pid, done):
        self.vm, self.path, self.pid, self.done = vm, path, pid, done

    def is_done(self, patience=0.0):
        deadline = time.monotonic() + patience
        while True:
            if self.vm.shell.run("test -e " + self.done)[0] == 0:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)

    def check_waits(self):
        """It must hang in the kernel, and stay there."""
        deadline = time.monotonic() + 5
        while self.vm.shell.run("grep -q '^State:.D' /proc/%d/status" % self.pid)[0] != 0:
            check(time.monotonic() < deadline, "who writes %s does not wait for the thaw" % self.path)
        self.vm.rest(0.3)
        check(not self.is_done(), "%s was written although it is frozen" % self.path)

    def check_done(self):
        check(self.is_done(10), "who writes %s still waits" % self.path)
        equal(self.vm.shell.check("cat " + self.path), "written", "content of " + self.path)


frozen = Shared(kind=Freezing)


@contextlib.contextmanager
def freezer(vm, *devices, options=""):
    """A running agent and a line to it, in a machine with these disks mounted; everything is unmounted afterwards."""
    vm.mount(*devices)
    with vm.running_agent(options) as pid, vm.agent() as agent:
        agent.sync()
        yield agent, pid
    vm.unmount_all()


def refusal(agent, command, arguments=None):
    try:
        raise AssertionError("%s returned %s" % (command, agent.run(command, arguments)))
    except AgentError as error:
        return error.desc


@contextlib.contextmanager
def restarted(vm, options=""):
    """An agent that comes after one that was killed."""
    with vm.running_agent(options), vm.agent() as agent:
        agent.sync()
        yield agent


def kill(vm, pid):
    vm.shell.run("kill -9 %d; wait %d" % (pid, pid))
