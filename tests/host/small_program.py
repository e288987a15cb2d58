"""The small programs of one file that tests need: built with the compiler that is pinned for the agent, and static like it."""

import os
import subprocess

import oracle

WITHOUT = os.path.join(oracle.ROOT, "tests", "host", "without.rs")


def build(source, output):
    # In the repository, which is where the pinned compiler is found.
    subprocess.run(["rustc", "--edition", "2024", "--target", "x86_64-unknown-linux-musl", "-O", "-C", "panic=abort",
                    "-C", "strip=symbols", "-C", "linker=rust-lld", "-o", output, source], cwd=oracle.ROOT, check=True)
