"""A virtual machine for tests: boots an initramfs under QEMU and gives the host's ends of everything it is connected with.

    with Vm(image) as vm:
        vm.shell.check("uname -r")
        with vm.agent() as agent:
            agent.run("guest-ping")

The machine has a virtio-serial bus with the agent's port and a port for a shell (shell.py), a console that is logged to a file,
and QMP. It runs under TCG unless told otherwise. Its sockets and its log are in a directory of its own under target/vm, which
is removed at the end, except when a test failed: then the log stays and its path is printed.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import oracle
from client import AgentClient
from qmp import Qmp
from report import Skip
from shell import Shell

DIRECTORY = os.path.join(oracle.ROOT, "target", "vm")
KERNEL = os.path.join(DIRECTORY, "kernel", "vmlinuz")
AGENT_PORT = "org.qemu.guest_agent.0"
SHELL_PORT = "picoqga.shell"


class VmError(Exception):
    """The machine did not do what was waited for; the message ends with the last lines of its console."""


def qemu():
    """QEMU's path: the installed one, else the one `ci/setup vm` unpacked."""
    own = os.path.join(DIRECTORY, "qemu-system-x86_64")
    found = shutil.which("qemu-system-x86_64") or (own if os.access(own, os.X_OK) else None)
    if not found:
        raise VmError("there is no qemu-system-x86_64: run ci/setup vm")
    return found


class Vm:
    """One machine, started by `with` or `start`. What each option is:

    image           the initramfs
    append          added to the kernel's command line
    init            the path of PID 1 in the image
    memory          as QEMU takes it
    agent_port      whether the agent's virtio port is there from the start (device id `agent`)
    devices         further QEMU arguments, a list; `{dir}` in them becomes the machine's directory
    disks           paths of raw images, in the guest /dev/vda, /dev/vdb, ... if virtio_blk is loaded
    accel           "tcg" or "kvm"
    console_socket  the console is a socket, console.sock, to type at; there is no log of it then
    kernel          the directory of the kernel under target/vm
    """

    def __init__(self, image, append="", init="/init", memory="256M", agent_port=True, devices=(), disks=(), accel="tcg",
                 console_socket=False, kernel="kernel"):
        self.image = image
        self.append = append
        self.init = init
        self.memory = memory
        self.agent_port = agent_port
        self.devices = devices
        self.disks = disks
        self.accel = accel
        self.console_socket = console_socket
        self.kernel = kernel
        self.process = None
        self.qmp = None
        self.shell = None
        self.directory = None

    # Life

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.stop(failed=kind not in (None, Skip))

    def start(self):
        os.makedirs(DIRECTORY, exist_ok=True)
        self.directory = tempfile.mkdtemp(prefix="run-", dir=DIRECTORY)
        self.shell = Shell(self.path("shell.sock"))
        # Relative socket paths, because QEMU takes no more than 107 bytes.
        with open(self.path("qemu.log"), "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        try:
            self.qmp = Qmp(self.path("qmp.sock"))
        except BaseException as error:
            said = self.text("qemu.log").strip()
            self.stop(failed=True)
            raise VmError("QEMU did not start: %s\n%s" % (error, said)) from None
        return self

    def stop(self, failed=False):
        """Kills QEMU, by its pid, if it still runs, and clears up."""
        self.shell.close()
        if self.qmp:
            self.qmp.close()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if failed:
            kept = os.path.join(DIRECTORY, "console-%s.log" % os.path.basename(self.directory))
            if os.path.exists(self.path("console.log")):
                shutil.copyfile(self.path("console.log"), kept)
                print("    console: %s" % os.path.relpath(kept), file=sys.stderr)
        shutil.rmtree(self.directory, ignore_errors=True)

    def command(self):
        """QEMU's command line."""
        words = [
            os.path.abspath(qemu()), "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "q35", "-accel", self.accel, "-cpu", "max,la57=off" if self.accel == "tcg" else "host",
            "-smp", "1", "-m", self.memory, "-kernel", os.path.join(DIRECTORY, self.kernel, "vmlinuz"), "-initrd", os.path.abspath(self.image),
            # panic=-1 reboots at once, so that a dead PID 1 shows as an event instead of a time-out.
            "-append", " ".join(("console=ttyS0 quiet panic=-1 rdinit=%s %s" % (self.init, self.append)).split()),
            "-qmp", "unix:qmp.sock,server=on,wait=off",
            "-device", "virtio-serial-pci,id=ports",
        ]
        words += self.socket("console") if self.console_socket else ["-chardev", "file,id=console,path=console.log"]
        words += ["-serial", "chardev:console"]
        words += self.socket("shell") + ["-device", "virtserialport,chardev=shell,id=shell,name=" + SHELL_PORT]
        if self.agent_port:
            words += self.socket("agent") + ["-device", "virtserialport,chardev=agent,id=agent,name=" + AGENT_PORT]
        for number, disk in enumerate(self.disks):
            words += ["-drive", "file=%s,if=none,id=disk%d,format=raw" % (os.path.abspath(disk), number),
                      "-device", "virtio-blk-pci,drive=disk%d" % number]
        return words + [word.replace("{dir}", self.directory) for word in self.devices]

    @staticmethod
    def socket(name):
        """QEMU arguments for a character device that is the socket NAME.sock."""
        return ["-chardev", "socket,id=%s,path=%s.sock,server=on,wait=off" % (name, name)]

    # Its connections

    def path(self, name):
        return os.path.join(self.directory, name)

    def agent(self, socket="agent", timeout=60.0):
        """A host's connection to the agent's port, or to another socket of the machine."""
        return AgentClient(self.path(socket + ".sock"), timeout)

    def text(self, name="console.log"):
        """What the console, or another log, says so far."""
        try:
            with open(self.path(name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # Waiting

    def rest(self, seconds):
        """Lets time pass in the guest, by a sleep there: on a busy machine the guest may stand still while it passes here."""
        self.shell.check("sleep %g" % seconds, seconds + 30)

    def wait_console(self, text, timeout=60.0):
        """Waits until the console has said it."""
        deadline = time.monotonic() + timeout
        while text not in self.text():
            if time.monotonic() >= deadline or self.process.poll() is not None:
                raise VmError("the console did not say %r within %g s; it ends:\n%s" % (text, timeout, self.last_lines()))
            time.sleep(0.05)

    def wait_exit(self, timeout=60.0):
        """Waits until QEMU has ended, and returns its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise VmError("QEMU still runs after %g s; the console ends:\n%s" % (timeout, self.last_lines())) from None

    def last_lines(self, count=12):
        return "\n".join(self.text().splitlines()[-count:])


def accelerator(limit=4.0):
    """"kvm" where a guest kernel really comes up under it within `limit` seconds, else "tcg".

    A usable /dev/kvm is not enough: inside other virtual machines it may be there and never get a guest anywhere. So a
    kernel is booted with nothing after it; it says its version, finds no root, panics and resets, which ends QEMU.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    with tempfile.TemporaryDirectory(prefix="kvm-") as directory:
        console = os.path.join(directory, "console")
        process = subprocess.Popen(
            [qemu(), "-nodefaults", "-display", "none", "-no-reboot", "-accel", "kvm", "-cpu", "host", "-m", "256M",
             "-kernel", KERNEL, "-append", "console=ttyS0 panic=-1", "-serial", "file:" + console],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return "tcg"
        try:
            with open(console, errors="replace") as file:
                return "kvm" if "Linux version" in file.read() else "tcg"
        except FileNotFoundError:
            return "tcg"
