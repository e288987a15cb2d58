"""The real qemu-ga that `ci/oracle` unpacked under target/oracle: where it is, what it needs, what version it is."""

import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIRECTORY = os.path.join(ROOT, "target", "oracle")


class NoOracle(Exception):
    """There is no usable qemu-ga; the message says what to run."""


def binary():
    """The path of the real agent."""
    for part in ("usr/sbin/qemu-ga", "usr/bin/qemu-ga"):
        path = os.path.join(DIRECTORY, "root", part)
        if os.access(path, os.X_OK):
            return path
    raise NoOracle("no qemu-ga under %s: run ci/oracle first" % os.path.relpath(DIRECTORY, os.getcwd()))


def environment(*others):
    """What must be in its environment, so that it finds the libraries that were unpacked beside it, and under `others`."""
    directories = set()
    for root in (os.path.join(DIRECTORY, "root"), *others):
        for directory, _, names in os.walk(root):
            if any(re.search(r"\.so\.", name) for name in names):
                directories.add(directory)
    return {"LD_LIBRARY_PATH": ":".join(sorted(directories))} if directories else {}


def libraries(program, *others):
    """The paths of the libraries that a program asks for, and of their loader, by ldd; none for a static one. `others`: where
    more of them were unpacked."""
    surroundings = {**os.environ, **environment(*others)} if os.path.isdir(DIRECTORY) else None
    listed = subprocess.run(["ldd", program], env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    # `name => /path (address)`, or the loader: `/path (address)`.
    return re.findall(r"^\s*(?:\S+ => )?(/\S+) \(", listed.stdout.decode(), re.M)


def version():
    """Such as 10.0.2, from the running agent, because the file beside it could be stale."""
    output = subprocess.run([binary(), "-V"], env={**os.environ, **environment()}, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=20, check=False).stdout.decode(errors="replace")
    found = re.search(r"QEMU Guest Agent ([0-9.]+)", output)
    if not found:
        raise NoOracle("qemu-ga -V says: %s" % output.strip())
    return found.group(1).rstrip(".")


def texts_comparable():
    """Error texts are compared to the byte with the release series whose texts picoqga gives, by class with any other."""
    return version().startswith("10.0.")
