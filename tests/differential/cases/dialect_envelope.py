"""The members of a request: which are known, of what type, in which order they are checked, and which error is told first."""

import itertools

from declare import Subject

subject = Subject("dialect-envelope")

VALUES = ("null", "true", "false", "0", "1", "-1", "1.5", '""', '"a"', "[]", "[1]", "{}", '{"a":1}', "[{}]",
        '[["x"],{"y":[]}]')

# Each member with each type
for value in VALUES:
    for text in ('{"execute":%s}', '{"execute":"guest-ping","arguments":%s}', '{"execute":"guest-ping","id":%s}',
            '{"arguments":%s}', '{"id":%s}', '{"a":%s}',
                 '{"execute":"nope","arguments":%s}', '{"execute":"guest-ping","a":%s}',
                 '{"execute":"guest-sync","arguments":{"id":%s}}',
                 '{"execute":"guest-sync-delimited","arguments":{"id":%s}}', '{"execute":"guest-ping","arguments":{"id":%s}}',
                 '{"execute":"nope","id":%s}',
                 '{"execute":"guest-sync","arguments":{},"id":%s}', '{"execute":1,"id":%s}',
                 '{"execute":"guest-ping","arguments":1,"id":%s}', '{"a":1,"id":%s}',
                 '{"exec-oob":%s}', '{"execute":"guest-ping","exec-oob":%s}', '{"Execute":%s}', '{"":%s}'):
        subject.wire(text % value, (text % value).encode())

# Order of members
MEMBERS = ('"execute":"guest-sync"', '"arguments":{"id":3}', '"id":"x"')
for parts in itertools.permutations(MEMBERS):
    subject.wire("order %s" % ",".join(parts), ("{%s}" % ",".join(parts)).encode())
ARGUMENTS = ('"handle":999', '"buf-b64":"QQ=="', '"count":1')
for parts in itertools.permutations(ARGUMENTS):
    for text in ('{"execute":"guest-file-write","arguments":{%s}}', '{"arguments":{%s},"execute":"guest-file-write"}'):
        subject.wire("order %s" % text % ",".join(parts), (text % ",".join(parts)).encode())

# Several wrong members: the one told is the first in the order of qemu-ga's hash table, not of the text.
NAMES = ("execute", "arguments", "id", "exec-oob", "zzz", "aaa", "", "a", "executf", "Execute", "arg", "return", "\u00e9",
        "a b")
for first, second in itertools.permutations(NAMES, 2):
    request = '{"%s":1,"%s":1}' % (first, second)
    subject.wire("two of %s" % request, request.encode())
for size in (3, 10, 40, 200):
    for begin in (0, 1000):
        numbers = range(begin, begin + size)
        subject.wire("%d strangers from %d" % (size, begin),
                ("{%s}" % ",".join('"n%d":{"x":[]}' % number for number in numbers)).encode())
        subject.wire("%d strangers down to %d" % (size, begin),
                ("{%s}" % ",".join('"n%d":1' % number for number in reversed(numbers))).encode())
for text in ('{"execute":"guest-ping","id":1,"b":1,"a":2}', '{"b":[1,{"c":2}],"a":"\\u0041","id":[1]}',
        '{"\\u0062":1,"\\u0061":1}'):
    subject.wire("strangers and good ones: %s" % text, text.encode())

