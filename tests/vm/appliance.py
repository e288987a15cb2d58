"""What targets/appliance installs, booted: busybox's init on a disk whose root is not written to."""

import base64
import contextlib
import os
import subprocess
import tempfile
import time

import oracle
from guest import Options, test
from report import check, equal
from vm import DIRECTORY, Vm


@contextlib.contextmanager
def appliance():
    with tempfile.TemporaryDirectory(prefix="appliance-", dir=DIRECTORY) as path:
        subprocess.run([os.path.join(oracle.ROOT, "targets", "appliance", "build"), "--agent", Options.agent, "--output", path,
                        "--busybox", os.path.join(DIRECTORY, "busybox"), "--modules", os.path.join(DIRECTORY, "kernel", "modules")],
                       check=True)
        with Vm(os.path.join(path, "boot.img"), accel=Options.accel, disks=[os.path.join(path, "root.img")]) as vm:
            yield vm


def shell(agent, script):
    """Runs a script through the agent; its exit status and output. There is no other way in."""
    pid = agent.run("guest-exec", {"path": "/bin/sh", "arg": ["-c", script], "capture-output": True})["pid"]
    deadline = time.monotonic() + 20
    while True:
        status = agent.run("guest-exec-status", {"pid": pid})
        if status["exited"]:
            return status.get("exitcode"), base64.b64decode(status.get("out-data", "")).decode()
        check(time.monotonic() < deadline, "%r does not end" % script)
        time.sleep(0.05)


@test(group="appliance", fixture=appliance)
def the_init_starts_it_again_on_a_root_that_is_not_written_to(vm):
    with vm.agent(timeout=60) as agent:
        agent.sync()
        status, mounts = shell(agent, "cat /proc/mounts")
        root = [line for line in mounts.splitlines() if line.split()[1:3] == ["/", "ext4"]]
        check(len(root) == 1 and root[0].split()[3].startswith("ro"), "the root: %s" % root)
        check(shell(agent, "touch /etc/x")[0] != 0, "the root can be written to")
        # Nothing but the init is its parent, and what the inittab says is all that runs.
        status, first = shell(agent, "echo $PPID; cat /proc/$PPID/cmdline; grep PPid /proc/$PPID/status; [ -L /dev/virtio-ports ]")
        equal(first.split("\n")[1:-1], ["/usr/sbin/picoqga\0PPid:\t1"], "how it was started")
        status, table = shell(agent, "/usr/sbin/picoqga --check")
        failing = [line for line in table.splitlines() if line.split()[1] in ("fails", "partly")]
        equal([line.split()[0] for line in failing], ["guest-set-user-password", "guest-ssh-add-authorized-keys",
              "guest-ssh-remove-authorized-keys"], "what does not work in such a guest, by --check")
        equal(status, 1, "exit status of --check")
    for signal in ("KILL", "TERM", "SEGV"):
        with vm.agent(timeout=60) as agent:
            agent.sync()
            before = shell(agent, "echo $PPID")[1]
            # A while later, so that the answer is out before.
            agent.run("guest-exec", {"path": "/bin/sh", "arg": ["-c", "kill -%s $PPID" % signal]})
        time.sleep(2)
        with vm.agent(timeout=60) as agent:
            agent.sync()
            after = shell(agent, "echo $PPID")[1]
            check(before != after, "after SIG%s the agent has still pid %s" % (signal, after))
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after SIG%s" % signal)
    with vm.agent(timeout=60) as agent:
        agent.sync()
        agent.send(b'{"execute": "guest-shutdown"}')
        equal(vm.qmp.wait_event("SHUTDOWN", 60)["data"]["guest"], True, "the guest switched itself off")
