"""guest-sync, guest-ping, guest-info, guest-get-time and guest-get-host-name; what a client's coming and going changes."""

import json
import os
import time

import oracle
from declare import Subject
from talk import PATIENCE

subject = Subject("basic")

# Up to this, in seconds, the two sides' clocks may differ: the cases run one after the other.
CLOSE = 20


@subject.scenario
def sync_and_ping(t):
    t.call("guest-sync", {"id": 1763766559123})
    t.call("guest-ping")
    t.call("guest-ping", {})
    t.call("guest-sync-delimited", {"id": 41943040123})
    t.call("guest-ping", id={"a": [1, "x"]})


@subject.scenario(diff=["info-implementation", "command-that-can-not-work"])
def info(t):
    reply = t.client.call("guest-info", timeout=PATIENCE)
    value = reply.pop("return")
    t.note("guest-info beside return", reply)
    if not all(isinstance(entry, dict) for entry in value["supported_commands"]):
        raise AssertionError("supported_commands holds something that is no object")
    t.note("guest-info's members", sorted(value), diff="info-implementation",
           theirs=["supported_commands", "version"], ours=["implementation", "supported_commands", "version"])
    if oracle.texts_comparable():
        t.note("version", value["version"])
    entries = {}
    for entry in value["supported_commands"]:
        # Ansible compares whole entries.
        if sorted(entry) != ["enabled", "name", "success-response"]:
            raise AssertionError("an entry of supported_commands is %s" % entry)
        if entry["name"] in entries:
            raise AssertionError("%s is listed twice" % entry["name"])
        entries[entry["name"]] = entry
    # Not one of them is missing, and there is no other.
    t.note("the commands", sorted(entries))
    for name in COMMANDS:
        label, entry = "guest-info on %s" % name, entries.get(name)
        if can_not_work(name):
            theirs = {"enabled": True, "name": name, "success-response": False}
            t.note(label, entry, diff="command-that-can-not-work", theirs=theirs, ours={**theirs, "enabled": False})
        else:
            t.note(label, entry)
    if t.side == "ours":
        if not value["implementation"].startswith("picoqga "):
            raise AssertionError("implementation is %r" % value["implementation"])


def can_not_work(name):
    """Whether this machine lacks what the command needs, and an agent that is not caged sees that it does."""
    state = "/sys/power/state"
    if not name.startswith("guest-suspend-"):
        return False
    if not os.path.exists(state):
        return True
    if not os.access(state, os.W_OK):
        # It might still work for someone else, for all the agent knows.
        return False
    with open(state) as file:
        words = file.read().split()
    if name == "guest-suspend-ram":
        return "mem" not in words
    with open("/proc/swaps") as file:
        swap = any(line.startswith("/") and not line.startswith("/dev/zram") for line in file)
    if "disk" not in words or not swap:
        return True
    if name == "guest-suspend-disk":
        return False
    with open("/sys/power/disk") as file:
        return "suspend" not in file.read().replace("[", " ").replace("]", " ").split()


COMMANDS = ("guest-sync", "guest-sync-delimited", "guest-ping", "guest-info", "guest-get-time", "guest-get-host-name",
            "guest-get-osinfo", "guest-get-timezone", "guest-set-time", "guest-file-open", "guest-file-close",
            "guest-file-read", "guest-file-write", "guest-file-seek", "guest-file-flush", "guest-network-get-interfaces",
            "guest-shutdown", "guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid", "guest-get-users",
            "guest-set-user-password", "guest-network-get-route", "guest-get-load", "guest-get-cpustats", "guest-get-diskstats",
            "guest-get-fsinfo", "guest-get-disks", "guest-fstrim", "guest-exec", "guest-exec-status",
            "guest-ssh-get-authorized-keys", "guest-ssh-add-authorized-keys", "guest-ssh-remove-authorized-keys",
            "guest-fsfreeze-status", "guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw")


@subject.scenario
def info_with_an_id(t):
    reply = t.client.call("guest-info", id="of info", timeout=PATIENCE)
    t.note("members", sorted(reply))
    t.note("id", reply["id"])


