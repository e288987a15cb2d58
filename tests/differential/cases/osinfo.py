"""guest-get-osinfo: every way in which os-release can be written. QGA_OS_RELEASE names the file."""

from declare import Subject

subject = Subject("osinfo")

# The text of an os-release file. Read by both sides in the same way.
SAME = {
    "plain": "ID=tiny\nNAME=Tiny\nVERSION=1\nVERSION_ID=1.2\nVARIANT=Small\nVARIANT_ID=small\nPRETTY_NAME=TinyOne\n",
    "double quotes": 'ID="tiny"\nNAME="Tiny Linux"\nPRETTY_NAME="Tiny Linux 1 (One)"\n',
    "empty values": 'ID=\nNAME=""\nVERSION=\n',
    "empty file": "",
    "only comments": "# a comment\n#ID=x\n\n",
    "comments and blanks": "# c\n\nID=tiny\n\n# d\nNAME=Tiny\n",
    "unknown keys": "FOO=1\nID=tiny\nHOME_URL=\"x\"\n",
    "no last newline": "ID=tiny\nNAME=Tiny",
    "a key twice": "ID=one\nID=two\n",
    "escaped quote": 'NAME="a\\"b"\n',
    "escaped backslash": 'NAME="a\\\\b"\n',
    "escaped dollar": 'NAME="a\\$b"\n',
    "escaped backtick": 'NAME="a\\`b"\n',
    "escaped single quote in double ones": 'NAME="a\\\'b"\n',
    "other backslashes": 'NAME="a\\nb\\tc\\xd"\n',
    "a single quote in double ones": 'NAME="it\'s"\n',
    "text after the quote": 'NAME="a"b\n',
    "a comment after the quote": 'NAME="a" # b\n',
    "cut at a blank": "NAME=a b\n",
    "cut at a semicolon": "NAME=a;b\n",
    "equals in a value": "NAME=a=b\n",
    "equals in quotes": 'NAME="a=b"\n',
    "lower case key": "id=tiny\n",
    "a key with a prefix": "MYID=tiny\nID_LIKE=debian\n",
    "utf-8": 'NAME="T\u00efny \u2603"\n',
    "utf-8 without quotes": "NAME=T\u00efny\n",
    "a long value": 'NAME="%s"\n' % ("x" * 500),
    "many lines": "".join("KEY%d=%d\n" % (n, n) for n in range(2000)) + "ID=last\n",
    "a semicolon in quotes": 'NAME="a;b c"\n',
    "a hash in a value": "NAME=a#b\n",
    "a double quote inside a value": 'NAME=a"b"\n',
    "VERSION_ID as a number": "VERSION_ID=12\n",
    "backslash without quotes": "NAME=a\\b\n",
    "blanks at the end of a line": "ID=tiny   \n",
    "indented": "  ID=tiny\n",
    "blanks around equals": "ID = tiny\n",
    "a blank before the value": "ID= tiny\n",
    "CRLF": "ID=tiny\r\nNAME=\"Tiny\"\r\n",
    "empty double quotes and text": 'NAME=""x\n',
}
for label, text in SAME.items():
    def scenario(t, text=text):
        t.file("os-release", text.encode())
        t.call("guest-get-osinfo")
    subject.scenario(scenario, name=label, env={"QGA_OS_RELEASE": "$DIR/os-release"})

# Read in different ways: the text, what qemu-ga makes of it, and what picoqga makes of it
DIFFERENT = {
    "osinfo-quotes": (
        ("single quotes", "ID='tiny'\n", {"id": "'tiny'"}, {"id": "tiny"}),
        ("blanks in single quotes", "NAME='Tiny Linux'\n", {"name": "'Tiny"}, {"name": "Tiny Linux"}),
        ("empty single quotes", "NAME=''\n", {"name": "''"}, {"name": ""}),
        ("double quotes in single ones", "NAME='a \"b\"'\n", {"name": "'a"}, {"name": "a \"b\""}),
        ("a backslash in single quotes", "NAME='a\\b'\n", {"name": "'a\\b'"}, {"name": "a\\b"}),
        ("text after single quotes", "NAME='a'b\n", {"name": "'a'b"}, {"name": "a"}),
        ("single quotes not closed", "NAME='ab\n", {"name": "'ab"}, {"name": "ab"}),
        ("double quotes not closed", "NAME=\"ab\n", {"name": "abb"}, {"name": "ab"}),
    ),
    "osinfo-lenient": (
        ("a line without equals", "ID\nNAME=x\n", {}, {"name": "x"}),
        ("a group header", "[general]\nID=tiny\n", {}, {"id": "tiny"}),
        ("a shell command", "export ID\nNAME=x\n", {}, {"name": "x"}),
    ),
}
for diff, texts in DIFFERENT.items():
    for label, text, theirs, ours in texts:
        def different(t, diff=diff, text=text, theirs=theirs, ours=ours):
            t.file("os-release", text.encode())
            reply = t.client.call("guest-get-osinfo")["return"]
            kernel = {name: reply.pop(name) for name in ("kernel-release", "kernel-version", "machine")}
            t.note("what uname(2) gives", kernel)
            t.note(repr(text), reply, diff=diff, theirs=theirs, ours=ours)
        subject.scenario(different, name=label, diff=diff, env={"QGA_OS_RELEASE": "$DIR/os-release"})


@subject.scenario(env={"QGA_OS_RELEASE": "$DIR/missing"})
def no_file(t):
    t.call("guest-get-osinfo")


@subject.scenario(env={"QGA_OS_RELEASE": "$DIR"})
def a_directory(t):
    t.call("guest-get-osinfo")


@subject.scenario(env={"QGA_OS_RELEASE": ""})
def an_empty_name(t):
    t.call("guest-get-osinfo")


@subject.scenario
def the_machines_own(t):
    t.call("guest-get-osinfo")
    t.call("guest-get-osinfo", {}, id=9)


@subject.scenario(env={"QGA_OS_RELEASE": "$DIR/os-release"})
def read_anew_each_time(t):
    t.file("os-release", b"ID=one\n")
    t.call("guest-get-osinfo")
    t.file("os-release", b"ID=two\n")
    t.call("guest-get-osinfo", {}, id=2)


@subject.scenario(env={"QGA_OS_RELEASE": "$DIR/os-release"})
def not_utf8(t):
    t.file("os-release", b'ID=tiny\nNAME="caf\xe9"\n')
    t.call("guest-get-osinfo")
