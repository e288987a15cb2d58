"""How a freeze ends: by itself, with its agent, or by the next one; and what is done around it: the hook, and nothing else."""

import contextlib
import json
import time

import hotplug
from beside import differ, without_texts
from freezing import MARKER, freezer, frozen, kill, refusal, restarted
from guest import test
from report import check, equal
from seen import seen


@test(group="freeze", fixture=frozen)
def a_freeze_that_nobody_ends(vm):
    with freezer(vm, "vda", options="--freeze-timeout 3") as (agent, _):
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        writer = vm.writer("/mnt/vda/file")
        for _ in range(4):
            vm.rest(1.5)
            equal(agent.run("guest-fsfreeze-status"), "frozen", "status, asked in time")
        writer.check_waits()
        began = time.monotonic()
        check(writer.is_done(10), "nobody asked any more, and it is still frozen")
        check(1 < time.monotonic() - began < 6, "it took %.1f s" % (time.monotonic() - began))
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
        handle = agent.run("guest-file-open", {"path": "/mnt/vda/file"})
        agent.run("guest-file-close", {"handle": handle})
        said = refusal(agent, "guest-fsfreeze-thaw")
        after = int(said.removeprefix("file systems were thawed by the agent after ").removesuffix(" s"))
        check(9 <= after <= 14, said)
        equal(agent.run("guest-fsfreeze-thaw"), 0, "thawed again")
        # Forgotten with the next freeze.
        agent.run("guest-fsfreeze-freeze")
        vm.rest(4)
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
        agent.run("guest-fsfreeze-freeze")
        equal(agent.run("guest-fsfreeze-thaw"), 1, "thawed in time")
    seen("guest-fsfreeze-status", "asking for it puts the end of the freeze off")


@test(group="freeze", fixture=frozen)
def killed_and_started_again(vm):
    vm.mount("vda")
    # Both of its own files are on what is frozen: opened, they would have to wait.
    options = "--freeze-timeout 4"
    pid = vm.start_agent(options)
    with vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        kill(vm, pid)
    writer = vm.writer("/mnt/vda/file")
    pid = int(vm.shell.check("picoqga -v -l /mnt/vda/agent.log -f /mnt/vda/agent.pid %s </dev/null >/tmp/agent.out 2>&1 & echo $!"
                             % options))
    with vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-fsfreeze-status"), "frozen", "status after the restart")
        check("has been disabled: the command is not allowed" in refusal(agent, "guest-get-time"), "guest-get-time")
        writer.check_waits()
        equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed")
        writer.check_done()
        equal(vm.shell.check("cat /mnt/vda/agent.pid"), str(pid), "the pid file, written after the thaw")
        # Killed again; now nobody asks.
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        kill(vm, pid)
    writer = vm.writer("/mnt/vda/file2")
    with restarted(vm, options) as agent:
        writer.check_waits()
        check(writer.is_done(8), "it is still frozen")
        check("thawed by the agent after 4 s" in refusal(agent, "guest-fsfreeze-thaw"), "guest-fsfreeze-thaw")
    vm.shell.check("test ! -e " + MARKER)
    vm.unmount_all()


@test(group="freeze", fixture=frozen)
def killed_without_a_marker(vm):
    """The directory for the state is on a disk, so nothing was written there."""
    vm.mount("vda")
    pid = vm.start_agent("-t /mnt/vda")
    with vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        vm.shell.check("test ! -e %s; test ! -e /mnt/vda/qga.state.isfrozen" % MARKER)
        kill(vm, pid)
    writer = vm.writer("/mnt/vda/file")
    with restarted(vm, "-t /mnt/vda") as agent:
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
        writer.check_waits()
        equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed")
        writer.check_done()
    vm.unmount_all()


@test(group="freeze", fixture=frozen)
def sigterm_thaws(vm):
    vm.mount("vda")
    vm.shell.check("printf '#!/bin/sh\\necho $1 >>/tmp/hook.log\\n' >/tmp/hook; chmod +x /tmp/hook")
    pid = vm.start_agent("-F/tmp/hook")
    with vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
    # That the host is gone changes nothing.
    writer = vm.writer("/mnt/vda/file")
    writer.check_waits()
    equal(vm.stop_agent(pid), 0, "status after SIGTERM")
    writer.check_done()
    equal(vm.shell.check("cat /tmp/hook.log; test ! -e " + MARKER), "freeze\nthaw", "calls of the hook")
    with vm.real_agent() as (agent, pid):
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen by qemu-ga")
        vm.shell.check("kill -TERM %d" % pid)
        vm.rest(0.5)
        equal(agent.run("guest-fsfreeze-thaw"), 1, "thawed by qemu-ga, after SIGTERM")
    differ("freeze-sigterm", "goes on", "ends")
    vm.unmount_all()


