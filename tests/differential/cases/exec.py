"""guest-exec and guest-exec-status. The programs are harmless: echo, cat, sleep, and shells that only print."""

import base64
import os
import signal
import time

from declare import Subject
from talk import PATIENCE

subject = Subject("exec")

MIB = 1 << 20
STREAM_BYTES = 16 * MIB
CHILDREN = 64


def start(t, path, *words, **more):
    """The reply to guest-exec."""
    arguments = {"path": path, **{name.replace("_", "-"): value for name, value in more.items()}}
    if words:
        arguments["arg"] = list(words)
    return t.client.call("guest-exec", arguments, timeout=PATIENCE)


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return None


def end(t, reply):
    """What guest-exec-status returns in the end, or the error of either. Data is decoded; of much of it, the length."""
    if "error" in reply:
        return t.normal(reply)
    pid = reply["return"]["pid"]
    deadline = time.monotonic() + PATIENCE
    while True:
        status = t.client.call("guest-exec-status", {"pid": pid}, timeout=PATIENCE)
        if "error" in status or status["return"]["exited"]:
            break
        if status["return"] != {"exited": False}:
            raise AssertionError("a program that runs: %s" % status)
        if time.monotonic() > deadline:
            raise AssertionError("%d still runs: %s" % (pid, command_line(pid)))
        time.sleep(0.01)
    for name in ("out-data", "err-data"):
        if name in status.get("return", {}):
            data = base64.b64decode(status["return"][name])
            status["return"][name] = t.normal(repr(data)) if len(data) < 1000 else "%d bytes" % len(data)
    return status


def run(t, label, path, *words, diff=None, theirs=None, ours=None, **more):
    """Runs a program and keeps how it ended."""
    result = end(t, start(t, path, *words, **more))
    t.note(label, result, diff=diff, theirs=theirs, ours=ours)
    return result


def sh(t, script, diff=None, theirs=None, ours=None, **more):
    more.setdefault("capture_output", True)
    return run(t, script, "/bin/sh", "-c", script, diff=diff, theirs=theirs, ours=ours, **more)


def ended(code, **members):
    return {"return": {"exited": True, "exitcode": code, **members}}


def b64(data):
    return base64.b64encode(data).decode()


@subject.scenario
def how_programs_end(t):
    for script in ("exit 0", "exit 7", "exit 255", "kill -KILL $$", "kill -TERM $$", "kill -PIPE $$", "kill -CHLD $$; exit 3"):
        sh(t, script)


@subject.scenario
def what_is_kept(t):
    script = "echo out; echo error >&2; exit 1"
    # Not stdout and stderr: after one of those qemu-ga mixes streams up, see below.
    for mode in (None, True, False, "none", "separated", "merged"):
        more = {} if mode is None else {"capture_output": mode}
        run(t, "capture-output %s" % mode, "/bin/sh", "-c", script, **more)
    sh(t, "for n in 1 2 3 4 5; do echo out$n; echo error$n >&2; done", capture_output="merged")
    sh(t, "printf 'a\\0b\\377'")
    sh(t, "exec >&- 2>&-; exit 4")


@subject.scenario
def only_stdout(t):
    run(t, "stdout", "/bin/sh", "-c", "echo out; echo error >&2", capture_output="stdout")


@subject.scenario
def only_stderr(t):
    run(t, "stderr", "/bin/sh", "-c", "echo out; echo error >&2", capture_output="stderr")


@subject.scenario(diff="exec-capture-one")
def descriptors_after_one_stream(t):
    run(t, "stdout", "/bin/sh", "-c", "echo out", capture_output="stdout")
    t.note("the agent has its standard input", os.path.exists("/proc/%d/fd/0" % t.agent.pid), diff="exec-capture-one",
           theirs=False, ours=True)


@subject.scenario
def texts_and_surroundings(t):
    for words in (["a b", "", "\"", "\\", "\n", "\u00e9\u20ac\U0001F600", "-n", "*"], []):
        run(t, "printf %s" % words, "printf", "%s|", *words, capture_output=True)
    run(t, "no arguments", "echo", capture_output=True)
    for environment in ([], ["A=1", "B=two words", "A=2"], ["no sign", "=x", ""]):
        run(t, "env %s" % environment, "/usr/bin/env", env=environment, capture_output=True)
    sh(t, "pwd; umask; echo $0 $#; [ $PPID -gt 1 ]; readlink /proc/self/fd/0")
    sh(t, "ls /proc/self/fd; grep SigBlk /proc/self/status")
    sh(t, "set -- $(cut -d ' ' -f 4,5,6 /proc/$$/stat); echo $(($(cut -d ' ' -f 5 /proc/$1/stat) - $2))")


