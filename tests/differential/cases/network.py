"""guest-network-get-interfaces, in network namespaces made for it: each agent gets one of its own, set up in the same way."""

import contextlib
import os
import subprocess
import sys

from agents import Agent, Kind
from declare import Subject

subject = Subject("network")

COUNTERS = ["rx-bytes", "rx-dropped", "rx-errs", "rx-packets", "tx-bytes", "tx-dropped", "tx-errs", "tx-packets"]
# How long `ip` may take for the largest case, and an agent for its reply, in seconds.
PATIENCE = 60.0

# Addresses that only the script gives, and interfaces whose hardware addresses do not depend on chance.
BEGIN = """
for scope in all default; do
    echo 1 >/proc/sys/net/ipv6/conf/$scope/addr_gen_mode
    echo 0 >/proc/sys/net/ipv6/conf/$scope/accept_dad
done
ip link set lo up
ip link add eth0 address 02:00:00:00:00:0a type veth peer name eth1 address fe:dc:ba:98:76:54
"""


@contextlib.contextmanager
def namespace(script):
    """A network namespace in which `script` was run. Gives the words that run a command in it."""
    make, enter = ["unshare", "--net"], ["nsenter"]
    if os.geteuid() != 0:
        make += ["--user", "--map-root-user"]
        enter += ["--user", "--preserve-credentials"]
    # It says that it is there, and stays until its input ends.
    holder = subprocess.Popen([*make, "--", "sh", "-c", "echo here; read -r end"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    try:
        if holder.stdout.readline() != b"here\n":
            raise AssertionError("unshare makes no network namespace here")
        enter += ["--net=/proc/%d/ns/net" % holder.pid]
        if os.geteuid() != 0:
            enter += ["--user=/proc/%d/ns/user" % holder.pid]
        enter.append("--")
        subprocess.run([*enter, "sh", "-e", "-c", script], check=True, timeout=PATIENCE)
        yield enter
    finally:
        holder.communicate(b"\n")


@contextlib.contextmanager
def agent_in(kind, script):
    """An agent in a namespace of its own: the agent, a client of it, and the words that run a command there."""
    with namespace(script) as enter:
        with Agent(Kind(kind.name, kind.path, kind.environment, kind.exit_must_be_zero, cage=enter)) as agent:
            client = agent.connect()
            try:
                yield agent, client, enter
            finally:
                client.close()


def interfaces(client):
    return client.call("guest-network-get-interfaces", timeout=PATIENCE)["return"]


def normal(entry):
    """An entry with the counters left out; that they are counters is checked."""
    statistics = entry.get("statistics")
    if statistics is None:
        return entry
    for name, value in statistics.items():
        if type(value) is not int or value < 0:
            raise AssertionError("%s of %s is %r" % (name, entry["name"], value))
    return {**entry, "statistics": sorted(statistics)}


def note(t, entry):
    """An entry of the list. One of an interface without addresses is a known difference."""
    entry = normal(entry)
    if "ip-addresses" in entry:
        t.note("the entry of %s" % entry["name"], entry)
        return
    plain = {name: value for name, value in entry.items() if name != "statistics"}
    t.note("the entry of %s" % entry["name"], entry, diff="interface-statistics", theirs=plain,
           ours={**plain, "statistics": COUNTERS})
    t.note("its rest", plain)


def case(name, script, begin=BEGIN, diff="interface-statistics"):
    def play(t, kind):
        with agent_in(kind, begin + script) as (_, client, _):
            listed = interfaces(client)
        t.note("names", [entry["name"] for entry in listed])
        for entry in listed:
            note(t, entry)
    subject.scenario(play, name=name, diff=diff, agent=False)


case("nothing is set up", "", begin="")
case("links without addresses", "ip link set lo down")
case("a link that is down has its addresses", "ip addr add 192.0.2.1/24 dev eth0")
case("IPv4 addresses", "".join("ip addr add %s dev eth0\n" % address for address in (
    "192.0.2.1/24", "192.0.2.2/24", "10.0.0.1/8", "10.1.2.3/32", "172.16.0.1/0", "255.255.255.254/31",
    "1.2.3.4/1", "192.0.2.129/25 broadcast 192.0.2.255", "169.254.0.1/16 scope link")))
case("IPv6 addresses", "ip link set eth0 up\nip link set eth1 up\n" + "".join(
    "ip -6 addr add %s dev eth0 nodad\n" % address for address in (
        "2001:db8::1/64", "2001:db8::/128", "2001:db8:0:0:1::1/64", "2001:0:0:1::1/64", "2001:db8:0:1:1:1:1:1/64",
        "2001:db8:1:1:1:1:0:1/64", "1:0:0:2:0:0:0:3/127", "1:0:0:0:2:0:0:3/0", "::2/128", "::1.2.3.4/96",
        "::0.1.0.0/128", "::ffff/128", "::ffff:1.2.3.4/128", "::ffff:0:1.2.3.4/128", "64:ff9b::1.2.3.4/96",
        "::5:1.2.3.4/128", "fe80::1/64", "fe80::abcd:0:0:1/10", "fd00::a/8", "abcd:ef01:2345:6789:abcd:ef01:2345:6789/64",
        "1::/16", "2001:db8:1::1 peer 2001:db8:1::2/128", "2001:db8:2::1 peer 2001:db8:2::2/64",
        "2001:db8:3::1/64 preferred_lft 0", "2001:db8:4::1/64 noprefixroute")))
case("both, and the order", """
ip -6 addr add 2001:db8::2/64 dev eth1
ip addr add 192.0.2.2/24 dev eth1
ip -6 addr add 2001:db8::1/64 dev eth0
ip addr add 192.0.2.1/24 dev eth0
ip addr add 192.0.2.3/24 dev eth1
""")
case("the other end of a line", """
ip addr add 10.9.0.1 peer 10.9.0.2/32 dev eth0
ip addr add 10.8.0.1 peer 10.8.0.2/24 dev eth0
""")
case("labels", """
ip addr add 192.0.2.1/24 dev eth0
ip addr add 192.0.2.2/24 dev eth0 label eth0:1
ip addr add 192.0.2.3/25 dev eth0 label eth0:two
ip addr add 192.0.2.4/25 dev eth0 label eth0:1
ip addr add 192.0.2.5/26 dev eth0
ip addr add 198.51.100.1/24 dev eth1 label eth1:1
ip addr add 198.51.100.2/24 dev eth1 label eth1:1
ip addr add 127.0.0.2/8 dev lo label lo:0
ip -6 addr add 2001:db8::1/64 dev eth0
""")
case("a link renamed", "ip addr add 192.0.2.1/24 dev eth0\nip addr add 192.0.2.2/24 dev eth0 label eth0:1\n"
     "ip link set eth0 name other\n")
case("names with all there may be", "ip link set eth0 name 'a\"b\\\\c{}$' 2>/dev/null || ip link set eth0 name a-b.c_d\n"
     "ip link set eth1 name fifteen_letters\nip addr add 192.0.2.1/24 dev fifteen_letters\n")
case("a tun device has no hardware address", "ip tuntap add tun0 mode tun\nip addr add 192.0.2.1/30 dev tun0\n")
case("a bridge", "ip link add bridge0 address 02:00:00:00:00:0b type bridge\nip link set eth0 master bridge0\n"
     "ip link set eth0 up\nip link set eth1 up\nip link set bridge0 up\nip addr add 192.0.2.1/24 dev bridge0\n")
case("another name", "ip link property add dev eth0 altname a_name_of_more_than_fifteen_letters || true\n"
     "ip addr add 192.0.2.1/24 dev eth0\n")
case("300 links", "i=0\nwhile [ $i -lt 150 ]; do printf 'link add a%d address 02:00:00:00:01:%02x type veth peer name b%d "
     "address 02:00:00:00:02:%02x\\naddr add 10.1.%d.1/24 dev a%d\\n' $i $i $i $i $i $i; i=$((i+1)); done | ip -batch -\n")
case("1000 addresses on one link", "i=0\nwhile [ $i -lt 1000 ]; do printf 'addr add 10.%d.%d.1/24 dev eth0\\n' $((i/250)) "
     "$((i%250)); i=$((i+1)); done | ip -batch -\n")
case("60 labels, each used twice", "i=0\nwhile [ $i -lt 120 ]; do printf 'addr add 10.1.%d.1/24 dev eth0 label eth0:%d\\n' $i "
     "$((i%60)); i=$((i+1)); done | ip -batch -\n")


@subject.scenario(diff="interface-labels", agent=False)
def labels_that_name_no_interface(t, kind):
    with agent_in(kind, BEGIN + "ip addr add 192.0.2.1/24 dev eth0 label free\n") as (_, client, _):
        entry = [entry for entry in interfaces(client) if entry["name"] == "free"]
    plain = {"name": "free", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "192.0.2.1", "prefix": 24}]}
    t.note("the label's entry", entry, diff="interface-labels", theirs=[plain],
           ours=[{**plain, "hardware-address": "02:00:00:00:00:0a"}])


