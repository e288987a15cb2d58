"""What targets/initramfs makes for users: an image that boots by itself, and a piece to append to an image they have."""

import contextlib
import os
import subprocess
import tempfile
import time

import oracle
from client import AgentClient
from guest import Options, libraries, test
from report import check, equal
from vm import DIRECTORY, Vm

# An init as the README of targets/initramfs tells a user to write it.
OWN_INIT = """#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module; do insmod /lib/picoqga/$module; done </lib/picoqga/order
while :; do picoqga; sleep 1; done &
while :; do sleep 1000; done
"""


def build(output, *options):
    command = [os.path.join(oracle.ROOT, "targets", "initramfs", "build"), "--agent", Options.agent, "--output", output,
               "--modules", os.path.join(DIRECTORY, "kernel", "modules"), *options]
    for addition in libraries(Options.agent):
        command += ["--add", addition]
    subprocess.run(command, check=True)


def own_image(directory):
    """An initramfs as a user may have one: busybox and an init, made with nothing of ours."""
    root = os.path.join(directory, "root")
    for name in ("bin", "dev", "proc", "sys"):
        os.makedirs(os.path.join(root, name))
    subprocess.run(["cp", os.path.join(DIRECTORY, "busybox"), os.path.join(root, "bin", "busybox")], check=True)
    os.symlink("busybox", os.path.join(root, "bin", "sh"))
    init = os.path.join(root, "init")
    with open(init, "w") as file:
        file.write(OWN_INIT)
    os.chmod(init, 0o755)
    image = os.path.join(directory, "own.img")
    with open(image, "wb") as file:
        subprocess.run("find . | cpio -o -H newc --quiet | gzip -1", shell=True, cwd=root, stdout=file, check=True)
    return image


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="image-", dir=DIRECTORY) as path:
        yield path


@test(group="initramfs", fixture=directory)
def the_same_input_gives_the_same_image(path):
    images = []
    for name in ("one", "two"):
        output = os.path.join(path, name)
        build(output, "--busybox", os.path.join(DIRECTORY, "busybox"))
        with open(output, "rb") as file:
            images.append(file.read())
    equal(images[0] == images[1], True, "two images of the same input are equal")


@test(group="initramfs", fixture=directory)
def appended_to_an_image_of_somebody_else(path):
    ours, both = os.path.join(path, "ours.img"), os.path.join(path, "both.img")
    build(ours)
    with open(both, "wb") as file:
        for image in (own_image(path), ours):
            with open(image, "rb") as part:
                file.write(part.read())
    with Vm(both, accel=Options.accel, append=Options.append) as vm, vm.agent() as agent:
        agent.sync()
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")


@test(group="initramfs", fixture=directory)
def the_kernel_unpacks_what_xz_has_compressed(path):
    image, smaller = os.path.join(path, "guest.img"), os.path.join(path, "smaller.img")
    build(image, "--busybox", os.path.join(DIRECTORY, "busybox"))
    build(smaller, "--busybox", os.path.join(DIRECTORY, "busybox"), "--compress", "xz")
    listed = subprocess.run(["xz", "--list", "--robot", "-vv", smaller], check=True, capture_output=True, text=True).stdout
    check("--x86" in listed, "the filter for x86 was not used:\n" + listed)
    sizes = [os.path.getsize(each) for each in (smaller, image)]
    check(sizes[0] < sizes[1], "%d bytes by xz, %d by gzip" % tuple(sizes))
    with Vm(smaller, accel=Options.accel, append=Options.append) as vm, vm.agent() as agent:
        agent.sync()
        equal(agent.call("guest-ping"), {"return": {}}, "guest-ping")


@test(group="initramfs", fixture=directory)
def the_init_starts_a_new_agent(path):
    image = os.path.join(path, "guest.img")
    build(image, "--busybox", os.path.join(DIRECTORY, "busybox"))
    with Vm(image, accel=Options.accel, append="picoqga.shell", console_socket=True) as vm:
        with vm.agent() as agent:
            agent.sync()
        with AgentClient(vm.path("console.sock"), 10) as console:
            console.send(b"\n")
            console.read_quiet(1.0)
            # What is typed is echoed with \r\n behind it; the answer is the line that is a number.
            before = ask(console, b"pidof picoqga")
            console.send(b"kill -KILL %d\n" % before)
            time.sleep(2)
            after = ask(console, b"pidof picoqga")
            check(after != before, "the agent has still pid %d" % before)
        with vm.agent() as agent:
            agent.sync()
            equal(agent.call("guest-ping"), {"return": {}}, "guest-ping to the new agent")


def ask(console, command):
    """The number a command typed at the console prints."""
    console.send(command + b"\n")
    for line in console.read_quiet(1.0).splitlines():
        if line.strip().isdigit():
            return int(line)
    raise AssertionError("%r printed no number on the console" % command)
