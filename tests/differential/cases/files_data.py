"""guest-file-read, -write, -seek and -flush: what is read and written where, and what `count` and `eof` say."""

import base64
import os

from declare import Subject

subject = Subject("files-data")

GENERIC = "GenericError"


def failed(desc):
    return {"error": {"class": GENERIC, "desc": desc}}


# Reading


@subject.scenario
def read_to_the_end(t):
    t.file("f", b"hello")
    handle = t.open("f")
    for _ in range(4):
        t.read(handle, 2)


@subject.scenario
def read_exactly_to_the_end(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle, 5)
    t.read(handle, 5)
    t.read(handle, 0)
    t.read(handle)


@subject.scenario
def read_beyond_the_end(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle, 6)
    t.read(handle, 1)


@subject.scenario
def read_an_empty_file(t):
    t.file("f")
    handle = t.open("f")
    for count in (0, 1, None, 0):
        t.read(handle, count)


for size in (1, 2, 3, 4, 5, 4095, 4096, 4097, 8192, 10000):
    for count in (None, 1, size - 1, size, size + 1, 4096, 100000):
        def sized(t, size=size, count=count):
            t.file("f", bytes(n * 7 % 251 for n in range(size)))
            handle = t.open("f")
            t.read(handle, count)
            t.read(handle, count)
            t.seek(handle, 0, "cur")
        name = "read %s of %d bytes" % (count, size)
        if name not in subject.names:
            subject.scenario(sized, name=name)

for count in (0, 1, -1, -2 ** 63, 50331648, 50331649, 10 ** 7, 10 ** 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 63 - 1):
    def counted(t, count=count):
        t.file("f", b"hello")
        handle = t.open("f")
        t.read(handle, count)
        t.read(handle, 2)
        t.read(999, count)
    subject.scenario(counted, name="read count %d" % count)


@subject.scenario
def every_byte_value(t):
    t.file("f", bytes(range(256)) * 3)
    handle = t.open("f")
    for count in (1, 2, 3, 5, 7, 100, 1000):
        t.read(handle, count)


@subject.scenario
def a_megabyte_in_one_read(t):
    t.file("f", bytes((n * n) & 255 for n in range(1 << 20)))
    handle = t.open("f")
    t.read(handle, 1 << 20)
    t.read(handle, 1 << 20)


@subject.scenario
def a_megabyte_in_pieces(t):
    t.file("f", bytes((n * n >> 3) & 255 for n in range(1 << 20)))
    handle = t.open("f")
    for _ in range(17):
        t.read(handle, 65536)


@subject.scenario
def a_file_that_grows(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle, 10)
    with open(t.path("f"), "ab") as file:
        file.write(b" world")
    t.read(handle, 10)
    t.read(handle, 10)


@subject.scenario(diff="reads-unbuffered")
def a_file_that_changes(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle, 1)
    with open(t.path("f"), "r+b") as file:
        file.write(b"HELLO")
    t.read(handle, 4, diff="reads-unbuffered", theirs={"return": {"count": 4, "buf-b64": "ZWxsbw==", "eof": False}},
           ours={"return": {"count": 4, "buf-b64": "RUxMTw==", "eof": False}})


@subject.scenario(diff="reads-unbuffered")
def a_file_that_is_cut(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle, 1)
    os.truncate(t.path("f"), 0)
    t.read(handle, 4, diff="reads-unbuffered", theirs={"return": {"count": 4, "buf-b64": "ZWxsbw==", "eof": False}},
           ours={"return": {"count": 0, "buf-b64": "", "eof": True}})
    t.read(handle, 4)


# Writing


@subject.scenario
def write_and_look_after_flush(t):
    t.file("f", b"")
    handle = t.open("f", "w")
    t.write(handle, b"hello")
    t.flush(handle)
    t.content("f")
    t.write(handle, b" world")
    t.close(handle)
    t.content("f")


@subject.scenario(diff="write-through")
def the_size_before_a_flush(t):
    handle = t.open("f", "w")
    t.write(handle, b"hello")
    t.size("f", diff="write-through", theirs=0, ours=5)
    t.write(handle, b"x" * 5000)
    t.write(handle, b"y")
    t.size("f", diff="write-through", theirs=4096, ours=5006)
    t.flush(handle)
    t.size("f")


