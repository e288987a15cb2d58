"""Strings: both kinds of quotes, every escape, every byte, UTF-8 in all the ways in which it can be wrong."""

from declare import Subject

subject = Subject("dialect-strings")


def in_all_places(label, text, quote=b'"'):
    """The inside of a string as a command's name, as a key, as an id, as an argument, and alone."""
    string = quote + text + quote
    subject.wire("%s as execute" % label, b'{"execute":%s}' % string)
    subject.wire("%s as a member" % label, b'{%s:1}' % string)
    subject.wire("%s as id" % label, b'{"execute":"guest-ping","id":%s}' % string)
    subject.wire("%s as an argument's name" % label, b'{"execute":"guest-sync","arguments":{"id":1,%s:2}}' % string)
    subject.wire("%s as an argument" % label,
            b'{"execute":"guest-file-open","arguments":{"path":"/dev/null","mode":%s}}' % string)
    subject.wire("%s alone" % label, string)


# Escapes
for letter in b"bfnrt\"\\/'":
    in_all_places("escape %c" % letter, b"a\\%cb" % letter)
    in_all_places("escape %c in single quotes" % letter, b"a\\%cb" % letter, b"'")
for byte in list(range(0x20, 0x7F)):
    if byte not in b"bfnrt\"\\/'u":
        subject.wire("no escape %c" % byte, b'{"execute":"a\\%cb"}' % byte)
for byte in (0x00, 0x01, 0x09, 0x0A, 0x0D, 0x1F, 0x7F, 0x80, 0xC3, 0xFE, 0xFF):
    subject.wire("backslash and byte %02X" % byte, b'{"execute":"a\\%cb"}' % byte)
subject.wire("backslash, U+00E9", b'{"execute":"a\\\xc3\xa9"}')
subject.wire("two wrong escapes", b'{"execute":"a\\qb","arguments":"\\x"}')
subject.wire("a wrong escape, then a request", b'{"execute":"a\\qb"}{"execute":"guest-ping"}')
subject.wire("a wrong escape in a key", b'{"a\\q":1}')
subject.wire("a wrong escape in the third element", b'["a","b","\\q"]')
subject.wire("a wrong escape alone", b'"\\q"')

# \u
for code in ("0000", "0001", "0008", "000a", "000A", "001f", "0020", "0022", "0027", "002F", "005c", "007E", "007f", "0080",
        "00e9", "00FF", "07ff",
             "0800", "20AC", "d7ff", "e000", "fdcf", "fdd0", "fddf", "FDEF", "fdf0", "fffd", "fffe", "ffff", "FFFE", "FFFF"):
    in_all_places("escape u%s" % code, b"a\\u%sb" % code.encode())
for text in (b"\\ud83d\\ude00", b"\\uD83D\\uDE00", b"\\ud800\\udc00", b"\\udbff\\udfff", b"\\udbff\\udffe", b"\\ud83f\\udffe",
        b"\\ud83f\\udfff",
             b"\\udbff\\udffd", b"\\ud800\\udbff", b"\\ud800\\ue000", b"\\ud800", b"\\udbff", b"\\udc00", b"\\udfff",
             b"\\uDE00\\uD83D", b"\\ud83d\\ud83d\\ude00", b"\\ud83d\\n", b"\\ud83d\\u0041", b"\\ud83dx", b"\\ud83d\\",
             b"\\ud83d\\u", b"\\ud83d\\ude0", b"\\ud83d\\ude0g", b"\\ud83d\xf0\x9f\x98\x80"):
    in_all_places("surrogate %s" % text.decode("latin-1"), text)
