"""The agent's own port, a virtio-serial one: conversations, large requests, hosts that hang up or do not read.

What QEMU and the guest's driver make of a host that comes and goes differs from any socket, so none of this can be shown
over unix-listen.
"""

import base64
import json
import os
import time

from client import request
from guest import fresh, plain, test
from report import check, equal

PING = request("guest-ping")


def line(agent, timeout=10.0):
    """The next reply, parsed; a leading 0xFF is left out."""
    return json.loads(agent.read_line(timeout).lstrip(b"\xff"))


def sync_request(number):
    return request("guest-sync", {"id": number}) + b"\n"


def is_error(reply):
    return "error" in reply and reply["error"]["class"] == "GenericError"


def listed(agent):
    """The names of the commands the agent advertises."""
    return {command["name"] for command in agent.run("guest-info")["supported_commands"]}


@test(group="virtio", fixture=plain)
def sync_ping_and_info(vm):
    # No option names the port and there is no udev here: this is also the test that it is found through /sys.
    equal(vm.shell.run("ls /dev/virtio-ports")[0] != 0 or "test.links" in vm.append, True, "no /dev/virtio-ports")
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
        info = agent.run("guest-info")
        check(info["version"].split(".")[0].isdigit(), "guest-info has no version: %s" % info)
        for command in info["supported_commands"]:
            equal(sorted(command), ["enabled", "name", "success-response"], "members of an entry of supported_commands")
        equal({"guest-sync", "guest-sync-delimited", "guest-ping", "guest-info"} - listed(agent), set(), "missing commands")
        equal(agent.run("guest-get-osinfo")["kernel-release"], vm.shell.check("uname -r"), "kernel-release")


@test(group="virtio", fixture=fresh)
def a_host_that_speaks_at_once(vm):
    # The guest's driver hears of the host's arrival in a work queue, but of its bytes in the interrupt before. So the agent may
    # read a request while the port still says that nobody is there: the reply has to wait for its host.
    with vm.running_agent() as pid:
        # Being nice to nobody it mostly runs before the work queue; else in about half of the cases.
        vm.shell.check("renice -n -20 -p %d" % pid)
        for number in range(8):
            vm.rest(2)
            with vm.agent() as agent:
                agent.send(sync_request(number))
                equal(line(agent, 5), {"return": number}, "reply to host %d" % number)


