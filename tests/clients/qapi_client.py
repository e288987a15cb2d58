"""The client in qapi/, which is built when it is first asked for."""

import os
import subprocess

import oracle
from report import check

MANIFEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "qapi", "Cargo.toml")
TARGET = os.path.join(oracle.ROOT, "target", "qapi")


def build():
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--manifest-path", MANIFEST, "--target-dir", TARGET], check=True,
                   cwd=oracle.ROOT)


def conversation(socket, directory, *options, timeout=120):
    """What it says of each command: ok, error, left or FAILED; the command; why."""
    said = subprocess.run([os.path.join(TARGET, "debug", "qapi-replies"), socket, directory, *options], stdout=subprocess.PIPE,
                          timeout=timeout, check=False)
    lines = []
    for line in said.stdout.decode().splitlines():
        word, _, rest = line.partition(" ")
        name, _, why = rest.partition(": ")
        lines.append((word, name, why))
    words = {word for word, _, _ in lines}
    check(words <= {"ok", "error", "left", "FAILED"}, "it says: %s" % said.stdout.decode())
    check((said.returncode == 0) == ("ok" in words and "FAILED" not in words), "exit status %d" % said.returncode)
    return lines
