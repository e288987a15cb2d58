"""The other lines an agent can be on: a serial port, a plain virtio console, vsock; and a guest without /proc and /sys."""

import contextlib

from guest import Guest, Shared, test
from report import equal
from vm import Vm

# The machine of these tests: a second serial port (/dev/ttyS1), a virtio console (/dev/hvc0), and a port for the vsock bridge.
lines = Shared(devices=[
    *Vm.socket("tty"), "-serial", "chardev:tty",
    *Vm.socket("hvc"), "-device", "virtconsole,chardev=hvc",
    *Vm.socket("bridge"), "-device", "virtserialport,chardev=bridge,name=picoqga.bridge"])


def converse(vm, pid, socket):
    """A conversation, a host that goes away, half a request from the next, another conversation, and silence."""
    with vm.agent(socket) as agent:
        agent.sync()
        # Exact bytes: a line that is not raw would turn LF into CR LF, or echo what we say.
        agent.send(b'{"execute":"guest-sync-delimited","arguments":{"id":12}}\n')
        equal(agent.read_line(), b'\xff{"return": 12}\n', "reply over %s" % socket)
        agent.send(b'{"execute":"guest-ping"}'.ljust(20000))
        equal(agent.read_line(), b'{"return": {}}\n', "reply to 20,000 bytes")
        equal(agent.read_quiet(0.3), b"", "further bytes")
    vm.rest(0.5)
    with vm.agent(socket) as agent:
        agent.send(b'{"execute":"guest-pi')
        vm.rest(0.2)
    vm.rest(0.5)
    with vm.agent(socket) as agent:
        # A serial line does not show that the host was away, so it takes the reset byte.
        agent.sync()
        agent.send(b'{"execute":"guest-ping"}\n')
        equal(agent.read_line(), b'{"return": {}}\n', "reply to the third host over %s" % socket)
        check_idle(vm, pid)


def wait_open(vm, pid, device):
    """Until the agent has the line open. A serial port loses what came before that: its FIFO is cleared."""
    vm.shell.check("until ls -l /proc/%d/fd | grep -q %s; do sleep 0.1; done; sleep 0.2" % (pid, device))


def check_idle(vm, pid):
    vm.rest(1)
    before = vm.status(pid, "voluntary_ctxt_switches")
    vm.rest(5)
    equal(vm.status(pid, "voluntary_ctxt_switches") - before, 0, "voluntary context switches in 5 s idle")


@test(group="transports", fixture=lines)
def serial_port(vm):
    with vm.running_agent("-m isa-serial -p /dev/ttyS1") as pid:
        wait_open(vm, pid, "/dev/ttyS1")
        converse(vm, pid, "tty")


@test(group="transports", fixture=lines)
def virtio_console(vm):
    with vm.running_agent("-m isa-serial -p /dev/hvc0") as pid:
        wait_open(vm, pid, "/dev/hvc0")
        converse(vm, pid, "hvc")


def load_vsock(vm):
    vm.shell.check("[ -d /sys/module/vsock_loopback ] || "
                   "for m in $(grep vsock /lib/picoqga/order); do insmod /lib/picoqga/$m; done")


@contextlib.contextmanager
def bridged(vm, port):
    """Joins the machine's socket bridge.sock with a vsock port of the guest itself, anew for each host."""
    device = vm.port_device("picoqga.bridge")
    # The port stays open between two connections: what came in is thrown away when a port is closed.
    pid = vm.shell.check("(exec 3<>%s; while :; do vsock-bridge 1 %d <&3 >&3 2>/tmp/bridge.log; sleep 0.1; done) "
                         ">/dev/null 2>&1 & echo $!" % (device, port))
    try:
        yield
    finally:
        vm.shell.run("kill %s; killall vsock-bridge" % pid)


@test(group="transports", fixture=lines)
def vsock(vm):
    load_vsock(vm)
    # In a loopback the client's address is 1, not the host's 2, so the agent has to be told to serve it.
    with vm.running_agent("-m vsock-listen -p 4294967295:5000 --vsock-peer 1") as pid, bridged(vm, 5000):
        converse(vm, pid, "bridge")


def without_vsock():
    """A machine of the same kind, in which nobody has loaded the driver."""
    return Guest(devices=lines.options["devices"])


@test(group="transports", fixture=without_vsock)
def a_driver_that_is_loaded_later_is_waited_for(vm):
    with vm.running_agent("-v -m vsock-listen -p 4294967295:5000 --vsock-peer 1") as pid:
        vm.shell.check("until grep -q 'trying again' /tmp/agent.log; do sleep 0.1; done")
        load_vsock(vm)
        with bridged(vm, 5000):
            converse(vm, pid, "bridge")


@test(group="transports", fixture=lines)
def vsock_serves_the_host_only(vm):
    load_vsock(vm)
    ask = "(echo '{\"execute\":\"guest-ping\"}'; sleep 1) | vsock-bridge 1 5001 2>&1"
    for option, expected in (("", ""), ("--vsock-peer 7", ""), ("--vsock-peer any", '{"return": {}}')):
        with vm.running_agent("-m vsock-listen -p 4294967295:5001 " + option):
            vm.rest(0.3)
            equal(vm.shell.run(ask)[1].strip(), expected, "what a client in the guest hears with %r" % option)


@test(group="transports", fixture=lines)
def without_a_device_node(vm):
    # As in a guest that has no devtmpfs: the agent makes a node for the moment it opens the port.
    node = vm.port_device("org.qemu.guest_agent.0")
    numbers = vm.shell.check("cat /sys/class/virtio-ports/%s/dev" % node.rpartition("/")[2]).replace(":", " ")
    vm.shell.check("rm " + node)
    try:
        with vm.running_agent(), vm.agent() as agent:
            agent.sync()
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
            equal(vm.shell.run("ls -a /dev | grep -E 'vport.*%s|picoqga'" % node[-2:])[1].strip(), "", "nodes left behind")
    finally:
        vm.shell.check("mknod %s c %s" % (node, numbers))


@test(group="transports", fixture=lines)
def without_proc_and_sys(vm):
    port = vm.port_device("org.qemu.guest_agent.0")
    vm.shell.check("umount /proc /sys")
    try:
        pid = vm.start_agent("-p " + port)
        with vm.agent() as agent:
            agent.sync()
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
            equal(agent.run("guest-get-osinfo")["kernel-release"], vm.shell.check("uname -r"), "kernel-release")
        equal(vm.stop_agent(pid), 0, "exit status")
    finally:
        vm.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys")


@test(group="transports", fixture=lines)
def without_proc_and_sys_and_without_a_path(vm):
    # The port's name is only in /sys, which is not mounted: the agent looks at one of its own.
    vm.shell.check("umount /proc /sys")
    try:
        pid = vm.start_agent()
        with vm.agent() as agent:
            agent.sync()
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
        equal(vm.shell.run("ls /sys/class /proc/self")[0] != 0, True, "nothing was mounted that others see")
        equal(vm.stop_agent(pid), 0, "exit status")
    finally:
        vm.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys")


@contextlib.contextmanager
def busybox_init():
    with Guest("init-busybox", append="test.agent=") as guest:
        yield guest


@test(group="transports", fixture=busybox_init)
def under_busybox_init(vm):
    with vm.agent() as agent:
        agent.sync()
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
