"""Going into the background: what the one who started it sees, and what the process that stays has let go of."""

import contextlib
import os
import signal
import stat
import subprocess
import tempfile

import agents
from common import Tested, agent, surroundings, test, until
from report import check, equal


@contextlib.contextmanager
def background(*options, directory):
    """An agent started with -d; its pid. What was started must end with status 0 and say nothing."""
    socket, pid_file = os.path.join(directory, "s"), os.path.join(directory, "pid")
    started = subprocess.run([Tested.kind.path, "-d", "-m", "unix-listen", "-p", "s", "-f", "pid", *options], cwd=directory,
                             capture_output=True, timeout=5, check=False, env=surroundings())
    equal((started.returncode, started.stdout, started.stderr), (0, b"", b""), "what the one who started it sees")
    # It has started, so all of this is there already.
    with open(pid_file) as file:
        pid = int(file.read())
    check(os.path.exists(socket), "there is no socket yet")
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not os.path.exists("/proc/%d/exe" % pid), "the end of the agent")
    check(not os.path.exists(pid_file), "the pid file is still there")


@test(group="background")
def it_lets_go_of_the_terminal_and_the_directory():
    with tempfile.TemporaryDirectory() as directory, background(directory=directory) as pid:
        for number in (0, 1, 2):
            equal(os.readlink("/proc/%d/fd/%d" % (pid, number)), "/dev/null", "descriptor %d" % number)
        equal(os.readlink("/proc/%d/cwd" % pid), "/", "the working directory")
        with open("/proc/%d/stat" % pid) as file:
            session = int(file.read().rpartition(")")[2].split()[3])
        equal(session, pid, "the session")
        equal(stat.S_IMODE(os.stat(os.path.join(directory, "pid")).st_mode), 0o600, "mode of the pid file")
        with agents.AgentClient(os.path.join(directory, "s")) as client:
            client.sync()


@test(group="background")
def a_key_of_the_configuration_file_sends_it_there_too():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "conf")
        with open(path, "w") as file:
            file.write("[general]\ndaemon=true\nmethod=unix-listen\npath=%s/s\npidfile=%s/pid\n" % (directory, directory))
        started = subprocess.run([Tested.kind.path, "-c", path], capture_output=True, timeout=5, check=False)
        equal((started.returncode, started.stderr), (0, b""), "what the one who started it sees")
        with open(os.path.join(directory, "pid")) as file:
            os.kill(int(file.read()), signal.SIGTERM)
        until(lambda: not os.path.exists(os.path.join(directory, "pid")), "the end of the agent")


@test(group="background")
def a_start_that_fails_is_told():
    with tempfile.TemporaryDirectory() as directory, background(directory=directory) as pid:
        os.mkdir(os.path.join(directory, "taken"))
        for options, text in (
                (["-p", "t", "-f", "pid"], b"Cannot lock pid file 'pid': Resource temporarily unavailable"),
                (["-p", "t", "-f", "no/such/pid"], b"Cannot open pid file 'no/such/pid': No such file or directory"),
                (["-p", "taken", "-f", "pid2"], b"error opening channel 'taken': Address already in use"),
                (["-p", "t", "-f", "pid2", "-l", "no/such/log"], b"unable to open log file 'no/such/log'"),
                (["-m", "fd", "-p", "77", "-f", "pid2"], b"descriptor '77': Bad file descriptor"),
                (["-m", "nonsense", "-p", "t", "-f", "pid2"], b"unsupported channel method/type: nonsense")):
            failed = subprocess.run([Tested.kind.path, "-d", "-m", "unix-listen", *options], cwd=directory,
                                    capture_output=True, timeout=5, check=False, env=surroundings())
            equal(failed.returncode, 1, "exit status with %s" % options)
            check(text in failed.stderr, "with %s: %s" % (options, failed.stderr))
            check(not os.path.exists(os.path.join(directory, "pid2")), "a pid file is left")
        with open(os.path.join(directory, "pid")) as file:
            equal(int(file.read()), pid, "the pid file of the first agent")


@test(group="background")
def a_missing_line_is_waited_for_there():
    with tempfile.TemporaryDirectory() as directory:
        started = subprocess.run([Tested.kind.path, "-d", "-m", "isa-serial", "-p", directory + "/tty", "-f", "pid", "-l", "log"],
                                 cwd=directory, capture_output=True, timeout=5, check=False, env=surroundings())
        equal(started.returncode, 0, "exit status")
        with open(os.path.join(directory, "pid")) as file:
            pid = int(file.read())
        with open(os.path.join(directory, "log")) as file:
            check("No such file or directory; trying again" in file.read(), "the log does not tell")
        os.kill(pid, signal.SIGTERM)
        until(lambda: not os.path.exists(os.path.join(directory, "pid")), "the end of the agent")


@test(group="background")
def without_d_the_pid_file_is_for_its_owner_only_as_well():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pid")
        with agent("-f", path, umask=0) as running:
            running.connect().close()
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the pid file")
