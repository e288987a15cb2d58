"""A very small test runner, so that a test on the host needs nothing but Python.

    from report import Runner
    runner = Runner("files")
    test = runner.test

    @test
    def a_short_read(): ...

    @test(fixture=some_context_manager)       # called per test; what it yields is the argument
    def a_long_read(agent): ...

    if __name__ == "__main__":
        runner.main()

Prints `ok NAME (seconds)` or `FAILED NAME` with the reason for each, then `SUITE: N passed, N failed`. The exit status is 1
when a test failed and when none was run. Words on the command line choose the tests whose names contain one of them.
A test that raises `Skip` counts as neither: `skipped NAME: why`, and the last line says how many.
"""

import contextlib
import sys
import time
import traceback


class Skip(Exception):
    """What the test asks about is not there; the message says what. Not for what should be there."""


class Runner:
    """The tests of one suite, in the order in which they were written."""

    def __init__(self, suite):
        self.suite = suite
        self.tests = []
        self.passed = 0
        self.failed = []
        self.skipped = 0
        self.began = time.monotonic()

    def test(self, function=None, *, group=None, fixture=None, name=None):
        """Declares a test: bare, or with a `group` (prefixed to the name), a `fixture` and a `name`."""
        def declare(function):
            full = name or function.__name__
            full = "%s/%s" % (group, full) if group else full
            if any(full == known for known, _, _ in self.tests):
                raise ValueError("two tests are named %s" % full)
            self.tests.append((full, function, fixture))
            return function
        return declare if function is None else declare(function)

    def chosen(self, filters):
        return [entry for entry in self.tests if not filters or any(word in entry[0] for word in filters)]

    def run(self, filters=()):
        """Runs what the filters choose. Returns whether something ran and all of it passed."""
        self.attempt_all(filters)
        return self.finish(filters)

    def attempt_all(self, filters=(), group=""):
        """Runs what the filters choose, of one group if it is given."""
        for name, function, fixture in self.chosen(filters):
            if name.startswith(group + "/" if group else ""):
                self.attempt(name, function, fixture)

    def attempt(self, name, function, fixture=None, quiet=False):
        """Runs one test and prints its line (`quiet`: only if it failed or was skipped). Returns whether it passed."""
        began = time.monotonic()
        try:
            if fixture is None:
                function()
            else:
                with contextlib.ExitStack() as stack:
                    function(stack.enter_context(fixture()))
        except KeyboardInterrupt:
            raise
        except Skip as why:
            self.skipped += 1
            print("skipped %s: %s" % (name, why), flush=True)
            return False
        # SystemExit too: a test that calls sys.exit must not end the suite as if it had passed.
        except BaseException as error:  # noqa: B902
            self.failed.append(name)
            print("FAILED %s" % name)
            for line in reason(error):
                print("    " + line)
            sys.stdout.flush()
            return False
        self.passed += 1
        if not quiet:
            print("ok %s (%.2f s)" % (name, time.monotonic() - began), flush=True)
        return True

    def finish(self, filters=()):
        """Prints the last line. Returns whether something ran and all of it passed."""
        ran = self.passed + len(self.failed)
        if ran == 0:
            print("no test was run%s" % (": none has %s in its name" % " or ".join(filters) if filters else ""))
        # Again at the end, where a long run is read.
        for name in self.failed:
            print("failed: %s" % name)
        skipped = ", %d skipped" % self.skipped if self.skipped else ""
        print("%s: %d passed, %d failed%s" % (self.suite, self.passed, len(self.failed), skipped), flush=True)
        return ran > 0 and not self.failed

    def main(self, filters=None):
        """Runs and ends the program with the suite's exit status."""
        filters = sys.argv[1:] if filters is None else filters
        sys.exit(0 if self.run(filters) else 1)


def reason(error):
    """Lines that say why: the message, and where in the test it happened."""
    text = str(error) or "(no message)"
    lines = ["%s: %s" % (type(error).__name__, line) if number == 0 else line
             for number, line in enumerate(text.splitlines())]
    for frame in traceback.extract_tb(error.__traceback__)[1:]:
        lines.append("at %s:%d: %s" % (frame.filename.rsplit("/", 1)[-1], frame.lineno, frame.line))
    if error.__cause__ is not None:
        lines.append("because of %s: %s" % (type(error.__cause__).__name__, error.__cause__))
    return lines


def check(condition, message):
    """An assertion that also holds under `python -O`."""
    if not condition:
        raise AssertionError(message)


def equal(got, expected, what="value"):
    if got != expected:
        raise AssertionError("%s: expected %r, got %r" % (what, expected, got))
