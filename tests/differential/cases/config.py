"""The configuration file and `--dump-conf`: which files are read, what they may hold, and what comes of it."""

import os
import re

from cases.cli import run
from declare import Subject

subject = Subject("config")


def dump(t, kind, label, arguments, env=None, diff=None, **sides):
    """What --dump-conf prints with the arguments, to the byte."""
    status, out, err = run(t, kind, ["-D", *arguments], env)
    t.note(label, (status, out, bool(err)), diff=diff, **{side: (0, DEFAULTS % lines, False) for side, lines in sides.items()})


# What both print when nothing is said; the cases change the lists.
DEFAULTS = """[general]
daemon=false
method=virtio-serial
path=/dev/virtio-ports/org.qemu.guest_agent.0
pidfile=/var/run/qemu-ga.pid
statedir=/var/run
verbose=false
retry-path=false
block-rpcs=%s
allow-rpcs=%s
"""

for arguments in ([], ["-d", "-v", "-r"], ["-dvr"], ["-l", "/l", "-f", "/f", "-t", "/t", "-p", "/p", "-m", "isa-serial"],
                  ["-m", "isa-serial"], ["-m", "unix-listen", "-p", "x"], ["-m", "vsock-listen", "-p", "3:1"], ["-F"],
                  ["-F", "/x"], ["-F/x"], ["--fsfreeze-hook"], ["--fsfreeze-hook=/x"], ["--fsfreeze-hook="], ["-vF/x"],
                  ["-p", ""], ["-p", "x", "-p", "y"], ["-p", " \t a\\b\n\r "], ["-p", "a=b;c,d#e"], ["-p", "\u00e9"],
                  ["-b", "a,b", "-b", "c"], ["-b", "a,b", "-b", "c,d,e", "-a", "x"], ["-a", "x,y,,z,", "-a", " s p "],
                  ["-b", ",", "-a", ","], ["-b", ""], ["-a", ""], ["-b", "a,help"], ["-b", " a", "-a", "\\a"],
                  ["stray", "-v", "words"], ["-v", "--", "-r"], ["-", "-v"], ["-m", "nonsense", "-p", "x"], ["-m", "", "-p", "x"],
                  ["--s", "/t"], ["--f"], ["--b", "a"], ["--a=a"], ["--dae", "--retr", "--verb", "--lo", "/l", "--pi=/f", "--pa", "/p"],
                  ["-s", "x"], ["-sx", "-v"]):
    @subject.scenario(name="of " + (" ".join(arguments).encode("unicode_escape").decode() or "nothing"), agent=False)
    def of_options(t, kind, arguments=arguments):
        dump(t, kind, "it prints", arguments)


def configured(t, kind, label, text, arguments=(), **difference):
    t.file("conf", text)
    dump(t, kind, label, ["-c", "conf", *arguments], **difference)


GOOD = (b"", b"#", b"\n\n  \n# c\n  # c\n", b"[general]", b"[general]\npath=x", b"[general]\npath=x\n[other]\npath=y\n",
        b"[general]\ndaemon=1\nmethod=isa-serial\npath=/p\nlogfile=/l\npidfile=/f\nfsfreeze-hook=/h\nstatedir=/s\nverbose=true\n"
        b"retry-path=true\nblock-rpcs=a,b\nallow-rpcs=c\n",
        b"[general]\nverbose= true \ndaemon=0\nretry-path=1", b"[general]\nverbose=true\t\n", b"[general]\nverbose=true\r\n",
        b"  [general]  \n  path \t=\t /x  \n", b"[general]\npath=/x\n[general]\nlogfile=/l\npath=/y\n", b"[general]\n path=y",
        b"[general]\npath=a\\sb\\tc\\nd\\\\e\\re\n", b"[general]\npath=\\sx", b"[general]\npath=", b"[general]\nfsfreeze-hook=",
        b"[general]\npath[de]=x\npath[]=y\n", b"[general]\npath=x #c", b"[general]\npath==x", b"[general]\npath=x;y",
        b"[general]\npath=x\r\nverbose=1\r\n", b"[general]\npath=x\ry", b"[general]\npath=a\0b\nverbose=1\n",
        b"[general]\npath=\xc3\xa9", b"[general]\nfoo=\xff\n\xff=1\nverbose=1", b"[\xff]\nx=y\n[general]\nverbose=1",
        b"[general]\nfoo=\\q\nverbose=true", b"[gen eral]\npath=x\n[General]\npath=y\n[general]\nPath=z\n",
        b"[general]\npa th=x\n-x=2\na b*/.=3\n", b"[general]\n\x0bpath=x", b"[general]\npath\x0b=x", b"[general]\n\x0cpath=x",
        b"[general]\nblock-rpcs= a , b ,,\nallow-rpcs=\n", b"[general]\nblock-rpcs=help",
        b"[general]\nblock-rpcs=a,b\nblock-rpcs=c,d\n", b"[general]\nblock-rpcs=\\sa\\\\,b\\n",
        b"[general]\nhelp=true\nversion=true\ndump-conf=true\nconfig=/x\nnonsense=1\n",
        b"# long\n" * 20000 + b"[general]\npath=/behind\n", b"[general]\npath=" + b"x" * 4095,
        b"[general]\nblock-rpcs=" + b"guest-nonsense," * 5000 + b"last\n")
