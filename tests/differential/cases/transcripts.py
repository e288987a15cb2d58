"""The transcripts of tests/transcripts, over a socket: they must hold there as in the Rust tests, and of qemu-ga as well.

Each stretch between two `hangup` lines is a connection. A comment `# differs: ID` marks a paragraph in which qemu-ga does
otherwise.
"""

import os
import re

import oracle
from declare import Subject

subject = Subject("transcripts")

DIRECTORY = os.path.join(oracle.ROOT, "tests", "transcripts")
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
SIMPLE = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"\\": b"\\"}


def bytes_of(text, place):
    """The bytes that a line stands for."""
    def one(match):
        if match.group(1):
            return bytes([int(match.group(1), 16)])
        if match.group(2) not in SIMPLE:
            raise ValueError("%s: no escape: %r" % (place, match.group(0)))
        return SIMPLE[match.group(2)]
    return ESCAPE.sub(one, text)


def add(place, diff, sent, received):
    if sent:
        # The label is the place; what was sent is in the report of a failure.
        subject.wire(place, sent, diff=diff, exact=b"".join(line + b"\n" for line in received))


def read(name):
    diff, sent, received, start = None, b"", [], ""
    with open(os.path.join(DIRECTORY, name), "rb") as file:
        for number, line in enumerate(file.read().split(b"\n"), 1):
            place = "%s:%d" % (name, number)
            marked = re.match(rb"# differs: ([a-z0-9-]+)$", line)
            if line.startswith(b"-> ") or line == b"->":
                if received:
                    # The request before is answered: this is the next one.
                    add(start, diff, sent, received)
                    sent, received = b"", []
                start = start if sent else place
                sent += bytes_of(line[3:], place)
            elif line.startswith(b"<- "):
                received.append(bytes_of(line[3:], place))
            elif line == b"hangup":
                add(start, diff, sent, received)
                sent, received = b"", []
            elif not line:
                add(start, diff, sent, received)
                diff, sent, received = None, b"", []
            elif marked:
                diff = marked.group(1).decode()
            elif not line.startswith(b"#"):
                raise ValueError("%s: %r is no line of a transcript" % (place, line))
    add(start, diff, sent, received)


for name in sorted(os.listdir(DIRECTORY)):
    if name.endswith(".txt"):
        read(name)
