"""guest-get-fsinfo, guest-get-disks and guest-fstrim: what this machine has, and images mounted in a mount namespace, one for
each agent.

Such a namespace has a root in memory with nothing in it but the agent, so that guest-fstrim can not reach what the machine
itself is on. To mount an image takes root; without, those cases are left out.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

import oracle
from agents import Agent, Kind
from declare import Subject

subject = Subject("file-systems")

# Seen under the same path inside and outside, and in memory.
SHARED = "/dev/shm"
# How long a reply may take, in seconds.
PATIENCE = 60.0
MIB = 1 << 20

# Run in a new mount namespace with the new root, the shared directory and a script. It moves into the root, says that it is
# there, and stays until its input ends.
HOLDER = """
import ctypes, os, subprocess, sys
root, shared, script = sys.argv[1:]
def run(script):
    subprocess.run(["sh", "-e", "-c", script], check=True, cwd=root, env={**os.environ, "IMAGES": shared})
run("mount --make-rprivate /; mount --bind . .")
os.chdir(root)
run("mkdir -p proc sys dev run tmp old mnt; for d in proc sys dev; do mount --rbind /$d $d; done")
run(script)
libc = ctypes.CDLL(None, use_errno=True)
for result in (libc.pivot_root(b".", b"old"), os.chdir("/"), libc.umount2(b"/old", 2)):
    if result not in (0, None):
        sys.exit(os.strerror(ctypes.get_errno()))
