"""guest-file-open and -close: modes, paths, permissions, handles."""

import os
import socket
import stat
import subprocess
import time

from agents import Agent
from client import AgentClient
from declare import Subject

subject = Subject("files-open")

VALID = ("r", "rb", "w", "wb", "a", "ab", "r+", "rb+", "r+b", "w+", "wb+", "w+b", "a+", "ab+", "a+b")
INVALID = ("", "x", "rw", "wr", "b", "br", "R", "W", "+r", "+", "r++", "rbb", "rb+b", "r+b+", "wx", "w+x", "re", "rt", "r ",
        " r", "r b", "r,ccs=utf-8", "aw", "ra", "a++",
           "bw", "w\\", "r\"", "r\u00e9", "r" * 50, "read", "0", "r\n", "r\u0000", "\u0000")

for mode in VALID:
    # One function a mode, so that a failure names it.
    def existing(t, mode=mode):
        t.file("f", b"hello world")
        handle = t.open("f", mode)
        t.seek(handle, 0, "cur")
        t.write(handle, b"AB")
        t.seek(handle, 0, "cur")
        t.seek(handle, 0, "set")
        t.read(handle, 5)
        t.flush(handle)
        t.close(handle)
        t.content("f")

    def missing(t, mode=mode):
        handle = t.open("f", mode)
        t.exists("f")
        if handle is not None:
            t.write(handle, b"AB")
            t.seek(handle, 0, "set")
            t.read(handle, 5)
            t.write(handle, b"CD")
            t.close(handle)
            t.content("f")
            t.mode("f")

    def directory(t, mode=mode):
        os.mkdir(t.path("d"))
        handle = t.open("d", mode)
        if handle is not None:
            t.read(handle)
            t.seek(handle, 0, "set")
            t.write(handle, b"x")
            t.close(handle)

    def through_a_symlink(t, mode=mode):
        t.file("f", b"hello")
        os.symlink("f", t.path("link"))
        handle = t.open("link", mode)
        t.close(handle)
        t.content("f")

    def dangling(t, mode=mode):
        os.symlink("nowhere", t.path("link"))
        t.open("link", mode)
        t.exists("nowhere")

    def no_directory(t, mode=mode):
        t.open("no/such/file", mode)

    subject.scenario(existing, name="mode %s, existing" % mode)
    subject.scenario(missing, name="mode %s, missing, umask 0" % mode, umask=0)
    subject.scenario(directory, name="mode %s, directory" % mode)
    subject.scenario(through_a_symlink, name="mode %s, symlink" % mode)
    subject.scenario(dangling, name="mode %s, dangling symlink" % mode)
    subject.scenario(no_directory, name="mode %s, no directory" % mode)

for mode in INVALID:
    def invalid(t, mode=mode):
        t.file("f", b"hello")
        t.open("f", mode)
        t.open("missing", mode)
        t.open("", mode)
        t.exists("missing")
        t.content("f")
    subject.scenario(invalid, name="mode %s is invalid" % ascii(mode))


@subject.scenario
def the_mode_is_r_by_default(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle)
    t.write(handle, b"x")
    t.close(handle)
    t.open("missing")


for umask, ours in ((0o022, "0o644"), (0o077, "0o600"), (0o027, "0o640"), (0o777, "0o0")):
    def masked(t, ours=ours):
        for mode in ("w", "a", "w+", "a+"):
            t.close(t.open("new-" + mode, mode))
            t.mode("new-" + mode, diff="file-umask", theirs="0o666", ours=ours)
    subject.scenario(masked, name="umask %03o" % umask, umask=umask, diff="file-umask")


@subject.scenario(umask=0o077)
def an_old_file_keeps_its_mode(t):
    t.file("f", b"x", 0o640)
    t.close(t.open("f", "w"))
    t.mode("f")
    t.close(t.open("f", "a+"))
    t.mode("f")


# Paths