@test(group="freeze", fixture=frozen)
def nothing_is_written_while_frozen(vm):
    written = "awk '{ print $7 }' /sys/block/vda/stat; wc -c </mnt/vda/agent.log"
    vm.mount("vda")
    pid = int(vm.shell.check("picoqga -v -l /mnt/vda/agent.log -f /mnt/vda/agent.pid </dev/null >/tmp/agent.out 2>&1 & echo $!"))
    with vm.agent() as agent:
        agent.sync()
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        before = vm.shell.check(written)
        for _ in range(20):
            agent.call("guest-fsfreeze-status")
            agent.call("guest-get-osinfo")
            agent.call("guest-file-open", {"path": "/mnt/vda/x", "mode": "w"})
            agent.send(b'{"execute":"guest-file-write","arguments":{"handle":1000,"buf-b64":"' + b"QUJD" * 100000 + b'"}}\n')
            check("error" in json.loads(agent.read_line(30)), "a write was answered")
            agent.send(b"\xff{nonsense\n")
            agent.sync()
    # This would be logged.
    hotplug.unplug(vm)
    vm.rest(0.5)
    hotplug.plug(vm)
    with vm.agent() as agent:
        agent.sync()
        vm.rest(0.5)
        equal(vm.shell.check(written), before, "sectors written, and the length of the log")
        equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed")
    hotplug.unplug(vm)
    vm.rest(0.5)
    hotplug.plug(vm)
    check("channel" in vm.shell.check("tail -n 3 /mnt/vda/agent.log"), "a port that goes is not logged")
    equal(vm.stop_agent(pid), 0, "status")
    vm.unmount_all()


def hook(vm, lines):
    vm.shell.check("cat >/tmp/hook <<'END'\n#!/bin/sh\necho $1 >>/tmp/hook.log\n%s\nEND\nchmod +x /tmp/hook; rm -f /tmp/hook.log" % lines)


def calls(vm):
    return vm.shell.check("cat /tmp/hook.log; rm /tmp/hook.log").split()


@test(group="freeze", fixture=frozen)
def a_hook_that_does_it(vm):
    with freezer(vm, "vda", options="-F/tmp/hook") as (agent, _):
        # Both times the file system can be written to; a descriptor that it inherits would show.
        hook(vm, "date +%s >/mnt/vda/$1 && [ $# = 1 ] && [ $(ls /proc/self/fd | wc -l) = 4 ]")
        equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
        equal(calls(vm), ["freeze"], "calls")
        equal(agent.run("guest-fsfreeze-thaw"), 1, "file systems thawed")
        equal(calls(vm), ["thaw"], "calls")
        equal(agent.run("guest-fsfreeze-thaw"), 0, "thawed again")
        equal(calls(vm), ["thaw"], "calls")
        equal(agent.run("guest-fsfreeze-freeze-list", {"mountpoints": ["/nowhere"]}), 0, "nothing frozen")
        equal(calls(vm), ["freeze", "thaw"], "calls when nothing was frozen")
        seen("guest-fsfreeze-freeze", "a hook wrote to the disk just before")


@test(group="freeze", fixture=frozen)
def a_hook_that_fails(vm):
    with freezer(vm, "vda", options="-F/tmp/hook --hook-timeout 2") as (agent, _):
        began = "child process has "
        for lines, said in (("exit 3", "failed to execute fsfreeze hook: exit status 3"),
                            ("echo no; echo never >&2; exit 1", "failed to execute fsfreeze hook: no\nnever\n"),
                            ("kill -9 $$", "terminated abnormally"),
                            ("sleep 60 & sleep 61", "failed to execute fsfreeze hook: it did not end in 2 s")):
            hook(vm, "[ $1 = thaw ] || { %s; }" % lines)
            equal(refusal(agent, "guest-fsfreeze-freeze"), began + said, "a freeze hook with %s" % lines)
            equal(calls(vm), ["freeze", "thaw"], "calls")
            equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
            vm.writer("/mnt/vda/file").check_done()
            hook(vm, "[ $1 = freeze ] || { %s; }" % lines)
            equal(agent.run("guest-fsfreeze-freeze"), 1, "file systems frozen")
            equal(refusal(agent, "guest-fsfreeze-thaw"), began + said, "a thaw hook with %s" % lines)
            equal(agent.run("guest-fsfreeze-status"), "thawed", "status")
            vm.writer("/mnt/vda/file").check_done()
        equal(vm.shell.run("pidof sleep")[1].split().count("61"), 0, "what is left of the hook")
        vm.shell.check("rm /tmp/hook")
        missing = "failed to execute fsfreeze hook: failed to exec '/tmp/hook': No such file or directory\n"
        for command in ("guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw"):
            equal(refusal(agent, command), began + missing, "%s with a hook that is missing" % command)
        equal(agent.run("guest-fsfreeze-status"), "thawed", "status")


