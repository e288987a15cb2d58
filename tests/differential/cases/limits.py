"""The limits of picoqga, on both sides of each. qemu-ga has none of these, or far higher ones.

The numbers are those of src/limits.rs.
"""

import base64

from declare import Subject, error, not_found, parse_error, returned

subject = Subject("limits")

PING = b'{"execute":"guest-ping"}'
PONG = returned({})

QUOTED_BYTES = 4096
TOKEN_BYTES = 1023
ID_BYTES = 4096
MEMBERS = 1152
HELD_BYTES = 128 * 1024 - 32 * 1024
FILES = 128
OS_RELEASE_VALUE_BYTES = 700

TOO_LONG = error("JSON token size limit exceeded: a request holds at most %d bytes" % HELD_BYTES)
ID_TOO_LONG = error("JSON token size limit exceeded: an id holds at most %d bytes" % ID_BYTES)
TOO_MANY = error("JSON token count limit exceeded")


# What an error quotes


def quoting(label, make, data, most):
    """A name of `most` letters is quoted whole; of a longer one that many letters are. `make` gives the line for a name."""
    subject.wire("%s of %d letters" % (label, most), data % (b"y" * most))
    for size in (most + 1, 5 * most):
        subject.wire("%s of %d letters" % (label, size), data % (b"y" * size), diff="quoted-name-cut",
                     theirs=[make("y" * size)], ours=[make("y" * most)])


quoting("a command", not_found, b'{"execute":"%s"}', QUOTED_BYTES)
quoting("a member", lambda name: error("QMP input member '%s' is unexpected" % name), b'{"%s":1}', QUOTED_BYTES)
quoting("an argument's name", lambda name: error("Parameter '%s' is unexpected" % name),
        b'{"execute":"guest-ping","arguments":{"%s":1}}', QUOTED_BYTES)
quoting("a file mode", lambda name: error("invalid file open mode '%s'" % name),
        b'{"execute":"guest-file-open","arguments":{"path":"x","mode":"%s"}}', QUOTED_BYTES)
quoting("a path", lambda name: error("failed to open file '%s' (mode: 'r'): File name too long" % name),
        b'{"execute":"guest-file-open","arguments":{"path":"%s"}}', QUOTED_BYTES)
quoting("a whence", lambda name: error("Parameter 'whence' does not accept value '%s'" % name),
        b'{"execute":"guest-file-seek","arguments":{"handle":9,"offset":0,"whence":"%s"}}', QUOTED_BYTES)

# A token that ends in the wrong byte: quoted from its start, as far as there is room for it.
for size in (TOKEN_BYTES - 3, 5 * TOKEN_BYTES):
    token = '"' + "w" * size + "\x01"
    after = [parse_error("expecting value"), PONG]
    data = b'["' + b"w" * size + b"\x01]" + PING
    if len(token) <= TOKEN_BYTES:
        subject.wire("a string of %d letters, ended by a control byte" % size, data)
    else:
        subject.wire("a string of %d letters, ended by a control byte" % size, data, diff="quoted-name-cut",
                     theirs=[parse_error("stray '%s'" % token), *after],
                     ours=[parse_error("stray '%s'" % token[:TOKEN_BYTES]), *after])
# qemu-ga cuts this text itself, in another place.
subject.wire("a word of 900 letters", b"[" + b"w" * 900 + b"]")
subject.wire("a word of 3000 letters", b"[" + b"w" * 3000 + b"]", diff="quoted-name-cut",
             theirs=[parse_error("invalid keyword '" + "w" * (TOKEN_BYTES - len("invalid keyword '")))],
             ours=[parse_error("invalid keyword '%s'" % ("w" * TOKEN_BYTES))])


# The id, measured as it is written back


def add_id(label, value, written, fits):
    data = b'{"execute":"guest-ping","id":%s}' % value + PING
    if fits:
        subject.wire(label, data)
    else:
        subject.wire(label, data, diff="id-length", theirs=[returned({}, b', "id": ' + written), PONG],
                ours=[ID_TOO_LONG, PONG])


for size in (ID_BYTES - 2, ID_BYTES - 1, 3 * ID_BYTES):
    text = b'"%s"' % (b"i" * size)
    add_id("an id of %d letters" % size, text, text, size <= ID_BYTES - 2)
