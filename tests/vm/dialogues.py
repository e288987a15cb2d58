"""What real clients say to an agent, over the port they say it on. Each is what one of libvirt, Proxmox, Ansible... sends."""

import base64
import json
import time

from client import request
from guest import plain, test
from report import check, equal
from virtio import line, listed


@test(group="dialogues", fixture=plain)
def sync_and_command_in_one_write(vm):
    # Proxmox: any order of members, an id beyond 32 bits, arguments always there, and the exact bytes of the replies count.
    dialogue = (b'{"arguments":{"id":41943040123},"execute":"guest-sync-delimited"}\n'
                b'{"arguments":{},"execute":"guest-ping"}\n')
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        agent.send(dialogue)
        expected = b'\xff{"return": 41943040123}\n{"return": {}}\n'
        equal(agent.read_line() + agent.read_line(), expected, "the two replies")
        for byte in dialogue:
            agent.send(bytes((byte,)))
            time.sleep(0.005)
        equal(agent.read_line() + agent.read_line(), expected, "the two replies, sent byte by byte")


@test(group="dialogues", fixture=plain)
def sync_by_the_clock(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.send(b'{"execute":"guest-sync", "arguments":{"id":1763766559123}}\n')
        equal(agent.read_line(), b'{"return": 1763766559123}\n', "the reply")


@test(group="dialogues", fixture=plain)
def a_reset_byte_drops_half_a_request(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        agent.send(b'{"execute":"guest-fsfreeze-fre')
        vm.rest(0.2)
        agent.send(b'\xff{"execute":"guest-ping"}')
        reply = line(agent)
        equal(reply["error"]["class"], "GenericError", "the reset byte's own reply")
        equal(line(agent), {"return": {}}, "guest-ping")
        agent.send(b'{"execute":"guest-ping","id":1}{"execute":"guest-ping","id":2}')
        equal([line(agent)["id"], line(agent)["id"]], [1, 2], "two requests with nothing between them")


@test(group="dialogues", fixture=plain)
def the_id_comes_back(vm):
    identity = {"a": [1, "x"]}
    with vm.running_agent(), vm.agent() as agent:
        equal(agent.call("guest-ping", id=identity), {"return": {}, "id": identity}, "guest-ping")
        refused = agent.call("guest-no-such-thing", id=identity)
        equal((refused["id"], refused["error"]["class"]), (identity, "CommandNotFound"), "an unknown command")
        refused = agent.call("guest-ping", {"x": 1}, id=identity)
        equal((refused["id"], refused["error"]["class"]), (identity, "GenericError"), "an unexpected argument")


@test(group="dialogues", fixture=plain)
def base64_in_lines(vm):
    content = bytes(range(256)) * 3
    with vm.running_agent(), vm.agent() as agent:
        handle = agent.run("guest-file-open", {"path": "/tmp/lines", "mode": "w"})
        text = base64.encodebytes(content).decode()
        check("\n" in text.strip() and text.endswith("\n"), "the text has newlines in it and one at its end")
        equal(agent.run("guest-file-write", {"handle": handle, "buf-b64": text})["count"], len(content), "count")
        equal(agent.run("guest-file-write", {"handle": handle, "buf-b64": ""})["count"], 0, "count of an empty write")
        agent.run("guest-file-close", {"handle": handle})
        equal(vm.shell.check("base64 /tmp/lines").replace("\n", ""), base64.b64encode(content).decode(), "what is in the file")


@test(group="dialogues", fixture=plain)
def hang_up_in_a_request(vm):
    with vm.running_agent():
        with vm.agent() as agent:
            agent.send(b'{"execute":"guest-sync","argume')
            vm.rest(0.2)
        vm.rest(0.5)
        with vm.agent() as agent:
            agent.send(b'{"execute":"guest-sync","arguments":{"id":7}}\n')
            equal(agent.read_line(), b'{"return": 7}\n', "the reply")


@test(group="dialogues", fixture=plain)
def a_time_beyond_the_integers(vm):
    with vm.running_agent(), vm.agent() as agent:
        there = "guest-set-time" in listed(agent)
        before = int(vm.shell.check("date +%s"))
        agent.send(b'{"execute":"guest-set-time","arguments":{"time":1700000000000000000000}}\n')
        error = line(agent)["error"]
        if there:
            equal(error["desc"], "Invalid parameter type for 'time', expected: integer", "desc")
        else:
            equal(error["class"], "CommandNotFound", "class, the command not being advertised")
        check(0 <= int(vm.shell.check("date +%s")) - before < 60, "the clock was changed")


@test(group="dialogues", fixture=plain)
def a_line_of_a_megabyte_and_a_half(vm):
    data = base64.b64encode(b"x" * (1 << 20)).decode()
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        there = "guest-exec" in listed(agent)
        arguments = {"path": "/bin/busybox", "arg": ["md5sum"], "capture-output": True, "input-data": data}
        agent.send(request("guest-exec", arguments, id="long") + b"\n", 60)
        reply = json.loads(agent.read_line(60))
        equal(reply.get("id", "long"), "long", "id")
        if there:
            check("pid" in reply.get("return", {}), "guest-exec is advertised and refused this: %s" % reply)
        else:
            check("error" in reply, "guest-exec is not advertised and was answered: %s" % reply)
        agent.send(request("guest-ping", id="next") + b"\n")
        equal(line(agent), {"return": {}, "id": "next"}, "the next request")
