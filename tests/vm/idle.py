"""An idle agent does not run at all: the kernel's count of its sleeps does not move, whatever the host does meanwhile."""


from guest import fresh, test
from report import equal

SECONDS = 10


def switches(vm, pid):
    """How often the agent has gone to sleep; all its threads together."""
    return vm.status(pid, "voluntary_ctxt_switches")


@test(group="idle", fixture=fresh)
def no_wake_ups(vm):
    pid = vm.start_agent()
    vm.rest(1)
    counted = {"never connected": measure(vm, pid)}

    with vm.agent() as agent:
        agent.sync()
        talked = switches(vm, pid)
        vm.rest(1)
        counted["connected"] = measure(vm, pid)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after the wait")
        equal(switches(vm, pid) > talked, True, "the count moves when the agent works")
        # The count must also stay where it is when half a request is in the agent's hands.
        agent.send(b'{"execute":"guest-pi')
        vm.rest(1)
        counted["half a request"] = measure(vm, pid)
    vm.rest(1)
    counted["host gone"] = measure(vm, pid)

    with vm.agent() as agent:
        agent.sync()
        vm.rest(1)
        counted["connected again"] = measure(vm, pid)
    equal(counted, dict.fromkeys(counted, 0), "voluntary context switches in %d s" % SECONDS)
    equal(vm.stop_agent(pid), 0, "exit status")


def measure(vm, pid):
    before = switches(vm, pid)
    vm.rest(SECONDS)
    return switches(vm, pid) - before
