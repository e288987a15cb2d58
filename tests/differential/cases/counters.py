"""guest-get-load, guest-get-cpustats and guest-get-diskstats. What they count goes on meanwhile, so each agent's numbers are held
against what the kernel itself says just before and just after."""

from declare import Subject

subject = Subject("counters")

# The counters of /proc/stat and /proc/diskstats in their order.
TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice")
COUNTERS = ("read-ios", "read-merges", "read-sectors", "read-ticks", "write-ios", "write-merges", "write-sectors", "write-ticks",
            "ios-pgr", "total-ticks", "weight-ticks", "discard-ios", "discard-merges", "discard-sectors", "discard-ticks",
            "flush-ios", "flush-ticks")
# The kernel reckons the time of an idle processor in two ways, which may differ by this many milliseconds.
IDLE_MS = 1000


def processors():
    with open("/proc/stat") as file:
        lines = [line.split() for line in file if line.startswith("cpu") and not line.startswith("cpu ")]
    return {int(words[0][3:]): {name: int(word) * 10 for name, word in zip(TIMES, words[1:])} for words in lines}


def disks():
    with open("/proc/diskstats") as file:
        lines = [line.split() for line in file]
    return {words[2]: {"major": int(words[0]), "minor": int(words[1]), **dict(zip(COUNTERS, map(int, words[3:])))}
            for words in lines}


def check_between(what, value, before, after, slack=0):
    if type(value) is not int or not min(before, after) - slack <= value <= max(before, after) + slack:
        raise AssertionError("%s is %r; the kernel said %d before and %d after" % (what, value, before, after))


@subject.scenario
def cpustats(t):
    before = processors()
    listed = t.client.call("guest-get-cpustats", {})["return"]
    after = processors()
    t.note("processors", [cpu["cpu"] for cpu in listed])
    for cpu in listed:
        t.note("members of processor %d" % cpu["cpu"], sorted(cpu))
        t.note("type", cpu["type"])
        for name in TIMES:
            number = cpu["cpu"]
            check_between("%s of processor %d" % (name, number), cpu[name], before[number][name], after[number][name],
                          IDLE_MS if name in ("idle", "iowait") else 0)


@subject.scenario
def diskstats(t):
    before = disks()
    listed = t.client.call("guest-get-diskstats", {})["return"]
    after = disks()
    t.note("disks", [[disk["name"], disk["major"], disk["minor"]] for disk in listed])
    t.note("the kernel's own list", [disk["name"] for disk in listed] == list(before))
    for disk in listed:
        name = disk["name"]
        t.note("members of %s" % name, [sorted(disk), sorted(disk["stats"])])
        t.note("members of %s are as many as the kernel's" % name, len(disk["stats"]) == len(before[name]) - 2)
        for counter, value in disk["stats"].items():
            # Those that are begun and not yet done come and go, and what is reckoned of them follows them.
            slack = {"ios-pgr": 1000, "total-ticks": 1000, "weight-ticks": 100000}.get(counter, 0)
            check_between("%s of %s" % (counter, name), value, before[name][counter], after[name][counter], slack)


def averages():
    with open("/proc/loadavg") as file:
        return [float(word) for word in file.read().split()[:3]]


@subject.scenario
def load(t):
    before = averages()
    told = t.client.call("guest-get-load", {})["return"]
    after = averages()
    t.note("members", sorted(told))
    for name, one, other in zip(("load1m", "load5m", "load15m"), before, after):
        value = told[name]
        if not min(one, other) - 0.011 <= value <= max(one, other) + 0.011:
            raise AssertionError("%s is %r; the kernel said %r before and %r after" % (name, value, one, other))
        t.note("%s counts in 65536ths" % name, value * 65536 == int(value * 65536))

