"""File commands on what is no regular file: FIFOs, devices, directories, /proc."""

import array
import base64
import fcntl
import os
import termios

from declare import Subject

subject = Subject("files-special")

BLOCKED = "failed to write to file: Resource temporarily unavailable"
AGAIN = {"error": {"class": "GenericError", "desc": "failed to read file: Resource temporarily unavailable"}}


def got(text, count, eof=False):
    return {"return": {"count": count, "buf-b64": text, "eof": eof}}


class Fifo:
    """A FIFO in the scenario's directory whose other end this test holds."""

    def __init__(self, t):
        os.mkfifo(t.path("p"))
        self.descriptor = os.open(t.path("p"), os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def put(self, data):
        os.write(self.descriptor, data)

    def length(self):
        """How many bytes it holds."""
        held = array.array("i", [0])
        fcntl.ioctl(self.descriptor, termios.FIONREAD, held)
        return held[0]

    def close(self):
        os.close(self.descriptor)
        self.descriptor = -1


@subject.scenario
def fifo_with_enough(t):
    with Fifo(t) as fifo:
        fifo.put(b"helloworld")
        handle = t.open("p")
        t.read(handle, 5)
        t.read(handle, 3)
        t.read(handle, 2)
        t.read(handle, 0)
        t.close(handle)


@subject.scenario(diff="read-loses-nothing")
def fifo_with_fewer(t):
    with Fifo(t) as fifo:
        handle = t.open("p")
        fifo.put(b"hello")
        t.read(handle, 10, diff="read-loses-nothing", theirs=AGAIN, ours=got("aGVsbG8=", 5))
        t.read(handle, 10)
        fifo.put(b"abc")
        t.read(handle, 3)
        fifo.put(b"abcdef")
        t.read(handle, 4)
        t.read(handle, 4, diff="read-loses-nothing", theirs=AGAIN, ours=got("ZWY=", 2))
        t.close(handle)


@subject.scenario
def fifo_that_is_empty(t):
    with Fifo(t):
        handle = t.open("p")
        t.read(handle, 1)
        t.read(handle)
        t.read(handle, 0)
        t.read(handle, 1)


@subject.scenario
def fifo_whose_writer_goes(t):
    with Fifo(t) as fifo:
        fifo.put(b"hello")
        handle = t.open("p")
        fifo.close()
        t.read(handle, 3)
        t.read(handle, 3)
        t.read(handle, 3)


@subject.scenario
def fifo_whose_writer_goes_with_all_read(t):
    with Fifo(t) as fifo:
        fifo.put(b"hello")
        handle = t.open("p")
        t.read(handle, 5)
        t.read(handle, 5)
        fifo.close()
        t.read(handle, 5)


@subject.scenario
def fifo_that_no_one_writes(t):
    os.mkfifo(t.path("p"))
    handle = t.open("p")
    for count in (5, None, 0, 1):
        t.read(handle, count)
    t.seek(handle, 0, "set")
    t.seek(handle, 0, "cur")
    t.flush(handle)
    t.close(handle)


@subject.scenario
def writing_to_a_fifo(t):
    with Fifo(t) as fifo:
        handle = t.open("p", "w")
        t.write(handle, b"hello")
        t.flush(handle)
        t.note("arrived", os.read(fifo.descriptor, 100).decode())
        t.write(handle, b"bye")
        t.close(handle)
        t.note("arrived later", os.read(fifo.descriptor, 100).decode())


@subject.scenario
def seeking_in_a_fifo(t):
    with Fifo(t) as fifo:
        fifo.put(b"hello")
        handle = t.open("p")
        for whence in ("set", "cur", "end", 5):
            t.seek(handle, 0, whence)
        t.read(handle, 5)
        t.close(handle)


@subject.scenario(diff="write-partial")
def a_fifo_that_fills_up(t):
    """64 KiB go into it, then it would block."""
    with Fifo(t) as fifo:
        handle = t.open("p", "w")
        reply = t.client.call("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(b"x" * 90000).decode()})
        text = reply["error"]["desc"]
        t.note("the error", text[:len(BLOCKED)])
        t.note("it says how many bytes were written", text[len(BLOCKED):] == " (%d bytes were written)" % fifo.length(),
               diff="write-partial", theirs=False, ours=True)
        t.close(handle)


@subject.scenario(diff="write-partial")
def a_fifo_that_fills_up_with_a_long_request(t):
    with Fifo(t) as fifo:
        handle = t.open("p", "w")
        reply = t.client.call("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(b"x" * 300000).decode()})
        text = reply["error"]["desc"]
        t.note("the error", text[:len(BLOCKED)])
        t.note("it says how many bytes were written", text[len(BLOCKED):] == " (%d bytes were written)" % fifo.length(),
               diff="write-partial", theirs=False, ours=True)
        t.close(handle)


@subject.scenario
def a_fifo_no_one_reads_any_more(t):
    """EPIPE, and no SIGPIPE."""
    with Fifo(t) as fifo:
        handle = t.open("p", "w")
        fifo.close()
        t.write(handle, b"x" * 5000)
    t.call("guest-ping")


@subject.scenario
def dev_null(t):
    handle = t.open("/dev/null", "r+")
    t.read(handle, 10)
    t.write(handle, b"hello")
    t.flush(handle)
    t.seek(handle, 5, "set")
    t.seek(handle, 5, "cur")
    t.seek(handle, -5, "end")
    t.read(handle, 10)
    t.close(handle)
    handle = t.open("/dev/null", "w")
    t.write(handle, b"x" * 10000)
    t.write(handle, b"")
    t.close(handle)
    handle = t.open("/dev/null", "a")
    t.write(handle, b"x")
    t.close(handle)


@subject.scenario
def dev_zero(t):
    handle = t.open("/dev/zero")
    for count in (1, 10, 4096, 5000, 100000):
        t.read(handle, count)
    t.close(handle)


@subject.scenario
def dev_full_read(t):
    handle = t.open("/dev/full")
    t.read(handle, 10)
    t.close(handle)


@subject.scenario
def a_directory(t):
    os.mkdir(t.path("d"))
    handle = t.open("d")
    t.read(handle)
    t.read(handle, 0)
    t.read(handle, 1)
    t.write(handle, b"x" * 5000)
    t.flush(handle)
    t.close(handle)


for path in ("/proc/version", "/proc/filesystems", "/proc/cmdline", "/proc/sys/kernel/ostype", "/sys/kernel/profiling",
        "/proc/cpuinfo"):
    def pseudo(t, path=path):
        """Their size is said to be 0, or 4096, and the reads are short."""
        handle = t.open(path)
        if handle is None:
            return
        t.read(handle, 5)
        t.read(handle, 1)
        if path != "/proc/cpuinfo":
            t.read(handle, 100000)
            t.read(handle, 100000)
        t.seek(handle, 0, "set")
        t.read(handle, 9)
        t.close(handle)
    subject.scenario(pseudo, name=path)


@subject.scenario
def memory_that_is_not_there(t):
    """EIO in the middle of nothing: the first page is mapped nowhere."""
    handle = t.open("/proc/self/mem")
    t.read(handle, 10)
    t.read(handle, 10)
    t.close(handle)
