"""What the agent holds of memory, of descriptors and of the processor: bounds that hold on every machine, so nothing is timed.

What it needs in kB and how that compares with the real qemu-ga is measured by ci/figures.
"""

import tempfile

from common import Tested, agent, test
from measure import count_calls, held, read_file, send_endless, write_file
from mixed import Mixed
from report import check, equal

# Of pages that were touched once. The aim is 400, which ci/figures looks at; nothing here may depend on the size of a request.
RESIDENT_KB = 448
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
def a_ping_takes_three_system_calls():
    calls = count_calls(Tested.kind, PINGS)
    equal(sorted(calls.values()), [PINGS] * 3, "system calls for %d pings, by number: %s" % (PINGS, dict(calls)))
