"""The arguments of each command: each missing, of each wrong type, beside a stranger, in every order."""

import itertools
import json

from declare import Subject, error

subject = Subject("arguments")

# name: arguments as (name, a good value, required). The good values do nothing: no such handle, no such file, no such mode.
COMMANDS = {
    "guest-sync": (("id", 5, True),),
    "guest-sync-delimited": (("id", 5, True),),
    "guest-ping": (),
    "guest-info": (),
    "guest-get-time": (),
    "guest-get-host-name": (),
    "guest-get-osinfo": (),
    "guest-file-open": (("path", "no/such/file", True), ("mode", "r", False)),
    "guest-file-close": (("handle", 999, True),),
    "guest-file-read": (("handle", 999, True), ("count", 1, False)),
    "guest-file-write": (("handle", 999, True), ("buf-b64", "QQ==", True), ("count", 1, False)),
    "guest-file-seek": (("handle", 999, True), ("offset", 0, True), ("whence", 0, True)),
    "guest-file-flush": (("handle", 999, True),),
    "guest-get-load": (),
    "guest-get-cpustats": (),
    "guest-get-diskstats": (),
    "guest-get-disks": (),
    "guest-network-get-route": (),
    "guest-get-vcpus": (),
    "guest-get-memory-blocks": (),
    "guest-get-memory-block-info": (),
    "guest-get-users": (),
    # Only a mode that is refused: with any other this machine would go down.
    "guest-shutdown": (("mode", "sideways", False),),
}
# As JSON text, because Python has no way to say 1.0 and 9223372036854775808 differently from what a client types.
NUL = '"\\u0000"'
VALUES = ("null", "true", "false", "0", "1", "-1", "1.0", "1.5", "1e3", "-0", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
          "18446744073709551616", "1e400", '""', '"x"', '"5"', "[]", "[1]", '["x"]', "{}", '{"a":1}', '"\\u0000"',
          '"\\u00e9\\"\\\\"', '{"handle":999}')
# A request that names none of these commands can not be wrong about this machine; those that give a time, a list or counters differ
# each time, and who is logged in and what disks are called is known in two ways (users.py, file_systems.py).
VARYING = {"guest-info", "guest-get-time", "guest-get-users", "guest-get-load", "guest-get-cpustats", "guest-get-diskstats",
           "guest-get-disks", "guest-network-get-route"}


def text(command, members):
    """A request with the given arguments, each a (name, JSON text)."""
    inside = ",".join("%s:%s" % (json.dumps(name), value) for name, value in members)
    return ('{"execute":"%s","arguments":{%s}}' % (command, inside)).encode()


def add(label, command, members):
    # A NUL in a path is a known difference (files_open.py).
    if command != "guest-file-open" or ("path", NUL) not in members or ("stranger", "1") in members:
        subject.wire(label, text(command, members))


for command, arguments in COMMANDS.items():
    good = [(name, json.dumps(value)) for name, value, _ in arguments]
    if command not in VARYING:
        add("%s, all good" % command, command, good)
    # A stranger, first and last, alone, and two of them: with a good request qemu-ga names one of the two, which is not said.
    add("%s, and a stranger" % command, command, good + [("stranger", "1")])
    add("%s, after a stranger" % command, command, [("stranger", '{"a":[1,{"b":null}]}')] + good)
    add("%s, a stranger with a long value" % command, command, good + [("stranger", '"%s"' % ("x" * 3000))])
    for stranger in ("", "ID", "Handle", "handle ", "\u00e9", "a\"b", "a\\b", "a\nb", "mode2", "x" * 200, "arguments",
            "execute", "\0"):
        if stranger not in dict(good):
            add("%s, and the stranger %s" % (command, ascii(stranger)), command, good + [(stranger, "1")])
    # Each argument missing. (guest-shutdown without its mode would shut down.)
    if command != "guest-shutdown":
        for number in range(len(arguments)):
            if command not in VARYING:
                add("%s without %s" % (command, arguments[number][0]), command, good[:number] + good[number + 1:])
                add("%s without %s, and a stranger" % (command, arguments[number][0]), command,
                        good[:number] + [("stranger", "1")] + good[number + 1:])
        if arguments:
            add("%s, nothing given" % command, command, [])
            add("%s, only a stranger" % command, command, [("stranger", "1")])
            subject.wire("%s, arguments left out" % command, b'{"execute":"%s"}' % command.encode())
    # Each argument with each value
    for number, (name, _, _) in enumerate(arguments):
        for value in VALUES:
            add("%s, %s is %s" % (command, name, value), command, good[:number] + [(name, value)] + good[number + 1:])
            add("%s, %s is %s, and a stranger" % (command, name, value), command,
                    [("stranger", "1")] + good[:number] + [(name, value)] + good[number + 1:])
            if command != "guest-shutdown":
                add("%s, only %s, which is %s" % (command, name, value), command, [(name, value)])
    # Two wrong at once, in every order: the first that is declared is told.
    wrong = [(name, "[]") for name, _, _ in arguments]
    for order in itertools.permutations(wrong):
        if len(order) > 1:
            add("%s, all wrong: %s" % (command, ",".join(name for name, _ in order)), command, order)
    for order in itertools.permutations(good):
        if len(order) > 1:
            add("%s, good in the order %s" % (command, ",".join(name for name, _ in order)), command, order)

# A wrong argument hides what the command would say, and the envelope hides the arguments.
for request in ('{"execute":"guest-file-open","arguments":{"path":"x","mode":"zz","more":1}}',
        '{"execute":"guest-file-open","arguments":{"mode":"zz"}}',
                '{"execute":"guest-file-seek","arguments":{"handle":999,"offset":0,"whence":9,"more":1}}',
                '{"execute":"guest-file-read","arguments":{"handle":999,"count":-1,"more":1}}',
                '{"execute":"guest-file-write","arguments":{"handle":999,"buf-b64":"*","more":1}}',
                '{"execute":"guest-file-write","arguments":{"handle":"x","buf-b64":"*"}}',
                '{"execute":"guest-file-write","arguments":{"buf-b64":"*"}}',
                '{"execute":"guest-file-write","arguments":{"buf-b64":"*","handle":999,"count":"x"}}',
                '{"execute":"guest-file-open","arguments":{"path":1},"more":1}',
                '{"arguments":{"path":1},"execute":"guest-file-open"}',
                '{"arguments":{"buf-b64":1,"handle":"x"},"execute":"guest-file-write"}',
                '{"arguments":{"whence":[],"handle":{}},"execute":"guest-file-seek","id":{"a":1}}',
                '{"execute":"guest-sync","arguments":{"id":{"id":5}}}', '{"execute":"guest-sync","arguments":{"id":[5]}}',
                '{"execute":"guest-sync","arguments":{"arguments":{"id":5}}}'):
    subject.wire("request %s" % request, request.encode())

# Of several strangers qemu-ga tells one that its hash table decides on; picoqga tells the first.
for command, good, strangers, theirs in (
        ("guest-file-seek", '"whence":"cur","offset":-1,"handle":5', ("hafset", "haet"), "haet"),
        ("guest-file-read", '"handle":999', ("cndle", "co{unt"), "co{unt")):
    request = '{"execute":"%s","arguments":{%s,%s}}' % (command, ",".join('"%s":1' % name for name in strangers), good)
    subject.wire("two strangers: %s" % ", ".join(strangers), request.encode(), diff="which-unexpected-argument",
                 theirs=[error("Parameter '%s' is unexpected" % theirs)], ours=[error("Parameter '%s' is unexpected" % strangers[0])])
