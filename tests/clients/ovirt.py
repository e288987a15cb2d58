"""oVirt's VDSM: polls through libvirt, and asks only what guest-info lists as enabled."""

import json

from libvirt import ThroughLibvirt
from report import check
from suite import Suite

PATIENCE = 5
subject = Suite("ovirt")


class Poller(ThroughLibvirt):
    """VDSM's poller of one machine; capabilities are asked for first."""

    def __init__(self, path):
        super().__init__(path)
        info = self.ask("guest-info")
        self.version = info["version"]
        self.commands = {command["name"] for command in info["supported_commands"] if command["enabled"]}

    def ask(self, command):
        if command != "guest-info":
            check(command in self.commands, "%s would not be sent" % command)
        parsed = json.loads(self.domain.arbitrary_command(json.dumps({"execute": command}), PATIENCE))
        check("error" not in parsed and "return" in parsed, "%s: %r" % (command, parsed))
        return parsed["return"]


@subject.scenario("guest-info", "guest-get-host-name", "guest-get-osinfo", "guest-get-timezone")
def system_information(place):
    with Poller(place.socket) as poller:
        system = poller.ask("guest-get-osinfo")
        zone = poller.ask("guest-get-timezone")
        return {"guestName": poller.ask("guest-get-host-name")["host-name"],
                "appsList": ["kernel-%s" % system["kernel-release"], "qemu-guest-agent-%s" % poller.version],
                "guestOs": [system.get(name) for name in ("id", "name", "version", "version-id", "machine", "pretty-name")],
                "guestTimezone": {"offset": zone["offset"] // 60, "zone": zone.get("zone", "unknown")}}


@subject.scenario("guest-get-users")
def active_users(place):
    with Poller(place.socket) as poller:
        names = [user["user"] + "@" + user["domain"] if user.get("domain", "") else user["user"]
                 for user in poller.ask("guest-get-users")]
        check(all(names), "a user without a name: %r" % ", ".join(names))


@subject.scenario("guest-network-get-interfaces")
def network_interfaces(place):
    with Poller(place.socket) as poller:
        check("guest-network-get-interfaces" in poller.commands, "it would not be asked")
        return [{"name": name, "hw": hardware or "", "inet": [ip for kind, ip, _ in addresses if kind == "ipv4"],
                 "inet6": [ip for kind, ip, _ in addresses if kind == "ipv6"]}
                for name, (hardware, addresses) in sorted(poller.domain.interfaces().items())]


@subject.scenario("guest-get-disks", "guest-get-fsinfo")
def disks(place):
    """Usage by mount point, and which device has which serial number."""
    with Poller(place.socket) as poller:
        mapping = {disk["address"]["serial"]: disk["name"] for disk in poller.ask("guest-get-disks")
                   if "serial" in disk.get("address", {})}
        usage = []
        for system in poller.ask("guest-get-fsinfo"):
            if "total-bytes" in system and "used-bytes" in system:
                # As decimal strings.
                check(str(system["total-bytes"]).isdigit() and str(system["used-bytes"]).isdigit(), "%s" % system)
                usage.append((system["mountpoint"], system["type"]))
        check(all(serial and name.startswith("/dev/") for serial, name in mapping.items()), "%s" % mapping)
        return usage