@subject.scenario(diff="write-through")
def another_handle_sees_it(t):
    t.file("f", b"hello world")
    writer = t.open("f", "r+")
    reader = t.open("f", "r")
    t.write(writer, b"HELLO")
    t.read(reader, 11, diff="write-through",
            theirs={"return": {"count": 11, "buf-b64": base64.b64encode(b"hello world").decode(), "eof": False}},
           ours={"return": {"count": 11, "buf-b64": base64.b64encode(b"HELLO world").decode(), "eof": False}})
    t.flush(writer)
    t.seek(reader, 0, "set")
    t.read(reader, 20)


@subject.scenario(diff="write-through")
def a_full_device(t):
    handle = t.open("/dev/full", "w")
    no_space = "No space left on device"
    t.write(handle, b"hello", diff="write-through", theirs={"return": {"count": 5, "eof": False}},
            ours=failed("failed to write to file: " + no_space))
    t.flush(handle, diff="write-through", theirs=failed("failed to flush file: " + no_space), ours={"return": {}})


@subject.scenario
def nothing_to_a_full_device(t):
    handle = t.open("/dev/full", "w")
    t.write(handle, b"")
    t.flush(handle)
    t.close(handle)


@subject.scenario
def much_to_a_full_device(t):
    handle = t.open("/dev/full", "w")
    t.write(handle, b"x" * 20000)


@subject.scenario
def write_where_only_reading_is_allowed(t):
    t.file("f", b"hello")
    handle = t.open("f", "r")
    t.write(handle, b"x")
    t.write(handle, b"x" * 5000)
    t.write(handle, "***")
    t.write(handle, b"x", 5)
    t.read(handle)
    t.flush(handle)
    t.close(handle)
    t.content("f")


@subject.scenario
def read_where_only_writing_is_allowed(t):
    t.file("f", b"hello")
    for mode in ("w", "a"):
        handle = t.open("f", mode)
        t.read(handle)
        t.read(handle, 0)
        t.read(handle, 1)
        t.write(handle, b"x")
        t.read(handle, 1)
        t.close(handle)
    t.content("f")


for text, count in (("aGVsbG8=", None), ("aGVsbG8=", 5), ("aGVsbG8=", 4), ("aGVsbG8=", 1), ("aGVsbG8=", 0), ("aGVsbG8=", 6),
        ("aGVsbG8=", -1), ("aGVsbG8=", 2 ** 62), ("aGVsbG8=", -2 ** 63), ("", None),
                    ("", 0), ("", 1), ("", -1)):
    def written(t, text=text, count=count):
        t.file("f", b"0123456789")
        handle = t.open("f", "r+")
        t.write(handle, text, count)
        t.seek(handle, 0, "cur")
        t.close(handle)
        t.content("f")
    subject.scenario(written, name="write %r count %s" % (text, count))


@subject.scenario
def the_kernel_refuses_the_write(t):
    """EIO, at a flush for qemu-ga and at the write for picoqga, so the text is asked for with more than a buffer holds."""
    handle = t.open("/proc/version", "r+")
    if handle is not None:
        t.write(handle, b"x" * 10000)


@subject.scenario
def append(t):
    t.file("f", b"hello")
    handle = t.open("f", "a")
    t.seek(handle, 0, "cur")
    t.write(handle, b" world")
    t.seek(handle, 0, "cur")
    t.seek(handle, 0, "set")
    t.write(handle, b"!")
    t.seek(handle, 0, "cur")
    t.close(handle)
    t.content("f")


@subject.scenario
def append_beside_another(t):
    t.file("f", b"1")
    one, other = t.open("f", "a"), t.open("f", "a")
    for number in range(4):
        t.write(one, b"a%d" % number)
        t.flush(one)
        t.write(other, b"b%d" % number)
        t.flush(other)
    t.content("f")


@subject.scenario
def append_and_read(t):
    t.file("f", b"hello")
    handle = t.open("f", "a+")
    t.read(handle, 3)
    t.write(handle, b"XY")
    t.seek(handle, 0, "cur")
    t.read(handle, 3)
    t.seek(handle, 1, "set")
    t.read(handle, 3)
    t.write(handle, b"Z")
    t.read(handle, 3)
    t.close(handle)
    t.content("f")


