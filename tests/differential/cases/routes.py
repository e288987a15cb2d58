"""guest-network-get-route, in network namespaces made for it (see network.py): each agent gets one of its own, set up alike."""

import os
import socket
import subprocess
import time

from cases.network import BEGIN, PATIENCE, agent_in
from declare import Subject

subject = Subject("routes")

SIGN = 1 << 31
WHOLE = 1 << 32
# Without the search for duplicates, whose end a second later adds routes of the interface's own address.
UP = "for file in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >$file; done\nip link set eth0 up\nip link set eth1 up\nip addr add 192.0.2.1/24 dev eth0\nip -6 addr add 2001:db8::1/64 dev eth0 nodad\n"


def routes(client):
    return client.call("guest-network-get-route", timeout=PATIENCE)["return"]


def own(pid):
    """What the kernel says of the namespace of that process, as the agent should tell it."""
    def dotted(word):
        return socket.inet_ntop(socket.AF_INET, int(word, 16).to_bytes(4, "little"))

    def address(word):
        return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(word))

    found = []
    with open("/proc/%d/net/route" % pid) as file:
        for line in file.read().splitlines()[1:]:
            iface, destination, gateway, flags, refcnt, use, metric, mask, mtu, window, irtt = line.split()
            found.append({"version": 4, "iface": iface, "destination": dotted(destination), "gateway": dotted(gateway),
                          "mask": dotted(mask), "flags": int(flags, 16), "refcnt": int(refcnt), "use": int(use),
                          "metric": int(metric) % WHOLE, "mtu": int(mtu), "window": int(window), "irtt": int(irtt)})
    with open("/proc/%d/net/ipv6_route" % pid) as file:
        for line in file.read().splitlines():
            destination, length, source, source_length, nexthop, metric, refcnt, use, flags, iface = line.split()
            found.append({"version": 6, "iface": iface, "destination": address(destination),
                          "desprefixlen": str(int(length, 16)), "source": address(source),
                          "srcprefixlen": str(int(source_length, 16)), "nexthop": address(nexthop), "flags": int(flags, 16),
                          "metric": int(metric, 16), "refcnt": int(refcnt, 16), "use": int(use, 16)})
    return found


def unsigned(route):
    """The route with the numbers that qemu-ga takes for signed ones as they are."""
    return {**route, **{name: route[name] % WHOLE for name in ("flags", "metric")}}


def case(name, script, begin=BEGIN + UP):
    def play(t, kind):
        with agent_in(kind, begin + script) as (agent, client, _):
            for _ in range(10):
                listed = routes(client)
                if [unsigned(route) for route in listed] == own(agent.pid):
                    break
                # The kernel still adds what belongs to an interface that came up.
                time.sleep(0.2)
            t.note("the kernel's own words", [unsigned(route) for route in listed] == own(agent.pid))
        t.note("how many", len(listed))
        # Which interface comes first, and what refers to a route, is not the same in two namespaces.
        def plain_of(route):
            return {name: value for name, value in unsigned(route).items() if name not in ("refcnt", "use")}

        for number, route in enumerate(sorted(listed, key=lambda route: sorted(map(str, plain_of(route).items())))):
            plain = plain_of(route)
            t.note("route %d" % number, plain)
            if plain["flags"] >= SIGN:
                t.note("its flags", route["flags"], diff="route-numbers", theirs=plain["flags"] + (WHOLE - 1) * WHOLE,
                       ours=plain["flags"])
            if plain["metric"] >= SIGN:
                t.note("its metric", route["metric"], diff="route-numbers", theirs=plain["metric"] - WHOLE, ours=plain["metric"])
    subject.scenario(play, name=name, diff="route-numbers", agent=False)


def added(*words, family=4):
    return "".join("ip -%d route add %s\n" % (family, route) for route in words)