@test(group="virtio", fixture=plain)
def twenty_thousand_bytes_in_one_write(vm):
    # A read from a virtio port gives 4096 bytes at most: a reader that waits for an edge after each would stall here.
    content = os.urandom(14700)
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        handle = agent.run("guest-file-open", {"path": "/tmp/long", "mode": "w+"})
        whole = request("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(content).decode()})
        agent.socket.sendall(whole[:-1].ljust(19999) + b"}")
        equal(line(agent), {"return": {"count": len(content), "eof": False}}, "reply to the long write")
        agent.run("guest-file-seek", {"handle": handle, "offset": 0, "whence": 0})
        read = agent.run("guest-file-read", {"handle": handle, "count": 20000})
        equal(base64.b64decode(read["buf-b64"]) == content, True, "content read back is what was written")
        agent.run("guest-file-close", {"handle": handle})
        agent.socket.sendall(PING[:-1].ljust(19999) + b"}")
        equal(line(agent), {"return": {}}, "reply to a ping with blanks in it")


@test(group="virtio", fixture=plain)
def six_hundred_requests_in_one_write(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        agent.send(b"".join(request("guest-ping", id=number) for number in range(600)))
        for number in range(600):
            equal(line(agent), {"return": {}, "id": number}, "reply %d" % number)


# What is left of a request when the host hangs up: in the name of a command, between members, in the arguments.
HALVES = (b'{"execute":"guest-pi', b'{"execute":"guest-ping",', b'{"execute":"guest-sync","arguments":{"id":',
          b'{"arguments":{', b'{')


@test(group="virtio", fixture=plain)
def half_a_request_and_a_pause(vm):
    with vm.running_agent():
        for number, half in enumerate(HALVES):
            with vm.agent() as agent:
                agent.send(half)
                vm.rest(0.2)
            vm.rest(0.5)
            with vm.agent() as agent:
                agent.send(sync_request(number))
                equal(line(agent), {"return": number}, "the first reply after %r and a pause" % half)


@test(group="virtio", fixture=plain)
def half_a_request_and_no_pause(vm):
    # The agent can not always tell that the host was away. The two requests may be one text to it, so errors are allowed for
    # the first; the next whole one is answered. Which half it is matters: an open bracket takes the next request in, too.
    with vm.running_agent():
        for number in range(1, 6):
            with vm.agent() as agent:
                agent.send(HALVES[0])
            with vm.agent() as agent:
                agent.send(sync_request(number))
                vm.rest(0.3)
                agent.send(sync_request(-number))
                replies = [line(agent)]
                while replies[-1] != {"return": -number}:
                    check(replies[-1] == {"return": number} or is_error(replies[-1]), "unexpected: %s" % replies[-1])
                    replies.append(line(agent))


@test(group="virtio", fixture=plain)
def half_a_request_no_pause_and_a_reset_byte(vm):
    with vm.running_agent():
        for half in HALVES:
            with vm.agent() as agent:
                agent.send(half)
            with vm.agent() as agent:
                agent.sync()
                equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after %r" % half)


@test(group="virtio", fixture=plain)
def nobody_gets_a_reply_meant_for_another(vm):
    with vm.running_agent():
        # Most who say one thing and go at once have come and gone before the agent knows that they were there.
        for number, count in enumerate((1,) * 8 + (3, 300)):
            with vm.agent() as agent:
                # guest-info is long: 300 of them are more than QEMU, its socket and the port hold.
                agent.socket.sendall(b"".join(request("guest-info", id="theirs") for _ in range(count)))
                if count == 300:
                    vm.rest(0.5)
            # The agent has to wake up some times before it knows that; a machine that stands still for a while has passed it once.
            vm.shell.check("for i in $(seq 20); do sleep 0.05; done")
            with vm.agent() as agent:
                agent.send(sync_request(number))
                equal(line(agent), {"return": number}, "the first reply to the second host")


@test(group="virtio", fixture=plain)
def a_host_that_does_not_read_loses_nothing(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        count = 800
        agent.socket.sendall(b"".join(request("guest-info", id=number) for number in range(count)))
        # Once all is full, the agent has to wait for it in its sleep.
        deadline = time.monotonic() + 20
        used = -1
        while used != (used := cpu_ticks(vm, pid)):
            check(time.monotonic() < deadline, "the agent still works after 20 s")
            vm.rest(1)
        before = vm.status(pid, "voluntary_ctxt_switches"), cpu_ticks(vm, pid)
        vm.rest(3)
        after = vm.status(pid, "voluntary_ctxt_switches"), cpu_ticks(vm, pid)
        check(after[0] - before[0] <= 3 and after[1] - before[1] <= 2,
              "in 3 s with a stuck host: %d switches, %d ticks of CPU" % (after[0] - before[0], after[1] - before[1]))
        for number in range(count):
            reply = line(agent)
            equal((reply["id"], "return" in reply), (number, True), "reply %d" % number)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping afterwards")


def cpu_ticks(vm, pid):
    """CPU time the agent has used, in hundredths of a second."""
    fields = vm.shell.check("cat /proc/%d/stat" % pid).rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@test(group="virtio", fixture=plain)
def sigterm_with_a_host_that_does_not_read(vm):
    pid = vm.start_agent()
    with vm.agent() as agent:
        agent.sync()
        agent.socket.sendall(b"".join(request("guest-info") for _ in range(800)))
        vm.rest(1)
        equal(vm.stop_agent(pid, timeout=1.0), 0, "exit status within a second of SIGTERM")


@test(group="virtio", fixture=plain)
def sigterm_while_idle(vm):
    for connected in (True, False):
        pid = vm.start_agent()
        agent = vm.agent()
        agent.sync()
        if not connected:
            agent.close()
            vm.rest(0.3)
        equal(vm.stop_agent(pid, timeout=1.0), 0, "exit status, host %s" % ("connected" if connected else "gone"))
        agent.close()


@test(group="virtio", fixture=plain)
def no_client_end_ends_the_agent(vm):
    with vm.running_agent() as pid:
        for number in range(30):
            with vm.agent() as agent:
                agent.send(sync_request(number)[:number * 3])
        vm.rest(0.5)
        with vm.agent() as agent:
            agent.sync()
            equal(int(vm.shell.check("cat /run/agent.pid")), pid, "pid")
