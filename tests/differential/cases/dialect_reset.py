"""0xFF, NUL and the other impossible bytes: they end whatever was begun, and are answered with one error each."""

from declare import Subject

subject = Subject("dialect-reset")

PING = b'{"execute":"guest-ping"}'
DELIMITED = b'{"execute":"guest-sync-delimited","arguments":{"id":77}}'

# What may stand before the byte
BEGUN = {
    "nothing": b"", "a blank": b" ", "a request": PING, "a brace": b"{", "a bracket": b"[", "three brackets": b"[[[",
    "a comma": b",", "an open string": b'"', "a string begun": b'{"execute":"guest-p',
    "a single-quoted string begun": b"{'execute':'guest-p", "a backslash": b'{"a\\', "backslash u": b'{"a\\u',
    "backslash u and two digits": b'{"a\\u12', "half a surrogate pair": b'{"a\\ud83d',
    "half a letter": b'{"a\xc3', "two thirds of a letter": b'{"a\xe2\x82', "a key": b'{"execute"', "a colon": b'{"execute":',
    "a number begun": b'{"execute":12', "a minus": b"[-", "a point": b"[1.", "an exponent": b"[1e",
    "an exponent's sign": b"[1e+", "a zero": b"[0", "a keyword begun": b"[tru", "a keyword": b"[true",
    "a wrong keyword": b"[junk", "a stray byte": b"#", "a stray byte in a list": b"[#", "a stray byte and text": b"[# abc",
    "a lone number": b"1", "a lone keyword": b"null", "a lone wrong keyword": b"junk", "another reset": b"\xff",
    "the whole but the brace": PING[:-1], "arguments": b'{"arguments":{"id":1}',
    "an unfinished id": b'{"execute":"guest-ping","id":{"a":[1,',
    "a long string": b'{"execute":"guest-file-write","arguments":{"buf-b64":"' + b"A" * 900,
    "an element": b"[1", "an element and comma": b"[1,", "depth of 600": b"[" * 600,
}
for label, begun in BEGUN.items():
    for byte in (0xFF, 0xFE, 0x00, 0x01, 0x0A, 0x1B, 0x1F, 0x7F, 0x80, 0xC0, 0xF5):
        one = bytes([byte])
        subject.wire("%s, then %02X" % (label, byte), begun + one)
        subject.wire("%s, then %02X and a request" % (label, byte), begun + one + PING)
    subject.wire("%s, then FF and a delimited sync" % label, begun + b"\xff" + DELIMITED + b"\n")
    subject.wire("%s, then FF FF FF LF" % label, begun + b"\xff\xff\xff\n" + DELIMITED)

# The sync that clients do
subject.wire("FF and sync", b"\xff" + DELIMITED + b"\n")
subject.wire("FF, LF and sync", b"\xff\n" + DELIMITED + b"\n")
subject.wire("a sync without FF", DELIMITED)
subject.wire("sync and command in one write",
        b'{"arguments":{"id":41943040123},"execute":"guest-sync-delimited"}\n{"arguments":{},"execute":"guest-ping"}\n')
subject.wire("FF in UTF-8", b"\xc3\xbf" + DELIMITED + b"\n" + DELIMITED)
subject.wire("FF in the middle of the sync", DELIMITED[:20] + b"\xff" + DELIMITED)
subject.wire("FF after the sync", DELIMITED + b"\xff" + DELIMITED)
subject.wire("only the answer of the sync is delimited", DELIMITED + PING + DELIMITED + b'{"execute":"nope"}')
for arguments in (b"{}", b'{"id":"x"}', b'{"id":1.5}', b'{"id":null}', b'{"id":1,"x":2}', b"[]", b"1",
        b'{"id":9223372036854775808}'):
    request = b'{"execute":"guest-sync-delimited","arguments":%s}' % arguments
    subject.wire("a delimited sync that fails: %s" % arguments.decode(), request)
    subject.wire("a delimited sync that fails: %s, then a ping" % arguments.decode(), request + PING)
    subject.wire("a delimited sync that fails: %s, then a good one" % arguments.decode(), request + DELIMITED)
subject.wire("a delimited sync without arguments", b'{"execute":"guest-sync-delimited"}' + PING)
subject.wire("a delimited sync with an id", b'{"execute":"guest-sync-delimited","arguments":{"id":1},"id":"x"}')
subject.wire("a delimited sync with a bad id", b'{"execute":"guest-sync-delimited","arguments":{"id":1},"id":"\\q"}' + PING)
subject.wire("a delimited sync with an unknown member",
        b'{"execute":"guest-sync-delimited","arguments":{"id":1},"x":1}' + PING)
for number in (b"0", b"1", b"-1", b"-0", b"2147483648", b"4294967296", b"41943040123", b"1763766559123",
        b"9223372036854775807", b"-9223372036854775808"):
    for command in (b"guest-sync", b"guest-sync-delimited"):
        subject.wire("%s %s" % (command.decode(), number.decode()), b'{"execute":"%s","arguments":{"id":%s}}' % (command,
                number))
for value in (b"9223372036854775808", b"-9223372036854775809", b"18446744073709551615", b"18446744073709551616", b"1.0",
        b"1e3", b"1e400", b"-1.5", b'"1"', b"true", b"null", b"[1]", b"{}",
              b"1700000000000000000000", b"0.0", b"-0.0", b"00", b"1.", b"0x1"):
    for command in (b"guest-sync", b"guest-sync-delimited"):
        subject.wire("%s of %s" % (command.decode(), value.decode()), b'{"execute":"%s","arguments":{"id":%s}}' % (command,
                value))

# Long runs
subject.wire("a thousand FF", b"\xff" * 1000 + PING)
subject.wire("a thousand NUL", b"\0" * 1000 + PING)
subject.wire("a thousand LF", b"\n" * 1000 + PING)
subject.wire("every byte in order", bytes(range(256)) + b"\n" + PING)
subject.wire("every byte backwards", bytes(range(255, -1, -1)) + b"\n" + PING)
for seed in range(200):
    # A small generator of our own, so that the bytes are the same with every Python.
    state, noise = seed * 2654435761 % 2 ** 32 + 1, bytearray()
    for _ in range(60):
        state = (state * 1103515245 + 12345) % 2 ** 31
        pool = b'{}[]:,"\'\\ue0123-+.aEtrue nul\n\t\xff\x00\x80\xc3\xa9#'
        noise.append(pool[(state >> 12) % len(pool)])
    subject.wire("noise %d" % seed, bytes(noise) + b"\xff" + PING)
