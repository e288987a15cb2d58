"""An agent that may not do what it is asked: each refusal names what was refused and why, and nothing has changed."""

import contextlib
import os
import tempfile

from guest import Guest, test
from report import check, equal
from storage import ext4
from vm import DIRECTORY


@contextlib.contextmanager
def with_disk():
    with tempfile.TemporaryDirectory(prefix="disk-", dir=DIRECTORY) as directory:
        disk = ext4(os.path.join(directory, "disk"), 16)
        with Guest(disks=[disk], devices=("-smp", "2")) as vm:
            vm.shell.check("mount -t ext4 /dev/vda /mnt; printf 'root:x:0:0::/root:/bin/sh\\nnobody:x:65534:65534::/:/bin/sh\\n' "
                           ">/etc/passwd; echo 'root:*:1::::::' >/etc/shadow; chmod 600 /etc/shadow; chmod 666 /dev/vport*")
            vm.shell.check("su nobody -s /bin/sh -c 'exec picoqga' </dev/null >/tmp/agent.out 2>&1 & echo $!")
            yield vm


@test(group="unprivileged", fixture=with_disk)
def each_refusal_says_why(vm):
    def refusal(command, arguments=None):
        return agent.call(command, arguments)["error"]["desc"]

    with vm.agent() as agent:
        agent.sync()
        equal(vm.shell.check("grep ^Uid /proc/$(pidof picoqga)/status").split()[1], "65534", "user of the agent")
        before = vm.shell.check("cat /etc/shadow /sys/devices/system/cpu/cpu1/online /sys/devices/system/memory/memory1/state")
        said = {
            "guest-set-time": refusal("guest-set-time", {"time": 10 ** 18}),
            "guest-set-vcpus": refusal("guest-set-vcpus", {"vcpus": [{"logical-id": 1, "online": False}]}),
            "guest-set-user-password": refusal("guest-set-user-password",
                                               {"username": "root", "password": "eA==", "crypted": False}),
            "guest-fsfreeze-freeze": refusal("guest-fsfreeze-freeze"),
            "guest-suspend-ram": refusal("guest-suspend-ram"),
            "guest-shutdown": refusal("guest-shutdown"),
            "guest-file-open": refusal("guest-file-open", {"path": "/etc/shadow"}),
        }
        for command, text in said.items():
            print("    %s: %s" % (command, text))
            check("Permission denied" in text or "Operation not permitted" in text, "%s says %r" % (command, text))
        equal(agent.run("guest-fsfreeze-status"), "thawed", "guest-fsfreeze-status")
        result = agent.run("guest-set-memory-blocks", {"mem-blks": [{"phys-index": 1, "online": False}]})
        equal(result, [{"phys-index": 1, "response": "operation-failed", "error-code": 13}], "guest-set-memory-blocks")
        trimmed = agent.run("guest-fstrim")["paths"]
        equal(trimmed, [{"path": "/mnt", "error": "failed to trim: Operation not permitted"}], "guest-fstrim")
        # What only looks works all the same.
        equal(agent.run("guest-get-fsinfo")[0]["mountpoint"], "/mnt", "guest-get-fsinfo")
        equal(len(agent.run("guest-get-vcpus")), 2, "guest-get-vcpus")
        check(agent.run("guest-network-get-interfaces"), "guest-network-get-interfaces")
        vm.shell.check("umount /sys; umount /proc")
        # It may mount nothing either.
        for command in ("guest-get-vcpus", "guest-get-fsinfo", "guest-get-cpustats"):
            check("error" in agent.call(command), "%s without /proc and /sys" % command)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
        vm.shell.check("mount -t proc proc /proc; mount -t sysfs sys /sys; echo x >/mnt/f")
        after = vm.shell.check("cat /etc/shadow /sys/devices/system/cpu/cpu1/online /sys/devices/system/memory/memory1/state")
        equal(after, before, "what they were to change")
        check(int(vm.shell.check("date +%s")) > 10 ** 9 + 10 ** 6, "the clock is where it was")
