"""Programs that the agent starts in a guest that has a kernel and busybox, and parts of that missing."""

import base64
import hashlib
import os
import re
import time

from files import check_memory
from guest import plain, test
from report import check, equal
from seen import seen

MIB = 1 << 20
STREAM_BYTES = 16 * MIB


def start(agent, path, *words, **more):
    arguments = {"path": path, "arg": list(words), **{name.replace("_", "-"): value for name, value in more.items()}}
    return agent.run("guest-exec", arguments, timeout=120)["pid"]


def wait(agent, pid, timeout=60.0):
    """What guest-exec-status returns once the program has ended, its data decoded."""
    deadline = time.monotonic() + timeout
    while True:
        status = agent.run("guest-exec-status", {"pid": pid}, timeout=120)
        if status["exited"]:
            return {name: base64.b64decode(value) if name.endswith("-data") else value for name, value in status.items()}
        check(time.monotonic() < deadline, "%d still runs" % pid)
        time.sleep(0.05)


def ended(agent, script, **more):
    return wait(agent, start(agent, "/bin/sh", "-c", script, **more))


def children(vm, pid):
    """The children of a process in the guest, as `ps` lists them: number and state."""
    listed = vm.shell.check("cat /proc/[0-9]*/stat 2>/dev/null; true")
    fields = (line.rpartition(")") for line in listed.splitlines() if ")" in line)
    return {int(before.split()[0]): after.split()[0] for before, _, after in fields if int(after.split()[1]) == pid}


@test(group="exec", fixture=plain)
def what_a_program_does_is_done(vm):
    content = os.urandom(MIB)
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        vm.shell.check("rm -rf /tmp/made; mkdir /tmp/made")
        equal(wait(agent, start(agent, "touch", "/tmp/made/by exec")), {"exited": True, "exitcode": 0}, "touch")
        equal(vm.shell.check("ls /tmp/made"), "by exec", "what is in the directory")
        seen("guest-exec", "touch made a file")
        sent = base64.b64encode(content).decode()
        equal(wait(agent, start(agent, "sh", "-c", "cat >/tmp/made/input", input_data=sent))["exitcode"], 0, "cat")
        equal(vm.shell.check("sha256sum </tmp/made/input").split()[0], hashlib.sha256(content).hexdigest(), "what it read")
        seen("guest-exec", "1 MiB of input-data, by sha256sum in the guest")
        sleeping = start(agent, "sleep", "1000")
        equal(children(vm, pid), {sleeping: "S"}, "the agent's children")
        vm.shell.check("kill -HUP %d" % sleeping)
        equal(wait(agent, sleeping), {"exited": True, "signal": 1}, "a program that was killed in the guest")
        seen("guest-exec-status", "signal 1, which kill sent in the guest")
        for number in range(20):
            start(agent, "sh", "-c", "exit %d" % number)
        vm.rest(1)
        equal(children(vm, pid), {}, "zombies of programs that nobody asked for")
        vm.shell.check("rm -r /tmp/made")


@test(group="exec", fixture=plain)
def much_output_takes_little_of_the_agents_memory(vm):
    with vm.running_agent() as pid, vm.agent(timeout=120) as agent:
        agent.sync()
        began = time.monotonic()
        one = start(agent, "/bin/sh", "-c", "head -c %d /dev/urandom | tee /tmp/sent" % STREAM_BYTES, capture_output=True)
        while children(vm, pid):
            vm.rest(0.2)
        wrote = time.monotonic()
        got = wait(agent, one)
        print("    kept at %.1f MiB/s, told at %.1f MiB/s" % (16 / (wrote - began), 16 / (time.monotonic() - wrote)))
        sums = hashlib.sha256(got["out-data"]).hexdigest(), vm.shell.check("sha256sum </tmp/sent", 60).split()[0]
        equal(*sums, "what it wrote, by sha256sum in the guest")
        seen("guest-exec-status", "16 MiB of output, by sha256sum in the guest")
        vm.shell.check("rm /tmp/sent")
        check_memory(vm, pid, "after 16 MiB of output", 400)


@test(group="exec", fixture=plain)
def an_eighth_of_the_memory_is_all_that_is_kept(vm):
    total = int(re.search(r"MemTotal:\s*(\d+)", vm.shell.check("cat /proc/meminfo")).group(1)) * 1024
    limit = min(32 * MIB, total // 8)
    check(limit < 2 * STREAM_BYTES, "this guest has too much memory for the test")
    with vm.running_agent(), vm.agent(timeout=120) as agent:
        agent.sync()
        script = "head -c %d /dev/zero; echo out has ended >&2; head -c %d /dev/zero >&2" % (STREAM_BYTES, STREAM_BYTES)
        got = ended(agent, script, capture_output=True)
        equal((len(got["out-data"]), len(got["err-data"])), (STREAM_BYTES, limit - STREAM_BYTES), "bytes kept")
        equal((got.get("out-truncated"), got.get("err-truncated")), (None, True), "truncated")
        equal(len(ended(agent, "head -c %d /dev/zero" % STREAM_BYTES, capture_output=True)["out-data"]), STREAM_BYTES, "then")


@test(group="exec", fixture=plain)
def a_quiet_program_does_not_wake_the_agent(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        sleeping = start(agent, "/bin/sh", "-c", "echo begun; sleep 1000", capture_output=True)
        vm.rest(1)
        before = vm.status(pid, "voluntary_ctxt_switches")
        vm.rest(5)
        equal(vm.status(pid, "voluntary_ctxt_switches") - before, 0, "wake-ups in 5 s")
        vm.shell.check("kill %d" % sleeping)


@test(group="exec", fixture=plain)
def without_proc_null_and_shell(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        vm.shell.check("printf 'echo script $1\\n' >/tmp/script; chmod 755 /tmp/script")
        script = {"exited": True, "exitcode": 0, "out-data": b"script word\n"}
        equal(wait(agent, start(agent, "/tmp/script", "word", capture_output=True)), script, "a script without interpreter")
        # The shell of the test goes on under its old name.
        vm.shell.check("mv /bin/sh /bin/not-sh")
        try:
            refused = agent.call("guest-exec", {"path": "/tmp/script"})["error"]["desc"]
            equal(refused, "Failed to execute child process \u201c/tmp/script\u201d (No such file or directory)", "without /bin/sh")
            equal(wait(agent, start(agent, "echo", "still", capture_output=True))["out-data"], b"still\n", "a program")
        finally:
            vm.shell.check("/bin/busybox mv /bin/not-sh /bin/sh")
        # The shell of the test needs /dev/null for each of its commands, so from here to its return the agent does it all.
        vm.shell.check("umount /proc; mv /dev/null /dev/not-null")
        try:
            script = "read line; echo read $?; echo error >&2; echo done >/tmp/done-%s"
            got = {mode: wait(agent, start(agent, "sh", "-c", script % mode, capture_output=mode))
                   for mode in ("none", "separated")}
        finally:
            wait(agent, start(agent, "mv", "/dev/not-null", "/dev/null"))
            vm.shell.check("mount -t proc proc /proc")
        equal(got["none"], {"exited": True, "exitcode": 0}, "without /proc and /dev/null")
        equal(got["separated"], {"exited": True, "exitcode": 0, "out-data": b"read 1\n", "err-data": b"error\n"}, "and kept")
        equal(vm.shell.check("cat /tmp/done-none /tmp/done-separated"), "done\ndone", "what the programs did")
        vm.shell.check("rm /tmp/done-* /tmp/script")
        equal(children(vm, pid), {}, "children")
        seen("guest-exec", "works without /proc, /dev/null and /bin/sh")
