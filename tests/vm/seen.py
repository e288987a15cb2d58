"""What was seen of each command from outside of its reply: in the guest's own files, on its disk, on QEMU's side.

Tests note it with `seen(command, what)`, with the values they read there; the run prints a line for each command at its end.
"""

import os
import sys

import guest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "differential"))

import differences  # noqa: E402  (the path above comes first)

# By command, what its tests have noted; a test that runs again notes it anew.
noted = {}
# The ids of docs/differences.md that a test has shown, on both agents.
shown = set()


def seen(command, what):
    """Notes what a test has seen of a command. Only after it was checked."""
    noted.setdefault(command, [])
    if what not in noted[command]:
        noted[command].append(what)


def print_lines():
    print("\nWhat was seen of each command from outside:")
    width = max(map(len, noted), default=0)
    for command in sorted(noted):
        print("  %s  %s" % (command.ljust(width), "; ".join(noted[command])))


def declare_checks():
    """The tests that nothing was left out. They are declared last, because they look back at a whole run."""
    @guest.test(group="seen", fixture=guest.plain)
    def each_command_was_seen_from_outside(vm):
        with vm.running_agent(), vm.agent() as agent:
            names = {command["name"] for command in agent.run("guest-info")["supported_commands"]}
        missing = sorted(names - set(noted))
        if missing:
            raise AssertionError("no test notes what it saw of %s" % ", ".join(missing))

    @guest.test(group="seen")
    def each_difference_was_shown():
        wanted = {identifier for identifier, one in differences.read().items() if "VM tests" in one.shown_by}
        if wanted != shown:
            raise AssertionError("docs/differences.md and the tests disagree on %s" % ", ".join(sorted(wanted ^ shown)))
