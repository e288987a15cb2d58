"""What the agent holds of memory, of descriptors and of the processor: bounds that hold on every machine, so nothing is timed.

What it needs in kB and how that compares with the real qemu-ga is measured by ci/figures.
"""

import tempfile
import time

import agents
from common import Tested, agent, test
from measure import count_calls, held, read_file, send_endless, write_file
from mixed import Mixed
from report import check, equal

# Of pages that were touched once. The aim is 400, which ci/figures looks at; nothing here may depend on the size of a request.
RESIDENT_KB = 424
# What an idle agent has written to: two pages of tables with addresses, three of data, and of the stack one with the words that it
# was started with and two with what lies below, which comes to less than one, but anywhere.
ANONYMOUS_KB = 4 * (2 + 3 + 3)
# With what it maps: the constants, and of its code the 64 KiB that the kernel maps at once. Twice, because kernels before Linux
# 5.10 do not heed where these are to begin, and newer ones map a file that was just written in larger pieces.
IDLE_KB = ANONYMOUS_KB + 28 + 2 * 64
MIB = 1 << 20
PINGS = 500
REQUESTS = 100_000


@test(group="memory")
def a_hundred_thousand_mixed_requests_leave_nothing_behind():
    with tempfile.TemporaryDirectory() as directory, agent() as running, running.connect() as client:
        mixed = Mixed(client, directory)
        # So that all code has been used.
        mixed.round()
        before = held(running.pid)
        mixed.send(REQUESTS)
        after = held(running.pid)
        grown = {name: after[name] - before[name] for name in before if after[name] > before[name]}
        equal(grown, {}, "growth over %d requests, of %s" % (mixed.sent, before))


@test(group="memory")
def a_large_request_takes_no_more_than_a_small_one():
    # What it has touched stays with it: there is no heap to give back, so what is resident afterwards is the peak.
    for work, size in ((read_file, 48), (write_file, 64), (send_endless, 32)):
        with agent() as running, running.connect(60) as client:
            equal(work(running, client, size * MIB), None, "what it was refused with")
            resident = held(running.pid)["Rss"]
            print("    %d kB after %s of %d MiB" % (resident, work.__name__, size))
            check(resident <= RESIDENT_KB, "%d kB after %s of %d MiB" % (resident, work.__name__, size))


@test(group="memory")
def an_idle_agent_has_touched_few_pages():
    # Without an environment, which would be in its memory as well. Where its stack begins is another place in each one.
    bare = agents.Kind(Tested.kind.name, Tested.kind.path, exit_must_be_zero=False, cage=["env", "-i"])
    most = {"Rss": 0, "Anonymous": 0}
    for _ in range(8):
        with agents.Agent(bare) as running, running.connect() as client:
            client.sync()
            client.run("guest-ping")
            time.sleep(0.1)
            holds = held(running.pid)
            most = {name: max(kb, holds[name]) for name, kb in most.items()}
    print("    %(Rss)d kB, %(Anonymous)d of them its own" % most)
    check(most["Anonymous"] <= ANONYMOUS_KB, "%d kB are its own" % most["Anonymous"])
    check(most["Rss"] <= IDLE_KB, "%d kB are resident" % most["Rss"])


@test(group="memory")
def nothing_of_the_binary_can_be_written():
    # Its tables with addresses are made read-only once they are relocated; what is written is zeros at first, and no file's.
    with agent() as running, running.connect() as client:
        client.sync()
        with open("/proc/%d/maps" % running.pid) as file:
            own = [line.split()[1] for line in file if line.rstrip().endswith(Tested.kind.path)]
    check({"r--p", "r-xp"} == set(own), "the binary is mapped as %s" % own)


@test(group="memory")
def a_ping_takes_three_system_calls():
    calls = count_calls(Tested.kind, PINGS)
    equal(sorted(calls.values()), [PINGS] * 3, "system calls for %d pings, by number: %s" % (PINGS, dict(calls)))