for count in ((ID_BYTES - 2) // 6, (ID_BYTES - 2) // 6 + 1):
    add_id("an id of %d euro signs" % count, '"%s"'.encode() % ("\u20ac".encode() * count), b'"%s"' % (b"\\u20AC" * count),
            count * 6 + 2 <= ID_BYTES)
for count in (ID_BYTES // 3, ID_BYTES // 3 + 1):
    add_id("an id of %d numbers" % count, b"[%s]" % b",".join([b"1"] * count), b"[%s]" % b", ".join([b"1"] * count),
            count * 3 <= ID_BYTES)
subject.wire("an id that is too long, before a mistake", b'{"id":"%s","execute":1}' % (b"i" * 5000) + PING, diff="id-length",
             theirs=[error("QMP input member 'execute' must be a string", before=b'"id": "%s", ' % (b"i" * 5000)), PONG],
             ours=[ID_TOO_LONG, PONG])


# Members that are open


def members(count):
    return b"{%s}" % b",".join(b'"n%d":1' % number for number in range(count))


subject.wire("%d members in an argument" % (MEMBERS - 3),
        b'{"execute":"guest-ping","arguments":{"a":%s}}' % members(MEMBERS - 3))
for count in (MEMBERS - 2, 2 * MEMBERS):
    subject.wire("%d members in an argument" % count,
            b'{"execute":"guest-ping","arguments":{"a":%s}}' % members(count) + PING, diff="open-members",
                 theirs=[error("Parameter 'a' is unexpected"), PONG], ours=[TOO_MANY, PONG])
subject.wire("many small objects", b'{"execute":"guest-ping","arguments":{"a":[%s]}}' % b",".join([b'{"x":1,"y":2}'] * 1000))


# The whole request

for label, data, theirs in (
        ("an argument", b'{"execute":"guest-ping","arguments":{"a":"%s"}}' % (b"q" * 200000),
        error("Parameter 'a' is unexpected")),
        ("a list", b'{"execute":"guest-ping","arguments":{"a":[%s]}}' % b",".join([b"1"] * 60000),
        error("Parameter 'a' is unexpected")),
        ("a path", b'{"execute":"guest-file-open","arguments":{"path":"%s"}}' % (b"q" * 200000),
         error("failed to open file '%s' (mode: 'r'): File name too long" % ("q" * 200000))),
        ("a command", b'{"execute":"%s"}' % (b"q" * 200000), not_found("q" * 200000)),
        ("a member", b'{"%s":1}' % (b"q" * 200000), error("QMP input member '%s' is unexpected" % ("q" * 200000)))):
    subject.wire("%s of 200000 letters" % label, data + PING, diff="request-length", theirs=[theirs, PONG],
            ours=[TOO_LONG, PONG])
subject.wire("an argument of 200000 letters, with an id behind",
        b'{"execute":"guest-ping","arguments":{"a":"%s"},"id":5}' % (b"q" * 200000) + PING,
             diff="request-length", theirs=[error("Parameter 'a' is unexpected", before=b'"id": 5, '), PONG],
             ours=[TOO_LONG.replace(b'{"error"', b'{"id": 5, "error"', 1), PONG])
subject.wire("an argument of 200000 letters, then bad grammar",
        b'{"execute":"guest-ping","arguments":{"a":"%s",}}' % (b"q" * 200000) + PING,
             diff="request-length", theirs=[parse_error("expecting value"), PONG], ours=[TOO_LONG, PONG])
subject.wire("a member that is passed over, of 200000 letters", b'{"a":"%s"}' % (b"q" * 200000) + PING)
subject.wire("an argument of 60000 letters", b'{"execute":"guest-ping","arguments":{"a":"%s"}}' % (b"q" * 60000) + PING)
subject.wire("a megabyte of blanks in a request", b'{"execute":' + b" " * (1 << 20) + b'"guest-ping"}' + PING)
subject.wire("a megabyte of noise, then a request", b"#" + b"q" * (1 << 20) + b"\n" + PING)


@subject.scenario(diff="spool-length")
def data_before_its_handle_of_17_mib(t):
    """Where the handle comes first there is no limit; tests/differential/cases/files_long.py shows that."""
    handle = t.open("f", "w")
    data = base64.b64encode(b"\0" * (17 << 20))
    t.client.send(b'{"execute":"guest-file-write","arguments":{"buf-b64":"%s","handle":%d}}' % (data, handle), 60)
    reply = t.client.read_line(60)
    t.note("it was written", b'"return"' in reply, diff="spool-length", theirs=True, ours=False)
    t.call("guest-ping")


# Open files


@subject.scenario(diff="open-files")
def as_many_files_as_there_can_be(t):
    t.file("f", b"hello")
    handles = [t.open("f") for _ in range(FILES)]
    t.open("f", diff="open-files", theirs={"return": "H%d" % (FILES + 1)},
           ours={"error": {"class": "GenericError",
           "desc": "failed to open file 'f' (mode: 'r'): Too many open files, at most %d" % FILES}})
    t.open("new", "w", diff="open-files", theirs={"return": "H%d" % (FILES + 2)},
           ours={"error": {"class": "GenericError",
           "desc": "failed to open file 'new' (mode: 'w'): Too many open files, at most %d" % FILES}})
    t.exists("new", diff="open-files", theirs=True, ours=False)
    t.read(handles[-1])
    t.close(handles[3])
    again = t.client.call("guest-file-open", {"path": "f"})
    t.note("there is room again", "return" in again)


# os-release


@subject.scenario(diff="osinfo-value-length", env={"QGA_OS_RELEASE": "$DIR/os-release"})
def long_values_in_os_release(t):
    most = OS_RELEASE_VALUE_BYTES
    t.file("os-release", b"ID=%s\nNAME=%s\n" % (b"a" * most, b"b" * (most + 1)))
    reply = t.client.call("guest-get-osinfo")["return"]
    t.note("a value of %d bytes" % most, len(reply["id"]))
    t.note("a value of %d bytes" % (most + 1), len(reply["name"]), diff="osinfo-value-length", theirs=most + 1, ours=most)
