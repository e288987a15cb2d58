"""Options on the command line: what is printed, and with which status the program ends."""

import os
import re
import subprocess

import oracle
from client import AgentClient
from declare import Subject

subject = Subject("cli")


def run(t, kind, arguments, env=None):
    """Runs the program and waits for its end. It must end by itself: every case here is of that kind."""
    surroundings = {**os.environ, **kind.environment, **(env or {})}
    done = subprocess.run([kind.path, *arguments], cwd=t.directory, env=surroundings, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


for arguments in (["-V"], ["--version"], ["-V", "-m", "unix-listen"], ["-v", "-V"]):
    def version(t, kind, arguments=arguments):
        status, out, err = run(t, kind, arguments)
        t.note("status", status)
        t.note("output", re.sub(r"picoqga [0-9.]+", "picoqga X.Y.Z", out), diff="version-line",
                theirs="QEMU Guest Agent %s\n" % oracle.version(),
               ours="QEMU Guest Agent 10.0.2 (picoqga X.Y.Z)\n")
        t.note("error output", err)
    subject.scenario(version, name=" ".join(arguments), diff="version-line", agent=False)

for arguments in (["-h"], ["--help"], ["-v", "-h"], ["--help", "-m", "nonsense"]):
    def usage(t, kind, arguments=arguments):
        status, out, err = run(t, kind, arguments)
        t.note("status", status)
        t.note("begins with", out.replace(kind.path, "AGENT")[:len("Usage: AGENT [")])
        t.note("error output", err)
        for option in ("-m", "-p", "-l", "-f", "-v", "-V", "-h", "-t", "-F", "--method", "--path", "--logfile", "--pidfile",
                "--verbose", "--version", "--help", "--statedir", "--fsfreeze-hook"):
            t.note("tells of %s" % option, option in out)
    subject.scenario(usage, name=" ".join(arguments), agent=False)

# Wrong: each ends with 1 and says something. What is said, in which stream and how often is for people.
for arguments in (["--nonsense"], ["-X"], ["-m"], ["-p"], ["--method"], ["--path"], ["-t"], ["-l"], ["-f"], ["--statedir"],
        ["-m", "nonsense", "-p", "x"], ["-m", "", "-p", "x"], ["-m", "unix-listen"],
                  ["--method=unix-listen"], ["-m", "vsock-listen"], ["-munix-listen"], ["--version=1"], ["-m", "unix-listen",
                  "-p", "no/such/directory/socket"],
                  ["-m", "vsock-listen", "-p", "nonsense"], ["-m", "vsock-listen", "-p", "x:1"], ["-m", "vsock-listen", "-p",
                  "3:x"], ["-m", "vsock-listen", "-p", "3:1x"],
                  ["-m", "unix-listen", "-p", "x" * 200], ["--nonsense", "-m", "unix-listen"]):
    def wrong(t, kind, arguments=arguments):
        status, out, err = run(t, kind, [*arguments, "-t", "."] if arguments[-1] not in ("-m", "-p", "-t", "-l", "-f",
                "--method", "--path", "--statedir") else arguments)
        t.note("status", status)
        t.note("says something", bool(out.strip() or err.strip()))
    subject.scenario(wrong, name=" ".join(arguments)[:60], agent=False)


for arguments in (["-m", "isa-serial", "-p", "no/such/tty"], ["-p", "no/such/port"], ["-m", "virtio-serial", "-p",
        "no/such/port"]):
    def waits(t, kind, arguments=arguments):
        process = subprocess.Popen([kind.path, *arguments, "-t", "."], cwd=t.directory,
                env={**os.environ, **kind.environment},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            ended = process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.terminate()
            ended = "it waits; SIGTERM ends it with %d" % process.wait(5.0)
        t.note("without the device", ended, diff="waits-for-port", theirs=1, ours="it waits; SIGTERM ends it with 0")
    subject.scenario(waits, name=" ".join(arguments), diff="waits-for-port", agent=False)


@subject.scenario(agent=False)
def an_abbreviated_option(t, kind):
    """getopt takes any unambiguous start of a long name."""
    status, _, _ = run(t, kind, ["--vers"])
    t.note("status", status)


@subject.scenario(agent=False)
def all_ways_to_give_a_value(t, kind):
    for arguments in (["-munix-listen", "-ps", "-t."], ["-m", "unix-listen", "-p", "s", "-t", "."], ["--method=unix-listen",
            "--path=s", "--statedir=."],
                      ["--method", "unix-listen", "--path", "s", "--statedir", "."], ["-vmunix-listen", "-p", "s", "-t", "."],
                      ["stray", "-m", "unix-listen", "-p", "s", "-t", ".", "words"],
                      ["-m", "isa-serial", "-m", "unix-listen", "-p", "other", "-p", "s", "-t", "."],
                      ["-F", "-m", "unix-listen", "-p", "s", "-t", "."],
                      ["-vF/nowhere", "--fsfreeze-hook", "-m", "unix-listen", "-p", "s", "-t", "."],
                      ["--fsfreeze-hook=/nowhere", "-m", "unix-listen", "-p", "s", "-t", "."]):
        process = subprocess.Popen([kind.path, *arguments], cwd=t.directory, env={**os.environ, **kind.environment},
                stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with AgentClient(t.path("s"), timeout=5.0) as client:
                t.note("answers with %s" % " ".join(arguments), client.call("guest-ping"))
        finally:
            process.kill()
            process.wait()
            if os.path.exists(t.path("s")):
                os.remove(t.path("s"))
