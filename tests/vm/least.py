"""The least build, which takes no options, as the agent of a guest that has nothing else: it serves, and stops the machine."""

import contextlib
import os
import subprocess
import tempfile

import oracle
from client import request
from guest import Options, test
from report import check, equal
from vm import DIRECTORY, Vm

FEATURES = "linux,power"
TARGET = "x86_64-unknown-linux-musl"


@contextlib.contextmanager
def machine():
    """A guest that boots what targets/initramfs makes with such an agent."""
    target = os.path.join(oracle.ROOT, "target", "least")
    subprocess.run(["cargo", "build", "--quiet", "--release", "--target", TARGET, "--target-dir", target,
                    "--no-default-features", "--features", FEATURES], cwd=oracle.ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="least-", dir=DIRECTORY) as directory:
        image = os.path.join(directory, "least.img")
        subprocess.run([os.path.join(oracle.ROOT, "targets", "initramfs", "build"), "--output", image,
                        "--agent", os.path.join(target, TARGET, "release", "picoqga"),
                        "--busybox", os.path.join(DIRECTORY, "busybox"),
                        "--modules", os.path.join(DIRECTORY, "kernel", "modules")], check=True)
        with Vm(image, accel=Options.accel, append=Options.append) as vm:
            yield vm


@test(group="least", fixture=machine)
def it_serves_and_powers_down(vm):
    with vm.agent() as agent:
        agent.sync()
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")
        listed = [entry["name"] for entry in agent.run("guest-info")["supported_commands"]]
        equal(listed, ["guest-info", "guest-ping", "guest-shutdown", "guest-sync", "guest-sync-delimited"], "guest-info")
        reply = agent.call("guest-shutdown", {"mode": "off"})
        check(reply["error"]["desc"].startswith("mode is invalid (valid values are: halt|powerdown|reboot"), reply)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after a bad mode")
    # Another host.
    with vm.agent() as agent:
        agent.sync()
        agent.send(request("guest-shutdown", {"mode": "powerdown"}))
        equal(vm.qmp.wait_event("SHUTDOWN", 30)["data"]["guest"], True, "the guest did it")
    equal(vm.wait_exit(), 0, "QEMU's exit status")


@test(group="least", fixture=machine)
def it_reboots(vm):
    with vm.agent() as agent:
        agent.sync()
        agent.send(request("guest-shutdown", {"mode": "reboot"}))
        vm.qmp.wait_event("RESET", 30)
    with vm.agent() as agent:
        agent.sync(timeout=60)
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping after the reboot")