for text in (b"\\u", b"\\u1", b"\\u12", b"\\u123", b"\\u123g", b"\\ug123", b"\\u 123", b"\\u+123", b"\\u-123", b"\\u0x12",
        b"\\U0041", b"\\u12\\n",
             b"\\u123\\u0041", b"\\u{41}", b"\\u00\xc3\xa9", b"\\u12\xff", b"\\u004", b"\\u\\u20ac", b"\\u2\\u20ac",
        b"\\u20\\u20ac", b"\\u20a\\u20ac", b"\\u \\u20ac", b"\\u\xa9 \\u20ac", b"\\ud83d\\u2\\u20ac", b"\\ud83d\\ude0\\u20ac",
        b"\\u\\u\\u\\u", b"\\u\\\\", b"\\u1\\\\", b"\\u12\\\"x", b"\\u123\\\"x", b"\\u20\xe2", b"\\u\xc3", b"\\u0a\xf0",
        b"\\u123\xc3", b"\xc3\\u20\xe2", b"\\ud83d\\u2\xe2", b"\\u2\xe2\x82\xac", b"\\u20\xff", b"\\u20\x01"):
    in_all_places("no escape %s" % text.decode("latin-1"), text)
    # Where the string ends must not depend on what is wrong in it.
    subject.wire("no escape %s, then a request" % text.decode("latin-1"), b'{"execute":"%s"}{"execute":"guest-ping"}' % text)
subject.wire("an escape makes the name", b'{"\\u0065xecute":"\\u0067uest-ping"}')
subject.wire("an escape makes a double key", b'{"execute":"guest-ping","\\u0065xecute":"guest-ping"}')
subject.wire("an escape makes an argument's name", b'{"execute":"guest-sync","arguments":{"\\u0069d":7}}')
subject.wire("a slash escaped", b'{"execute":"guest\\/ping"}')

# Quotes
for label, text in (("single quotes", b"{'execute':'guest-ping'}"), ("mixed quotes", b"{'execute':\"guest-ping\"}"),
                    ("a double quote in single ones", b"{'execute':'a\"b'}"), ("a single quote in double ones",
                    b'{"execute":"a\'b"}'),
                    ("an escaped single quote in single ones", b"{'execute':'a\\'b'}"),
                    ("an escaped double quote in single ones", b"{'execute':'a\\\"b'}"),
                    ("single quotes not closed", b"{'execute':'guest-ping\"}"), ("double quotes not closed",
                    b'{"execute":"guest-ping\'}'),
                    ("empty strings", b'{"":""}'), ("empty single-quoted", b"{'':''}"), ("an empty command",
                    b'{"execute":""}'),
                    ("an empty single-quoted command", b"{'execute':''}"), ("single-quoted id",
                    b"{'execute':'guest-ping','id':'it\"s'}"),
                    ("single quotes in the arguments", b"{'execute':'guest-sync','arguments':{'id':9}}"),
                    ("a double key in two kinds of quotes", b"{'execute':'guest-ping',\"execute\":\"guest-ping\"}"),
                    ("strings side by side", b'"a""b"'), ("strings side by side in a list", b'["a""b"]'),
                    ("a string as document", b'"guest-ping"'), ("percent in a string", b'{"execute":"%s %d %p"}'),
                    ("percent doubled", b'{"execute":"100%%"}')):
    subject.wire(label, text)

# Every byte inside a string
for byte in range(256):
    if byte in b"\"\\":
        continue
    subject.wire("byte %02X in a string" % byte, b'{"execute":"a%cb"}' % byte)
    subject.wire("byte %02X in single quotes" % byte, b"{'execute':'a%cb'}" % byte if byte != 0x27 else b"{'execute':'a'b'}")
    if byte < 0x20 or byte >= 0x7F:
        subject.wire("byte %02X in an id, then a request" % byte, b'{"id":"a%cb"}{"execute":"guest-ping"}' % byte)

# UTF-8, well formed
for text in ("\u00e9", "\u0080", "\u07ff", "\u0800", "\u20ac", "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0001f600",
        "\U0010fffd", "\u2028",
             "\ufeff", "\u0085", "\u202e", "e\u0301", "\u4f60\u597d", "\u00df" * 50):
    in_all_places("text %s" % ascii(text), text.encode())

