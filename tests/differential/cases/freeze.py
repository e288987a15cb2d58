"""guest-fsfreeze-*: every way to get the arguments wrong, and what is answered while nothing is frozen.

No request here freezes anything: its arguments are wrong, or it names no place where anything is mounted. And whoever plays
them puts the agent where it could not (compare.HARMFUL).
"""

from declare import Subject

subject = Subject("freeze")

LIST = "guest-fsfreeze-freeze-list"
COMMANDS = ("guest-fsfreeze-status", "guest-fsfreeze-freeze", "guest-fsfreeze-thaw")
# As JSON text.
VALUES = ("null", "true", "0", "1.5", "-1", '""', '"/"', "{}", '{"mountpoints":[]}')


def request(command, members, after=""):
    return ('{"execute":"%s","arguments":{%s}%s}' % (command, members, after)).encode()


for command in COMMANDS:
    for value in (*VALUES, "[]", '["/"]'):
        subject.wire("%s with a list that is %s" % (command, value), request(command, '"mountpoints":%s' % value))
    subject.wire("%s with a stranger and an id" % command, request(command, '"x":{}', ',"id":[1]'))

for value in VALUES:
    subject.wire("the list is %s" % value, request(LIST, '"mountpoints":%s' % value))
    # An element that is a string is none of these.
    if not value.startswith('"'):
        subject.wire("an element is %s" % value, request(LIST, '"mountpoints":[%s]' % value))
        subject.wire("the third element is %s" % value, request(LIST, '"mountpoints":["/a","/b",%s,7]' % value))
    subject.wire("a stranger that is %s" % value, request(LIST, '"mountpoint":%s' % value))
    subject.wire("a stranger that is %s, with a list" % value, request(LIST, '"mountpoints":["/nowhere"],"x":%s' % value))
subject.wire("a list in the list", request(LIST, '"mountpoints":[["/"]]'))
subject.wire("a long list with a wrong end", request(LIST, '"mountpoints":[%s,null]' % ",".join(['"/nowhere"'] * 1000)))

for places in ("", '"/nowhere"', '"/no\\"where\\\\"', '"\\u0000"', '"/\\u0000"', '"relative"', '""', '"/nowhere","//","/."',
               ",".join('"/nowhere/%d"' % number for number in range(3000))):
    subject.wire("nothing is mounted at %.40s" % places,
                 request(LIST, '"mountpoints":[%s]' % places) + b'{"execute":"guest-fsfreeze-status"}')

subject.wire("status and thaw", b'{"execute":"guest-fsfreeze-status"}{"execute":"guest-fsfreeze-thaw","id":1}'
             b'{"execute":"guest-fsfreeze-thaw","arguments":{}}{"execute":"guest-fsfreeze-status"}')
