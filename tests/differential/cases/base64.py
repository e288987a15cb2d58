"""The forms of base64 that guest-file-write takes: padding, line feeds, what is incomplete and what is misplaced."""

import base64 as codec

from declare import Subject

subject = Subject("base64")

INVALID = {"error": {"class": "GenericError", "desc": "Base64 data contains invalid characters"}}


def wrote(count):
    return {"return": {"count": count, "eof": False}}


def add(text, diff=None, theirs=None, ours=None):
    """`theirs` and `ours` are pairs: the reply, and what is in the file afterwards (as Python writes bytes)."""
    def play(t):
        handle = t.open("f", "w")
        if diff is None:
            t.write(handle, text)
            t.close(handle)
            t.content("f")
        else:
            t.write(handle, text, diff=diff, theirs=theirs[0], ours=ours[0])
            t.close(handle)
            # A difference in the reply alone, or in the file as well.
            if theirs[1] == ours[1]:
                t.content("f")
            else:
                t.content("f", diff=diff, theirs=repr(theirs[1]), ours=repr(ours[1]))
    subject.scenario(play, name=repr(text), diff=diff)


# The same on both sides
ONE_LINE = codec.b64encode(bytes(range(256))).decode()
for text in ("", "\n", "\n\n", "QQ==", "QUI=", "QUJD", "QUJDRA==", "QUJDREU=", "QUJDREVG", "QR==", "QUK=", "QUJ=", "AAAA",
        "AAA=", "AA==", "++++", "////", "+/+/", "zzzz", "09az",
             "QUJD\nQUJD", "Q\nU\nJ\nD\n", "\nQUJD", "\n\nQUJD\n\n", "QQ=\n=", "QQ\n==", "QQ==\n", "QUI\n=\n", "QUI=QUJD",
             "QQ==QUJD", "QQ==QQ==", "QUI=\nQUJD\n", "AA==BB==", "QUI=QUI=QUI=",
             ONE_LINE, ONE_LINE[:76] + "\n" + ONE_LINE[76:152] + "\n" + ONE_LINE[152:] + "\n",
             # What is refused
             "QUJD\r\n", "QUJD\r", "QU JD", " QUJD", "QUJD ", "\tQUJD", "QU-_", "QUJ-", "QUJ_", "QUJD.", "QU*D", "QUJD\0",
             "\0", "Q\u00e9JD", "QUJ\U0001f600", "QUJD,QUJD", "QUJD;", "*", " ", "\r\n", "QUJ%",
             "data:,QUJD", "QQ==\r\n", "QUJD\\", "\"QUJD\"", "QUJD\x7f", "QUJ=-", "%51%51", "QQ==*", "*QQ=="):
    add(text)

# Incomplete at the end
for text, dropped, decoded in (("QQ", b"", b"A"), ("QUI", b"", b"AB"), ("QUJ", b"", b"AB"), ("QQ=", b"", b"A"),
        ("QUJDQQ", b"ABC", b"ABCA"), ("QUJDQUI", b"ABC", b"ABCAB"), ("QQ==QQ", b"A", b"AA"),
                               ("QUI=QUI", b"AB", b"ABAB"), ("QUJD\nQQ\n", b"ABC", b"ABCA"), ("Q\nQ\n", b"", b"A"),
                               ("QUJDQQ=", b"ABC", b"ABCA")):
    add(text, diff="base64-incomplete", theirs=(wrote(len(dropped)), dropped), ours=(wrote(len(decoded)), decoded))

# One character left over, and padding that pads nothing
for text, taken in (("Q", b""), ("QUJDQ", b"ABC"), ("QQ==Q", b"A"), ("=", b""), ("==", b""), ("===", b""), ("====", b"\0"),
        ("=====", b"\0"), ("Q=", b""), ("Q==", b""), ("Q===", b"@"), ("A===", b"\0"), ("QQ===", b"A"),
                    ("QUI==", b"AB"), ("QUJD=", b"ABC"), ("QUJD==", b"ABC"), ("QUJD====", b"ABC\0"), ("====QUJD", b"\0ABC"),
                    ("=QUJ", b"\x01\x05\x09"), ("Q=UJ", b"@\x05\x09"), ("QU=J", b"A\x09"), ("QQ=Q", b"A\x10"),
                    ("QQ=QUJD", b"A\x10"), ("Q=Q=", b"@\x04"), ("=QQ=", b"\x01\x04"), ("QQ=A", b"A\0"), ("QUJD\nQ\n", b"ABC"),
                    ("QQ==\n=", b"A")):
    add(text, diff="base64-misplaced", theirs=(wrote(len(taken)), taken), ours=(INVALID, b""))


@subject.scenario
def count_and_lines(t):
    """`count` is of decoded bytes, whatever stands between the characters."""
    handle = t.open("f", "w")
    for count in (0, 1, 5, 6, 7):
        t.write(handle, "QUJD\nQUJD\n", count)
    t.close(handle)
    t.content("f")


@subject.scenario
def a_refused_write_changes_nothing(t):
    t.file("f", b"0123456789")
    handle = t.open("f", "r+")
    t.read(handle, 3)
    t.write(handle, "QUJD*")
    t.seek(handle, 0, "cur")
    t.write(handle, "QUJD", 4)
    t.seek(handle, 0, "cur")
    t.read(handle, 2)
    t.close(handle)
    t.content("f")


@subject.scenario
def as_clients_write_it(t):
    """One line, 76 characters a line, escaped slashes, 64 KiB as Ansible sends them."""
    data = bytes(n * 31 % 256 for n in range(65536))
    handle = t.open("f", "wb+")
    t.write(handle, codec.b64encode(data).decode())
    t.write(handle, codec.encodebytes(data[:1000]).decode())
    escaped = codec.b64encode(data[:300]).replace(b"/", b"\\/").replace(b"A", b"\\u0041")
    t.raw(b'{"execute":"guest-file-write","arguments":{"handle": %d,"buf-b64":"%s"}}' % (handle, escaped))
    t.raw(b"{'execute':'guest-file-write','arguments':{'handle': %d,'buf-b64':'%s'}}" % (handle, escaped))
    t.seek(handle, 0, "set")
    t.read(handle, 100000)
    t.close(handle)
    t.size("f")
