"""Files through the port, larger than anything the agent may hold in memory."""

import base64
import hashlib
import os
import time

from client import request
from guest import plain, test
from report import check, equal

MIB = 1 << 20
MEMORY_LIMIT_KB = 600


def is_picoqga(vm):
    """Whether the agent under test is ours. The real one, run to compare, has no such limits."""
    return b"picoqga" in vm.shell.check("picoqga -V").encode()


def check_memory(vm, pid, what, limit_kb=MEMORY_LIMIT_KB):
    # The kernel adds pages to its counters in batches of up to 64 faults, so the peak it tells can be too small. What is
    # resident now, counted page by page, is exact; the agent gives nothing back, so the larger of the two is the peak.
    peak = vm.status(pid, "VmHWM")
    resident = int(vm.shell.check("grep '^Rss:' /proc/%d/smaps_rollup" % pid).split()[1])
    print("    VmHWM %d kB, resident %d kB %s" % (peak, resident, what))
    if is_picoqga(vm):
        check(max(peak, resident) < limit_kb, "memory %s: VmHWM %d kB, resident %d kB, the limit is %d kB"
              % (what, peak, resident, limit_kb))


def read_all(agent, handle, count):
    """Reads to the end in pieces of `count` and returns checksum and size. A short read is allowed, an empty one is not."""
    digest, size = hashlib.sha256(), 0
    while True:
        reply = agent.run("guest-file-read", {"handle": handle, "count": count}, timeout=120)
        piece = base64.b64decode(reply["buf-b64"])
        equal(len(piece), reply["count"], "count and what buf-b64 holds")
        check(piece or reply["eof"], "an empty read before the end of the file")
        digest.update(piece)
        size += len(piece)
        if reply["eof"]:
            return digest.hexdigest(), size


@test(group="files", fixture=plain)
def sixty_four_mebibytes(vm):
    block = os.urandom(MIB)
    size = 64 * MIB
    digest = hashlib.sha256()
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        handle = agent.run("guest-file-open", {"path": "/tmp/big", "mode": "w+"})
        began = time.monotonic()
        for number in range(64):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            reply = agent.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(piece).decode()}, timeout=120)
            equal(reply, {"count": MIB, "eof": False}, "reply to write %d" % number)
        written = time.monotonic()
        agent.run("guest-file-flush", {"handle": handle})
        equal(agent.run("guest-file-seek", {"handle": handle, "offset": 0, "whence": "set"})["position"], 0, "position")
        checked = time.monotonic()
        got = read_all(agent, handle, MIB)
        print("    written at %.1f MiB/s, read at %.1f MiB/s" % (64 / (written - began), 64 / (time.monotonic() - checked)))
        equal(got, (digest.hexdigest(), size), "checksum and size read back")
        agent.run("guest-file-close", {"handle": handle})
        equal(vm.shell.check("sha256sum </tmp/big", 120).split()[0], digest.hexdigest(), "checksum in the guest")
        check_memory(vm, pid, "after 64 MiB in pieces of 1 MiB")
        vm.shell.check("rm /tmp/big")


@test(group="files", fixture=plain)
def forty_eight_mebibytes_at_once(vm):
    # The largest read qemu-ga allows, and a write as large: each is one line, of 64 MiB.
    size = 48 * MIB
    with vm.running_agent() as pid, vm.agent(timeout=120) as agent:
        agent.sync()
        content = os.urandom(MIB) * 48
        whole = hashlib.sha256(content).hexdigest()
        handle = agent.run("guest-file-open", {"path": "/tmp/big", "mode": "w+"})
        agent.send(request("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(content).decode()}), 240)
        reply = agent.read_line(240)
        check(b'"return"' in reply, "the write was refused: %r" % reply)
        equal(vm.shell.check("sha256sum </tmp/big", 120).split()[0], whole, "checksum in the guest")
        agent.run("guest-file-seek", {"handle": handle, "offset": 0, "whence": 0})
        reply = agent.run("guest-file-read", {"handle": handle, "count": size}, timeout=240)
        equal((reply["count"], reply["eof"]), (size, False), "count and eof")
        equal(hashlib.sha256(base64.b64decode(reply["buf-b64"])).hexdigest(), whole, "checksum read back")
        agent.run("guest-file-close", {"handle": handle})
        check_memory(vm, pid, "after 48 MiB in one request and one reply")
        vm.shell.check("rm /tmp/big")


@test(group="files", fixture=plain)
def what_is_written_is_in_the_file_at_once(vm):
    with vm.running_agent(), vm.agent() as agent:
        handle = agent.run("guest-file-open", {"path": "/tmp/now", "mode": "w"})
        agent.run("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(b"now").decode()})
        if is_picoqga(vm):
            # qemu-ga keeps it until a flush or the close; see docs/differences.md.
            equal(vm.shell.check("cat /tmp/now"), "now", "content before flush and close")
        agent.run("guest-file-close", {"handle": handle})
        equal(vm.shell.check("cat /tmp/now"), "now", "content")


@test(group="files", fixture=plain)
def a_handle_from_before_a_restart_is_refused(vm):
    def open_one():
        with vm.running_agent(), vm.agent() as agent:
            agent.sync()
            return agent.run("guest-file-open", {"path": "/tmp/handle", "mode": "w"})

    old = open_one()
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        new = agent.run("guest-file-open", {"path": "/tmp/handle", "mode": "w"})
        check(new > old >= 1000, "handles %d, then %d" % (old, new))
        refused = agent.call("guest-file-close", {"handle": old})
        equal(refused.get("error", {}).get("desc"), "handle '%d' has not been found" % old, "desc")
