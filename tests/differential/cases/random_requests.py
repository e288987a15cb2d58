"""Requests made by chance, the same ones each time: sequences of tokens, and good requests with a few bytes changed.

They find what nobody thought of. Numbers that qemu-ga would write back in another form are left out (they are a known
difference), and so are commands that do something.
"""

import random
import re

from declare import Subject

subject = Subject("random")

PING = b'{"execute":"guest-ping"}'
TOKENS = (b"{", b"}", b"[", b"]", b":", b",", b'"a"', b"'b'", b'"execute"', b'"arguments"', b'"id"', b'"guest-ping"',
        b'"guest-sync"', b"1", b"0", b"-5",
          b"true", b"false", b"null", b"nul", b"#", b"\x00", b"\x01", b"\xff", b"\xfe", b"\x80", b" ", b"\n", b"\t", b'"',
          b"'", b"\\", b'"\\', b"\\u12", b'"\\u00e9"',
          b'"\\ud800"', b'"\\q"', b'"\xc3\xa9"', b'"\xc3"', b"-", b"+", b".", b"1.", b"01", b"1.5", b"e", b"E", b"tru",
          b'{"execute":"guest-ping"}', b'{"a":', b"[1,", b'"x":')
GOOD = (b'{"execute":"guest-sync","arguments":{"id":12345},"id":"abc"}',
        b'{"arguments":{"id":-7},"execute":"guest-sync-delimited"}',
        b"{'execute':'guest-ping','id':{'a':[1,null,true,{'b':'c'}]}}",
        b'{"execute":"guest-file-read","arguments":{"handle":999,"count":10}}',
        b'{"execute":"guest-file-seek","arguments":{"whence":"cur","offset":-1,"handle":5}}',
        b'{"execute":"caf\xc3\xa9 \\u20ac","id":[[],{}]}',
        b'{"execute":"guest-file-open","arguments":{"path":"no/such","mode":"r"}}',
        b' { "execute" : "guest-get-host-name" , "id" : 0 } \n',
        b'{"execute":"guest-file-write","arguments":{"handle":9,"buf-b64":"QUJD","count":2}}')
CHANGED = b'{}[]:,"\'\\ \n\t01-+.eEntfu\x00\x01\x1f\x7f\x80\xbf\xc3\xa9\xe2\xf0\xff\xfe#%/'


def sequence(chance):
    return b"".join(chance.choice(TOKENS) for _ in range(chance.randint(1, 14)))


def changed(chance):
    data = bytearray(chance.choice(GOOD))
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(data))
        what = chance.randrange(4)
        if what == 0:
            data[place] = chance.choice(CHANGED)
        elif what == 1:
            data.insert(place, chance.choice(CHANGED))
        elif what == 2:
            del data[place]
        else:
            end = min(len(data), place + chance.randint(1, 12))
            data[place:place] = data[place:end]
    return bytes(data)


def has_a_float_or_big_number(data):
    """Whether an id could come back in another form: it holds a fraction, an exponent, -0 or more than 18 digits."""
    return re.search(rb"[0-9][.eE]|-0|[0-9]{19}", data) is not None


def add(kind, count, make):
    chance = random.Random("picoqga " + kind)
    made = set()
    while len(made) < count:
        data = make(chance)
        if data in made or has_a_float_or_big_number(data) or b"shutdown" in data:
            continue
        made.add(data)
        subject.wire("%s %d" % (kind, len(made)), data)
        if len(made) % 3 == 0:
            subject.wire("%s %d, then a reset and a request" % (kind, len(made)), data + b"\xff" + PING)


add("sequence", 1500, sequence)
add("changed", 1500, changed)