@subject.scenario
def read_after_write_and_write_after_read(t):
    t.file("f", b"0123456789")
    handle = t.open("f", "r+")
    t.read(handle, 2)
    t.write(handle, b"AB")
    t.read(handle, 2)
    t.write(handle, b"CD")
    t.write(handle, b"E")
    t.read(handle, 5)
    t.write(handle, b"F")
    t.seek(handle, 0, "cur")
    t.close(handle)
    t.content("f")


@subject.scenario
def write_after_the_end_was_read(t):
    t.file("f", b"01")
    handle = t.open("f", "r+")
    t.read(handle, 9)
    t.write(handle, b"23")
    t.read(handle, 9)
    t.seek(handle, 0, "set")
    t.read(handle, 9)


@subject.scenario
def two_handles_have_two_positions(t):
    t.file("f", b"0123456789")
    one, other = t.open("f"), t.open("f", "r+")
    t.read(one, 4)
    t.read(other, 2)
    t.seek(one, 0, "cur")
    t.seek(other, 0, "cur")
    t.write(other, b"X")
    t.flush(other)
    t.seek(one, 2, "set")
    t.read(one, 2)


@subject.scenario
def cut_by_another_handle(t):
    t.file("f", b"0123456789")
    writer = t.open("f", "r+")
    t.seek(writer, 8, "set")
    t.close(t.open("f", "w"))
    t.size("f")
    t.write(writer, b"X")
    t.close(writer)
    t.content("f")


# Seeking

for whence in (0, 1, 2, "set", "cur", "end", 3, -1, 99, 2 ** 40, 2 ** 63 - 1, -2 ** 63):
    for offset in (0, 3, -3, 100, -100):
        def sought(t, whence=whence, offset=offset):
            t.file("f", b"0123456789")
            handle = t.open("f", "r+")
            t.read(handle, 4)
            t.seek(handle, offset, whence)
            t.seek(handle, 0, "cur")
            t.read(handle, 3)
        subject.scenario(sought, name="seek %d from %s" % (offset, whence))
for offset in (2 ** 31, 2 ** 32, 2 ** 40, 2 ** 62, 2 ** 63 - 1, -2 ** 63):
    for whence in ("set", "cur", "end"):
        def far(t, whence=whence, offset=offset):
            t.file("f", b"0123456789")
            handle = t.open("f", "r+")
            t.read(handle, 4)
            t.seek(handle, offset, whence)
            t.read(handle, 3)
        subject.scenario(far, name="seek far, %d from %s" % (offset, whence))
for whence in ("", "SET", "start", "set ", "0", None, True, 1.0, [], {}):
    def odd(t, whence=whence):
        t.file("f", b"0123456789")
        handle = t.open("f")
        t.seek(handle, 1, whence)
        t.seek(999, 1, whence)
        t.read(handle, 2)
    subject.scenario(odd, name="whence %r" % (whence,))


@subject.scenario
def seek_clears_the_end(t):
    t.file("f", b"hello")
    handle = t.open("f")
    t.read(handle, 10)
    t.seek(handle, 0, "cur")
    t.read(handle, 10)
    t.seek(handle, -2, "end")
    t.read(handle, 10)


@subject.scenario
def a_hole(t):
    handle = t.open("f", "w+")
    t.seek(handle, 10, "set")
    t.write(handle, b"x")
    t.seek(handle, 0, "set")
    t.read(handle, 100)
    t.size("f")


@subject.scenario
def seek_writes_what_is_pending(t):
    handle = t.open("f", "w")
    t.write(handle, b"hello")
    t.seek(handle, 0, "cur")
    t.size("f")
    t.seek(handle, 1, "set")
    t.write(handle, b"E")
    t.close(handle)
    t.content("f")


@subject.scenario
def flush_does_what(t):
    t.file("f", b"hello")
    for mode in ("r", "r+", "a", "w"):
        handle = t.open("f", mode)
        t.flush(handle)
        t.flush(handle)
        t.close(handle)
        t.flush(handle)


@subject.scenario
def a_seek_refused_changes_nothing(t):
    t.file("f", b"0123456789")
    handle = t.open("f", "r+")
    t.read(handle, 4)
    t.seek(handle, -5, "set")
    t.seek(handle, -5, "cur")
    t.seek(handle, 0, 9)
    t.read(handle, 2)
    t.write(handle, b"X")
    t.seek(handle, -20, "end")
    t.close(handle)
    t.content("f")
