"""Lines that the agent is given, and lines that are not there yet."""

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import time

import agents
from client import request
from common import Tested, end, surroundings, test, until
from report import check, equal

PONG = b'{"return": {}}\n'


@contextlib.contextmanager
def given(fd, *options, number=3, activated=False):
    """An agent that is started with `fd` as its descriptor `number`."""
    command = [Tested.kind.path, *options]
    if activated:
        command = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", *command]

    def place():
        # A descriptor that is its own copy would be closed.
        spare = os.dup(fd)
        os.dup2(spare, number)
        if spare != number:
            os.close(spare)

    process = subprocess.Popen(command, stdin=None if number == 0 else subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env=surroundings(), close_fds=False, preexec_fn=place)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


def ask(line, what):
    line.settimeout(5)
    line.sendall(request("guest-ping"))
    equal(line.recv(100), PONG, what)


@test(group="lines")
def a_connected_socket_serves_until_it_is_closed():
    for number in (3, 0, 9):
        ours, theirs = socket.socketpair()
        with given(theirs.fileno(), "-m", "fd", "-p", str(number), number=number) as process:
            theirs.close()
            ask(ours, "over descriptor %d" % number)
            ours.close()
            equal(process.wait(5), 0, "exit status once the socket is closed")


@test(group="lines")
def sigterm_ends_an_agent_with_a_given_line():
    ours, theirs = socket.socketpair()
    with given(theirs.fileno(), "-m", "fd", "-p", "3") as process:
        ask(ours, "reply")
        equal(end(process, signal.SIGTERM)[0], 0, "exit status")


@test(group="lines")
def a_given_terminal_is_a_serial_line():
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    with given(slave, "-m", "fd", "-p", "3"):
        until(lambda: answered(master, 4), "an answer over the terminal")
        # What was sent before the line was made ready is lost, and what was sent often is answered often.
        time.sleep(0.3)
        with contextlib.suppress(BlockingIOError):
            os.read(master, 10000)
        os.write(master, request("guest-sync-delimited", {"id": 12}) + b"\n")
        got = until(lambda: os.read(master, 100) if select.select([master], [], [], 0)[0] else b"", "a reply")
        equal(got, b'\xff{"return": 12}\n', "reply, as it is: no echo, no carriage return")
    os.close(master)
    os.close(slave)


def answered(master, number):
    """Asks over a terminal, whose other end may not be ready; whether an answer is there already."""
    os.write(master, request("guest-sync-delimited", {"id": number}))
    try:
        return b'\xff{"return": %d}' % number in os.read(master, 10000)
    except BlockingIOError:
        return False


@test(group="lines")
def a_given_listener_serves_one_client_after_the_other():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "s")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        for activated, options in ((False, ["-m", "fd", "-p", "3"]), (True, []), (True, ["-m", "isa-serial", "-p", "/x"])):
            with given(listener.fileno(), *options, activated=activated) as process:
                for _ in range(2):
                    with agents.AgentClient(path) as client:
                        client.sync()
                equal(end(process)[0], 0, "exit status with %s" % options)
        listener.close()


@test(group="lines")
def what_is_no_line_is_refused():
    reader, writer = os.pipe()
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    tcp = socket.socket()
    tcp.bind(("127.0.0.1", 0))
    tcp.listen(1)
    with tempfile.TemporaryFile() as file:
        for fd, text in ((reader, b"descriptor '3' is not open for both reading and writing"),
                         (writer, b"descriptor '3' is not open for both reading and writing"),
                         (file.fileno(), b"descriptor '3' is no stream socket, terminal or port"),
                         (datagrams.fileno(), b"descriptor '3' is no stream socket, terminal or port"),
                         (tcp.fileno(), b"descriptor '3' is no stream socket, terminal or port")):
            with given(fd, "-m", "fd", "-p", "3") as process:
                equal(process.wait(5), 1, "exit status")
                said = process.stderr.read()
                check(text in said, said)
    for path, text in (("77", b"descriptor '77': Bad file descriptor"), ("x", b"number of a descriptor, not 'x'"),
                       ("", b"number of a descriptor, not ''"), ("-1", b"not '-1'"), ("4294967296", b"not '4294967296'")):
        with given(reader, "-m", "fd", "-p", path) as process:
            equal(process.wait(5), 1, "exit status with -p %s" % path)
            said = process.stderr.read()
            check(text in said, said)
    os.close(reader)
    os.close(writer)
    datagrams.close()
    tcp.close()


@test(group="lines")
def a_directory_that_is_made_later_is_waited_for():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "later", "s")
        process = subprocess.Popen([Tested.kind.path, "-m", "unix-listen", "-p", path], stderr=subprocess.PIPE,
                                   env=surroundings())
        try:
            said = process.stderr.readline()
            check(b"error opening channel '%s': No such file or directory; trying again" % path.encode() in said, said)
            os.mkdir(os.path.dirname(path))
            until(lambda: os.path.exists(path), "the socket")
            for _ in range(2):
                with agents.AgentClient(path) as client:
                    client.sync()
        finally:
            equal(end(process)[0], 0, "exit status")
            process.stderr.close()


@test(group="lines")
def a_serial_line_that_is_made_later_is_waited_for():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "tty")
        process = subprocess.Popen([Tested.kind.path, "-m", "isa-serial", "-p", path], stderr=subprocess.PIPE, env=surroundings())
        try:
            check(b"trying again" in process.stderr.readline(), "it does not tell that it waits")
            master, slave = pty.openpty()
            os.symlink(os.ttyname(slave), path)
            os.set_blocking(master, False)

            until(lambda: answered(master, 5), "an answer over the line")
            os.close(master)
            os.close(slave)
        finally:
            equal(end(process)[0], 0, "exit status")
            process.stderr.close()