@subject.scenario(diff="exec-signals")
def signals_that_the_agent_was_started_without(t):
    """SIGQUIT, as by a shell in the background; the suite runs so."""
    script = "[ $((0x$(sed -n 's/^SigIgn:.//p' /proc/self/status) & 4)) = 0 ] && echo default || echo ignored"
    run(t, script, "/bin/sh", "-c", script, capture_output=True, diff="exec-signals",
        theirs=ended(0, **{"out-data": "b'ignored\\n'"}), ours=ended(0, **{"out-data": "b'default\\n'"}))


@subject.scenario(env={"OF_THE_AGENT": "1"})
def the_agents_environment(t):
    sh(t, "echo $OF_THE_AGENT")
    sh(t, "echo $OF_THE_AGENT", env=["X=1"])


@subject.scenario(diff="quoted-name-cut")
def where_programs_are_found(t):
    t.file("a-script", b"echo script \"$0\" \"$1\"\n", mode=0o755)
    t.file("a-named", b"#!/bin/sh\necho named \"$0\" \"$1\"\n", mode=0o755)
    t.file("a-no-interpreter", b"#!/nonexistent\n", mode=0o755)
    t.file("a-data", b"\0\1\2", mode=0o644)
    t.file("a-empty", b"", mode=0o755)
    os.mkdir(t.path("a-directory"))
    for name in ("a-script", "a-named", "a-no-interpreter", "a-data", "a-empty", "a-directory", "a-missing", ""):
        for path in (t.path(name), "./" + name, name):
            for directories in (None, "", ":", "/bin:", "/nonexistent:" + t.directory, t.path("a-data"), "/bin:/usr/bin"):
                more = {} if directories is None else {"env": ["PATH=" + directories]}
                run(t, "%s along %s" % (t.normal(path), t.normal(str(directories))), path, "word", capture_output="separated", **more)
    run(t, "a name that is too long", "x" * 300)
    run(t, "a path that is too long", "/" + "x" * 5000, diff="quoted-name-cut",
        theirs=failed("/" + "x" * 5000, "File name too long"), ours=failed("/" + "x" * 4095, "File name too long"))
    run(t, "a file that is no directory", "/dev/null/x")


def failed(path, reason):
    return {"error": {"class": "GenericError", "desc": "Failed to execute child process \u201c%s\u201d (%s)" % (path, reason)}}


@subject.scenario
def input_data(t):
    for data in (b"", b"a", b"\0\xff", b"line\n" * 100, os.urandom(1) * 70000, b"x" * MIB, b"y" * STREAM_BYTES):
        run(t, "%d bytes through cat" % len(data), "cat", input_data=b64(data), capture_output=True)
    run(t, "lines of base64", "cat", input_data=base64.encodebytes(b"x" * 200).decode(), capture_output=True)
    run(t, "nobody reads it", "true", input_data=b64(b"x" * MIB))
    run(t, "no base64", "true", input_data="!")
    run(t, "no base64, no such program", "/nonexistent", input_data="!")


@subject.scenario(diff="base64-incomplete")
def input_data_without_its_end(t):
    run(t, "QUJ", "cat", input_data="QUJ", capture_output=True, diff="base64-incomplete",
        theirs=ended(0), ours=ended(0, **{"out-data": "b'AB'"}))


@subject.scenario(diff="exec-input-file")
def what_input_data_is(t):
    script = "if [ -p /dev/stdin ]; then echo pipe; elif [ -f /dev/stdin ]; then echo file; fi"
    run(t, script, "/bin/sh", "-c", script, input_data=b64(b"x"), capture_output=True, diff="exec-input-file",
        theirs=ended(0, **{"out-data": "b'pipe\\n'"}), ours=ended(0, **{"out-data": "b'file\\n'"}))


@subject.scenario(diff="exec-pid-unknown")
def a_number_that_is_unknown(t):
    for pid in (0, 1, -1, 2 ** 31, 2 ** 63 - 1):
        t.call("guest-exec-status", {"pid": pid}, diff="exec-pid-unknown",
               theirs={"error": {"class": "GenericError", "desc": "PID ld does not exist"}},
               ours={"error": {"class": "GenericError", "desc": "PID %d does not exist" % pid}})


@subject.scenario
def an_end_is_told_once(t):
    reply = start(t, "true")
    t.note("first", end(t, reply))
    second = t.client.call("guest-exec-status", reply["return"], timeout=PATIENCE)
    t.note("second", second["error"]["class"])


@subject.scenario
def another_client_may_ask(t):
    reply = start(t, "/bin/sh", "-c", "sleep 0.3; echo late", capture_output=True)
    t.hang_up()
    t.connect()
    t.note("the end, for another client", end(t, reply))