@subject.scenario(diff="interface-labels", agent=False)
def labels_that_name_another_interface(t, kind):
    script = BEGIN + "ip addr add 192.0.2.1/24 dev eth0 label eth1\nip addr add 198.51.100.1/24 dev eth1\n"
    with agent_in(kind, script) as (_, client, _):
        found = [(entry["name"], [address["ip-address"] for address in entry.get("ip-addresses", [])])
                 for entry in interfaces(client)]
    t.note("addresses", [[name, addresses] for name, addresses in found if name == "eth1"], diff="interface-labels",
           theirs=[["eth1", ["198.51.100.1", "192.0.2.1"]]], ours=[["eth1", ["198.51.100.1"]], ["eth1", ["192.0.2.1"]]])


@subject.scenario(agent=False)
def counters_are_those_of_the_kernel(t, kind):
    with agent_in(kind, BEGIN) as (agent, client, enter):
        send = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); " \
               "[s.sendto(b'x' * 100, ('127.0.0.1', 9)) for _ in range(25)]"
        subprocess.run([*enter, sys.executable, "-c", send], check=True, timeout=PATIENCE)
        statistics = next(entry["statistics"] for entry in interfaces(client) if entry["name"] == "lo")
        with open("/proc/%d/net/dev" % agent.pid) as file:
            line = next(line for line in file if line.strip().startswith("lo:"))
    columns = [int(word) for word in line.split(":")[1].split()]
    named = dict(zip(("rx-bytes", "rx-packets", "rx-errs", "rx-dropped"), columns[:4]))
    named.update(zip(("tx-bytes", "tx-packets", "tx-errs", "tx-dropped"), columns[8:12]))
    t.note("counters beside those of /proc/net/dev", statistics == named)
    t.note("something was counted", statistics["rx-packets"] >= 25 and statistics["rx-bytes"] > 2500)


@subject.scenario(agent=False)
def asked_again_and_again(t, kind):
    """Nothing is left over of the list before; what came and went in between is seen."""
    with agent_in(kind, BEGIN + "ip addr add 192.0.2.1/24 dev eth0") as (agent, client, enter):
        def names():
            return [(entry["name"], len(entry.get("ip-addresses", []))) for entry in interfaces(client)]
        t.note("first", repr(names()))
        descriptors = len(os.listdir("/proc/%d/fd" % agent.pid))
        for _ in range(20):
            interfaces(client)
        t.note("descriptors more than after the first time", len(os.listdir("/proc/%d/fd" % agent.pid)) - descriptors)
        subprocess.run([*enter, "sh", "-e", "-c", "ip link add new type veth peer name newer; ip addr del 192.0.2.1/24 dev eth0"],
                       check=True, timeout=PATIENCE)
        t.note("after a change", repr(names()))
        t.note("with an id", sorted(client.call("guest-network-get-interfaces", {}, id="x", timeout=PATIENCE)))


subject.wire("arguments it does not have", b'{"execute":"guest-network-get-interfaces","arguments":{"name":"lo"}}')