# One wrong thing before another
for text in ('{"execute":"nope","arguments":1}', '{"execute":"nope","zzz":1}', '{"execute":"nope","arguments":{"a":1}}',
        '{"execute":"","arguments":{}}',
             '{"execute":"guest-sync"}', '{"execute":"guest-sync","arguments":{}}',
             '{"execute":"guest-sync","arguments":{"x":1}}',
             '{"execute":"guest-sync","arguments":{"id":"a","x":1}}', '{"execute":"guest-sync","arguments":{"x":1,"id":1}}',
             '{"execute":"guest-ping","arguments":{"x":1}}',
             '{"execute":"guest-info","arguments":{"x":1}}', '{"execute":"guest-ping","arguments":{}}',
             '{"execute":"guest-ping","arguments":{},"id":{}}',
             '{"execute":"GUEST-PING"}', '{"execute":"guest-ping "}', '{"execute":" guest-ping"}', '{"execute":"guest_ping"}',
             '{"execute":"guest-pin"}', '{"execute":"guest-pings"}',
             '{"execute":"guest-"}', '{"execute":"ping"}', '{"execute":"\\n"}', '{"execute":"a\\"b"}', '{"execute":"a\\\\b"}',
             '{"execute":"a/b"}', '{"execute":"a\\u007fb"}',
             '{"execute":"a\\u0000b"}', '{"execute":"a\\ud83d\\ude00b"}', '{"execute":"guest-get-devices"}',
             '{"execute":"query-version"}', '{"execute":"qmp_capabilities"}',
             '{"execute":"guest-ping","Arguments":{}}', '{"execute":"guest-ping","argument":{}}',
             '{"execute":"guest-ping","ids":1}', '{"execute":"guest-ping","":1}',
             '{"execute":"guest-ping","a\\"b":1}', '{"execute":"guest-ping","a\\u0000b":1}',
             '{"execute":"guest-ping","\u00e9":1}', '{"return":{}}', '{"error":{}}',
             '{"QMP":{"version":{}}}', '{"event":"x"}', '{"execute":"guest-ping","id":1,"return":2}',
             '{"arguments":{},"id":1}', '{"execute":"guest-sync","arguments":{"ID":1}}'):
    subject.wire("request %s" % text, text.encode())
    subject.wire("request %s, twice" % text, text.encode() * 2)

# The id on every kind of error
for label, rest in (("unknown", '"execute":"nope"'), ("lacks", ""), ("type", '"execute":[]'),
        ("arguments", '"execute":"guest-ping","arguments":[]'), ("member", '"x":0'),
                    ("missing", '"execute":"guest-sync"'), ("unexpected", '"execute":"guest-ping","arguments":{"q":0}'),
                    ("argument type", '"execute":"guest-sync","arguments":{"id":"z"}'),
                    ("command", '"execute":"guest-file-close","arguments":{"handle":999}'),
                    ("good", '"execute":"guest-ping"')):
    for value in ('"a"', "1", "null", '{"a":[1,"x"]}', '"\\u00e9\\n\\"\\\\"', '{"\\u00e9":"\\/"}'):
        first = '{"id":%s%s}' % (value, "," + rest if rest else "")
        last = '{%s"id":%s}' % (rest + "," if rest else "", value)
        subject.wire("id %s first, %s" % (value, label), first.encode())
        if first != last:
            subject.wire("id %s last, %s" % (value, label), last.encode())

# A parse error never has an id
for text in ('{"id":1,"execute":}', '{"id":1,"execute":"guest-ping",}', '{"id":1,"execute":"guest-ping"%}', '{"id":1,"id":1}',
        '[{"id":1}]', '{"id":1,"x":"\\q"}'):
    subject.wire("no id: %s" % text, text.encode())

# Ids that are written in several ways come back in one
for value in ('{"b":1,"a":2}', '[1,2,3]', '[ 1 , 2 ]', '{ "a" : 1 }', "'it'", "'a\"b'", '"a\'b"', '"\\u0041"', '"\\/"', '"/"',
        '"\\b\\f\\n\\r\\t"', '"\u00e9"', '"\\u00E9"', '"\\ud83d\\ude00"',
              '"\U0001f600"', '"\u20ac"', '"\\u0000"', '"\\u007f"', '"\x7f"', '{"":{"":[]}}', '[[],[[]],{}]',
              '[true,false,null]', '["a",1,null,{"k":[]}]', '{"\\"":"\\\\"}',
              '18446744073709551615', '9223372036854775808', '-9223372036854775808', '"%s"', '"\\\\u0041"', '[\t1,\n2]',
              "{'k':'v'}", '{"a":{"b":{"c":{"d":{}}}}}'):
    subject.wire("id %s" % value, ('{"execute":"guest-ping","id":%s}' % value).encode())
    subject.wire("id %s before" % value, ('{"id":%s,"execute":"guest-ping"}' % value).encode())
