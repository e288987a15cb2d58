"""The lists of blocked and allowed commands: what guest-info tells of them, and what a command that may not run answers."""

from agents import Agent
from cases.basic import COMMANDS, can_not_work
from cases.cli import run
from declare import Subject

subject = Subject("lists")

# Enough of each kind to tell which of them a list is about.
ASKED = ("guest-ping", "guest-sync", "guest-info", "guest-get-time", "guest-file-open")


def note(t, kind, label, options, diff=None, ours=None, theirs=None):
    """What an agent with these options says it may run, and what it runs."""
    with Agent(kind, options=options, cwd=t.directory) as agent, agent.connect() as client:
        may = {}
        for name in ASKED:
            reply = client.call(name, {"nonsense": 1})
            may[name] = reply["error"]
        told = client.call("guest-info")
        if "return" in told:
            entries = {entry["name"]: entry["enabled"] for entry in told["return"]["supported_commands"]}
            told = {name: entries[name] for name in COMMANDS if not can_not_work(name)}
        if diff is None:
            t.note(label, (may, told))
        else:
            runs = {name: error["class"] != "CommandNotFound" for name, error in may.items()}
            t.note(label, runs, diff=diff, theirs=dict.fromkeys(ASKED, False) | theirs, ours=dict.fromkeys(ASKED, False) | ours)


for options in ([], ["-b", "guest-ping"], ["-b", "guest-ping,guest-sync", "-b", "guest-info"], ["-b", "guest-ping,nonsense,,"],
                ["-b", ""], ["-b", ","], ["-b", "Guest-ping"], ["-b", "guest-pin"], ["-a", "guest-ping,guest-info"],
                ["-a", "guest-ping", "-a", "guest-info,guest-sync"], ["-a", ""], ["-a", ","], ["-a", "nonsense"],
                ["-a", "guest-ping,guest-info", "-b", "guest-ping"], ["-a", "guest-info", "-b", "guest-info"],
                ["-b", "guest-sync,guest-sync-delimited"]):
    @subject.scenario(name=" ".join(options) or "none", agent=False)
    def listed(t, kind, options=options):
        note(t, kind, "with %s" % options, options)


@subject.scenario(agent=False)
def of_a_file(t, kind):
    t.file("conf", b"[general]\nblock-rpcs=guest-get-time\nallow-rpcs=guest-get-time,guest-ping\n")
    note(t, kind, "alone", ["-c", "conf"])
    note(t, kind, "and of the command line", ["-c", "conf", "-a", "guest-info", "-b", "guest-ping"])


@subject.scenario(agent=False, diff="list-separators")
def semicolons_and_blanks(t, kind):
    every = dict.fromkeys(ASKED, True)
    t.file("conf", b"[general]\nblock-rpcs=guest-ping;guest-sync;\n")
    note(t, kind, "a file blocks", ["-c", "conf"], diff="list-separators", theirs=every,
         ours=every | {"guest-ping": False, "guest-sync": False})
    t.file("conf", b"[general]\nallow-rpcs=guest-ping;guest-sync\n")
    note(t, kind, "a file allows", ["-c", "conf"], diff="list-separators", theirs={}, ours={"guest-ping": True, "guest-sync": True})
    note(t, kind, "blanks", ["-a", "guest-ping , guest-sync"], diff="list-separators", theirs={},
         ours={"guest-ping": True, "guest-sync": True})


for arguments in (["-b", "help"], ["-b", "?"], ["--block-rpcs=help"], ["-a", "help"], ["-a?"], ["-vb", "help", "-m", "nonsense"],
                  ["-b", "guest-ping", "-b", "help"], ["-b", "help", "-X"]):
    @subject.scenario(name="the names, with " + " ".join(arguments), agent=False)
    def names(t, kind, arguments=arguments):
        status, out, _ = run(t, kind, arguments)
        told = out.splitlines()
        t.note("status", status)
        t.note("ours are told", [name for name in COMMANDS if name not in told])
        t.note("all are commands", [name for name in told if not name.startswith("guest-")])
