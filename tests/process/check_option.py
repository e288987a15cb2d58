"""`--check`: both of its forms, beside an agent that runs. What it says of commands is compared with what they do in tests/vm."""

import json
import os
import subprocess
import tempfile

from common import Tested, agent, surroundings, test
from report import check, equal

STATES = {"works", "partly", "blocked", "missing", "fails"}


def checked(*options, cwd="/"):
    """The entries of both forms, which must be the same, and the exit status."""
    def run(form):
        return subprocess.run([Tested.kind.path, form, *options], cwd=cwd, capture_output=True, timeout=20, check=False,
                              env=surroundings(), text=True)

    table, told = run("--check"), run("--check=json")
    equal((table.stderr, told.stderr), ("", ""), "standard error")
    equal(table.returncode, told.returncode, "exit status of the two forms")
    value = json.loads(told.stdout)
    equal(sorted(value), ["agent", "commands", "works"], "members")
    entries = value["agent"] + value["commands"]
    lines = table.stdout.splitlines()
    equal(len(lines), len(entries), "lines")
    for line, entry in zip(lines, entries):
        check(set(entry) <= {"name", "state", "reason", "hint"} and entry["state"] in STATES, entry)
        check("reason" in entry or entry["state"] == "works", entry)
        reason = ": ".join(entry[member] for member in ("reason", "hint") if member in entry)
        name = entry["name"].ljust(33) + " "
        equal(line, name + (entry["state"].ljust(9) + reason if reason else entry["state"]), "line")
    fails = any(entry["state"] == "fails" for entry in entries)
    equal((table.returncode, value["works"]), (int(fails), not fails), "exit status")
    return value["agent"], value["commands"], table.returncode


@test(group="check")
def it_tells_of_each_command_in_both_forms():
    with agent() as running, running.connect() as client:
        line, commands, _ = checked("-m", "unix-listen", "-p", running.socket)
        equal(line, [{"name": running.socket, "state": "works"}], "the line to the host")
        told = {entry["name"]: entry["enabled"] for entry in client.run("guest-info")["supported_commands"]}
        equal({entry["name"]: entry["state"] not in ("blocked", "missing") for entry in commands}, told, "commands")
        equal([entry["name"] for entry in commands], sorted(told), "their order")
        client.sync()


@test(group="check")
def it_follows_the_options_and_the_file():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "conf")
        with open(path, "w") as file:
            file.write("[general]\nmethod=unix-listen\npath=/nowhere/at/all\nblock-rpcs=guest-get-time\nlogfile=log\n")
        line, commands, status = checked("-c", path, "--block-rpcs=guest-ping", "-f", "/nowhere/pid", cwd=directory)
        equal(line, [{"name": "/nowhere/at/all", "state": "fails", "reason": "No such file or directory",
                      "hint": "make it, or name another"},
                     {"name": "log", "state": "works"},
                     {"name": "/nowhere/pid", "state": "fails", "reason": "No such file or directory",
                      "hint": "make it, or name another"}], "the agent's own")
        blocked = [entry for entry in commands if entry["state"] == "blocked"]
        equal(blocked, [{"name": name, "state": "blocked", "reason": "the command is not allowed"}
                        for name in ("guest-get-time", "guest-ping")], "what is blocked")
        equal(status, 1, "exit status")
        equal(os.listdir(directory), ["conf"], "files")


@test(group="check")
def what_is_wrong_with_the_options_is_told():
    for options, name, reason in ((("-m", "pigeon"), "pigeon", "unsupported channel method/type: pigeon"),
                                  (("-m", "unix-listen"), "unix-listen", "must specify a path for this channel"),
                                  (("-m", "vsock-listen", "-p", "x:1"), "x:1", "Failed to parse cid 'x'")):
        line, _, status = checked(*options)
        equal((line[0]["name"], line[0]["state"], line[0]["reason"], status), (name, "fails", reason, 1), options)
    # Longer than anything that is held of it.
    line, _, _ = checked("-p", "/" + "\x01" * 100000)
    equal((line[0]["name"], line[0]["state"]), ("/" + "\x01" * 4095, "fails"), "a path that is none")
    for options in (("--check=xml",), ("--check", "-c", "/nowhere"), ("--check", "--nonsense")):
        ended = subprocess.run([Tested.kind.path, *options], capture_output=True, timeout=5, check=False, env=surroundings())
        equal(ended.returncode, 1, "exit status of %s" % (options,))
        check(ended.stderr, "%s says nothing" % (options,))
