"""guest-ssh-*-authorized-keys, with an /etc/passwd of its own for each agent, whose user lives in the directory of the case."""

import contextlib
import os

from agents import Agent, Kind
from declare import Subject

subject = Subject("ssh_keys")

# Where the directory of the case is for the agent, so that both tell the same paths.
HOME = "/mnt/home"
MISSING = {"error": {"class": "GenericError",
                     "desc": "failed to read '%s/.ssh/authorized_keys': Failed to open file \u201c%s/.ssh/authorized_keys\u201d: "
                             "No such file or directory" % (HOME, HOME)}}
ONE, TWO, THREE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne one@x", "ssh-rsa AAAAB3 two \"quoted\" \\ back", "junk key \u00e9"


def put(t, text):
    """The user's directory, with a file of keys if there is a text for it."""
    os.makedirs(t.path("home/.ssh"), mode=0o700)
    if text is not None:
        with open(t.path("home/.ssh/authorized_keys"), "wb") as file:
            file.write(text)


@contextlib.contextmanager
def agent_with(t, kind, script="true"):
    """A client of an agent in a mount namespace of its own."""
    with open(t.path("passwd"), "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\ntester:x:0:0:Tester:%s:/bin/sh\n" % HOME)
    cage = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    cage += ["--", "sh", "-e", "-c", 'mount --bind "$1" /mnt; mount --bind "$1/passwd" /etc/passwd; cd "$1"; '
             + script + '; shift; exec "$@"', "sh", t.directory]
    with Agent(Kind(kind.name, kind.path, kind.environment, kind.exit_must_be_zero, cage=cage)) as agent:
        client = agent.connect()
        try:
            yield client
        finally:
            client.close()


def call(client, what, **arguments):
    return client.call("guest-ssh-%s-authorized-keys" % what, dict({"username": "tester"}, **arguments))


def content(t):
    with open(t.path("home/.ssh/authorized_keys"), "rb") as file:
        return file.read().decode("latin-1")


def kind_of(path):
    status = os.stat(path)
    return "%o %d %d" % (status.st_mode, status.st_uid, status.st_gid)


def reading(name, text):
    @subject.scenario(agent=False, name=name)
    def play(t, kind):
        put(t, text)
        with agent_with(t, kind) as client:
            t.note("the keys", call(client, "get"))


reading("an empty file", b"")
reading("empty lines", b"\n\n \n\t\n")
reading("one key", ONE.encode())
reading("three keys, a comment, and blanks", ("\n# %s\n %s \t\r\n%s\n\n\t# x\n%s\n" % (ONE, ONE, TWO, THREE)).encode())
reading("the same key twice", b"a\na\n")
reading("what is not UTF-8", b"caf\xe9 \xff\xfe\n\xc3\n\x01\x7f\n")
reading("a vertical tab is no blank", b"\x0ba\x0b\n\x0cb\x0c\n")
reading("five thousand keys", b"".join(b"ssh-ed25519 AAAA number-%d\n" % number for number in range(5000)))
reading("a key of 16383 bytes", b"a\n" + b"k" * 16383 + b"\nb\n")
reading("one that grows in JSON", b"\x01" * 16383)


@subject.scenario(agent=False)
def added_and_removed(t, kind):
    os.mkdir(t.path("home"))
    with agent_with(t, kind) as client:
        for what, arguments in (
                ("add", {"keys": [ONE, TWO]}), ("add", {"keys": [ONE]}), ("get", {}), ("add", {"keys": [THREE], "reset": False}),
                ("get", {}), ("remove", {"keys": [TWO, "no such key"]}), ("get", {}), ("add", {"keys": []}), ("remove", {"keys": []}),
                ("add", {"keys": [TWO], "reset": True}), ("get", {}), ("add", {"keys": [ONE, THREE, TWO]}), ("get", {}),
                ("remove", {"keys": [TWO + " "]}), ("remove", {"keys": [ONE, TWO, THREE]}), ("get", {}),
                ("add", {"keys": [ONE], "reset": True}), ("add", {"keys": [], "reset": True}), ("get", {})):
            t.note("%s %s" % (what, arguments), call(client, what, **arguments))
            t.note("the file", content(t).rstrip("\n"))
            t.note("of the file", kind_of(t.path("home/.ssh/authorized_keys")))
            t.note("of the directory", kind_of(t.path("home/.ssh")))
            t.note("what is in it", os.listdir(t.path("home/.ssh")))


@subject.scenario(agent=False)
def other_lines_stay(t, kind):
    put(t, b" a\n#b\n\na \na\nb\na")
    os.chmod(t.path("home/.ssh/authorized_keys"), 0o644)
    with agent_with(t, kind) as client:
        for what, keys in (("remove", ["a"]), ("remove", [" #b", "b "]), ("add", [" a", "c"]), ("add", ["a"])):
            t.note("%s %s" % (what, keys), call(client, what, keys=keys))
            t.note("the file", content(t).rstrip("\n"))
            t.note("of the file", kind_of(t.path("home/.ssh/authorized_keys")))