for label, path in (("empty", ""), ("a dot", "."), ("two dots", ".."), ("a slash", "/"), ("a slash at the end", "f/"),
        ("two slashes", ".//f"), ("up and down", "d/../f"), ("a component that is a file", "f/x"),
                    ("a long name", "n" * 255), ("too long a name", "n" * 256), ("a long path", "./" * 2000 + "f"),
                    ("blanks", "a b"), ("quotes", "a\"b'c"),
                    ("a backslash", "a\\b"), ("a newline", "a\nb"), ("a tab", "a\tb"), ("U+00E9", "caf\u00e9"),
                    ("beyond the BMP", "\U0001f600"), ("DEL", "a\x7fb"), ("percent", "%s%n"), ("a dollar", "$HOME"),
                    ("tilde", "~/f"), ("a dash", "-"), ("a url", "file:///etc/passwd")):
    def named(t, path=path):
        os.mkdir(t.path("d"))
        t.file("f", b"hello")
        for mode in ("r", "w", "a+"):
            handle = t.open(path, mode)
            if handle is not None:
                t.read(handle, 3)
                t.close(handle)
        t.note("names", sorted(ascii(name) for name in os.listdir(t.directory)))
    subject.scenario(named, name="path: %s" % label, umask=0)


@subject.scenario
def an_absolute_path(t):
    t.file("f", b"hello")
    t.file("with \"quotes\"", b"quoted")
    handle = t.client.call("guest-file-open", {"path": t.path("f")})["return"]
    t.handles[handle] = "H"
    t.read(handle)


@subject.scenario(diff="path-nul")
def a_nul_in_the_path(t):
    t.open("foo\0bar", "w", diff="path-nul", theirs={"return": "H1"},
           ours={"error": {"class": "GenericError", "desc": "failed to open file 'foo\0bar' (mode: 'w'): Invalid argument"}})
    t.note("names", sorted(map(ascii, os.listdir(os.fsencode(t.directory)))), diff="path-nul", theirs=["b'foo\\xc0\\x80bar'"],
            ours=[])


@subject.scenario(diff="path-nul")
def a_nul_at_the_end_of_the_path(t):
    t.file("f", b"hello")
    t.open("f\0", diff="path-nul",
           theirs={"error": {"class": "GenericError",
           "desc": "failed to open file 'f\0' (mode: 'r'): No such file or directory"}},
           ours={"error": {"class": "GenericError", "desc": "failed to open file 'f\0' (mode: 'r'): Invalid argument"}})


@subject.scenario
def symlink_loop(t):
    os.symlink("b", t.path("a"))
    os.symlink("a", t.path("b"))
    for mode in ("r", "w", "a", "r+"):
        t.open("a", mode)


@subject.scenario
def a_symlink_to_a_directory(t):
    os.mkdir(t.path("d"))
    os.symlink("d", t.path("link"))
    t.open("link", "w")
    t.open("link/new", "w")
    t.exists("d/new")


@subject.scenario
def a_socket(t):
    listener = socket.socket(socket.AF_UNIX)
    # A socket's address is short; the directory's may not be.
    here = os.getcwd()
    os.chdir(t.directory)
    try:
        listener.bind("s")
    finally:
        os.chdir(here)
    for mode in ("r", "w", "a", "r+"):
        t.open("s", mode)
    listener.close()


@subject.scenario
def a_fifo_without_reader(t):
    os.mkfifo(t.path("p"))
    t.open("p", "w")
    t.open("p", "a")
    handle = t.open("p", "r")
    t.read(handle, 5)
    t.close(handle)
    handle = t.open("p", "r+")
    t.close(handle)


@subject.scenario
def a_program_that_runs(t):
    """ETXTBSY."""
    with open("/bin/sleep", "rb") as file:
        t.file("sleep", file.read(), 0o755)
    process = subprocess.Popen([t.path("sleep"), "60"])
    try:
        time.sleep(0.05)
        t.open("sleep", "w")
        t.open("sleep", "r+")
        t.close(t.open("sleep", "r"))
    finally:
        process.kill()
        process.wait()


@subject.scenario
def a_file_the_kernel_will_not_open_for_writing(t):
    t.open("/sys/kernel/uevent_seqnum", "r+")
    t.open("/sys/kernel/uevent_seqnum", "w")


# Handles


@subject.scenario
def handles_count_up(t):
    t.file("f", b"hello")
    first = t.open("f")
    second = t.open("f")
    t.note("the second follows the first", second - first)
    t.open("missing")
    third = t.open("f")
    t.note("a failed open takes no number", third - second)
    t.close(second)
    fourth = t.open("f")
    t.note("a closed one is not given again", fourth - third)


