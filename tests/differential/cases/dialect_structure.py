"""Brackets, commas and colons in every wrong place, double keys, blanks, depth, and where one request ends and the next begins."""

import itertools

from declare import Subject, error, parse_error, returned

subject = Subject("dialect-structure")

PING = b'{"execute":"guest-ping"}'
DEPTH = 1024

# Grammar
GRAMMAR = """
    { } [ ] : , {} [] {] [} {]} [}] {[} [{] {[}] [{]} }{ ][ {}} []] {,} [,] {:} [:] {:1} {,"a":1} [,1] [1,] [1,,2]
    [1:2] ["a":1] [1} [1,} {"a"} {"a":} {"a",} {"a":,} {"a"::1} {"a":1,} {"a":1,,"b":2} {"a":1;"b":2} {"a":1:2}
    {"a":1] {"a":[1} {"a":[1}] {"a":{"b":1]} {"a":[}]} {1:2} {true:1} {null:1} {[]:1} {{}:1} {1.5:1} {a:1} {'a':1}
    {"a":1}} {"a":1}] {"a":1}, {"a":1}: ,{} :{} {},{} {}{} [][] [{}] [[]] [[],[]] [{},{}] [[[]]] {"a":{}} {"a":[]}
    {"a":{"b":{"c":[]}}} [1,[2,[3,[4]]]] [1,2,3 {"a":1 {"a": {"a" [[[ {{ {"a":{ [{"a": [null,true,false] ["",""] [{}
    [[] {"a":[] {"execute"="guest-ping"} {"a":1,2} {"a":1,"b"} {"a":1,"b":} {"a":1,null} {"a":1,[]} {"a":1,{}} [1,]2
    [1,]{} {"a":[1,]} {"a":{"b":}} {"a":{"b"}} {"a":{1}} {"a":}{"b":} [}[} {]{] ]]] }}} }]} ::: ,,, [:,] {,:}
""".split()
WITH_BLANKS = ('[1 2]', '{"a" 1}', '{"a":1 "b":2}', '{} []', '{"a" "b"}', '{"a" : : 1}', '{"a":[1 2],"b":[3 4]}')
for text in (*GRAMMAR, *WITH_BLANKS):
    subject.wire("grammar %s" % text, text.encode())
    subject.wire("grammar %s, then a request" % text, text.encode() + PING)

# All short sequences of structural bytes
for length in (2, 3, 4):
    for parts in itertools.product("{}[]:,", repeat=length):
        if length < 4 or parts[0] in "{[":
            subject.wire("sequence %s" % "".join(parts), "".join(parts).encode())
# and of tokens inside an object
for parts in itertools.product(('"a"', "1", ":", ",", "[", "]", "true"), repeat=3):
    subject.wire("object of %s" % " ".join(parts), ("{%s}" % " ".join(parts)).encode())
for parts in itertools.product(('"a"', "1", ",", ":", "{", "}"), repeat=3):
    subject.wire("list of %s" % " ".join(parts), ("[%s]" % " ".join(parts)).encode())