@subject.scenario
def a_program_that_was_left_behind(t):
    reply = start(t, "/bin/sh", "-c", "(sleep 1; echo late) & echo early", capture_output=True)
    time.sleep(0.4)
    t.note("while it holds the streams", t.client.call("guest-exec-status", reply["return"]))
    t.note("then", end(t, reply))
    reply = start(t, "/bin/sh", "-c", "sleep 1 & exit 2")
    time.sleep(0.4)
    t.note("streams that are not kept", end(t, reply))


@subject.scenario
def a_program_that_is_stopped(t):
    reply = start(t, "/bin/sh", "-c", "kill -STOP $$; exit 5")
    time.sleep(0.3)
    t.note("stopped", t.client.call("guest-exec-status", reply["return"]))
    os.kill(reply["return"]["pid"], signal.SIGCONT)
    t.note("then", end(t, reply))


@subject.scenario(diff="exec-truncated")
def more_than_is_kept(t):
    sh(t, "head -c %d /dev/zero" % STREAM_BYTES)
    for more in (1, 100000):
        def cut(flag):
            return ended(0, **{"out-data": "%d bytes" % STREAM_BYTES, "out-truncated": flag, "err-data": "b'done\\n'"})
        sh(t, "head -c %d /dev/zero; echo done >&2" % (STREAM_BYTES + more), diff="exec-truncated", theirs=cut(False), ours=cut(True))
    sh(t, "head -c %d /dev/zero >&2" % (STREAM_BYTES + 1), diff="exec-truncated",
       theirs=ended(0, **{"err-data": "%d bytes" % STREAM_BYTES, "err-truncated": False}),
       ours=ended(0, **{"err-data": "%d bytes" % STREAM_BYTES, "err-truncated": True}))


@subject.scenario(diff="exec-output-length")
def three_that_nobody_asks_for(t):
    replies = []
    for number in range(3):
        replies.append(start(t, "/bin/sh", "-c", "head -c %d /dev/zero; exit %d" % (STREAM_BYTES, number), capture_output=True))
        time.sleep(0.6)
    data = {"out-data": "%d bytes" % STREAM_BYTES}
    t.note("the oldest", end(t, replies[0]), diff="exec-output-length", theirs=ended(0, **data), ours=ended(0, **{"out-truncated": True}))
    for number in (1, 2):
        t.note("number %d" % number, end(t, replies[number]))


@subject.scenario(diff="exec-children")
def one_more_than_run_at_a_time(t):
    replies = [start(t, "sleep", "60") for _ in range(CHILDREN + 1)]
    t.note("the last", "error" in replies[-1], diff="exec-children", theirs=False, ours=True)
    for reply in replies:
        if "return" in reply:
            os.kill(reply["return"]["pid"], signal.SIGKILL)
            end(t, reply)


@subject.scenario(diff="exec-records")
def more_ends_than_are_remembered(t):
    replies = [start(t, "true") for _ in range(CHILDREN)]
    time.sleep(0.5)
    end(t, start(t, "true"))
    first = t.client.call("guest-exec-status", replies[0]["return"], timeout=PATIENCE)
    t.note("the oldest is known", "return" in first, diff="exec-records", theirs=True, ours=False)
    t.note("the next one", end(t, replies[1]))


@subject.scenario(diff="exec-nul")
def nul_in_texts(t):
    def refused(path):
        return failed(path, "Invalid argument: U+0000 in path, arg or env")

    run(t, "in an argument", "printf", "a\0b", capture_output=True, diff="exec-nul",
        theirs=ended(0, **{"out-data": "b'a\\xc0\\x80b'"}), ours=refused("printf"))
    run(t, "in the environment", "/usr/bin/env", env=["A=\0"], capture_output=True, diff="exec-nul",
        theirs=ended(0, **{"out-data": "b'A=\\xc0\\x80\\n'"}), ours=refused("/usr/bin/env"))


@subject.scenario(diff="exec-arguments-length")
def a_long_argument(t):
    run(t, "60000 bytes", "printf", "%s", "x" * 60000, capture_output=True)
    long = "x" * 80000
    reply = start(t, "printf", "%s", long, capture_output=True)
    t.note("80000 bytes", "error" in reply, diff="exec-arguments-length", theirs=False, ours=True)
    if "error" in reply and not reply["error"]["desc"].startswith(
            "Failed to execute child process \u201cprintf\u201d (Argument list too long: beside this request there is room for "):
        raise AssertionError("the refusal: %s" % reply)
    end(t, reply)


@subject.scenario(diff="exec-input-length")
def a_long_input(t):
    reply = start(t, "cat", input_data=b64(b"x" * (STREAM_BYTES + 1)))
    t.note("16 MiB and a byte", end(t, reply), diff="exec-input-length", theirs=ended(0), ours={"error": {
        "class": "GenericError", "desc": "input-data is longer than %d bytes, which is all that is kept" % STREAM_BYTES}})