@subject.scenario(agent=False, diff="ssh-last-line")
def the_last_line_ends(t, kind):
    put(t, b"a\n")
    with agent_with(t, kind) as client:
        t.note("add", call(client, "add", keys=["b"]))
        t.note("the file", content(t), diff="ssh-last-line", theirs="a\n\nb", ours="a\nb\n")
        t.note("add with reset", call(client, "add", keys=["c", "d"], reset=True))
        t.note("the file after a reset", content(t), diff="ssh-last-line", theirs="c\nd", ours="c\nd\n")
        t.note("remove", call(client, "remove", keys=["d"]))
        t.note("the file after a removal", content(t), diff="ssh-last-line", theirs="c", ours="c\n")


@subject.scenario(agent=False, diff="ssh-missing-file")
def no_file(t, kind):
    put(t, None)
    with agent_with(t, kind) as client:
        for what in ("directory", "home"):
            t.note("get without a file, in a " + what, call(client, "get"), diff="ssh-missing-file", theirs=MISSING,
                   ours={"return": {"keys": []}})
            t.note("remove without a file, in a " + what, call(client, "remove", keys=["a"]))
            if what == "directory":
                os.rmdir(t.path("home/.ssh"))
        os.rmdir(t.path("home"))
        t.note("add without a home", call(client, "add", keys=["a"]))


@subject.scenario(agent=False, diff="ssh-unknown-user")
def nobody(t, kind):
    with agent_with(t, kind) as client:
        for what, arguments in (("get", {}), ("add", {"keys": ["a"]}), ("remove", {"keys": ["a"]})):
            text = "failed to lookup user 'nobody-here': %s"
            t.note(what, call(client, what, username="nobody-here", **arguments), diff="ssh-unknown-user",
                   theirs={"error": {"class": "GenericError", "desc": text % "Success"}},
                   ours={"error": {"class": "GenericError", "desc": text % "No such file or directory"}})


@subject.scenario(agent=False, diff="ssh-long-lines")
def too_long(t, kind):
    put(t, b"a\n" + b"k" * 16384 + b"\nb\n")
    with agent_with(t, kind) as client:
        refused = {"error": {"class": "GenericError",
                             "desc": "failed to read '%s/.ssh/authorized_keys': a line is longer than 16383 bytes" % HOME}}
        t.note("get", call(client, "get"), diff="ssh-long-lines", theirs={"return": {"keys": ["b", "k" * 16384, "a"]}}, ours=refused)
        t.note("remove", call(client, "remove", keys=["b"]), diff="ssh-long-lines", theirs={"return": {}}, ours=refused)
        t.note("a long key", call(client, "add", keys=["x" * 16384], reset=True), diff="ssh-long-lines", theirs={"return": {}},
               ours={"error": {"class": "GenericError", "desc": "the key is too long: 16384 bytes, and at most 16383 are taken"}})
        t.note("the longest key", call(client, "add", keys=["x" * 16383], reset=True))
        t.note("the file", content(t).rstrip("\n"))


@subject.scenario(agent=False, diff="ssh-links")
def links(t, kind):
    put(t, None)
    t.file("other", b"secret\n")
    os.symlink("/mnt/other", t.path("home/.ssh/authorized_keys"))
    with agent_with(t, kind) as client:
        refused = {"error": {"class": "GenericError", "desc": "failed to read '%s/.ssh/authorized_keys': "
                                                              "Too many levels of symbolic links" % HOME}}
        t.note("get", call(client, "get"), diff="ssh-links", theirs={"return": {"keys": ["secret"]}}, ours=refused)
        t.note("add", call(client, "add", keys=["a"]), diff="ssh-links", theirs={"return": {}}, ours=refused)


# Refused, so on no file. The user comes last.
VALUES = ("null", "true", "0", "1.0", "[]", '["a"]', "{}", '{"a":1}')


def wire(label, what, members):
    subject.wire(label, ('{"execute":"guest-ssh-%s-authorized-keys","arguments":{%s}}' % (what, members)).encode())


for command in ("get", "add", "remove"):
    more = "" if command == "get" else ',"keys":["#"]'
    wire("%s: nothing given" % command, command, "")
    wire("%s: a stranger" % command, command, '"username":"x"%s,"x":1' % more)
    wire("%s: no user" % command, command, more[1:])
    for value in VALUES:
        wire("%s: username %s" % (command, value), command, '"username":%s%s' % (value, more))
        if command != "get" and value != "[]" and value != '["a"]':
            wire("%s: keys %s" % (command, value), command, '"username":"x","keys":%s' % value)
            wire("%s: a key %s" % (command, value), command, '"username":"x","keys":["#",%s]' % value)
        if command == "add" and value not in ("true", "null"):
            wire("add: reset %s" % value, command, '"username":"x","keys":["#"],"reset":%s' % value)
    if command != "get":
        wire("%s: no keys" % command, command, '"username":"x"')
        for keys in ('"#"', '"a","#b"', '"a\\nb"', '"\\n"', '"a\\n"', '"a","b","c\\n","#"', '"#\\"\\\\\\u00e9"', '"\\u0023"'):
            wire("%s: keys %s" % (command, keys), command, '"username":"x","keys":[%s]' % keys)
