"""How the agent starts in a guest that has next to nothing: no place to write, no log but the kernel's; and what a command
answers for which the guest lacks something."""


from guest import fresh, plain, test
from report import check, equal


@test(group="start", fixture=fresh)
def a_read_only_root_without_run(vm):
    # Nothing can be written anywhere, not even /tmp: it lies on the root.
    vm.shell.check("umount /run; rm -r /run /var; mount -o remount,ro /")
    status, output = vm.shell.run("touch /x /tmp/x")
    check(status != 0 and "Read-only" in output, "the root can be written: %s" % output)
    for options in ("", "-d", "-r -d -t /var/lib/none"):
        vm.shell.check("picoqga %s </dev/null >/dev/null 2>&1 &" % options if "-d" not in options else "picoqga %s" % options)
        with vm.agent() as agent:
            agent.sync()
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping with %r" % options)
            equal(agent.run("guest-get-osinfo")["kernel-release"], vm.shell.check("uname -r"), "kernel-release")
        vm.shell.check("killall picoqga; while pidof picoqga; do sleep 0.1; done")
    # What was asked for and can not be had is another matter.
    status, output = vm.shell.run("picoqga -d -f /run/picoqga.pid")
    equal((status, "Cannot open pid file '/run/picoqga.pid': No such file or directory" in output), (1, True), output)


def kernel_log(vm):
    return [line for line in vm.shell.check("dmesg").splitlines() if "picoqga[" in line]


@test(group="start", fixture=fresh)
def messages_go_to_the_kernel_where_nothing_else_listens(vm):
    # In the background, with a line that is not there: the second try is the one that is told there.
    vm.shell.check("picoqga -d -v -f /run/agent.pid")
    with vm.agent() as agent:
        agent.sync()
        agent.call("guest-ping")
    pid = int(vm.shell.check("cat /run/agent.pid"))
    said = "\n".join(kernel_log(vm))
    check("picoqga[%d]: info: guest-ping called" % pid in said, "the kernel's log has %s" % said)
    vm.shell.check("kill %d; while [ -e /run/agent.pid ]; do sleep 0.1; done; dmesg -c >/dev/null" % pid)
    # Without a standard error.
    vm.shell.check("sh -c 'exec picoqga -m isa-serial -p /no/such/tty -f /run/agent.pid 2>&-' &")
    vm.shell.check("while ! [ -e /run/agent.pid ]; do sleep 0.1; done; sleep 0.5; kill $(cat /run/agent.pid)")
    said = "\n".join(kernel_log(vm))
    check("error: error opening channel '/no/such/tty': No such file or directory; trying again" in said, said)


@test(group="start", fixture=fresh)
def messages_go_to_the_system_log(vm):
    vm.shell.check("syslogd -O /tmp/messages; while ! [ -S /dev/log ]; do sleep 0.1; done")
    # Not verbose: that a command was called is told all the same.
    vm.shell.check("picoqga -d -f /run/agent.pid")
    pid = int(vm.shell.check("cat /run/agent.pid"))
    with vm.agent() as agent:
        agent.sync()
        agent.call("guest-file-open", {"path": "/no/such/secret"})
        text = "picoqga[%d]: info: guest-file-open called" % pid
        vm.shell.check("while ! grep -qF '%s' /tmp/messages; do sleep 0.1; done" % text)
        check("daemon.info" in vm.shell.check("grep -F '%s' /tmp/messages" % text), "it is no daemon's message")
        check("secret" not in vm.shell.check("cat /tmp/messages"), "arguments are in the log")
        # The log is started anew, as when it is rotated by hand or updated.
        vm.shell.check("killall syslogd; while pidof syslogd; do sleep 0.1; done; rm -f /tmp/messages /dev/log")
        agent.call("guest-ping")
        vm.shell.check("syslogd -O /tmp/messages; while ! [ -S /dev/log ]; do sleep 0.1; done")
        agent.call("guest-get-time")
        vm.shell.check("while ! grep -qF 'guest-get-time called' /tmp/messages; do sleep 0.1; done")
    vm.shell.check("kill %d" % pid)


@test(group="start", fixture=fresh)
def the_system_log_may_come_after_the_agent(vm):
    vm.shell.check("picoqga -d -f /run/agent.pid; syslogd -O /tmp/messages; while ! [ -S /dev/log ]; do sleep 0.1; done")
    with vm.agent() as agent:
        agent.sync()
        vm.rest(0.5)
        agent.call("guest-ping")
        vm.shell.check("while ! grep -qF 'guest-ping called' /tmp/messages; do sleep 0.1; done")
    vm.shell.check("kill $(cat /run/agent.pid)")


@test(group="start", fixture=plain)
def a_port_is_given_as_a_descriptor(vm):
    device = vm.port_device("org.qemu.guest_agent.0")
    vm.shell.check("picoqga -m fd -p 7 -f /run/agent.pid -l /tmp/agent.log 7<>%s &" % device)
    for _ in range(3):
        # A host that goes is no end of a port.
        with vm.agent() as agent:
            agent.sync()
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
            agent.send(b'{"execute":"guest-pi')
        vm.rest(0.3)
    vm.shell.check("kill $(cat /run/agent.pid); while [ -e /run/agent.pid ]; do sleep 0.1; done")


def enabled(agent):
    return {entry["name"]: entry["enabled"] for entry in agent.run("guest-info")["supported_commands"]}


@test(group="start", fixture=plain)
def commands_that_can_not_work_now(vm):
    reasons = {"guest-get-vcpus": "no /sys/devices/system/cpu",
               "guest-set-vcpus": "no /sys/devices/system/cpu",
               "guest-set-memory-blocks": "no /sys/devices/system/memory",
               "guest-get-memory-block-info": "no /sys/devices/system/memory"}
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        before = enabled(agent)
        # There is no swap space here.
        without_swap = {"guest-suspend-disk", "guest-suspend-hybrid"}
        equal({name for name in before if not before[name]}, without_swap, "what can not work at first")
        # As in a kernel that is built without them.
        vm.shell.check("mount -t tmpfs none /sys/devices/system")
        try:
            now = enabled(agent)
            equal({name for name in now if not now[name]}, set(reasons) | without_swap, "what can not work now")
            for name, reason in reasons.items():
                wanted = {"error": {"class": "CommandNotFound", "desc": "Command %s has been disabled: %s" % (name, reason)}}
                equal(agent.call(name, {"nonsense": 1}), wanted, name)
            equal(agent.call("guest-get-memory-blocks"), {"return": []}, "a list of no blocks is none the less true")
        finally:
            vm.shell.check("umount /sys/devices/system")
        equal(enabled(agent), before, "what can work afterwards")
        check(len(agent.run("guest-get-vcpus")) > 0, "no processors")