os.chdir(shared)
print("here", flush=True)
sys.stdin.readline()
"""


def put(root, path):
    target = root + os.path.abspath(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(path, target)


@contextlib.contextmanager
def agent_with(kind, images, script):
    """An agent that sees `images` (names and sizes in MiB, ext4) mounted as the script did it. Gives a client of it."""
    shared = tempfile.mkdtemp(prefix="case-", dir=SHARED)
    root = tempfile.mkdtemp(prefix="root-", dir=SHARED)
    holder = None
    try:
        for path in [kind.path, *oracle.libraries(kind.path)]:
            put(root, path)
        for name, size in images.items():
            path = os.path.join(shared, name)
            with open(path, "wb") as file:
                file.truncate(size * MIB)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", path], check=True,
                           env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        holder = subprocess.Popen(["unshare", "--mount", "--", sys.executable, "-c", HOLDER, root, shared, script],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if holder.stdout.readline() != b"here\n":
            raise AssertionError("no mount namespace can be made, or no image mounted in it")
        with open("/proc/%d/mountinfo" % holder.pid, errors="replace") as file:
            devices = {line.split()[2].split(":")[0] for line in file}
        if not devices <= {"0", "7"}:
            raise AssertionError("more than loop devices is mounted there: %s" % devices)
        enter = ["nsenter", "--target=%d" % holder.pid, "--mount", "--root", "--wd"]
        with Agent(Kind(kind.name, kind.path, kind.environment, kind.exit_must_be_zero, cage=[*enter, "--"]),
                   directory=shared) as agent:
            client = agent.connect()
            try:
                yield client, shared
            finally:
                client.close()
    finally:
        if holder is not None:
            holder.communicate(b"\n")
        shutil.rmtree(shared, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


def ask(client, command, arguments=None):
    return client.call(command, arguments, timeout=PATIENCE)["return"]


SIZES = ("used-bytes", "total-bytes", "total-bytes-privileged")


def normal(entry):
    """An entry without the number of the loop device, which is chance."""
    if not entry["name"].startswith("loop"):
        raise AssertionError("%s is no loop device" % entry["name"])
    return {**entry, "name": "loop"}


def case(diff=None):
    def declare(function):
        # Not everybody may mount.
        if os.geteuid() == 0:
            subject.scenario(function, name=function.__name__, diff=diff, agent=False)
        return function
    return declare


@subject.scenario
def this_machine(t):
    reply = t.client.call("guest-get-fsinfo", {}, id=1, timeout=PATIENCE)
    t.note("id", reply["id"])
    for entry in reply["return"]:
        # They change while nobody does anything.
        for name in SIZES:
            t.near("%s of %s" % (name, entry["name"]), entry.pop(name), shutil.disk_usage(entry["mountpoint"]).total, 1 << 45)
        for disk in entry["disk"]:
            if not os.path.isdir("/run/udev/data"):
                # Then qemu-ga does not know it.
                disk.pop("serial", None)
        entry["disk"].sort(key=str)
        t.note("the entry of %s" % entry["name"], entry)
    t.call("guest-get-fsinfo", {"x": 1})


@subject.scenario
def disks_of_this_machine(t):
    reply = t.client.call("guest-get-disks", {}, id=1, timeout=PATIENCE)
    t.note("id", reply["id"])
    has_udev = os.path.isdir("/run/udev/data")
    for entry in sorted(reply["return"], key=lambda entry: entry["name"]):
        if not has_udev:
            # Then qemu-ga does not know them (disk-alias, disk-serial).
            entry.pop("alias", None)
            entry.get("address", {}).pop("serial", None)
        if "dependencies" in entry:
            entry["dependencies"].sort()
        t.note("the entry of %s" % entry["name"], entry)
    t.call("guest-get-disks", {"x": 1})


@case()
def images(t, kind):
    with agent_with(kind, {"a": 8, "b": 16, "c": 32}, """
            mkdir -p mnt/a mnt/b 'mnt/with blank' mnt/again
            mount -o loop $IMAGES/a mnt/a; mount -o loop,ro $IMAGES/b mnt/b; mount -o loop $IMAGES/c 'mnt/with blank'
            mount --bind mnt/a mnt/again; mkdir mnt/b/x 2>/dev/null || :""") as (client, _):
        listed = ask(client, "guest-get-fsinfo")
    t.note("guest-get-fsinfo", [normal(entry) for entry in listed])


@case()
def none_at_all(t, kind):
    with agent_with(kind, {}, "") as (client, _):
        t.note("guest-get-fsinfo", ask(client, "guest-get-fsinfo"))
        t.note("guest-fstrim", ask(client, "guest-fstrim"))


@case()
def names_with_odd_characters(t, kind):
    with agent_with(kind, {"a": 8}, r"""
            d=$(printf 'mnt/\t\\ "\303\244\377#\n\033$')
            mkdir -p "$d"; mount -o loop $IMAGES/a "$d" """) as (client, _):
        t.note("guest-get-fsinfo", [normal(entry) for entry in ask(client, "guest-get-fsinfo")])
        t.note("guest-fstrim", [entry["path"] for entry in ask(client, "guest-fstrim")["paths"]])


@case()
def trimmed(t, kind):
    with agent_with(kind, {"a": 32, "b": 16}, """
            mkdir -p mnt/a mnt/b mnt/c; mount -o loop $IMAGES/a mnt/a; mount -o loop $IMAGES/b mnt/b
            mount --bind mnt/a mnt/c""") as (client, shared):
        for arguments in ({"minimum": 1 << 31}, {"minimum": -1}, {"minimum": 4 * MIB}, {"minimum": 0}, {}, None):
            t.note("guest-fstrim %s" % arguments, ask(client, "guest-fstrim", arguments))


@case()
def read_only_without_journal(t, kind):
    with agent_with(kind, {"a": 8, "b": 8}, """
            mkdir -p mnt/a mnt/b; mount -o loop,ro,noload $IMAGES/a mnt/a; mount -o loop $IMAGES/b mnt/b""") as (client, _):
        t.note("guest-fstrim", ask(client, "guest-fstrim"))


@case(diff="mount-covered")
def one_over_the_other(t, kind):
    with agent_with(kind, {"a": 8}, """
            mkdir -p mnt/a mnt/again; mount -o loop $IMAGES/a mnt/a; mount --bind mnt/a mnt/again
            mount -t tmpfs -o size=1m none mnt/a""") as (client, _):
        entry = normal(ask(client, "guest-get-fsinfo")[0])
        told = [entry.pop(name) for name in SIZES]
        t.note("the entry without sizes", entry)
        t.note("the sizes are those of the image", told[2] > 4 * MIB, diff="mount-covered", theirs=False, ours=True)
        paths = ask(client, "guest-fstrim")["paths"]
        t.note("paths", [path["path"] for path in paths])
        t.note("members", sorted(paths[0]), diff="mount-covered", theirs=["error", "path"],
               ours=["minimum", "path", "trimmed"])


for value in ("null", "true", '"x"', '""', "1.0", "1e3", "[]", "{}", "9223372036854775808", "-9223372036854775809"):
    subject.wire("guest-fstrim with minimum %s" % value,
                 ('{"execute":"guest-fstrim","arguments":{"minimum":%s}}' % value).encode())
subject.wire("guest-fstrim with a stranger", b'{"execute":"guest-fstrim","arguments":{"minimum":1,"x":2},"id":3}')
