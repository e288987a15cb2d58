"""avocado-vt and its test provider tp-qemu: what the tests of Fedora and RHEL say to an agent, and the texts they look for."""

import base64
import json
import os
import random
import time

from client import AgentClient, AgentError
from report import check, equal
from suite import Suite, decode

CMD_TIMEOUT = 20
GUEST_CMD_TIMEOUT = 30

subject = Suite("avocado")


class QemuAgent:
    """virttest.guest_agent.QemuAgent."""

    def __init__(self, path):
        self.line = AgentClient(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def cmd(self, name, timeout=CMD_TIMEOUT, **arguments):
        """The value of `return`; arguments that are None are left out."""
        arguments = {key.replace("_", "-"): value for key, value in arguments.items() if value is not None}
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        # What is left over is read and thrown away first.
        self.line.read_quiet(0)
        self.line.send(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            for reply in self.read_objects(deadline):
                if isinstance(reply, dict) and "return" in reply:
                    return reply["return"]
                if isinstance(reply, dict) and "error" in reply:
                    raise AgentError(name, reply)

    def read_objects(self, deadline):
        """Whole lines, each without a 0xFF in front. Bytes are split at CR too."""
        received = self.line.read_line(max(0.001, deadline - time.monotonic()))
        return [json.loads(line.removeprefix(b"\xff")) for line in received.splitlines()]

    def sync(self, mode="guest-sync"):
        number = random.randint(1000, 9999)
        equal(self.cmd(mode, id=number), number, mode)

    # Names and defaults as the tests call them.

    def file_open(self, path, mode=None):
        return int(self.cmd("guest-file-open", path=path, mode=mode))

    def file_close(self, handle):
        return self.cmd("guest-file-close", handle=handle)

    def file_write(self, handle, content, count=None):
        return self.cmd("guest-file-write", handle=handle, buf_b64=base64.b64encode(content).decode(), count=count)

    def file_read(self, handle, count=None):
        return self.cmd("guest-file-read", handle=handle, count=count)

    def file_seek(self, handle, offset, whence):
        return self.cmd("guest-file-seek", handle=handle, offset=offset, whence=whence)

    def file_flush(self, handle):
        return self.cmd("guest-file-flush", handle=handle)

    def check_read(self, handle, content, count=None):
        equal(decode(self.file_read(handle, count)["buf-b64"]).strip(), content.strip(), "the content that was read")

    def run_guest_cmd(self, path, arg=None, env=None, capture_output=None):
        """Runs it, and checks of its output what the tests check."""
        pid = self.cmd("guest-exec", path=path, arg=arg, env=env, capture_output=capture_output)["pid"]
        deadline = time.monotonic() + GUEST_CMD_TIMEOUT
        while True:
            status = self.cmd("guest-exec-status", pid=pid)
            if status["exited"]:
                break
            check(time.monotonic() < deadline, "%s does not end" % path)
            time.sleep(0.1)
        if status["exitcode"] == 0:
            check("err-data" not in status, "with exit code 0 there should be no error data")
        else:
            check("out-data" not in status, "with exit code %d there should be no output" % status["exitcode"])
        return status


def refused(text, call, *arguments, **named):
    """The call has to fail with this text somewhere in its error."""
    try:
        value = call(*arguments, **named)
    except AgentError as error:
        check(text in error.desc, "not the desired information (%s): %s" % (text, error.desc))
        return error.desc
    raise AssertionError("it returned %r, instead of an error with: %s" % (value, text))


@subject.scenario("guest-sync", "guest-sync-delimited", "guest-ping")
def both_kinds_of_sync(place):
    with QemuAgent(place.socket) as agent:
        for _ in range(3):
            agent.sync("guest-sync")
            agent.sync("guest-sync-delimited")
            equal(agent.cmd("guest-ping"), {}, "guest-ping")


@subject.scenario("guest-file-open", "guest-file-write", "guest-file-read", "guest-file-seek", "guest-file-flush", "guest-file-close")
def file_seek(place):
    content = b"hello world\n"
    with QemuAgent(place.socket) as agent:
        handle = agent.file_open(place.path("seek"), "w+")
        agent.file_write(handle, content)
        agent.file_flush(handle)
        for offset, whence, expected, count in ((0, 0, content, None), (0, 0, b"he", 2), (2, 0, b"ll", 2), (2, 1, b"world", 5),
                                                (-5, 2, b"orl", 3)):
            agent.file_seek(handle, offset, whence)
            agent.check_read(handle, expected, count)
        agent.file_close(handle)


@subject.scenario("guest-file-open", "guest-file-write", "guest-file-read", "guest-file-seek", "guest-file-flush", "guest-file-close")
def file_write(place):
    content = b"hello world\n"
    with QemuAgent(place.socket) as agent:
        handle = agent.file_open(place.path("write"), "w+")
        expected = b""
        for count in range(1, 10, 2):
            agent.file_seek(handle, 0, 2)
            agent.file_write(handle, content, count)
            agent.file_flush(handle)
            agent.file_seek(handle, 0, 0)
            expected += content[:count]
            agent.check_read(handle, expected)
        text = refused("invalid for argument count", agent.file_write, handle, content, 15)
        agent.file_close(handle)
        return text


@subject.scenario("guest-file-open", "guest-file-read", "guest-file-seek", "guest-file-close")
def file_read(place):
    large = os.urandom(200 * 1024)
    place.make_file("large", large)
    place.make_file("small", b"helloworld\n")
    with QemuAgent(place.socket) as agent:
        handle = agent.file_open(place.path("small"))
        agent.check_read(handle, b"helloworld\n")
        agent.file_close(handle)
        handle = agent.file_open(place.path("large"))
        texts = [refused("invalid for argument count", agent.file_read, handle, 10 ** 10)]
        agent.file_seek(handle, 0, 0)
        read = agent.file_read(handle, 10 ** 7)
        equal((read["count"], read["eof"], decode(read["buf-b64"]) == large), (len(large), True, True), "a read of 10^7 bytes")
        agent.file_close(handle)
        # Each handle has another number.
        refused("has not been found", agent.file_close, handle)
        texts.append(refused("No such file or directory", agent.file_open, "none_exist_file"))
        return texts


@subject.scenario("guest-file-close")
def texts_that_are_looked_for(place):
    with QemuAgent(place.socket) as agent:
        texts = [refused("handle '12' has not been found", agent.file_close, 12),
                 refused("command guest-no-such-thing has not been found", agent.cmd, "guest-no-such-thing")]
        for beyond in (1 << 63, -(1 << 63) - 1, 10 ** 21):
            texts.append(refused("Invalid parameter type", agent.file_close, beyond))
        return texts


@subject.scenario("guest-get-time", "guest-get-host-name", "guest-get-timezone", "guest-get-osinfo", "guest-get-users", "guest-info")
def what_is_compared_with_the_guest(place):
    with QemuAgent(place.socket) as agent:
        for entry in agent.cmd("guest-info")["supported_commands"]:
            check(isinstance(entry["name"], str), "a name that is no string")
        check(agent.cmd("guest-get-time") // 1_000_000_000 > 1_000_000_000, "guest-get-time")
        zone = agent.cmd("guest-get-timezone")
        for user in agent.cmd("guest-get-users"):
            check(user["user"] and int(user["login-time"]) > 0, "%s" % user)
        return agent.cmd("guest-get-host-name")["host-name"], zone["offset"], agent.cmd("guest-get-osinfo")


@subject.scenario("guest-network-get-interfaces")
def interfaces_by_hardware_address(place):
    with QemuAgent(place.socket) as agent:
        found = [entry for entry in agent.cmd("guest-network-get-interfaces")
                 if "hardware-address" in entry and entry["hardware-address"] == "00:00:00:00:00:00"]
        check("lo" in [entry["name"] for entry in found], "lo is not found by its address")


@subject.scenario("guest-get-memory-blocks", "guest-get-memory-block-info", "guest-get-vcpus")
def processors_and_memory(place):
    with QemuAgent(place.socket) as agent:
        size = agent.cmd("guest-get-memory-block-info")["size"]
        check(isinstance(size, int) and size > 0, "size of a memory block: %r" % size)
        blocks = agent.cmd("guest-get-memory-blocks")
        check(blocks and all(isinstance(block["phys-index"], int) for block in blocks), "no memory blocks")
        return size, sorted(block["phys-index"] for block in blocks), len(agent.cmd("guest-get-vcpus"))


@subject.scenario("guest-exec", "guest-exec-status")
def guest_exec(place):
    with QemuAgent(place.socket) as agent:
        status = agent.run_guest_cmd("ls", ["/"], capture_output=True)
        check(status["exitcode"] == 0 and decode(status["out-data"]), "there is no output in %s" % status)
        status = agent.run_guest_cmd("ls", ["/"])
        equal(set(status), {"exited", "exitcode"}, "members where nothing is captured")
        status = agent.run_guest_cmd("ls", ["/tmp/qga_empty_dir"], capture_output=True)
        check(status["exitcode"] != 0 and decode(status["err-data"]), "there is no error output in %s" % status)
        return refused("Failed to execute child process", agent.cmd, "guest-exec", path="invalid_cmd")


@subject.scenario("guest-get-fsinfo")
def fsinfo(place):
    with QemuAgent(place.socket) as agent:
        for entry in agent.cmd("guest-get-fsinfo"):
            for name in ("mountpoint", "name", "type", "disk"):
                check(name in entry, "no %s in %s" % (name, entry))
            if "total-bytes" in entry:
                check(entry["used-bytes"] <= entry["total-bytes"], "used-bytes beyond total-bytes in %s" % entry)


@subject.scenario("guest-get-disks")
def get_disks(place):
    with QemuAgent(place.socket) as agent:
        disks = agent.cmd("guest-get-disks")
        for disk in disks:
            check(disk["name"].startswith("/dev/") and isinstance(disk["partition"], bool), "%s" % disk)
        return sorted(disk["name"] for disk in disks)


@subject.scenario("guest-get-diskstats", "guest-get-cpustats", "guest-get-load", "guest-network-get-route")
def statistics(place):
    with QemuAgent(place.socket) as agent:
        for entry in agent.cmd("guest-get-cpustats"):
            equal(entry["type"], "linux", "type")
        load = agent.cmd("guest-get-load")
        equal(set(load), {"load1m", "load5m", "load15m"}, "members of guest-get-load")
        routes = agent.cmd("guest-network-get-route")
        check(all(route["version"] in (4, 6) and "iface" in route for route in routes), "a route of neither version")
        return sorted(entry["name"] for entry in agent.cmd("guest-get-diskstats"))


@subject.scenario("guest-ssh-get-authorized-keys")
def keys_of_nobody(place):
    with QemuAgent(place.socket) as agent:
        # What stands behind it differs: ssh-unknown-user.
        refused("failed to lookup user", agent.cmd, "guest-ssh-get-authorized-keys", username="no-such-user-here")
