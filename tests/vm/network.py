"""guest-network-get-interfaces in a guest whose network is set up while it runs, and with more interfaces than any buffer holds."""

import time

import files
from guest import Shared, test
from report import check, equal

MANY = 5000
# On q35 a device can be plugged in only behind a root port.
networked = Shared(memory="1G", devices=["-device", "pcie-root-port,id=socket,chassis=1"])


def interfaces(agent):
    """The reply by name, in its order. No name may be there twice."""
    listed = agent.run("guest-network-get-interfaces", timeout=300)
    named = {entry["name"]: entry for entry in listed}
    equal(len(named), len(listed), "names, each of them once")
    return named


def addresses(entry):
    return ["%s/%d" % (address["ip-address"], address["prefix"]) for address in entry.get("ip-addresses", [])]


def counters(vm, name):
    """What the guest itself counts: the columns of /proc/net/dev under the names of the reply."""
    line = vm.shell.check("grep '^ *%s:' /proc/net/dev" % name)
    columns = [int(word) for word in line.split(":")[1].split()]
    kinds = ("bytes", "packets", "errs", "dropped")
    return {"%s-%s" % (way, kind): columns[first + index]
            for way, first in (("rx", 0), ("tx", 8)) for index, kind in enumerate(kinds)}


@test(group="network", fixture=networked)
def what_ip_sets_is_what_is_told(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        before = interfaces(agent)
        check("lo" in before, "there is a loopback interface: %s" % ", ".join(before))
        equal(before["lo"]["hardware-address"], "00:00:00:00:00:00", "hardware address of lo")
        vm.shell.check("ip link set lo up; ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.2/24 dev lo label lo:0; "
                       "ip -6 addr add 2001:db8:0:0:1:0:0:1/64 dev lo; ping -c 3 127.0.0.1")
        after = interfaces(agent)
        told = addresses(after["lo"])
        for address in ("127.0.0.1/8", "192.0.2.1/32", "2001:db8::1:0:0:1/64", "::1/128"):
            check(address in told, "%s is told: %s" % (address, told))
        equal(len(told), 4, "addresses of lo")
        equal(addresses(after["lo:0"]), ["192.0.2.2/24"], "addresses of the label")
        equal(after["lo"]["statistics"], counters(vm, "lo"), "counters of lo and those of /proc/net/dev")
        check(after["lo"]["statistics"]["rx-packets"] >= 6, "the pings were counted: %s" % after["lo"]["statistics"])
        print("    lo: %s, label lo:0, counters as in /proc/net/dev" % ", ".join(told))
        vm.shell.check("ip addr flush dev lo; ip link set lo down")
        check("ip-addresses" not in interfaces(agent)["lo"], "no address is left")


@test(group="network", fixture=networked)
def a_card_that_is_plugged_in(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        before = interfaces(agent)
        vm.qmp.add_device("virtio-net-pci", "card", bus="socket", mac="52:54:00:AB:cd:01", romfile="")
        deadline = time.monotonic() + 30
        while len(interfaces(agent)) == len(before):
            check(time.monotonic() < deadline, "the card appears within 30 s")
            vm.rest(0.2)
        new = [entry for name, entry in interfaces(agent).items() if name not in before]
        equal([entry["hardware-address"] for entry in new], ["52:54:00:ab:cd:01"], "hardware addresses of what is new")
        name = new[0]["name"]
        vm.shell.check("ip addr add 10.0.2.15/24 dev %s; ip link set %s up" % (name, name))
        equal(addresses(interfaces(agent)[name])[0], "10.0.2.15/24", "the address of %s" % name)
        print("    %s: 52:54:00:ab:cd:01, as QMP was told, 10.0.2.15/24" % name)
        vm.qmp.delete_device("card")
        deadline = time.monotonic() + 30
        while name in interfaces(agent):
            check(time.monotonic() < deadline, "the card is gone within 30 s")
            vm.rest(0.2)


@test(group="network", fixture=networked)
def five_thousand_interfaces(vm):
    # The last test on this machine: nobody waits for so many to be taken away again.
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        interfaces(agent)
        files.check_memory(vm, pid, "with few interfaces")
        vm.shell.check("insmod /lib/picoqga/dummy.ko numdummies=%d" % MANY, timeout=300)
        with_addresses = range(0, MANY, 250)
        vm.shell.check("for n in %s; do ip addr add 10.1.$((n / 256)).$((n %% 256))/20 dev dummy$n; done"
                       % " ".join(map(str, with_addresses)), timeout=300)
        try:
            began = time.monotonic()
            listed = interfaces(agent)
            took = time.monotonic() - began
            mine = {name: entry for name, entry in listed.items() if name.startswith("dummy")}
            equal(len(mine), MANY, "dummy interfaces told")
            own = dict(line.split() for line in vm.shell.check(
                "cd /sys/class/net; for n in dummy*; do read -r a <$n/address; echo $n $a; done", timeout=300).splitlines())
            equal({name: entry["hardware-address"] for name, entry in mine.items()}, own, "hardware addresses")
            equal({name: addresses(entry) for name, entry in mine.items() if "ip-addresses" in entry},
                  {"dummy%d" % n: ["10.1.%d.%d/20" % (n // 256, n % 256)] for n in with_addresses}, "addresses")
            order = [line.split(":")[1].strip().split("@")[0] for line in
                     vm.shell.check("ip -o link", timeout=300).splitlines()]
            equal(list(listed), order, "the order of the reply, and that of ip link")
            by_number = [name for name in order if name.startswith("dummy")] == ["dummy%d" % n for n in range(MANY)]
            print("    %d interfaces in %.2f s, in the order of the kernel%s" % (len(listed), took,
                                                                           "" if by_number else ", which is not by number"))
            files.check_memory(vm, pid, "with %d" % MANY)
            # A host that goes in the middle of such a reply is no trouble to the next one.
            agent.send(b'{"execute":"guest-network-get-interfaces"}\n')
            agent.read_quiet(0.05)
        finally:
            agent.close()
        with vm.agent() as agent:
            agent.sync(timeout=60)
            equal(len(interfaces(agent)), len(listed), "interfaces told to the next host")
    networked.close()