for number, text in enumerate(GOOD):
    @subject.scenario(name="file %d, %r" % (number, text[:40]), agent=False)
    def of_file(t, kind, text=text):
        configured(t, kind, "it prints", text)


BAD = (b"path=x", b"[general]\nverbose=yes", b"[general]\nverbose=TRUE", b"[general]\nverbose=true x", b"[general]\nverbose=",
       b"[general]\nverbose=true\\s", b"[general]\ndaemon=2", b"[general]\nretry-path=x", b"[general]\nverbose=1\nverbose=no",
       b"junk", b"[general]\nverbose", b"[general\npath=x", b"[general] # c", b"[general]x", b"[a]b]", b"[a[b]", b"[]\npath=x",
       b"[\tgeneral]", b"[general]\n;x", b"[general]\n=x", b"[x]\n=y", b"[general]\na[x]y=2", b"[general]\npa\0th=b",
       b"\xef\xbb\xbf[general]\npath=x", b"[general]\npath=\xff", b"[general]\npath=a\\qb", b"[general]\npath=a\\",
       b"[general]\nblock-rpcs=a\\,b", b"[general]\nblock-rpcs=a\\;b", b"[general]\nmethod=unix-listen",
       b"[general]\nmethod=nonsense", b"[general]\nmethod=")
for number, text in enumerate(BAD):
    @subject.scenario(name="bad file %d, %r" % (number, text[:40]), agent=False)
    def of_bad_file(t, kind, text=text):
        t.file("conf", text)
        for arguments in (["-D"], [], ["-V"]):
            if b"method" in text and arguments != ["-D"]:
                continue
            status, out, err = run(t, kind, ["-c", "conf", "-t", ".", *arguments])
            t.note("status with %s" % arguments, (status, out))
            # The reason behind it is GLib's there, in quotes that the locale decides on.
            t.note("error with %s" % arguments, "error loading configuration from path: conf, " in err or b"method" in text)


@subject.scenario(agent=False, diff="config-error-place")
def the_line_that_is_wrong(t, kind):
    t.file("conf", b"[general]\nverbose=yes\n")
    _, _, err = run(t, kind, ["-c", "conf", "-D"])
    t.note("it is told", "line 2" in err, diff="config-error-place", theirs=False, ours=True)
    t.file("conf", b"[general]\nverbose=yes\nverbose=true\n")
    t.note("a line that does not count is wrong", run(t, kind, ["-c", "conf", "-D"])[0], diff="config-error-place", theirs=0, ours=1)


