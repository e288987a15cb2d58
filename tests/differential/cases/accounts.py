"""guest-set-user-password, as far as it can be asked on a machine whose passwords shall stay: refused.

Where all else is right, the name is not, which is looked at last. And whoever plays them puts the agent where it could not obey
(compare.HARMFUL).
"""

from declare import Subject

subject = Subject("accounts")

VALUES = ("null", "true", "0", "-1", "1.0", "[]", '["eA=="]', "{}", '{"a":1}')


def wire(label, members, after=""):
    subject.wire(label, ('{"execute":"guest-set-user-password","arguments":{%s}%s}' % (members, after)).encode())


def members(user='"a:b"', password='"eA=="', crypted="false", more=""):
    return '"username":%s,"password":%s,"crypted":%s%s' % (user, password, crypted, more)


subject.wire("without arguments", b'{"execute":"guest-set-user-password"}')
wire("nothing given", "")
for left_out in ("username", "password", "crypted"):
    rest = [pair for pair in members().split(",") if not pair.startswith('"%s"' % left_out)]
    wire("without %s" % left_out, ",".join(rest))
    wire("only %s" % left_out, [pair for pair in members().split(",") if pair.startswith('"%s"' % left_out)][0])
    wire("without %s, with a stranger" % left_out, ",".join(rest + ['"x":1']))
for value in VALUES:
    wire("username %s" % value, members(user=value))
    wire("password %s" % value, members(password=value))
    if value != "true":
        wire("crypted %s" % value, members(crypted=value))
    wire("username and password %s" % value, members(user=value, password=value))
for value in ('""', '"true"', '"x"'):
    wire("crypted %s" % value, members(crypted=value))
wire("a stranger", members(more=',"x":1'))
wire("a stranger and an id", members(more=',"x":1'), ',"id":[1]')
wire("the password twice", members(more=',"password":"eA=="'))
for crypted in ("false", "true"):
    for password in ("*", "eA*=", "e A=", "eA==\\r\\n", "eA==\\u0000", "\u00e9", "eA==,eA=="):
        wire("password %r, crypted %s" % (password, crypted), members(password='"%s"' % password, crypted=crypted))
    # A line feed, alone, at either end, in the middle, and in base64 over several lines.
    for password in ("Cg==", "Cng=", "eAo=", "eAp4", "eA\\np4\\n"):
        wire("line feed in %r, crypted %s" % (password, crypted), members(password='"%s"' % password, crypted=crypted))
    for user in (":", "a:b", "root:", ":root", "\\n", "root\\n", "a\\nb", "a\\u000ab", "\\u003a", "\u00e9:", "x" * 300 + ":"):
        for password in ("", "eA==", "eAp4"):
            wire("username %r, password %r, crypted %s" % (user, password, crypted),
                 members(user='"%s"' % user, password='"%s"' % password, crypted=crypted))
