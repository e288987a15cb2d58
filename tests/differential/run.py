#!/usr/bin/env python3
"""Plays the same cases against the real qemu-ga and picoqga, and compares what they answer.

    python3 tests/differential/run.py [--agent PATH] [--oracle-only] [--seed N] [--every-cut] [--verbose] [FILTER...]

Needs target/oracle (ci/oracle fetches it) and a built picoqga. FILTER chooses cases whose `subject/name` contains one of the words.
--oracle-only plays qemu-ga against itself: it shows that the harness works and that what known differences say of qemu-ga holds.
"""

import argparse
import importlib
import os
import pkgutil
import signal
import sys
import time

# Nothing is to be left in the source tree.
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "host"))

import agents  # noqa: E402
import cases  # noqa: E402
import differences  # noqa: E402
import oracle  # noqa: E402
from compare import Comparison, unequal  # noqa: E402
from declare import Wire  # noqa: E402
from line import Whole  # noqa: E402
from report import Runner  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="compare picoqga with qemu-ga")
    parser.add_argument("--agent", metavar="PATH", help="the picoqga to test (default: the release build)")
    parser.add_argument("--oracle-only", action="store_true", help="play qemu-ga against itself")
    parser.add_argument("--seed", type=int, default=None, help="of the random cuts (default: the time)")
    parser.add_argument("--every-cut", action="store_true", help="replay short cases cut in two at every byte, too")
    parser.add_argument("--verbose", action="store_true", help="print passed cases as well")
    parser.add_argument("filters", nargs="*", metavar="FILTER")
    options = parser.parse_args()
    # Deep nesting is a case, and Python's reader of JSON recurses.
    sys.setrecursionlimit(20000)
    # As a shell leaves it to what it starts in the background; elsewhere it is not so, and the agents are to be compared alike.
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)

    seed = options.seed if options.seed is not None else int(time.time())
    texts = oracle.texts_comparable()
    known = differences.read()
    chosen = [case for subject in subjects() for case in subject.cases
              if not options.filters or any(word in case.full_name for word in options.filters)]
    unknown = sorted({diff for case in chosen for diff in case.diffs if diff not in known})
    if unknown:
        sys.exit("differential: not in docs/differences.md: %s" % ", ".join(unknown))

    real = agents.real()
    ours = real if options.oracle_only else agents.picoqga(options.agent)
    print("qemu-ga %s and %s, random cuts with seed %d" % (oracle.version(), ours.path, seed))
    if not texts:
        print("NOTE: this qemu-ga is not 10.0.x, so error texts are not compared, only their classes")
    sys.exit(0 if play(chosen, known, Comparison(real, ours, texts, seed, options.every_cut), options) else 1)


def play(chosen, known, comparison, options):
    runner = Runner("differential")
    used = set()
    with comparison:
        for case in chosen:
            if options.oracle_only and case.diffs:
                # Both sides are qemu-ga here, so what is said of ours can not hold; what is said of qemu-ga can.
                check = lambda case=case: fail_if(theirs_only(comparison, case))  # noqa: E731
            else:
                check = lambda case=case: fail_if(comparison.play(case))  # noqa: E731
            runner.attempt(case.full_name, check, quiet=not options.verbose)
            used.update(case.diffs)
    if not options.filters and not options.oracle_only:
        fail_unshown(runner, known, used)
        fail_unknown(runner, known)
    differing = sum(1 for case in chosen if case.diffs)
    print("%d cases in %d subjects, %d replays in pieces; %d cases show %d known differences"
          % (len(chosen), len({case.subject for case in chosen}), comparison.replays, differing, len(used)))
    return runner.finish(options.filters)


def theirs_only(comparison, case):
    """The complaints about what qemu-ga does; those about ours are left out."""
    if isinstance(case, Wire):
        got = comparison.replies(comparison.exchange("theirs", case.data, Whole()))
        if case.exact is not None:
            return ["the difference has gone"] if got == comparison.replies(case.exact) else []
        expected = comparison.replies(b"".join(line + b"\n" for line in case.theirs))
        return unequal("qemu-ga", expected, got)
    talk = comparison.talk(case, "theirs", Whole())
    return ["%s: expected %r, got %r" % (record.label, record.expected["theirs"], record.value) for record in talk.records
            if record.diff is not None and not comparison.equal(record.expected["theirs"], record.value)]


def fail_unshown(runner, known, used):
    """A difference that is said to be shown here must have a case here."""
    for identifier, difference in known.items():
        if "differential" in difference.shown_by and identifier not in used:
            runner.attempt("differences/%s" % identifier, lambda: fail_if(["no case here shows it"]))


def fail_unknown(runner, known):
    """What the sources name must be in the table."""
    for identifier, path in sorted(differences.named_in_sources().items()):
        if identifier not in known:
            runner.attempt("differences/%s" % identifier,
                    lambda path=path: fail_if(["%s names it; docs/differences.md does not" % path]))


def fail_if(wrong):
    if wrong:
        raise AssertionError("\n".join(wrong))


def subjects():
    """The `subject` of every module in cases/."""
    found = []
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda module: module.name):
        found.append(importlib.import_module("cases.%s" % module.name).subject)
    return found


if __name__ == "__main__":
    try:
        main()
    except (oracle.NoOracle, FileNotFoundError) as missing:
        sys.exit("differential: %s" % missing)