@subject.scenario(agent=False)
def which_file_is_read(t, kind):
    t.file("one", b"[general]\npath=one\n")
    t.file("two", b"[general]\npath=two\n")
    t.file("bad", b"junk")
    os.mkdir(t.path("directory"))
    for label, arguments, env in (
            ("of the environment", [], {"QGA_CONF": "one"}), ("of an environment that names none", [], {"QGA_CONF": "none"}),
            ("of an empty environment", [], {"QGA_CONF": ""}), ("of both", ["-c", "two"], {"QGA_CONF": "one"}),
            ("of both, the other bad", ["-c", "two"], {"QGA_CONF": "bad"}), ("the last one", ["-c", "one", "--config=two"], {}),
            ("wherever it stands", ["-p", "line", "-vc", "one"], {}), ("behind the end of options", ["--", "-c", "one"], {})):
        dump(t, kind, label, arguments, env)
    for label, arguments, env in (
            ("missing", ["-c", "none"], {}), ("empty", ["-c", ""], {}), ("a directory", ["-c", "directory"], {}),
            ("a device", ["-c", "/dev/null"], {}), ("the environment's is bad", [], {"QGA_CONF": "bad"}),
            ("the environment's is a directory", [], {"QGA_CONF": "directory"}), ("missing, and a version", ["-V", "-c", "none"], {}),
            ("missing, and help", ["-h", "-c", "none"], {})):
        status, out, err = run(t, kind, [*arguments, "-D"], env)
        where = "bad" if env.get("QGA_CONF") == "bad" else r"\S*"
        told = re.search(r"error loading configuration from path: (%s), ([^\n]*)" % where, err)
        t.note(label, (status, out, told and told.groups() if where != "bad" else bool(told)))


@subject.scenario(agent=False)
def the_command_line_beside_a_file(t, kind):
    text = b"[general]\npath=file\nverbose=true\ndaemon=true\nblock-rpcs=a,b\nallow-rpcs=c,d\nlogfile=/l\n"
    for arguments in ([], ["-p", "line"], ["-b", "x,y"], ["-b", "x", "-a", "y,z", "-b", "w"], ["-v"], ["-l", ""]):
        configured(t, kind, "with %s" % arguments, text, arguments)


@subject.scenario(agent=False, diff="list-separators")
def semicolons(t, kind):
    configured(t, kind, "in a file", b"[general]\nblock-rpcs=a,b;c,d\nallow-rpcs=x;y\n", ["-b", "e", "-a", "z"],
               diff="list-separators", theirs=("d,b;c,a,e", "x;y,z"), ours=("d,c,b,a,e", "y,x,z"))
    dump(t, kind, "on the command line", ["-b", "a;b"], diff="list-separators", theirs=("a;b", ""), ours=("b,a", ""))


@subject.scenario(agent=False, diff="old-names")
def names_of_former_times(t, kind):
    configured(t, kind, "the key blacklist", b"[general]\nblacklist=a,b\n", diff="old-names", theirs=("", ""), ours=("b,a", ""))
    status, out, _ = run(t, kind, ["--blacklist=a,b", "-b", "c", "-D"])
    t.note("the option --blacklist", (status, out if status == 0 else ""), diff="old-names", theirs=(1, ""),
           ours=(0, DEFAULTS % ("b,a,c", "")))
    t.file("conf", b"[general]\ndaemonize=true\n")
    _, out, _ = run(t, kind, ["-c", "conf", "-D"])
    t.note("the key daemonize", "daemon=true" in out, diff="old-names", theirs=False, ours=True)


@subject.scenario(agent=False, diff="own-options")
def options_of_our_own(t, kind):
    status, out, _ = run(t, kind, ["--shutdown-timeout", "5", "--vsock-peer=any", "-D"])
    t.note("they are known", (status, "shutdown-timeout=5\nvsock-peer=any\n" in out), diff="own-options", theirs=(1, False),
           ours=(0, True))
    _, out, _ = run(t, kind, ["--check=json", "-m", "unix-listen", "-p", "s"])
    t.note("--check", '"name": "guest-ping", "state": "works"' in out, diff="own-options", theirs=False, ours=True)


@subject.scenario(agent=False, diff="config-limits")
def a_line_and_values_beyond_the_limits(t, kind):
    for label, text in (("line", b"[general]\n#" + b"x" * 131072 + b"\n"),
                        ("values", b"[general]\n" + b"path=%s\n" % (b"x" * 4000) * 6)):
        t.file("conf", text)
        t.note(label, run(t, kind, ["-c", "conf", "-D"])[0], diff="config-limits", theirs=0, ours=1)