@subject.scenario
def get_time(t):
    before = t.now_ns()
    reply = t.client.call("guest-get-time", timeout=PATIENCE)
    after = t.now_ns()
    t.note("members", sorted(reply))
    t.near("guest-get-time", reply["return"], (before + after) // 2, CLOSE * 10 ** 9)
    if not before - 10 ** 6 <= reply["return"] <= after + 10 ** 6:
        raise AssertionError("guest-get-time gave %d, which is not between %d and %d" % (reply["return"], before, after))


@subject.scenario
def time_goes_on(t):
    first = t.client.run("guest-get-time")
    time.sleep(0.02)
    second = t.client.run("guest-get-time")
    if not first + 19 * 10 ** 6 <= second <= first + CLOSE * 10 ** 9:
        raise AssertionError("after 20 ms %d followed %d" % (second, first))


@subject.scenario
def get_host_name(t):
    t.call("guest-get-host-name")
    t.call("guest-get-host-name", {}, id=1)
    reply = t.client.run("guest-get-host-name")
    t.note("it is the kernel's", reply["host-name"] == os.uname().nodename)


@subject.scenario
def a_second_client(t):
    """State of the agent outlives a client; a connection in the backlog is served next."""
    t.file("f", b"hello")
    handle = t.open("f")
    t.hang_up()
    t.connect()
    t.read(handle)
    t.hang_up()
    t.connect()
    t.close(handle)


@subject.scenario
def twenty_clients(t):
    for number in range(20):
        t.call("guest-sync", {"id": number})
        t.hang_up()
        t.connect()


@subject.scenario
def half_closed(t):
    """What was asked before the sending side was closed is answered."""
    t.client.send(b'{"execute":"guest-ping"}{"execute":"guest-sync","arguments":{"id":8}}{"execute":')
    t.client.half_close()
    t.note("answers", t.client.read_eof(PATIENCE).decode())
    t.hang_up()
    # Clears what qemu-ga keeps of the rest.
    t.connect()
    t.client.send(b"\xff")
    t.client.read_quiet(0.05)




@subject.scenario(diff="hang-up-drops-half")
def half_a_request_then_a_hang_up(t):
    t.cut.send(t.client, b'{"execute":"guest-sync",')
    t.hang_up()
    t.connect()
    t.raw(b'"arguments":{"id":5}}' + b"\n", diff="hang-up-drops-half", theirs={"return": 5},
          ours={"error": {"class": "GenericError", "desc": "QMP input must be a JSON object"}})
    if t.side == "ours":
        t.client.read_quiet(0.05)


@subject.scenario(diff="hang-up-drops-half")
def half_a_request_then_a_plain_sync(t):
    """What libvirt does after a restart: it sends no 0xFF."""
    t.cut.send(t.client, b'{"execute":"guest-sync","arguments":{"id":1')
    t.hang_up()
    t.connect()
    t.raw(b'{"execute":"guest-sync","arguments":{"id":2}}\n', diff="hang-up-drops-half", theirs="no reply",
            ours={"return": 2},
          silence_after=1.0)
    if t.side == "theirs":
        t.client.send(b"\xff")
        t.client.read_quiet(0.05)


@subject.scenario(diff="hang-up-drops-half")
def a_string_begun_then_a_hang_up(t):
    t.cut.send(t.client, b'{"execute":"guest-p')
    t.hang_up()
    t.connect()
    t.raw(b'ing"}', diff="hang-up-drops-half", theirs={"return": {}},
          ours={"error": {"class": "GenericError", "desc": "JSON parse error, invalid keyword 'ing'"}})
    t.client.send(b"\xff")
    t.client.read_quiet(0.05)


def gone_with_a_reply_unread(t):
    """Closes the connection so that the agent sees ECONNRESET, and says whether it is still there afterwards."""
    t.client.send(json.dumps({"execute": "guest-ping"}).encode())
    # The reply must be there, unread, when the line is closed: that is what makes the kernel say ECONNRESET.
    t.client.socket.settimeout(PATIENCE)
    t.client.socket.recv(1, 2)  # MSG_PEEK
    t.hang_up()
    deadline = time.monotonic() + 0.3
    while t.agent.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    return t.agent.running()


@subject.scenario(diff="client-close-survives")
def a_client_closes_with_a_reply_unread(t):
    alive = gone_with_a_reply_unread(t)
    t.note("the agent goes on", alive, diff="client-close-survives", theirs=False, ours=True)
    if alive:
        t.connect()


@subject.scenario(diff="unread-reply-dropped")
def a_client_that_never_reads(t):
    """Far more replies than any buffer holds: does the agent wait, or spin?"""
    # Enough to fill every buffer on the way; the agent can then neither write nor (needs it to) read.
    requests = b'{"execute":"nope"}' * 20000
    t.client.socket.setblocking(False)
    deadline = time.monotonic() + 1.0
    sent = 0
    while time.monotonic() < deadline and sent < len(requests):
        try:
            sent += t.client.socket.send(requests[sent:sent + 65536])
        except BlockingIOError:
            time.sleep(0.01)
    t.note("the agent spins", not falls_asleep(t.agent.pid, 3.0), diff="unread-reply-dropped", theirs=True, ours=False)
    t.agent.process.terminate()
    deadline = time.monotonic() + 1.0
    while t.agent.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    t.note("SIGTERM ends it at once", not t.agent.running(), diff="unread-reply-dropped", theirs=False, ours=True)
    if t.agent.running():
        t.agent.process.kill()
        t.agent.process.wait()


@subject.scenario(diff="unread-reply-dropped")
def replies_of_a_client_that_went(t):
    """They must not reach the next client. (qemu-ga ends when this client goes.)"""
    t.client.send(b'{"execute":"guest-sync","arguments":{"id":1}}' * 50)
    t.client.socket.settimeout(PATIENCE)
    t.client.socket.recv(1, 2)  # MSG_PEEK
    t.hang_up()
    time.sleep(0.1)
    if not t.agent.running():
        t.note("the next client hears", "nothing", diff="unread-reply-dropped", theirs="nothing", ours={"return": 2})
        return
    t.connect()
    t.client.send(b'{"execute":"guest-sync","arguments":{"id":2}}')
    t.note("the next client hears", json.loads(t.client.read_line(PATIENCE)), diff="unread-reply-dropped", theirs="nothing",
            ours={"return": 2})


def falls_asleep(pid, timeout):
    """Whether a process sleeps for a tenth of a second within `timeout`. One that spins is never seen asleep, however little of
    a busy CPU it gets."""
    deadline = time.monotonic() + timeout
    asleep = 0
    while time.monotonic() < deadline:
        with open("/proc/%d/stat" % pid) as stat:
            asleep = asleep + 1 if stat.read().rpartition(")")[2].split()[0] == "S" else 0
        if asleep == 10:
            return True
        time.sleep(0.01)
    return False