@test(group="freeze", fixture=frozen)
def the_hook_after_a_freeze_that_nobody_ends(vm):
    with freezer(vm, "vda", options="-F/tmp/hook --freeze-timeout 2") as (agent, _):
        hook(vm, "")
        agent.run("guest-fsfreeze-freeze")
        check(vm.writer("/mnt/vda/file").is_done(8), "it is still frozen")
        vm.rest(0.5)
        equal(calls(vm), ["freeze", "thaw"], "calls")
        check("thawed by the agent after 2 s" in refusal(agent, "guest-fsfreeze-thaw"), "guest-fsfreeze-thaw")
        equal(vm.shell.run("test -e /tmp/hook.log")[0], 1, "status of a test for a third call")


@test(group="freeze", fixture=frozen)
def beside_qemu_ga(vm):
    """The same requests to both, one after the other, each with nothing frozen by the other."""
    vm.mount("vda", "vdb", "vdc")
    vm.shell.check("mount --bind /mnt/vda /mnt/a")
    vm.shell.check("printf '#!/bin/sh\\necho $1 >>/tmp/hook.log\\n[ ! -e /tmp/hook.fails ]\\n' >/tmp/hook; chmod +x /tmp/hook")
    said, place, covered, state, called = {}, {}, {}, {}, {}
    for kind, case, options in (("real", "", ""), ("ours", "", "--freeze-timeout 5"),
                                ("real", "hook", "-F/tmp/hook"), ("ours", "hook", "-F/tmp/hook"),
                                ("real", "no hook", "-F/nowhere"), ("ours", "no hook", "-F/nowhere")):
        with contextlib.ExitStack() as stack:
            if kind == "real":
                agent, _ = stack.enter_context(vm.real_agent(options))
            else:
                pid = vm.start_agent(options)
                stack.callback(kill, vm, pid)
                agent = stack.enter_context(vm.agent())
                agent.sync()
            replies = said[kind, case] = []

            def ask(command, arguments=None):
                reply = agent.call(command, arguments)
                replies.append((command, json.dumps(arguments), without_texts(reply, lambda value: value)))

            vm.shell.check("rm -f /tmp/hook.log /tmp/hook.fails")
            for command, arguments in (("freeze", None), ("freeze-list", None), ("freeze-list", {"mountpoints": []}),
                                       ("freeze-list", {"mountpoints": ["/mnt/vdb", "/nowhere"]}),
                                       ("freeze-list", {"mountpoints": ["/mnt/vdc", "/mnt/vda", "/mnt/vda"]})):
                ask("guest-fsfreeze-" + command, arguments)
                ask("guest-fsfreeze-status")
                ask("guest-fsfreeze-freeze") if agent.run("guest-fsfreeze-status") == "frozen" else None
                ask("guest-fsfreeze-thaw")
                ask("guest-fsfreeze-thaw")
            vm.shell.check("touch /tmp/hook.fails")
            ask("guest-fsfreeze-freeze")
            ask("guest-fsfreeze-status")
            ask("guest-fsfreeze-thaw")
            vm.shell.check("rm -f /tmp/hook.fails /tmp/hook.log")
            if case == "":
                place[kind] = agent.run("guest-fsfreeze-freeze-list", {"mountpoints": ["/mnt/a"]})
                agent.run("guest-fsfreeze-thaw")
                agent.run("guest-fsfreeze-freeze")
                vm.shell.check("mount -t tmpfs memory /mnt/vda; umount -l /mnt/a")
                covered[kind] = agent.run("guest-fsfreeze-thaw")
                vm.shell.check("umount /mnt/vda; fsfreeze --unfreeze /mnt/vda; mount --bind /mnt/vda /mnt/a")
                agent.run("guest-fsfreeze-freeze")
                vm.rest(6)
                state[kind] = agent.run("guest-fsfreeze-status")
                agent.call("guest-fsfreeze-thaw")
            elif case == "hook":
                agent.run("guest-fsfreeze-freeze-list", {"mountpoints": []})
                called[kind] = calls(vm)
    for case in ("", "hook", "no hook"):
        equal(said["ours", case], said["real", case], "beside qemu-ga, " + case)
    equal((place["real"], place["ours"]), (0, 1), "frozen by a second place of a file system")
    differ("freeze-list-any-place", place["real"], place["ours"])
    equal((covered["real"], covered["ours"]), (2, 3), "thawed when one was covered by another mount meanwhile")
    differ("thaw-what-was-frozen", covered["real"], covered["ours"])
    equal((state["real"], state["ours"]), ("frozen", "thawed"), "after more than the time for a freeze")
    differ("freeze-timeout", state["real"], state["ours"])
    equal((called["real"], called["ours"]), (["freeze"], ["freeze", "thaw"]), "calls of the hook when nothing was frozen")
    differ("freeze-hook", called["real"], called["ours"])
    vm.unmount_all()
