"""Keywords, numbers and bytes that begin no token: what QEMU's lexer takes and how it names what it does not."""

from declare import Subject, error, returned

subject = Subject("dialect-tokens")

PING = b'{"execute":"guest-ping"}'
LACKS = "QMP input lacks member 'execute'"


def in_all_places(label, token):
    """A token where a value may stand: in an object, in a list, on its own, and as the id of a good request."""
    subject.wire("%s as a member" % label, b'{"a":%s}' % token)
    subject.wire("%s as an element" % label, b"[%s]" % token)
    subject.wire("%s as a second element" % label, b"[1,%s , 2]" % token)
    subject.wire("%s as a key" % label, b"{%s:1}" % token)
    subject.wire("%s as execute" % label, b'{"execute":%s}' % token)
    subject.wire("%s as arguments" % label, b'{"execute":"guest-ping","arguments":%s}' % token)
    subject.wire("%s then newline" % label, token + b"\n")
    subject.wire("%s then a request" % label, token + b" " + PING)
    subject.wire("%s glued to a request" % label, token + PING)


for keyword in (b"true", b"false", b"null", b"nul", b"tru", b"truefalse", b"nulll", b"undefined", b"nan", b"inf", b"t", b"e"):
    in_all_places("keyword %s" % keyword.decode(), keyword)
for keyword in (b"TRUE", b"True", b"NULL", b"NaN", b"Infinity", b"tRue", b"true1", b"true_", b"null-", b"A", b"_", b"$", b"%",
        b"%s",
                b"%d", b"%p", b"%i", b"%lld", b"true\"x\"", b"null{}", b"null[]"):
    in_all_places("word %s" % keyword.decode(), keyword)

# Numbers as the id of a request: those qemu-ga writes back unchanged
for number in (b"0", b"1", b"-1", b"10", b"9", b"123456789012345678", b"9223372036854775807", b"-9223372036854775808",
               b"9223372036854775808", b"18446744073709551615", b"0.5", b"-0.5", b"2.5", b"1.5", b"1e+20",
               b"-2.25", b"0.25", b"1.0009765625"):
    subject.wire("id %s comes back" % number.decode(), b'{"execute":"guest-ping","id":%s}' % number)
    subject.wire("id %s comes back in a list" % number.decode(), b'{"execute":"guest-ping","id":[%s,%s]}' % (number, number))

# Numbers that qemu-ga writes back in another form. What a client wrote is what it should get.
for number, theirs in (
        (b"-0", b"0"), (b"1.0", b"1"), (b"0.0", b"0"), (b"-0.0", b"-0"), (b"0.1", b"0.10000000000000001"),
        (b"1e3", b"1000"), (b"1E3", b"1000"), (b"1e17", b"1e+17"), (b"1E+2", b"100"), (b"1e-2", b"0.01"),
        (b"2.50", b"2.5"), (b"1e05", b"100000"), (b"18446744073709551616", b"1.8446744073709552e+19"),
        (b"-9223372036854775809", b"-9.2233720368547758e+18"),
        (b"100000000000000000000000000000", b"9.9999999999999991e+28"), (b"1e400", b"inf"), (b"-1e400", b"-inf"),
        (b"1e-400", b"0"), (b"0.0000001", b"9.9999999999999995e-08"), (b"123.456", b"123.456"),
        (b"3.14159", b"3.1415899999999999"), (b"0.0e0", b"0"), (b"0.1e1", b"1"), (b"1e+300", b"1.0000000000000001e+300"),
        (b"1e-05", b"1.0000000000000001e-05"), (b"10e1", b"100")):
    if number == theirs:
        continue
    typed = dict(diff="id-as-typed", theirs=[returned({}, b', "id": %s' % theirs)],
            ours=[returned({}, b', "id": %s' % number)])
    subject.wire("id %s" % number.decode(), b'{"execute":"guest-ping","id":%s}' % number, **typed)
    subject.wire("id %s of a wrong request" % number.decode(), b'{"id":%s}' % number, diff="id-as-typed",
                 theirs=[error(LACKS, before=b'"id": %s, ' % theirs)], ours=[error(LACKS, before=b'"id": %s, ' % number)])
