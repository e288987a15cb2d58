"""Programs that the agent starts on this machine (guest-exec): many at a time, what they leave, what they cost."""

import base64
import os
import select
import signal
import time

import common
from client import AgentError, request
from common import agent, end, switches, ticks
from report import check, equal

CHILDREN = 64
MIB = 1 << 20
STREAM_BYTES = 16 * MIB


def start(client, path, *words, **more):
    arguments = {"path": path, "arg": list(words), **{name.replace("_", "-"): value for name, value in more.items()}}
    return client.run("guest-exec", arguments)["pid"]


def sh(client, script, **more):
    return start(client, "/bin/sh", "-c", script, **more)


def wait(client, pid, timeout=20.0):
    """What guest-exec-status returns once the program has ended, its data decoded."""
    deadline = time.monotonic() + timeout
    while True:
        status = client.run("guest-exec-status", {"pid": pid}, timeout=timeout)
        if status["exited"]:
            return {name: base64.b64decode(value) if name.endswith("-data") else value for name, value in status.items()}
        equal(status, {"exited": False}, "the status of a program that runs")
        check(time.monotonic() < deadline, "%d still runs" % pid)
        time.sleep(0.01)


def ended(client, script, **more):
    return wait(client, sh(client, script, **more))


def children(pid):
    """The children of a process: number and state (`Z` for a zombie)."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid:
            found[int(name)] = state
    return found


def no_children(pid):
    deadline = time.monotonic() + 5
    while children(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    equal(children(pid), {}, "the agent's children")


def gone_in(pid, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@common.test(group="programs")
def sixty_four_at_a_time_and_no_more():
    with agent() as running, running.connect() as client:
        pids = [sh(client, "kill -STOP $$; echo %d; exit %d" % (number, number), capture_output=True)
                for number in range(CHILDREN)]
        try:
            equal(len(set(pids)), CHILDREN, "different numbers")
            try:
                start(client, "true")
                raise AssertionError("one more was started")
            except AgentError as error:
                equal(error.desc, "Failed to execute child process \u201ctrue\u201d "
                      "(Resource temporarily unavailable: at most %d run at a time)" % CHILDREN, "desc")
            time.sleep(0.2)
            equal({client.run("guest-exec-status", {"pid": pid})["exited"] for pid in pids}, {False}, "exited, of the stopped")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        for number, pid in enumerate(pids):
            equal(wait(client, pid), {"exited": True, "exitcode": number, "out-data": b"%d\n" % number}, "status")
        no_children(running.pid)
        equal(ended(client, "exit 0"), {"exited": True, "exitcode": 0}, "one more, now")


@common.test(group="programs")
def the_oldest_that_nobody_asked_for_makes_room():
    with agent() as running, running.connect() as client:
        pids = [start(client, "true") for _ in range(CHILDREN)]
        no_children(running.pid)
        running_one = start(client, "sleep", "60")
        last = start(client, "true")
        for pid in pids[:2]:
            equal(client.call("guest-exec-status", {"pid": pid})["error"]["desc"], "PID %d does not exist" % pid, "desc")
        for pid in [*pids[2:], last]:
            equal(wait(client, pid), {"exited": True, "exitcode": 0}, "status")
        equal(client.run("guest-exec-status", {"pid": running_one}), {"exited": False}, "the one that runs")
        os.kill(running_one, signal.SIGTERM)
        equal(wait(client, running_one), {"exited": True, "signal": signal.SIGTERM}, "the one that was killed")


@common.test(group="programs")
def an_end_is_told_once():
    with agent() as running, running.connect() as client:
        for script, expected in (("exit 255", {"exitcode": 255}), ("kill -KILL $$", {"signal": 9}),
                                 ("kill -PIPE $$", {"signal": 13})):
            pid = sh(client, script)
            equal(wait(client, pid), {"exited": True, **expected}, script)
            equal(client.call("guest-exec-status", {"pid": pid})["error"]["desc"], "PID %d does not exist" % pid, "desc")
        no_children(running.pid)


@common.test(group="programs")
def a_program_that_was_left_behind_holds_the_streams():
    with agent() as running, running.connect() as client:
        pid = sh(client, "(sleep 1; echo late) & echo early", capture_output="stdout")
        no_children(running.pid)
        equal(client.run("guest-exec-status", {"pid": pid}), {"exited": False}, "while it holds them")
        equal(wait(client, pid), {"exited": True, "exitcode": 0, "out-data": b"early\nlate\n"}, "then")


@common.test(group="programs")
def the_order_of_merged_streams_is_kept():
    script = "n=0; while [ $n -lt 500 ]; do echo out$n; echo error$n >&2; n=$((n+1)); done"
    expected = b"".join(b"out%d\nerror%d\n" % (number, number) for number in range(500))
    with agent() as running, running.connect() as client:
        equal(ended(client, script, capture_output="merged"), {"exited": True, "exitcode": 0, "out-data": expected}, "merged")


@common.test(group="programs")
def surroundings_are_the_agents():
    with agent(env={"OF_THE_AGENT": "1"}, umask=0o027) as running, running.connect() as client:
        script = "echo $OF_THE_AGENT; pwd; umask; cut -d ' ' -f 5,6 /proc/self/stat; readlink /proc/self/fd/0; ls /proc/self/fd"
        lines = ended(client, script, capture_output=True)["out-data"].decode().split("\n")
        group = "%d %d" % (os.getpgid(running.pid), os.getsid(running.pid))
        # ls has the directory open as well.
        equal(lines, ["1", running.directory, "0027", group, "/dev/null", "0", "1", "2", "3", ""], "what it sees")
        equal(ended(client, "env", env=[], capture_output=True)["out-data"].decode().replace("_=/usr/bin/env\n", ""),
              "PWD=%s\n" % running.directory, "an empty environment")
        masks = ended(client, "grep -E 'Sig(Blk|Ign)' /proc/self/status", capture_output=True)["out-data"]
        equal(masks.count(b"0000000000000000"), 2, "signals held back or ignored: %s" % masks)


@common.test(group="programs")
def large_input_comes_back_as_output():
    content = os.urandom(MIB)
    with agent() as running, running.connect() as client:
        for data in (b"", b"x", content[:64 * 1024], content, content * 16):
            got = wait(client, start(client, "cat", capture_output=True, input_data=base64.b64encode(data).decode()))
            equal(got.get("out-data", b"") == data, True, "%d bytes through cat" % len(data))
        reply = client.call("guest-exec", {"path": "cat", "input-data": base64.b64encode(content * 16 + b"x").decode()})
        equal(reply["error"]["desc"], "input-data is longer than %d bytes, which is all that is kept" % (16 * MIB), "desc")
        running_ones = [start(client, "sleep", "60", input_data=base64.b64encode(content * 16).decode()) for _ in range(2)]
        reply = client.call("guest-exec", {"path": "cat", "input-data": "eA=="})
        equal(reply["error"]["desc"], "Failed to execute child process \u201ccat\u201d (Cannot allocate memory: "
              "input-data of all that run comes to at most %d bytes)" % (32 * MIB), "desc")
        for pid in running_ones:
            os.kill(pid, signal.SIGKILL)
        no_children(running.pid)
        equal(ended(client, "cat", input_data="eA==", capture_output=True)["out-data"], b"x", "the next one")


@common.test(group="programs")
def more_than_is_kept_is_read_and_said():
    with agent() as running, running.connect() as client:
        script = "head -c %d /dev/zero; echo done >&2"
        whole = ended(client, script % STREAM_BYTES, capture_output=True)
        equal((len(whole["out-data"]), sorted(whole)), (STREAM_BYTES, ["err-data", "exitcode", "exited", "out-data"]), "16 MiB")
        cut = ended(client, script % (STREAM_BYTES + 1), capture_output=True)
        equal((len(cut["out-data"]), cut["out-truncated"], cut["err-data"]), (STREAM_BYTES, True, b"done\n"), "a byte more")
        check("err-truncated" not in cut, "err-truncated is there")


@common.test(group="programs")
def all_that_is_kept_has_one_budget():
    with agent() as running, running.connect() as client:
        pids = []
        for number in range(3):
            pids.append(sh(client, "head -c %d /dev/zero; exit %d" % (STREAM_BYTES, number), capture_output=True))
            no_children(running.pid)
        # The third took the room of the first, of which the end is known still.
        equal(wait(client, pids[0]), {"exited": True, "exitcode": 0, "out-truncated": True}, "the oldest")
        for number in (1, 2):
            got = wait(client, pids[number])
            equal((len(got["out-data"]), got["exitcode"]), (STREAM_BYTES, number), "a younger one")


@common.test(group="programs")
def it_does_not_wake_for_a_program_that_is_quiet():
    with agent() as running, running.connect() as client:
        pid = sh(client, "echo begun; sleep 60", capture_output=True)
        time.sleep(0.5)
        before = switches(running.pid)
        time.sleep(3)
        equal(switches(running.pid) - before, 0, "wake-ups in 3 s")
        os.kill(pid, signal.SIGKILL)


@common.test(group="programs")
def a_program_that_writes_for_ever_keeps_nobody_away():
    with agent() as running:
        with running.connect() as client:
            pids = [start(client, "yes", capture_output=True) for _ in range(24)]
            time.sleep(1)
            for _ in range(20):
                began = time.monotonic()
                equal(client.call("guest-ping"), {"return": {}}, "guest-ping")
                check(time.monotonic() - began < 0.5, "a ping took %.1f s" % (time.monotonic() - began))
            equal(ended(client, "echo heard", capture_output=True)["out-data"], b"heard\n", "another program")
            status, took = end(running.process, signal.SIGTERM)
            equal(status, 0, "exit status")
            check(took < 1, "it took %.1f s" % took)
        for pid in pids:
            # Its pipe has no reader any more.
            check(gone_in(pid, 5), "%d still writes" % pid)


@common.test(group="programs")
def programs_survive_the_agent():
    with agent() as running:
        with running.connect() as client:
            pid = start(client, "sleep", "60")
        equal(end(running.process, signal.SIGTERM)[0], 0, "exit status")
        os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)


@common.test(group="programs")
def an_end_is_kept_until_a_host_has_it():
    data = os.urandom(8 * MIB)
    with agent() as running:
        client = running.connect()
        pid = start(client, "cat", capture_output=True, input_data=base64.b64encode(data).decode())
        no_children(running.pid)
        time.sleep(0.5)
        for _ in range(3):
            client.send(request("guest-exec-status", {"pid": pid}))
            select.select([client.socket], [], [], 5)
            check(client.socket.recv(1000).startswith(b'{"return": {"exited": true'), "no reply begins")
            client.close()
            client = running.connect()
        equal(wait(client, pid)["out-data"] == data, True, "all of it, for the host that stays")
        equal(client.call("guest-exec-status", {"pid": pid})["error"]["desc"], "PID %d does not exist" % pid, "desc")
        client.close()


@common.test(group="programs")
def much_output_takes_little_memory():
    with agent() as running, running.connect() as client:
        pid = sh(client, "head -c %d /dev/urandom; head -c %d /dev/zero >&2" % (STREAM_BYTES, STREAM_BYTES), capture_output=True)
        got = wait(client, pid)
        equal((len(got["out-data"]), len(got["err-data"])), (STREAM_BYTES, STREAM_BYTES), "bytes")
        with open("/proc/%d/status" % running.pid) as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        print("    VmHWM %d kB after 2 x 16 MiB" % peak)
        check(peak <= 400, "VmHWM %d kB" % peak)
        used = ticks(running.pid)
        print("    %d ticks of processor time" % used)


@common.test(group="programs")
def spawning_leaves_no_descriptors():
    def open_ones():
        return sorted(os.listdir("/proc/%d/fd" % running.pid), key=int)

    with agent() as running, running.connect() as client:
        # Until it is answered, the connection may not be one of them.
        client.sync()
        before = open_ones()
        for _ in range(5):
            for mode in ("none", "stdout", "stderr", "separated", "merged", True, False):
                ended(client, "echo out; echo error >&2", capture_output=mode, input_data="eA==")
            for path in ("/nonexistent", "nonexistent", "/"):
                check("error" in client.call("guest-exec", {"path": path, "capture-output": True, "input-data": "eA=="}), path)
        equal(open_ones(), before, "open descriptors")
