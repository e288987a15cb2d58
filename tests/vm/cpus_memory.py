"""Processors and memory that are plugged in through QMP and switched by the agent, the effect seen in the guest's own /proc and /sys."""

import contextlib
import re
import time

from client import AgentError
from guest import Guest, test
from report import check, equal

CPU = "/sys/devices/system/cpu"
MEMORY = "/sys/devices/system/memory"
MIB = 1 << 20


@contextlib.contextmanager
def pluggable():
    # The later of two words of QEMU's command line holds. With movable_node the guest's kernel puts nothing of its own into
    # memory that was plugged in, which would keep it from giving it back.
    with Guest(append="movable_node", devices=("-smp", "1,maxcpus=2", "-m", "256M,slots=2,maxmem=1G")) as guest:
        yield guest


def by(name, items):
    """A list of objects, by the number that each has under `name`."""
    found = {item[name]: item for item in items}
    equal(len(found), len(items), "every %s is there once" % name)
    return found


def refusal(agent, command, arguments):
    try:
        return "no error, but %s" % agent.run(command, arguments)
    except AgentError as error:
        return error.desc


def wait(what, seen, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not seen():
        check(time.monotonic() < deadline, "%s within %g s" % (what, timeout))
        time.sleep(0.1)


def processors(vm):
    """How many the kernel runs on."""
    return int(vm.shell.check("grep -c ^processor /proc/cpuinfo"))


def total_kb(vm):
    return int(re.search(r"MemTotal:\s+(\d+)", vm.shell.check("cat /proc/meminfo")).group(1))


def plug_cpu(vm):
    free = [place for place in vm.qmp.command("query-hotpluggable-cpus") if "qom-path" not in place]
    equal(len(free), 1, "places for processors")
    vm.qmp.add_device(free[0]["type"], "cpu1", **free[0]["props"])
    wait("the new processor is in /sys", lambda: vm.shell.run("test -e %s/cpu1" % CPU)[0] == 0)


@test(group="cpus-memory", fixture=pluggable)
def processors_are_switched(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        first = {"logical-id": 0, "online": True, "can-offline": vm.shell.run("test -e %s/cpu0/online" % CPU)[0] == 0}
        equal(agent.run("guest-get-vcpus"), [first], "with one processor")
        plug_cpu(vm)
        listed = by("logical-id", agent.run("guest-get-vcpus"))
        state = vm.shell.check("cat %s/cpu1/online" % CPU) == "1"
        equal(listed, {0: first, 1: {"logical-id": 1, "online": state, "can-offline": True}}, "with two")

        def switch(online):
            return agent.run("guest-set-vcpus", {"vcpus": [{"logical-id": 1, "online": online}]})

        for online in (True, True, False, False, True):
            equal(switch(online), 1, "elements done for online = %s" % online)
            equal(vm.shell.check("cat %s/cpu1/online" % CPU), "1" if online else "0", "the kernel's own word")
            equal(processors(vm), 2 if online else 1, "processors in /proc/cpuinfo")
            equal(by("logical-id", agent.run("guest-get-vcpus"))[1]["online"], online, "online")


@test(group="cpus-memory", fixture=pluggable)
def processors_are_done_up_to_the_first_failure(vm):
    unknown = 'open("/sys/devices/system/cpu/cpu7/"): No such file or directory'
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        plug_cpu(vm)
        equal(vm.shell.run("test -e %s/cpu0/online" % CPU)[0], 1, "this kernel's cpu0 has no switch (status of test -e)")

        def switch(*vcpus):
            return {"vcpus": [{"logical-id": number, "online": online, "can-offline": True} for number, online in vcpus]}

        equal(refusal(agent, "guest-set-vcpus", switch((0, False), (1, True))), "logical processor #0 can't be offlined", "desc")
        equal(refusal(agent, "guest-set-vcpus", switch((7, True))), unknown, "desc")
        equal(refusal(agent, "guest-set-vcpus", switch((-1, True))), unknown.replace("cpu7", "cpu-1"), "desc")
        equal(processors(vm), 1, "processors after what failed at once")
        equal(agent.run("guest-set-vcpus", switch()), 0, "elements of an empty list")
        equal(agent.run("guest-set-vcpus", switch((0, True), (1, True), (7, True), (1, False))), 2, "elements up to cpu7")
        equal(processors(vm), 2, "processors: the element behind the failure was not done")
        equal(agent.run("guest-set-vcpus", switch((1, False), (0, False), (1, True))), 1, "elements up to cpu0")
        equal(processors(vm), 1, "processors")
        # An invalid element anywhere, and none is done.
        arguments = switch((1, True))
        arguments["vcpus"].append({"logical-id": 1})
        equal(refusal(agent, "guest-set-vcpus", arguments), "Parameter 'vcpus[1].online' is missing", "desc")
        equal(processors(vm), 1, "processors")


def plug_memory(vm, size_mib=256):
    before = blocks_in_sys(vm)
    vm.qmp.command("object-add", {"qom-type": "memory-backend-ram", "id": "ram1", "size": size_mib * MIB})
    vm.qmp.add_device("pc-dimm", "dimm1", memdev="ram1")
    wait("new memory is in /sys", lambda: len(blocks_in_sys(vm)) == len(before) + size_mib // 128)
    return sorted(set(blocks_in_sys(vm)) - set(before))


def blocks_in_sys(vm):
    """The kernel's own word on each block."""
    text = vm.shell.check("for d in %s/memory[0-9]*; do echo ${d##*memory} $(cat $d/state) $(cat $d/removable); done" % MEMORY)
    return {int(index): {"phys-index": int(index), "online": state == "online", "can-offline": removable != "0"}
            for index, state, removable in (line.split() for line in text.splitlines())}


@test(group="cpus-memory", fixture=pluggable)
def memory_is_switched(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        size = agent.run("guest-get-memory-block-info")
        equal(size, {"size": int(vm.shell.check("cat %s/block_size_bytes" % MEMORY), 16)}, "size of a block")
        equal(size["size"], 128 * MIB, "size of a block")
        equal(by("phys-index", agent.run("guest-get-memory-blocks")), blocks_in_sys(vm), "blocks")
        new = plug_memory(vm)
        equal(len(new), 2, "new blocks")
        equal(by("phys-index", agent.run("guest-get-memory-blocks")), blocks_in_sys(vm), "blocks with the new ones")

        def switch(online):
            return agent.run("guest-set-memory-blocks", {"mem-blks": [{"phys-index": n, "online": online} for n in new]})

        switch(False)
        least = total_kb(vm)
        for online in (True, True, False, True):
            equal(switch(online), [{"phys-index": n, "response": "success"} for n in new], "results for online = %s" % online)
            equal([blocks_in_sys(vm)[n]["online"] for n in new], [online] * 2, "the kernel's own word")
            gained = total_kb(vm) - least
            # What the kernel keeps of it for itself is a few MiB.
            check(240 * 1024 < gained <= 256 * 1024 if online else gained == 0, "MemTotal grew by %d kB" % gained)
            equal(by("phys-index", agent.run("guest-get-memory-blocks")), blocks_in_sys(vm), "blocks")


@test(group="cpus-memory", fixture=pluggable)
def each_block_has_its_result(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        new = plug_memory(vm)
        agent.run("guest-set-memory-blocks", {"mem-blks": [{"phys-index": n, "online": False} for n in new]})
        # The kernel itself is in the first block. Those between good ones must not keep them from being done.
        wanted = ((new[0], True), (0, False), (999, True), (2 ** 64 - 1, False), (0, True), (new[1], True), (new[1], False))
        reply = agent.run("guest-set-memory-blocks",
                          {"mem-blks": [{"phys-index": n, "online": online, "can-offline": False} for n, online in wanted]})
        equal([result["phys-index"] for result in reply], [n for n, _ in wanted], "the order of the results")
        equal([result["response"] for result in reply],
              ["success", "operation-failed", "not-found", "not-found", "success", "success", "success"], "responses")
        check(reply[1]["error-code"] in (16, 22), "error-code of the block that can not be switched: %s" % reply[1])
        equal([result.get("error-code") for result in reply[2:]], [2, 2, None, None, None], "error codes")
        seen = blocks_in_sys(vm)
        equal([seen[n]["online"] for n in (0, *new)], [True, True, False], "the kernel's own word")
        equal(agent.run("guest-set-memory-blocks", {"mem-blks": []}), [], "an empty list")
        # Two thousand results, and an id, in one line.
        many = [{"phys-index": 999, "online": True}] * 2000
        reply = agent.call("guest-set-memory-blocks", {"mem-blks": many}, id="x" * 4000)
        equal(reply, {"return": [{"phys-index": 999, "response": "not-found", "error-code": 2}] * 2000, "id": "x" * 4000},
              "two thousand results")


@test(group="cpus-memory", fixture=pluggable)
def without_sys(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        plug_cpu(vm)
        new = plug_memory(vm)
        agent.run("guest-set-memory-blocks", {"mem-blks": [{"phys-index": n, "online": False} for n in new]})
        agent.run("guest-set-vcpus", {"vcpus": [{"logical-id": 1, "online": False}]})
        blocks, least = blocks_in_sys(vm), total_kb(vm)
        vm.shell.check("umount /sys")
        equal(vm.shell.run("ls /sys/devices")[0] != 0, True, "/sys is empty")
        equal(sorted(by("logical-id", agent.run("guest-get-vcpus"))), [0, 1], "processors")
        equal(by("phys-index", agent.run("guest-get-memory-blocks")), blocks, "blocks")
        equal(agent.run("guest-get-memory-block-info"), {"size": 128 * MIB}, "size of a block")
        equal(agent.run("guest-set-vcpus", {"vcpus": [{"logical-id": 1, "online": True}]}), 1, "elements done")
        equal(processors(vm), 2, "processors in /proc/cpuinfo")
        reply = agent.run("guest-set-memory-blocks", {"mem-blks": [{"phys-index": new[0], "online": True}]})
        equal(reply, [{"phys-index": new[0], "response": "success"}], "results")
        check(total_kb(vm) - least > 120 * 1024, "MemTotal grew by %d kB" % (total_kb(vm) - least))
        equal(vm.shell.run("ls /sys/devices")[0] != 0, True, "nothing was mounted that others see")
        equal(vm.shell.check("grep -c sysfs /proc/%d/mounts || true" % pid), "0", "mounts of sysfs")