subject.wire("id number deep inside", b'{"execute":"guest-ping","id":{"a":[1.0,{"b":-0}]}}', diff="id-as-typed",
             theirs=[returned({}, b', "id": {"a": [1, {"b": 0}]}')], ours=[returned({}, b', "id": {"a": [1.0, {"b": -0}]}')])

# What is no number
for number in (b"01", b"00", b"-01", b"1.", b"1.e1", b".5", b"+1", b"-", b"--1", b"-a", b"1e", b"1e+", b"1e-", b"1ee",
        b"1e1.5", b"1.5.5",
               b"0x10", b"0e1", b"0E1", b"1a", b"1_000", b"-.5", b"1-", b"1+1", b"-\"a\"", b"1\"a\"", b"1.x", b"1ex",
               b"0b1", b"1e1e1", b"- 1", b"1. 5", b"-[", b"1.{", b"1e]", b"0.", b"0.e", b"-0x", b"00x", b"-00", b"1.5e",
               b"1.5e+", b"12345678901234567890a"):
    in_all_places("number %s" % number.decode(), number)

# Numbers that end only where something else begins
subject.wire("a lone number waits", b"1")
subject.wire("a lone keyword waits", b"null")
subject.wire("a lone number and a newline", b"1\n")
subject.wire("three numbers", b"1 2 3\n")
subject.wire("a number, then a request", b"1" + PING)
subject.wire("a number ended by a colon", b"1:")
subject.wire("a number ended by a comma", b"1,")
subject.wire("a number ended by a quote", b"1\"a\"")
subject.wire("zero, then zero", b"0 0 ")
subject.wire("true, false, null", b"true false null ")
subject.wire("a number of 4000 digits", b'{"execute":"guest-sync","arguments":{"id":' + b"1" * 4000 + b"}}")
subject.wire("a fraction of 4000 digits", b'{"execute":"guest-sync","arguments":{"id":1.' + b"1" * 4000 + b"}}")
subject.wire("a keyword of 900 letters", b'{"id":' + b"z" * 900 + b"}")

# Each byte on its own, between two requests, and in the middle of an object
for byte in range(256):
    one = bytes([byte])
    subject.wire("byte %02X alone" % byte, one)
    subject.wire("byte %02X between requests" % byte, PING + one + PING)
    subject.wire("byte %02X in an object" % byte, b'{"execute":' + one + b'"guest-ping"}')
    subject.wire("byte %02X after a number" % byte, b'{"execute":"guest-ping","id":7' + one + b"}")
    subject.wire("byte %02X after a minus" % byte, b"[-" + one + b"]")
    subject.wire("byte %02X after a keyword" % byte, b"[null" + one + b"]")
    subject.wire("byte %02X after a stray byte" % byte, b"#" + one + PING + b"\n" + PING)

# Comments are no part of the dialect
for text in (b"// c\n" + PING, b"/* c */" + PING, b'{"execute":"guest-ping" /* c */}', b'{"execute":"guest-ping" // c\n}',
        b"# c\n" + PING,
             b"/*,*/" + PING, b"// a, b\n" + PING, b"-- c\n" + PING):
    subject.wire("comment %s" % text.decode(), text)

# Words before and after: where the reader finds its feet again
for text in (b"GET / HTTP/1.0\r\n\r\n", b"A" + PING, b"hello" + PING, b"Hello, " + PING, b"Hello: " + PING, b"Hello\n" + PING,
        b"Hello\t" + PING,
             b"Hello " + PING + b"\n" + PING, b"HELLO]" + PING, b"HELLO}" + PING, b"HELLO[1]" + PING,
             b"Login: root\nPassword: \n" + PING, PING + b" junk " + PING, PING + b"junk" + PING, b"QMP> " + PING,
             b"$ ls -l\n" + PING, b"\x1b[2J" + PING, b"\x7f" + PING, b"~~~" + PING, b"a.b.c\n" + PING, b"1.2.3\n" + PING,
             b"192.168.0.1\n" + PING, b"<xml/>\n" + PING, b"(" + PING + b")\n" + PING):
    subject.wire("noise %r" % text, text)