# Double keys, on every level
SIXTEEN = ",".join('"n%d":0' % number for number in range(16))
DOUBLE_KEYS = {
    "execute": '{"execute":"guest-ping","execute":"guest-ping"}',
    "execute of another": '{"execute":"guest-ping","execute":"guest-info"}',
    "id": '{"execute":"guest-ping","id":1,"id":1}',
    "arguments": '{"execute":"guest-ping","arguments":{},"arguments":{}}',
    "an argument": '{"execute":"guest-sync","arguments":{"id":1,"id":2}}',
    "an argument, second wrong": '{"execute":"guest-sync","arguments":{"id":1,"id":"x"}}',
    "an unknown member": '{"a":1,"a":2}',
    "in the id": '{"execute":"guest-ping","id":{"a":1,"a":2}}',
    "deep in the id": '{"execute":"guest-ping","id":[{"a":[{"b":1,"b":1}]}]}',
    "in a list's object": '[{"a":1,"a":1}]',
    "in an argument's value": '{"execute":"guest-sync","arguments":{"id":{"a":1,"a":1}}}',
    "of an unknown command": '{"execute":"nope","arguments":{"a":1,"a":1}}',
    "in an unexpected argument": '{"execute":"guest-ping","arguments":{"a":1,"a":1}}',
    "three of a kind": '{"a":1,"a":2,"a":3}',
    "empty names": '{"":1,"":2}',
    "empty names in the id": '{"id":{"":1,"":2}}',
    "not adjacent": '{"a":1,"b":2,"c":3,"a":4}',
    "the value is wrong too": '{"a":1,"a":}',
    "the value does not come": '{"a":1,"a"}',
    "the colon does not come": '{"a":1,"a" 2}',
    "then bad grammar": '{"a":1,"a":2,}',
    "after bad grammar": '{"a" 1,"a":2}',
    "the second holds an error": '{"a":1,"a":[1 2]}',
    "the second holds a double key": '{"a":1,"a":{"b":1,"b":2}}',
    "case differs": '{"a":1,"A":2}',
    "longer by one": '{"id":1,"idd":2}',
    "same name on two levels": '{"execute":"guest-ping","id":{"id":1}}',
    "same name in two lists' objects": '{"id":[{"a":1},{"a":1}]}',
    "and a lexical error": '{"a":1,"a":%}',
    "with arguments between": '{"execute":"guest-sync","arguments":{"id":1},"execute":"guest-sync"}',
    "U+00E9 twice": '{"\u00e9":1,"\\u00e9":2}',
    "sixteen names and one again": '{%s,"n3":0}' % SIXTEEN,
    "in the id, sixteen names and one again": '{"id":{%s,"n3":0}}' % SIXTEEN,
}
for label, text in DOUBLE_KEYS.items():
    subject.wire("double key: %s" % label, text.encode())
    subject.wire("double key: %s, then a request" % label, text.encode() + PING)

# Blanks
for label, blank in (("space", b" "), ("tab", b"\t"), ("LF", b"\n"), ("CR", b"\r"), ("CRLF", b"\r\n"), ("all", b" \t\r\n "),
        ("form feed", b"\f"), ("vertical tab", b"\v"),
                     ("no-break space", b"\xc2\xa0"), ("byte order mark", b"\xef\xbb\xbf")):
    tokens = (b"{", b'"execute"', b":", b'"guest-sync"', b",", b'"arguments"', b":", b"{", b'"id"', b":", b"5", b"}", b"}")
    subject.wire("%s everywhere" % label, blank + blank.join(tokens) + blank)
    subject.wire("%s before" % label, blank + PING)
    subject.wire("%s after" % label, PING + blank)
    subject.wire("%s alone" % label, blank)
    subject.wire("%s after a number" % label, b"1" + blank)
    subject.wire("%s in a keyword" % label, b"[tr" + blank + b"ue]")
    subject.wire("%s in a number" % label, b"[1" + blank + b"2]")
    subject.wire("%s in a string" % label, b'{"execute":"guest' + blank + b'ping"}')
subject.wire("a thousand blanks", b" " * 1000 + PING + b"\n" * 1000 + PING)
subject.wire("nothing", b"")

# Several requests
SYNC = b'{"execute":"guest-sync","arguments":{"id":%d}}'
for label, between in (("nothing", b""), ("LF", b"\n"), ("CRLF", b"\r\n"), ("space", b" "), ("comma", b","), ("FF", b"\xff"),
        ("NUL", b"\0"), ("a number", b" 1 "), ("semicolon", b";")):
    subject.wire("ten requests with %s between" % label, between.join(SYNC % number for number in range(10)))