case("nothing is set up", "", begin="")
case("only the loopback interface", "", begin=BEGIN)
case("two interfaces that are up", "")
case("routes of IPv4", added(
    "default via 192.0.2.254", "default via 192.0.2.253 metric 100", "198.51.100.0/24 dev eth1", "0.0.0.0/1 dev eth0",
    "128.0.0.0/1 dev eth0", "203.0.113.7 via 192.0.2.7", "255.255.255.254/31 dev eth0", "10.0.0.0/8 via 192.0.2.9 metric 4294967295",
    "10.0.0.0/8 via 192.0.2.9 metric 2147483648", "10.0.0.0/8 via 192.0.2.9 metric 2147483647", "1.2.3.4/30 dev eth1 scope link",
    "172.16.0.0/12 via 192.168.77.1 dev eth1 onlink"))
case("routes of IPv4 that go nowhere", added(
    "unreachable 10.1.0.0/16", "blackhole 10.2.0.0/16", "prohibit 10.3.0.0/16 metric 5", "throw 10.4.0.0/16"))
case("what is set of a route of IPv4", added(
    "10.1.0.0/16 via 192.0.2.9 mtu 1400", "10.2.0.0/16 via 192.0.2.9 advmss 1360", "10.3.0.0/16 via 192.0.2.9 window 65535",
    "10.4.0.0/16 via 192.0.2.9 rtt 100ms", "10.5.0.0/16 via 192.0.2.9 mtu lock 1300 advmss 1260 window 1000 rtt 80 initcwnd 10"))
case("several ways, and other tables", added(
    "10.1.0.0/16 nexthop via 192.0.2.9 weight 1 nexthop via 192.0.2.10 weight 2", "10.2.0.0/16 via 192.0.2.9 table 77",
    "local 10.3.0.1 dev eth0 table main", "10.4.0.0/16 via inet6 2001:db8::2") + added(
    "2001:db8:4::/64 nexthop via 2001:db8::2 nexthop via 2001:db8::3", "2001:db8:5::/64 dev eth1 table 77", family=6))
case("routes of IPv6", added(
    "default via 2001:db8::ffff", "2001:db8:1::/64 via 2001:db8::2 metric 7", "2001:db8:2::/64 dev eth1 metric 4294967295",
    "2001:db8:3::1 dev eth1", "::1.2.3.4/127 dev eth1", "fe80::/10 dev eth1", "2001:db8:6::/48 via fe80::1 dev eth0",
    "2001:db8:7::/64 dev eth1 metric 2147483648", "unreachable 2001:db8:8::/64", "blackhole 2001:db8:9::/64",
    "prohibit 2001:db8:a::/64", "2001:db8:b::/64 via 2001:db8::2 mtu 1300", family=6))
case("IPv6 by its source", "ip -6 route add 2001:db8:1::/64 from 2001:db8::/64 dev eth1 || true\n")
case("names with all there may be", "ip link set eth1 down\nip link set eth1 name fifteen_letters\nip link set fifteen_letters up\n"
     + added("10.1.0.0/16 dev fifteen_letters") + added("2001:db8:1::/64 dev fifteen_letters", family=6))
case("3000 routes", "".join("i=0\nwhile [ $i -lt 1500 ]; do printf '%s\\n' $((i/250)) $((i%%250)); i=$((i+1)); done | ip -%d -batch -\n"
                            % (route, family) for family, route in ((4, "route add 10.%d.%d.0/24 via 192.0.2.9"),
                                                                    (6, "route add 2001:db8:1%02x:%x::/64 dev eth1"))))


@subject.scenario(agent=False)
def asked_again_and_again(t, kind):
    """What came and went in between is seen, and nothing stays open."""
    with agent_in(kind, BEGIN + UP) as (agent, client, enter):
        def destinations():
            return sorted(route["destination"] for route in routes(client))
        t.note("first", destinations())
        descriptors = len(os.listdir("/proc/%d/fd" % agent.pid))
        for _ in range(20):
            routes(client)
        t.note("descriptors more than after the first time", len(os.listdir("/proc/%d/fd" % agent.pid)) - descriptors)
        subprocess.run([*enter, "sh", "-e", "-c", "ip route add 10.9.0.0/16 dev eth1; ip addr del 192.0.2.1/24 dev eth0"],
                       check=True, timeout=PATIENCE)
        t.note("after a change", destinations())
        t.note("with an id", sorted(client.call("guest-network-get-route", {}, id="x", timeout=PATIENCE)))

