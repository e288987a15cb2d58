#!/usr/bin/env python3
"""Speaks to picoqga and to the real qemu-ga as each of their clients does, and decodes every reply with the qapi crate.

    python3 tests/clients/run.py [--agent PATH] [--no-qapi] [WORD ...]

Each scenario is played with both, and what the client concludes has to be the same. What changes a machine is played in a
virtual one: tests/vm/clients.py. Needs target/oracle (ci/oracle fetches it), a built picoqga, and cargo for the crate.
WORDs choose the scenarios whose names contain one of them.
"""

import argparse
import contextlib
import os
import sys
import tempfile

# Nothing is to be left in the source tree.
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "host"))

import agents  # noqa: E402
import oracle  # noqa: E402
import qapi_client  # noqa: E402
from report import Runner, Skip, check, equal  # noqa: E402
from required import ENABLED, REQUIRED  # noqa: E402
from suite import Place  # noqa: E402
from subjects import SUBJECTS  # noqa: E402

SIDES = ("theirs", "ours")
TIME_ZONE = "XYZ-5:45"
OS_RELEASE = """NAME="Little Linux"
VERSION="1.2 (Tester)"
ID=little
VERSION_ID=1.2
PRETTY_NAME="Little Linux 1.2 (Tester)"
VARIANT="Server"
VARIANT_ID=server
"""


def main():
    parser = argparse.ArgumentParser(description="speak to picoqga and qemu-ga as their clients do")
    parser.add_argument("--agent", metavar="PATH", help="the picoqga to test (default: the release build)")
    parser.add_argument("--no-qapi", action="store_true", help="without the qapi crate, which has to be built")
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    kinds = {"theirs": agents.real(), "ours": agents.picoqga(options.agent)}
    print("qemu-ga %s and %s" % (oracle.version(), kinds["ours"].path))

    runner = Runner("clients")
    for subject in SUBJECTS:
        for scenario in subject.scenarios:
            if chosen(scenario.name, options.words):
                play(runner, kinds, scenario)
    requirements(runner, kinds, options.words)
    if not options.no_qapi and chosen("qapi", options.words):
        qapi(runner, kinds)
    sys.exit(0 if runner.finish(options.words) else 1)


def chosen(name, words):
    return not words or any(word in name for word in words)


@contextlib.contextmanager
def place(kinds, side):
    """A new agent, in a directory of its own. Time zone and system are given: what the machine has of them, the two agents may
    read differently."""
    with tempfile.TemporaryDirectory(prefix="clients-") as directory:
        release = os.path.join(directory, "os-release")
        with open(release, "w") as file:
            file.write(OS_RELEASE)
        with agents.Agent(kinds[side], env={"TZ": TIME_ZONE, "QGA_OS_RELEASE": release}) as agent:
            agent.connect().close()
            yield Place(agent.socket, agent.directory, side)


def play(runner, kinds, scenario):
    """With both agents; then compares what the client concluded."""
    concluded = {}
    for side in SIDES:
        def run(side=side):
            with place(kinds, side) as found:
                concluded[side] = scenario.play(found)
        runner.attempt("%s (%s)" % (scenario.name, kinds[side].name), run)
    if len(concluded) == len(SIDES):
        runner.attempt("%s (both alike)" % scenario.name, lambda: equal(concluded["ours"], concluded["theirs"], "with picoqga"),
                       quiet=True)


def requirements(runner, kinds, words):
    """Of each client, that all its commands are there."""
    with place(kinds, "ours") as found:
        listed = found.commands
    for client, commands in sorted(REQUIRED.items()):
        def required(client=client, commands=commands):
            equal(sorted(commands - set(listed)), [], "commands that %s calls and picoqga has not" % client)
            if client in ENABLED:
                equal(sorted(name for name in commands if not listed[name]), [], "commands that are not enabled")
        if chosen("required/" + client, words):
            runner.attempt("required/" + client, required)


def qapi(runner, kinds):
    """The Rust client; what it says of each command is a test of its own."""
    if not runner.attempt("qapi/build", qapi_client.build):
        return
    refusals = {}
    for side in SIDES:
        def converse(side=side):
            with place(kinds, side) as found:
                lines = qapi_client.conversation(found.socket, found.directory)
            refusals[side] = {name for word, name, _ in lines if word == "error"}
            for word, name, why in lines:
                runner.attempt("qapi/%s (%s)" % (name, kinds[side].name), lambda word=word, why=why: verdict(word, why))
        runner.attempt("qapi/conversation (%s)" % kinds[side].name, converse, quiet=True)
    # What qemu-ga can not answer on this machine, picoqga may refuse as well.
    if len(refusals) == len(SIDES):
        runner.attempt("qapi/refusals", lambda: equal(sorted(refusals["ours"] - refusals["theirs"]), [],
                       "what picoqga refuses, and qemu-ga answers"))


def verdict(word, why):
    if word == "left":
        raise Skip(why)
    check(word in ("ok", "error"), why)


if __name__ == "__main__":
    try:
        main()
    except (oracle.NoOracle, FileNotFoundError) as missing:
        sys.exit("clients: %s" % missing)
