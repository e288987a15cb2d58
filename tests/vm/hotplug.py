"""A port that is not there yet, goes away, or comes back: the agent waits for it and stays the same process."""

import contextlib

from guest import Guest, plain, test
from report import equal
from vm import AGENT_PORT


@contextlib.contextmanager
def agent_before_modules():
    with Guest(append="test.agent= test.agent-first") as guest:
        yield guest


def unplug(vm):
    vm.qmp.delete_device("agent")


def plug(vm, port=AGENT_PORT):
    vm.qmp.add_device("virtserialport", "agent", chardev="agent", name=port)


def talk(vm, what):
    with vm.agent() as agent:
        agent.sync(timeout=30)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping " + what)


@test(group="hotplug", fixture=agent_before_modules)
def agent_started_before_the_driver(vm):
    talk(vm, "after the driver was loaded")
    pid = int(vm.shell.check("cat /run/agent.pid"))
    # pid of the only picoqga there is: it was not started again by anybody.
    equal(vm.shell.check("pidof picoqga"), str(pid), "pid")


@test(group="hotplug", fixture=plain)
def agent_started_before_the_port_is_plugged_in(vm):
    unplug(vm)
    with vm.running_agent() as pid:
        vm.rest(1)
        equal(vm.shell.run("kill -0 %d" % pid)[0], 0, "the agent waits (status of kill -0)")
        plug(vm)
        talk(vm, "after the port came")


@test(group="hotplug", fixture=plain)
def unplugged_and_plugged_in_again(vm):
    with vm.running_agent() as pid:
        talk(vm, "before")
        for _ in range(3):
            unplug(vm)
            vm.rest(0.5)
            plug(vm)
            talk(vm, "after the port came back")
        equal(vm.shell.check("pidof picoqga"), str(pid), "pid")


@test(group="hotplug", fixture=plain)
def unplugged_while_the_host_talks(vm):
    with vm.running_agent() as pid:
        with vm.agent() as agent:
            agent.sync()
            agent.send(b'{"execute":"guest-fi')
            vm.rest(0.2)
            unplug(vm)
        vm.rest(0.5)
        plug(vm)
        with vm.agent() as agent:
            agent.send(b'{"execute":"guest-sync","arguments":{"id":5}}\n')
            equal(agent.read_line(), b'{"return": 5}\n', "the first reply over the new port")
        equal(vm.shell.check("pidof picoqga"), str(pid), "pid")


@test(group="hotplug", fixture=plain)
def sigterm_without_a_port(vm):
    unplug(vm)
    try:
        pid = vm.start_agent()
        vm.rest(0.5)
        equal(vm.stop_agent(pid, timeout=1.0), 0, "exit status while it waits for a port")
    finally:
        plug(vm)


@test(group="hotplug", fixture=plain)
def waiting_for_a_port_is_cheap(vm):
    unplug(vm)
    try:
        with vm.running_agent() as pid:
            vm.rest(2)
            before = vm.status(pid, "voluntary_ctxt_switches")
            vm.rest(5)
            counted = vm.status(pid, "voluntary_ctxt_switches") - before
            # A netlink socket or a look at /sys now and then, but no loop.
            equal(counted <= 10, True, "%d wake-ups in 5 s without a port; few" % counted)
    finally:
        plug(vm)