@subject.scenario(diff="file-handle-numbers", agent=False)
def the_first_handle(t, kind):
    boot_before = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 10 ** 6)
    with Agent(kind, directory=t.directory) as agent, agent.connect() as client:
        first = client.run("guest-file-open", {"path": "/dev/null"})
        boot_after = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 10 ** 6)
        t.note("the first handle",
                "1000" if first == 1000 else "1000 and the time since boot" if boot_before <= first - 1000 <= boot_after else first,
               diff="file-handle-numbers", theirs="1000", ours="1000 and the time since boot")
        t.note("the state directory", sorted(os.listdir(agent.state)), diff="file-handle-numbers", theirs=["qga.state"],
                ours=[])


@subject.scenario(agent=False)
def a_handle_from_before_a_restart(t, kind):
    first = None
    for turn in range(2):
        with Agent(kind, directory=t.directory) as agent, agent.connect() as client:
            if first is None:
                first = client.run("guest-file-open", {"path": "/dev/null"})
                continue
            second = client.run("guest-file-open", {"path": "/dev/null"})
            t.note("turn %d gives another number" % turn, second > first)
            for name, arguments in (("guest-file-read", {}), ("guest-file-close", {}), ("guest-file-flush", {}),
                    ("guest-file-seek", {"offset": 0, "whence": 0})):
                reply = client.call(name, {"handle": first, **arguments})
                t.note("%s of the old number" % name, str(reply).replace(str(first), "OLD"))


for handle in (0, 1, -1, 999, 2147483647, 2147483648, 9223372036854775807, -9223372036854775808):
    def unknown(t, handle=handle):
        t.close(handle)
        t.read(handle)
        t.read(handle, -1)
        t.write(handle, b"x")
        t.write(handle, "***")
        t.seek(handle, 0, 0)
        t.seek(handle, 0, 77)
        t.seek(handle, -1, "set")
        t.flush(handle)
    subject.scenario(unknown, name="handle %d" % handle)


@subject.scenario
def closed_twice(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.close(handle)
    t.close(handle)
    t.read(handle)
    t.write(handle, b"x")
    t.flush(handle)
    t.seek(handle, 0, 0)


@subject.scenario
def sixty_four_handles(t):
    t.file("f", b"0123456789" * 10)
    handles = [t.open("f") for _ in range(64)]
    for position, handle in enumerate(handles):
        t.seek(handle, position, "set")
    for handle in reversed(handles):
        t.read(handle, 2)
    for handle in handles:
        t.close(handle)
    t.close(t.open("f"))


@subject.scenario
def opened_and_closed_five_hundred_times(t):
    t.file("f", b"hello")
    for _ in range(500):
        handle = t.client.run("guest-file-open", {"path": "f"})
        t.client.run("guest-file-close", {"handle": handle})
    t.handles.clear()
    t.close(t.open("f"))


@subject.scenario
def a_removed_file(t):
    t.file("f", b"hello")
    handle = t.open("f", "r+")
    os.remove(t.path("f"))
    t.read(handle, 3)
    t.write(handle, b"xyz")
    t.seek(handle, 0, "set")
    t.read(handle, 10)
    t.close(handle)
    t.exists("f")


@subject.scenario(diff="close-drops-handle")
def a_close_that_fails(t):
    """qemu-ga holds written bytes back, so it is the close that fails; then it keeps a dead handle, and dies of it."""
    handle = t.open("/dev/full", "w")
    t.write(handle, b"x", diff="close-drops-handle", theirs={"return": {"count": 1, "eof": False}},
            ours={"error": {"class": "GenericError", "desc": "failed to write to file: No space left on device"}})
    t.close(handle, diff="close-drops-handle", ours={"return": {}},
            theirs={"error": {"class": "GenericError", "desc": "failed to close handle: No space left on device"}})
    t.close(handle, diff="close-drops-handle", theirs="the agent closed the line",
            ours={"error": {"class": "GenericError", "desc": "handle 'H1' has not been found"}})
    if t.side == "theirs":
        # It closes the line a moment before it is gone, and must not be asked anything in between.
        t.agent.process.wait(10)


@subject.scenario(agent=False, diff="socket-mode")
def the_socket(t, kind):
    """Its mode; and one that was left behind is replaced."""
    for _ in range(2):
        with Agent(kind, directory=t.directory) as agent:
            AgentClient(agent.socket).close()
            t.note("mode of the socket", oct(stat.S_IMODE(os.stat(agent.socket).st_mode)), diff="socket-mode", theirs="0o755",
                    ours="0o600")
