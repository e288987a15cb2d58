"""Processors and memory blocks: what this machine has, and every way to get the arguments of the commands that switch them wrong.

No request here is one that could be obeyed: an invalid argument is found before the first element is done. And whoever plays
them puts the agent where it could not (compare.HARMFUL).
"""

import json

from declare import Subject

subject = Subject("cpu-memory")


@subject.scenario
def this_machine(t):
    for command in ("guest-get-vcpus", "guest-get-memory-blocks", "guest-get-memory-block-info"):
        t.call(command)
        t.call(command, {}, id={"a": 1})


# The command, its list, and its elements' number.
COMMANDS = (("guest-set-vcpus", "vcpus", "logical-id"), ("guest-set-memory-blocks", "mem-blks", "phys-index"))
# As JSON text; no machine has that many processors or blocks.
NUMBER = "999999999"
VALUES = ("null", "true", "0", "-1", "1.0", "1.5", "1e3", "-0", "9223372036854775807", "9223372036854775808",
          "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", '""', '"x"', '"5"',
          "[]", "[1]", "{}", '{"a":1}', '"\\u0000"')


def request(command, members, after=""):
    return ('{"execute":"%s","arguments":{%s}%s}' % (command, members, after)).encode()


for command, name, number in COMMANDS:
    good = '{"%s":%s,"online":true}' % (number, NUMBER)

    def wire(label, members, after="", command=command):
        subject.wire("%s, %s" % (command, label), request(command, members, after))

    def elements(label, *items, more="", wire=wire, name=name):
        wire(label, '"%s":[%s]%s' % (name, ",".join(items), more))

    subject.wire("%s without arguments" % command, b'{"execute":"%s"}' % command.encode())
    wire("nothing given", "")
    wire("only a stranger", '"x":1')
    wire("the list is an element", '"%s":%s' % (name, good))
    elements("a stranger behind the list", good, more=',"x":1')
    elements("a stranger and an id", good, more=',"x":{"%s":[]}' % name)
    wire("a stranger before the list", '"x":[%s],"%s":[%s]' % (good, name, good))
    for value in VALUES:
        # An empty list is no error.
        if value != "[]":
            wire("the list is %s" % value, '"%s":%s' % (name, value))
        # Nor is a good element.
        elements("an element is %s" % value, value)
        elements("the second element is %s" % value, good, value)
        elements("the third element is %s" % value, good, good, value, good)
        # Followed by something that is wrong in any case, for a number that is right.
        elements("the number is %s" % value, '{"%s":%s,"online":7}' % (number, value))
        elements("the number is %s, in the second" % value, good, '{"%s":%s}' % (number, value))
        elements("the number is %s, at the end" % value, '{"online":"x","%s":%s}' % (number, value))
        if value != "true":
            elements("online is %s" % value, '{"%s":%s,"online":%s}' % (number, NUMBER, value))
            elements("can-offline is %s" % value, '{"%s":%s,"online":true,"can-offline":%s}' % (number, NUMBER, value))
    for label, element in (
            ("nothing", "{}"), ("only online", '{"online":true}'), ("only can-offline", '{"can-offline":false}'),
            ("only the number", '{"%s":1}' % number), ("only a stranger", '{"x":1}'),
            ("a stranger", '{"%s":1,"online":true,"x":1}' % number),
            ("a stranger first", '{"x":{"online":[1]},"%s":1,"online":true}' % number),
            ("a stranger with no name", '{"%s":1,"online":true,"":1}' % number),
            ("a stranger with a dot", '{"%s":1,"online":true,"a.b[0]":1}' % number),
            ("a stranger with quotes", '{"%s":1,"online":true,"a\\"b\\\\":1}' % number),
            ("a stranger that is not ASCII", '{"%s":1,"online":true,"\\u00e9":1}' % number),
            ("the list in it", '{"%s":1,"online":true,"%s":[]}' % (number, name)),
            ("the name in capitals", '{"%s":1,"online":true}' % number.upper()),
            ("a number and online twice wrong", '{"online":1,"%s":"x"}' % number)):
        elements("an element with %s" % label, element)
        elements("the second with %s" % label, good, element)
        # What one has too much comes before what the next one lacks, and the list before its neighbours.
        elements("%s, then an element with nothing" % label, element, "{}")
        elements("%s, then a wrong neighbour" % label, element, more=',"y":1')
    elements("a long list with a wrong end", *([good] * 200), "{}")
    elements("a place of three digits", *([good] * 123), '{"%s":1,"online":null}' % number)

subject.wire("an id with it", request("guest-set-vcpus", '"vcpus":[1]', ',"id":[%s]' % json.dumps("x")))
