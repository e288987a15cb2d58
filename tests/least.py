#!/usr/bin/env python3
"""A build without the commands that can be left out (`--no-default-features --features linux`): they are not there at all.

    tests/least.py --agent PATH [WORDS]
"""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "host"))

import agents  # noqa: E402  (the path above comes first)
from report import Runner, check, equal  # noqa: E402

runner = Runner("least")
test = runner.test

# What every build has.
COMMANDS = ["guest-info", "guest-ping", "guest-sync", "guest-sync-delimited"]
# One of each group that can be left out.
LEFT_OUT = ["guest-exec", "guest-file-open", "guest-fsfreeze-freeze", "guest-fstrim", "guest-get-disks", "guest-get-host-name", "guest-get-time", "guest-get-vcpus",
            "guest-network-get-interfaces", "guest-set-user-password", "guest-shutdown", "guest-ssh-get-authorized-keys",
            "guest-suspend-ram"]


class Tested:
    kind = None


@test
def commands_left_out_are_not_found():
    with agents.Agent(Tested.kind) as running, running.connect() as client:
        listed = client.run("guest-info")["supported_commands"]
        equal(sorted(entry["name"] for entry in listed), COMMANDS, "guest-info")
        for name in LEFT_OUT:
            equal(client.call(name, {"nonsense": 1})["error"],
                  {"class": "CommandNotFound", "desc": "The command %s has not been found" % name}, name)
        client.sync()


@test
def nothing_else_tells_of_them():
    names = subprocess.run([Tested.kind.path, "-b", "help"], capture_output=True, check=True, text=True).stdout.split()
    equal(sorted(names), COMMANDS, "-b help")
    done = subprocess.run([Tested.kind.path, "--check"], capture_output=True, check=False, text=True)
    equal((done.returncode, done.stdout), (1, ""), "status and output of --check")
    check("--check was left out when this agent was built" in done.stderr, done.stderr)


if __name__ == "__main__":
    words = sys.argv[1:]
    index = words.index("--agent")
    Tested.kind = agents.picoqga(words[index + 1])
    sys.argv[1:] = words[:index] + words[index + 2:]
    runner.main()