# UTF-8, malformed. Each alone at the end of the string, before text, and twice.
MALFORMED = {
    "lone continuation": b"\x80", "last continuation": b"\xbf", "two continuations": b"\x80\xbf",
    "four continuations": b"\x80\x80\x80\x80",
    "lead of two, no more": b"\xc3", "lead of two, then ASCII": b"\xc3(", "lead of two, then lead": b"\xc3\xc3\xa9",
    "lead of three, no more": b"\xe2",
    "three without the last": b"\xe2\x82", "three with ASCII in it": b"\xe2(\xa1",
    "three with ASCII at its end": b"\xe2\x82(",
    "lead of four, no more": b"\xf0", "four, two present": b"\xf0\x9f", "four, three present": b"\xf0\x9f\x98",
    "four with ASCII": b"\xf0(\x8c\xbc",
    "four with ASCII third": b"\xf0\x90(\xbc", "four with ASCII last": b"\xf0\x90\x8c(", "overlong NUL": b"\xc0\x80",
    "overlong slash": b"\xc0\xaf",
    "overlong C1": b"\xc1\x81", "overlong C1 last": b"\xc1\xbf", "overlong of three": b"\xe0\x80\x80",
    "overlong of three, slash": b"\xe0\x80\xaf",
    "overlong of three, last": b"\xe0\x9f\xbf", "overlong of four": b"\xf0\x80\x80\x80",
    "overlong of four, last": b"\xf0\x8f\xbf\xbf",
    "first surrogate": b"\xed\xa0\x80", "last high surrogate": b"\xed\xaf\xbf", "first low surrogate": b"\xed\xb0\x80",
    "last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80", "U+FDD0": b"\xef\xb7\x90", "U+FDEF": b"\xef\xb7\xaf",
    "U+FFFE": b"\xef\xbf\xbe",
    "U+FFFF": b"\xef\xbf\xbf", "U+1FFFE": b"\xf0\x9f\xbf\xbe", "U+1FFFF": b"\xf0\x9f\xbf\xbf",
    "U+10FFFE": b"\xf4\x8f\xbf\xbe",
    "U+10FFFF": b"\xf4\x8f\xbf\xbf", "beyond U+10FFFF": b"\xf4\x90\x80\x80", "F5": b"\xf5\x80\x80\x80",
    "F8, five bytes": b"\xf8\x88\x80\x80\x80",
    "FC, six bytes": b"\xfc\x84\x80\x80\x80\x80", "F5 alone": b"\xf5", "F8 alone": b"\xf8", "FD alone": b"\xfd",
    "latin-1": b"caf\xe9",
}
for label, text in MALFORMED.items():
    in_all_places("UTF-8 %s" % label, b"a" + text)
    in_all_places("UTF-8 %s, before text" % label, text + b"bcd")
    subject.wire("UTF-8 %s, twice" % label, b'{"execute":"%s%s"}' % (text, text))
    subject.wire("UTF-8 %s, then a backslash" % label, b'{"execute":"%s\\n"}' % text)
    subject.wire("UTF-8 %s, then a request" % label, b'{"id":"%s"}{"execute":"guest-ping"}' % text)
    subject.wire("UTF-8 %s outside a string" % label, text + b'{"execute":"guest-ping"}')
    subject.wire("UTF-8 %s outside, in a list" % label, b"[" + text + b"]")
for label, text in (("well-formed text", "\u20ac".encode()), ("a byte order mark", b"\xef\xbb\xbf"), ("text of four bytes",
        "\U0001f600".encode())):
    subject.wire("%s outside a string" % label, text + b'{"execute":"guest-ping"}\n{"execute":"guest-ping"}')

# Which of two faults is told
for label, text in (("an escape, then UTF-8", b'{"execute":"\\q\x80"}'), ("UTF-8, then an escape", b'{"execute":"\x80\\q"}'),
                    ("a surrogate, then UTF-8", b'{"execute":"\\ud800\x80"}'), ("bad string, then bad grammar",
                    b'{"execute":"\\q",}'),
                    ("bad grammar, then bad string", b'{"execute" "\\q"}'), ("bad string, then a stray byte",
                    b'{"execute":"\\q",%}'),
                    ("a bad key that is also double", b'{"a":1,"a":"\\q"}'), ("a bad value of a double key",
                    b'{"a":1,"\\q":2,"a":3}'),
                    ("a bad string in a skipped place", b'{"execute":1,"id":"\\q"}'), ("bad UTF-8 in a missing argument",
                    b'{"execute":"nope","arguments":{"\x80":1}}')):
    subject.wire(label, text)

# Length
subject.wire("an id of 4000 bytes", b'{"execute":"guest-ping","id":"%s"}' % (b"y" * 4000))
subject.wire("an id of 600 two-byte letters", b'{"execute":"guest-ping","id":"%s"}' % ("\u00e9" * 600).encode())
subject.wire("a stray byte after 900 bytes", b'{"execute":"%s\x01"}' % (b"x" * 900))