subject.wire("two good ones and an unknown", PING + SYNC % 3 + b'{"execute":"nope","id":1}')
subject.wire("a hundred requests", b"\n".join(SYNC % number for number in range(100)))
subject.wire("a thousand requests", b"".join(SYNC % number for number in range(1000)))
subject.wire("a request and a half", PING + PING[:-1])
subject.wire("half a request, then a whole one", b'{"execute":"guest-fsfreeze-fre' + b'\xff{"execute":"guest-ping"}')
subject.wire("half a request, then a whole one, no FF", b'{"execute":"guest-fsfreeze-fre' + PING)
subject.wire("half a request ending after a token, then a whole one", b'{"execute":' + PING)
subject.wire("half a request ending after a token, then two", b'{"execute":' + PING + b"}" + PING)
subject.wire("a request in an argument", b'{"execute":"guest-sync","arguments":' + PING + b"}")
subject.wire("requests in a list", b"[" + PING + b"," + PING + b"]" + PING)
subject.wire("good, bad, good, bad, good", PING + b"{,}" + PING + b"[%]" + PING)
for text in (b"1", b"null", b'"a"', b"[]", b"true", b"1.5", b'["a"]', b"[{}]"):
    subject.wire("%s is no object" % text.decode(), text + b"\n")
    subject.wire("%s is no object, then a request" % text.decode(), text + b"\n" + PING)

# Depth
for open_, close, label in ((b"[", b"]", "lists"), (b'{"a":', b"}", "objects")):
    inner = b"1" if open_ != b"[" else b""
    for depth in (2, 16, 64, 255, 256, 257, 512, DEPTH - 1, DEPTH):
        subject.wire("%d %s deep" % (depth, label), open_ * depth + inner + close * depth)
        subject.wire("%d %s deep, then a request" % (depth, label), open_ * depth + inner + close * depth + PING)
    subject.wire("%d %s deep, left open" % (DEPTH, label), open_ * DEPTH)
subject.wire("%d lists deep as id" % 500, b'{"execute":"guest-ping","id":' + b"[" * 500 + b"]" * 500 + b"}")
subject.wire("the depth counts from nothing each time", (b"[" * 1000 + b"]" * 1000) * 3)
subject.wire("lists side by side are not deep", b"[" + b"[]," * 1100 + b"[]]")
# Beyond the limit qemu-ga forgets that it was inside something, and reads the rest as if it were new.
TOO_DEEP = error("JSON nesting depth limit exceeded")
NOT_OBJECT = error("QMP input must be a JSON object")
UNEXPECTED = error("QMP input member 'a' is unexpected")
LONE = parse_error("expecting value")
PONG = returned({})
for depth in (DEPTH + 1, DEPTH + 2, 1500):
    rest = [NOT_OBJECT] if depth > DEPTH + 1 else []
    subject.wire("%d lists deep" % depth, b"[" * depth + b"]" * depth + PING, diff="one-error-for-nesting",
                 theirs=[TOO_DEEP] + rest + [LONE] * (DEPTH + 1) + [PONG], ours=[TOO_DEEP, PONG])
    subject.wire("%d lists deep, in an object with more after it" % (depth - 1),
            b'{"id":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b',"execute":1}' + PING,
                 diff="one-error-for-nesting",
                 theirs=[TOO_DEEP] + rest + [LONE] * DEPTH + [LONE, NOT_OBJECT, LONE, NOT_OBJECT, LONE, PONG],
                 ours=[TOO_DEEP, PONG])
    subject.wire("%d objects deep" % depth, b'{"a":' * depth + b"1" + b"}" * depth + PING, diff="one-error-for-nesting",
                 theirs=[TOO_DEEP, NOT_OBJECT, LONE,
                 UNEXPECTED if depth > DEPTH + 1 else NOT_OBJECT] + [LONE] * (DEPTH + 1) + [PONG],
                 ours=[TOO_DEEP, PONG])

# Length: what fits and what does not
subject.wire("a list of 300 numbers", b"[" + b",".join(b"%d" % number for number in range(300)) + b"]")
subject.wire("an argument that is a long list", b'{"execute":"guest-sync","arguments":{"id":[' + b"1," * 3000 + b"1]}}")
