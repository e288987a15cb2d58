"""Terraform's provider and Packer's plugin for Proxmox: they ask again and again until an interface has an address."""

import ipaddress

from proxmox import Proxmox
from report import check, equal
from suite import Suite, array, required_text, signed, text

subject = Suite("terraform")
# Members of `statistics`, which are decoded if they are there.
COUNTERS = tuple(way + what for way in ("rx-", "tx-") for what in ("bytes", "packets", "errs", "dropped"))


def interfaces(proxmox):
    """What Go's reader gives: by name the hardware address (empty without one) and the addresses with their prefix."""
    found = {}
    for entry in proxmox.agent_cmd("network-get-interfaces"):
        addresses = []
        # A member that is left out is an empty list to it; one of another type ends the plan.
        for address in array(entry, "ip-addresses") if "ip-addresses" in entry else ():
            kind = required_text(address, "ip-address-type")
            given = ipaddress.ip_interface("%s/%d" % (required_text(address, "ip-address"), signed(address, "prefix")))
            equal(kind, "ipv%d" % given.version, "ip-address-type of %s" % given)
            addresses.append(str(given))
        if "statistics" in entry:
            for counter in COUNTERS:
                signed(entry["statistics"], counter)
        found[required_text(entry, "name")] = text(entry, "hardware-address", ""), addresses
    return found


@subject.scenario("guest-network-get-interfaces")
def polled_until_there_is_an_address(place):
    """The loopback interface counts here: a build machine may have no other. They leave it out."""
    proxmox = Proxmox(place.socket)
    polled = [interfaces(proxmox) for _ in range(5)]
    check(any(addresses for _, addresses in polled[0].values()), "nobody has an address: %s" % polled[0])
    for later in polled[1:]:
        equal(later, polled[0], "what a later poll gave")
    return {name: (hardware, sorted(addresses)) for name, (hardware, addresses) in polled[0].items()}
