"""libvirt: what virsh, virt-manager, nova, oVirt, KubeVirt and Ansible have between them and the agent.

A guest-sync with the time in milliseconds before each command; lines of one object each, which has `return` or `error`; at
most 10 MiB without an LF. What it takes from replies, and what it calls malformed, follows its qemu_agent.c.
"""

import time

from client import AgentClient, AgentError, AgentTimeout
from report import check, equal
from suite import (MIB, Malformed, Suite, array, boolean, compact, decode, integer, number, parse, required_text, signed, text,
                   unsigned)

LONGEST_REPLY = 10 * MIB
# Seconds for a sync, and for a command unless its caller says otherwise.
PATIENCE = 5.0
UINT_MAX = (1 << 32) - 1

subject = Suite("libvirt")


class Libvirt:
    """A domain's agent. Errors it answers are AgentError, time-outs AgentTimeout."""

    def __init__(self, path):
        self.line = AgentClient(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def arbitrary_command(self, request, timeout=PATIENCE):
        """virDomainQemuAgentCommand: JSON text in, JSON text out; both sides are read and written anew."""
        return compact(self.command(parse(request.encode(), "the caller's request"), timeout)).decode()

    def run(self, name, timeout=PATIENCE, **arguments):
        """One command; `arguments` is left out when there are none. The reply's object. `_` in names stands for `-`."""
        request = {"execute": name}
        if arguments:
            request["arguments"] = {key.replace("_", "-"): value for key, value in arguments.items()}
        return self.command(request, timeout)

    def command(self, request, timeout=PATIENCE):
        self.sync()
        self.line.send(compact(request) + b"\n")
        reply = self.receive(lambda found: found, timeout, request["execute"])
        if "error" in reply:
            if not isinstance(reply["error"], dict):
                raise Malformed("error is no object: %r" % reply)
            required_text(reply["error"], "class")
            required_text(reply["error"], "desc")
            raise AgentError(request["execute"], reply)
        return reply

    def without_reply(self, name, **arguments):
        """A command that ends in an event of the machine; what it waits for is the caller's."""
        self.sync()
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        self.line.send(compact(request) + b"\n")

    def sync(self):
        """Twice at most: what is not JSON may be left over from before, but only the first time."""
        for first in (True, False):
            number = time.time_ns() // 1_000_000
            equal(len(str(number)), 13, "digits of the id")
            self.line.send(b'{"execute":"guest-sync", "arguments":{"id":%d}}\n' % number)
            try:
                self.receive(lambda reply: reply if reply.get("return") == number else None, PATIENCE, "guest-sync")
                return
            except Malformed:
                if not first:
                    raise

    def receive(self, accept, seconds, what):
        """Takes lines until `accept` gives something of one."""
        deadline = time.monotonic() + seconds
        while True:
            end = self.line.buffer.find(b"\n")
            if max(end, len(self.line.buffer) if end < 0 else 0) >= LONGEST_REPLY:
                raise Malformed("%s: no complete reply within %d bytes" % (what, LONGEST_REPLY))
            if end < 0:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AgentTimeout("%s: the guest agent does not respond" % what, self.line.buffer)
                self.line.take(left)
                continue
            reply = parse(self.line.cut(end + 1)[:-1], what)
            if "QMP" in reply or "event" in reply:
                raise Malformed("%s: a monitor's greeting or event from an agent: %r" % (what, reply))
            if "return" not in reply and "error" not in reply:
                raise Malformed("%s: neither return nor error: %r" % (what, reply))
            found = accept(reply)
            if found is not None:
                return found

    # What virsh domhostname, domtime, guestvcpus, domfsinfo, guestinfo... make of the replies.

    def host_name(self):
        return required_text(self.run("guest-get-host-name")["return"], "host-name")

    def get_time(self):
        """Seconds and nanoseconds."""
        return divmod(unsigned(self.run("guest-get-time"), "return", 64), 10 ** 9)

    def vcpus(self):
        return [(unsigned(entry, "logical-id"), boolean(entry, "online"), boolean(entry, "can-offline"))
                for entry in array(self.run("guest-get-vcpus"), "return")]

    def interfaces(self):
        """By name, aliases (`eth0:1`) under the name before the colon: hardware address and addresses."""
        found = {}
        for entry in array(self.run("guest-network-get-interfaces"), "return"):
            name = required_text(entry, "name").split(":", 1)[0]
            hardware, addresses = found.setdefault(name, (text(entry, "hardware-address"), []))
            if "ip-addresses" not in entry:
                continue
            for address in array(entry, "ip-addresses"):
                kind = required_text(address, "ip-address-type")
                check(kind in ("ipv4", "ipv6"), "unknown ip address type %r" % kind)
                addresses.append((kind, required_text(address, "ip-address"), unsigned(address, "prefix")))
        return found

    def users(self):
        """Name, domain, milliseconds since 1970."""
        return [(required_text(entry, "user"), text(entry, "domain"), int(number(entry, "login-time") * 1000))
                for entry in array(self.run("guest-get-users"), "return")]

    def os_info(self):
        info = self.run("guest-get-osinfo")["return"]
        check(isinstance(info, dict), "guest-get-osinfo gave no object")
        return {name: text(info, name) for name in ("id", "name", "pretty-name", "version", "version-id", "machine", "variant",
                                                    "variant-id", "kernel-release", "kernel-version") if name in info}

    def timezone(self):
        zone = self.run("guest-get-timezone")["return"]
        return text(zone, "zone"), signed(zone, "offset", 32)

    def file_systems(self):
        """In the order in which they were mounted: the agent gives the newest first."""
        found = []
        for entry in reversed(array(self.run("guest-get-fsinfo"), "return")):
            for name in ("used-bytes", "total-bytes"):
                if name in entry:
                    unsigned(entry, name, 64)
            found.append((required_text(entry, "mountpoint"), required_text(entry, "name"), required_text(entry, "type"),
                          [disk_address(disk) for disk in array(entry, "disk")]))
        return found

    def disks(self):
        found = []
        for entry in array(self.run("guest-get-disks"), "return"):
            depends = array(entry, "dependencies") if "dependencies" in entry else None
            check(depends is None or all(isinstance(name, str) for name in depends), "dependencies: %r" % depends)
            address = disk_address(entry["address"]) if "address" in entry else None
            found.append((required_text(entry, "name"), boolean(entry, "partition"), depends, text(entry, "alias"), address))
        return found

    def load(self):
        load = self.run("guest-get-load")["return"]
        return [number(load, name) for name in ("load1m", "load5m", "load15m")]

    def authorized_keys(self, user):
        keys = array(self.run("guest-ssh-get-authorized-keys", username=user)["return"], "keys")
        check(all(isinstance(key, str) for key in keys), "a key that is no string")
        return keys


class ThroughLibvirt:
    """A client that speaks to the agent by way of libvirt."""

    def __init__(self, path):
        self.domain = Libvirt(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.domain.__exit__()


def disk_address(disk):
    """Bus, target and unit have to be there, and a PCI controller, whatever kind of disk it is."""
    controller = disk.get("pci-controller")
    if not isinstance(controller, dict):
        raise Malformed("no pci-controller: %r" % disk)
    # Its readers of unsigned numbers take -1 for the highest one; so does qemu-ga's way to say that there is no such controller.
    return (text(disk, "bus-type"), text(disk, "serial"), text(disk, "dev"),
            *(integer(disk, name, -1, UINT_MAX) for name in ("bus", "target", "unit")),
            *(integer(controller, name, -1, UINT_MAX) for name in ("domain", "bus", "slot", "function")))


# Scenarios

@subject.scenario("guest-ping", "guest-info")
def a_sync_before_every_command(place):
    with Libvirt(place.socket) as domain:
        for _ in range(3):
            equal(domain.run("guest-ping"), {"return": {}}, "guest-ping")
        for entry in domain.run("guest-info")["return"]["supported_commands"]:
            required_text(entry, "name")
            boolean(entry, "enabled")


@subject.scenario("guest-ping", "guest-get-time")
def delayed_replies_are_passed_over(place):
    with Libvirt(place.socket) as domain:
        # As after commands that timed out: their replies come when the next one syncs.
        domain.line.send(b'{"execute":"guest-ping"}\n{"execute":"guest-sync", "arguments":{"id":1}}\n{"execute":"no"}\n')
        check(domain.get_time()[0] > 1_000_000_000, "guest-get-time")


@subject.scenario("guest-ping")
def a_daemon_that_was_restarted(place):
    for _ in range(5):
        with Libvirt(place.socket) as domain:
            equal(domain.run("guest-ping"), {"return": {}}, "guest-ping")


@subject.scenario()
def a_command_that_is_not_there(place):
    with Libvirt(place.socket) as domain:
        try:
            raise AssertionError("returned %s" % domain.run("guest-of-the-future"))
        except AgentError as error:
            # By this class libvirt tells what a guest does not have from what went wrong.
            return error.error_class, error.desc


@subject.scenario("guest-get-host-name")
def host_name(place):
    with Libvirt(place.socket) as domain:
        return domain.host_name()


@subject.scenario("guest-get-time")
def the_time(place):
    with Libvirt(place.socket) as domain:
        seconds, nanoseconds = domain.get_time()
        check(abs(seconds - time.time()) < 60, "it is %d.%09d there" % (seconds, nanoseconds))


@subject.scenario("guest-get-timezone")
def timezone(place):
    with Libvirt(place.socket) as domain:
        return domain.timezone()


@subject.scenario("guest-get-osinfo")
def os_info(place):
    with Libvirt(place.socket) as domain:
        return domain.os_info()


@subject.scenario("guest-get-users")
def users(place):
    with Libvirt(place.socket) as domain:
        for name, _, milliseconds in domain.users():
            check(name and milliseconds > 0, "%r since %d ms" % (name, milliseconds))


@subject.scenario("guest-network-get-interfaces")
def interfaces(place):
    with Libvirt(place.socket) as domain:
        found = domain.interfaces()
        check("lo" in found, "no lo among %s" % sorted(found))
        return found


@subject.scenario("guest-get-vcpus")
def vcpus(place):
    with Libvirt(place.socket) as domain:
        found = domain.vcpus()
        # A processor that is neither online nor to be had makes libvirt give up: "Invalid data provided by guest agent".
        equal([entry for entry in found if not entry[1] and not entry[2]], [], "neither online nor can-offline")
        equal(len({entry[0] for entry in found}), len(found), "logical-ids that differ")
        return sorted(found)


@subject.scenario("guest-get-fsinfo")
def file_systems(place):
    with Libvirt(place.socket) as domain:
        # Of the disks picoqga tells more than qemu-ga does without udev.
        return [entry[:3] for entry in domain.file_systems()]


@subject.scenario("guest-get-disks")
def disks(place):
    with Libvirt(place.socket) as domain:
        return sorted(entry[:2] for entry in domain.disks())


@subject.scenario("guest-get-load")
def load(place):
    with Libvirt(place.socket) as domain:
        check(min(domain.load()) >= 0, "a load below zero")


@subject.scenario("guest-ssh-get-authorized-keys")
def keys_of_nobody_known(place):
    with Libvirt(place.socket) as domain:
        try:
            raise AssertionError("it has keys: %s" % domain.authorized_keys("no-such-user-here"))
        except AgentError as error:
            equal(error.error_class, "GenericError", "class")


@subject.scenario("guest-file-open", "guest-file-read", "guest-file-close", local=True)
def a_reply_just_below_the_limit(place):
    size = 7 * MIB
    path = place.make_file("large", b"end", hole=size - 3)
    with Libvirt(place.socket) as domain:
        handle = domain.run("guest-file-open", path=path)["return"]
        read = domain.run("guest-file-read", timeout=30, handle=handle, count=size)["return"]
        equal((read["count"], read["eof"]), (size, False), "count and eof")
        equal(decode(read["buf-b64"]), bytes(size - 3) + b"end", "content")
        domain.run("guest-file-close", handle=handle)
