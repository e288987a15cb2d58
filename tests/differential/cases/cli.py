"""Options on the command line: what is printed, and with which status the program ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

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
        for option in ("-m", "-p", "-l", "-f", "-v", "-V", "-h", "-t", "-c", "-F", "-d", "-b", "-a", "-D", "-r", "--method",
                       "--path", "--logfile", "--pidfile", "--verbose", "--version", "--help", "--statedir", "--config",
                       "--fsfreeze-hook", "--daemonize", "--block-rpcs", "--allow-rpcs", "--dump-conf", "--retry-path"):
            t.note("tells of %s" % option, option in out)
    subject.scenario(usage, name=" ".join(arguments), agent=False)

# Wrong options: getopt's words, which qemu-ga prints for each of its two looks at the command line, and a hint.
for arguments in (["--nonsense"], ["--nonsense=1"], ["-X"], ["-vX"], ["-m"], ["-p"], ["-vp"], ["--method"], ["--path"], ["--pa"],
                  ["-t"], ["-l"], ["-f"], ["-c"], ["-b"], ["-a"], ["-s"], ["--statedir"], ["--config"], ["--version=1"],
                  ["--verb=1"], ["--daemonize="], ["--retry-path=yes"], ["--nonsense", "-m", "unix-listen"], ["-X", "-V"],
                  ["-X", "-D"], ["--ver"], ["--p", "x"], ["--d"]):
    def misspelt(t, kind, arguments=arguments):
        status, out, err = run(t, kind, arguments)
        t.note("status", status)
        t.note("output", out.replace(kind.path, "AGENT"))
        lines = err.replace(kind.path, "AGENT").splitlines()
        # Which of the possibilities comes first is decided by the order of a table.
        t.note("error", sorted({tuple(sorted(line.split())) for line in lines}))
        t.note("lines", len(lines), diff="option-error-once", theirs=2, ours=1)
    subject.scenario(misspelt, name=" ".join(arguments), diff="option-error-once", agent=False)

# Wrong values: each ends with 1 and says something. What is said is for people.
for arguments in (["-m", "nonsense", "-p", "x"], ["-m", "nonsense"], ["-m", "", "-p", "x"], ["-m", "unix-listen"],
                  ["--method=unix-listen"], ["-m", "vsock-listen"], ["-munix-listen"],
                  ["-m", "vsock-listen", "-p", "nonsense"], ["-m", "vsock-listen", "-p", "x:1"],
                  ["-m", "vsock-listen", "-p", "3:x"], ["-m", "vsock-listen", "-p", "3:1x"],
                  ["-m", "unix-listen", "-p", "x" * 200], ["-l", "no/such/log"], ["-l", "."]):
    def wrong(t, kind, arguments=arguments):
        status, out, err = run(t, kind, [*arguments, "-t", "."])
        t.note("status", status)
        t.note("output", out)
        t.note("says something", bool(err.strip()))
    subject.scenario(wrong, name=" ".join(arguments)[:60], agent=False)


for arguments in (["-m", "isa-serial", "-p", "no/such/tty"], ["-p", "no/such/port"], ["-m", "virtio-serial", "-p",
        "no/such/port"], ["-m", "unix-listen", "-p", "no/such/directory/socket"]):
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


@subject.scenario(agent=False, diff=["pid-file-asked-for", "background-start-told"])
def pid_files(t, kind):
    """Over a socket in a directory of its own, so that each agent is reached by its own path."""
    with background(t, kind, ["-f", t.path("pid"), "-p", "s"]) as (status, said):
        t.note("with -d", (status, said))
        with AgentClient(t.path("s"), timeout=5.0) as client:
            t.note("it answers", client.call("guest-ping"))
        text = read(t, "pid")
        t.note("the file is a number and a line feed", bool(re.fullmatch("[0-9]+\n", text)))
        t.mode("pid")
        second = run(t, kind, ["-d", "-m", "unix-listen", "-p", "other", "-t", ".", "-f", t.path("pid")])
        t.note("a second one", second[0], diff="background-start-told", theirs=0, ours=1)
        time.sleep(0.2)
        t.note("the file is as it was", read(t, "pid") == text)
    t.note("afterwards", os.path.exists(t.path("pid")))
    process = subprocess.Popen([kind.path, "-m", "unix-listen", "-p", "s", "-t", ".", "-f", t.path("pid")], cwd=t.directory,
                               env={**os.environ, **kind.environment}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        AgentClient(t.path("s"), timeout=5.0).close()
        t.note("without -d", os.path.exists(t.path("pid")), diff="pid-file-asked-for", theirs=False, ours=True)
    finally:
        process.kill()
        process.wait()


@subject.scenario(agent=False, diff="file-umask")
def files_of_an_agent_in_the_background(t, kind):
    with background(t, kind, ["-f", t.path("pid"), "-p", "s", "-l", t.path("log")]), AgentClient(t.path("s"), timeout=5.0) as client:
        client.run("guest-exec", {"path": "/bin/sh", "arg": ["-c", "umask >%s" % t.path("umask")]})
        client.run("guest-file-open", {"path": t.path("opened"), "mode": "w"})
        deadline = time.monotonic() + 5
        while not (os.path.exists(t.path("umask")) and read(t, "umask")) and time.monotonic() < deadline:
            time.sleep(0.02)
        t.note("the umask of programs", read(t, "umask"))
        t.mode("umask")
        t.mode("log")
        t.mode("opened", diff="file-umask", theirs="0o666", ours="0o644")


def read(t, name):
    with open(t.path(name)) as file:
        return file.read()


@contextlib.contextmanager
def background(t, kind, options):
    status, _, err = run(t, kind, ["-d", "-m", "unix-listen", "-t", ".", *options])
    deadline = time.monotonic() + 5
    # The real one may have ended before its child is there.
    while not (os.path.exists(t.path("pid")) and read(t, "pid")) and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int(read(t, "pid"))
    try:
        yield status, err
    finally:
        os.kill(pid, signal.SIGTERM)
        while os.path.exists(t.path("pid")) and time.monotonic() < deadline + 5:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# Sockets that a service manager hands over. Each is descriptor 3 of an agent that is told so.
def activated(t, kind, count, prepare, arguments, pid="$$"):
    script = 'export LISTEN_PID=%s LISTEN_FDS=%s; exec "$@"' % (pid, count)
    return subprocess.Popen(["sh", "-c", script, "sh", kind.path, "-t", ".", *arguments], cwd=t.directory,
                            env={**os.environ, **kind.environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, close_fds=False, preexec_fn=prepare)


def as_three(line, *more):
    def prepare():
        # A descriptor that is its own copy would be closed.
        spare = os.dup(line.fileno())
        for number in (3, *more):
            os.dup2(spare, number)
        if spare not in (3, *more):
            os.close(spare)
    return prepare


@subject.scenario(agent=False)
def a_socket_that_is_handed_over(t, kind):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(t.path("s"))
        listener.listen(1)
        for arguments in ([], ["-m", "isa-serial", "-p", "/x"]):
            process = activated(t, kind, 1, as_three(listener), ["-D", *arguments])
            out, err = process.communicate(timeout=5)
            t.note("dump with %s" % arguments, (process.returncode, out, err))
            process = activated(t, kind, 1, as_three(listener), arguments)
            try:
                for number in range(2):
                    with AgentClient(t.path("s"), timeout=5.0) as client:
                        t.note("client %d with %s" % (number, arguments), client.call("guest-ping"))
            finally:
                process.kill()
                process.communicate()


@subject.scenario(agent=False)
def sockets_that_can_not_be_handed_over(t, kind):
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(1)
        unix.bind(t.path("s"))
        unix.listen(1)
        for label, count, prepare, pid in (
                ("another family", 1, as_three(tcp), "$$"), ("two", 2, as_three(unix, 4), "$$"),
                ("a closed one", 1, lambda: os.closerange(3, 20), "$$"), ("none", 0, None, "$$"), ("no number", "1x", None, "$$"),
                ("for another process", 1, as_three(unix), 1)):
            process = activated(t, kind, count, prepare, ["-D"], pid)
            out, err = process.communicate(timeout=5)
            texts = ("unsupported listen fd type", "qemu-ga only supports listening on one socket",
                     "Socket activation failed: invalid file descriptor fd = 3: Bad file descriptor")
            t.note(label, (process.returncode, out, [text for text in texts if text.encode() in err]))


@subject.scenario(agent=False, diff="listen-fds-negative")
def a_negative_number_of_sockets(t, kind):
    process = activated(t, kind, -1, None, ["-D"])
    process.communicate(timeout=5)
    t.note("status", process.returncode, diff="listen-fds-negative", theirs=-signal.SIGABRT, ours=0)


@subject.scenario(agent=False, diff="method-fd")
def a_descriptor_as_the_line(t, kind):
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([kind.path, "-m", "fd", "-p", "3", "-t", "."], cwd=t.directory, stdin=subprocess.DEVNULL,
                               env={**os.environ, **kind.environment}, stderr=subprocess.DEVNULL, close_fds=False,
                               preexec_fn=as_three(theirs))
    theirs.close()
    ours.settimeout(5)
    with contextlib.suppress(OSError):
        ours.sendall(b'{"execute":"guest-ping"}')
    try:
        answer = ours.recv(100)
    except OSError:
        answer = b""
    ours.close()
    t.note("answer and status", (answer, process.wait(5)), diff="method-fd", theirs=(b"", 1), ours=(b'{"return": {}}\n', 0))
