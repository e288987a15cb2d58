"""guest-set-user-password, seen in the guest's own files, by busybox's su, and by what is left of it in the agent's memory."""

import base64
import contextlib
import time

from client import AgentError
from guest import Guest, test
from report import check, equal
from seen import seen

PASSWD = ("root:x:0:0:root:/root:/bin/sh\n"
          "tester:x:1000:1000:Tester:/tmp:/bin/sh\n"
          "other:x:1001:1001::/tmp:/bin/sh\n"
          "open::1002:1002::/tmp:/bin/sh\n")
SHADOW = ("root:*:1:0:99999:7:::\n"
          "# a comment\n"
          "tester:!:18000:0:99999:7:::\n"
          "\n"
          "+nis::::::::\n"
          "last:*:1:0:99999:7:::")


@contextlib.contextmanager
def accounts():
    """A guest with accounts in an /etc of its own, which is a file system of 64 KiB."""
    with Guest() as guest:
        guest.shell.check("mount -t tmpfs -o size=64k,mode=0755 etc /etc; chmod 755 /tmp")
        put(guest, "/etc/passwd", PASSWD)
        put(guest, "/etc/shadow", SHADOW)
        guest.shell.check("chown 0:42 /etc/shadow; chmod 640 /etc/shadow; cp /bin/busybox /tmp/busybox; chmod 4755 /tmp/busybox")
        yield guest


def put(vm, path, text):
    vm.shell.check("echo %s | base64 -d >%s" % (base64.b64encode(text.encode()).decode(), path))


def get(vm, path):
    return base64.b64decode(vm.shell.check("base64 %s" % path)).decode()


def listing(vm):
    """The names in /etc, but for the lock that stays there."""
    return sorted(set(vm.shell.check("ls -A /etc").split()) - {".pwd.lock"})


def set_password(agent, user, password, crypted=False):
    agent.run("guest-set-user-password",
              {"username": user, "password": base64.b64encode(password.encode()).decode(), "crypted": crypted})


def refusal(agent, user, password, crypted=False):
    try:
        set_password(agent, user, password, crypted)
    except AgentError as error:
        return error.desc
    raise AssertionError("no error for the password of %s" % user)


def entry(vm, user):
    """A line of /etc/shadow, in its fields."""
    lines = [line.split(":") for line in get(vm, "/etc/shadow").split("\n")]
    found = [fields for fields in lines if fields[0] == user]
    equal(len(found), 1, "lines of %s" % user)
    return found[0]


def lets_in(vm, user, password):
    """Whether busybox's su takes the password, from a user who has to give one."""
    put(vm, "/tmp/given", password + "\n")
    status, output = vm.shell.run("su other -c '/tmp/busybox su %s -c \"id -un\" </tmp/given' 2>/dev/null" % user)
    return status == 0 and output.split()[-1:] == [user]


@test(group="passwords", fixture=accounts)
def a_password_is_set(vm):
    check(vm.shell.run("which chpasswd")[0] != 0, "this guest is meant to have no chpasswd")
    check(not lets_in(vm, "tester", "first"), "nobody gets in before")
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        for password in ("first", "", "p\u00e4ss: w\"\\rd'$", "x" * 200):
            set_password(agent, "tester", password)
            today = int(vm.shell.check("date +%s")) // 86400
            fields = entry(vm, "tester")
            check(int(fields[2]) in (today - 1, today), "the day of the change is %s, today is %d" % (fields[2], today))
            _, kind, salt, _ = fields[1].split("$")
            equal((kind, len(salt)), ("6", 16), "kind and length of the salt")
            put(vm, "/tmp/given", password)
            if password:
                equal(vm.shell.check("mkpasswd -m sha512 -P 0 -S %s </tmp/given" % salt), fields[1], "what busybox makes of it")
            equal(get(vm, "/etc/shadow"), SHADOW.replace("!:18000", ":".join(fields[1:3])), "the rest of the file")
            equal(vm.shell.check("stat -c '%a %u %g' /etc/shadow"), "640 0 42", "permissions and owner")
            check(lets_in(vm, "tester", password), "%r lets in" % password)
            check(not lets_in(vm, "tester", password + "x"), "another one does not")
        equal(listing(vm), ["passwd", "shadow"], "files")
        equal(get(vm, "/etc/passwd"), PASSWD, "/etc/passwd")
        salts = set()
        for _ in range(3):
            set_password(agent, "root", "same")
            salts.add(entry(vm, "root")[1].split("$")[2])
        equal(len(salts), 3, "salts of three times the same password")
        seen("guest-set-user-password", "busybox's su takes the password, and its mkpasswd makes the same of it as is in /etc/shadow")


@test(group="passwords", fixture=accounts)
def one_that_is_hashed_already(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        for hashed in ("$1$abc$BXBqpb9BZcZhXLgbee.0s/", "!", "", "\u00e9"):
            set_password(agent, "tester", hashed, crypted=True)
            equal(entry(vm, "tester")[1], hashed, "the hash")
        hashed = vm.shell.check("mkpasswd -m sha256 secret")
        set_password(agent, "tester", hashed, crypted=True)
        check(lets_in(vm, "tester", "secret"), "it lets in")
        equal(refusal(agent, "tester", "$1$abc:0", crypted=True), "forbidden characters in crypted password", "a colon")
        equal(refusal(agent, "tester", "a\0b"), "forbidden characters in raw password", "a NUL")
        equal(refusal(agent, "tester", "x" * 512), "the password is too long: 512 bytes, and at most 511 are taken", "a long one")
        equal(entry(vm, "tester")[1], hashed, "the hash, after what was refused")


@test(group="passwords", fixture=accounts)
def a_user_who_is_in_passwd_only(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        set_password(agent, "other", "secret")
        line = ":".join(entry(vm, "other")) + "\n"
        equal(get(vm, "/etc/shadow"), SHADOW.replace("+nis", line + "+nis"), "/etc/shadow, with a line before the network's")
        set_password(agent, "open", "secret")
        equal(get(vm, "/etc/passwd"), PASSWD.replace("open::", "open:x:"), "/etc/passwd")
        for user in ("other", "open"):
            check(lets_in(vm, user, "secret") and not lets_in(vm, user, ""), "the password counts for %s" % user)
        equal(listing(vm), ["passwd", "shadow"], "files")


@test(group="passwords", fixture=accounts)
def what_is_missing_is_named(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()

        def untouched(what):
            equal(get(vm, "/etc/shadow") if "shadow" in listing(vm) else SHADOW, SHADOW, "/etc/shadow " + what)
            equal(sorted(set(listing(vm)) - {"passwd", "shadow"}), [], "other files " + what)

        for user in ("nobody", "", "tester ", "Tester", "#", "+nis", "last", "x" * 5000):
            equal(refusal(agent, user, "x"), "user '%s' does not exist" % user[:4096], "an unknown user")
            untouched("after an unknown user")
        vm.shell.check("mv /etc/shadow /tmp/shadow")
        equal(refusal(agent, "tester", "x"), "cannot open '/etc/shadow': No such file or directory", "without shadow")
        equal(listing(vm), ["passwd"], "files without shadow")
        vm.shell.check("mv /tmp/shadow /etc/shadow; mv /etc/passwd /tmp/passwd")
        equal(refusal(agent, "tester", "x"), "cannot open '/etc/passwd': No such file or directory", "without passwd")
        untouched("without passwd")
        vm.shell.check("mv /tmp/passwd /etc/passwd; mount -o remount,ro /etc")
        equal(refusal(agent, "tester", "x"), "cannot write '/etc/shadow+': Read-only file system", "a read-only /etc")
        untouched("on a read-only file system")
        vm.shell.check("mount -o remount,rw /etc; mount -o bind /etc/passwd /etc/shadow")
        equal(refusal(agent, "tester", "x"), "cannot replace '/etc/shadow': Device or resource busy", "one that is mounted")
        vm.shell.check("umount /etc/shadow")
        untouched("after one that was mounted")
        set_password(agent, "tester", "x")
        check(lets_in(vm, "tester", "x"), "and then it works")


@test(group="passwords", fixture=accounts)
def a_full_disk(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        big = SHADOW + "\n" + "".join("user%d:*:1:0:99999:7:::\n" % number for number in range(400))
        put(vm, "/etc/shadow", big)
        # Full to the last page, then with one page for the lock, then with some more for a part of the new file.
        vm.shell.run("dd if=/dev/zero of=/etc/filler bs=4096")
        for free, what in ((0, "lock '/etc/shadow.lock'"), (1, "write '/etc/shadow+'"), (3, "write '/etc/shadow+'")):
            pages = int(vm.shell.check("stat -c %s /etc/filler")) // 4096
            vm.shell.check("truncate -s %d /etc/filler" % (4096 * (pages - free)))
            equal(refusal(agent, "tester", "x"), "cannot %s: No space left on device" % what, "with %d free pages" % free)
            equal(get(vm, "/etc/shadow"), big, "/etc/shadow")
            equal(listing(vm), ["filler", "passwd", "shadow"], "files")
            vm.shell.run("dd if=/dev/zero of=/etc/filler bs=4096")
        vm.shell.check("rm /etc/filler")
        set_password(agent, "tester", "x")
        equal(get(vm, "/etc/shadow"), big.replace("!:18000", ":".join(entry(vm, "tester")[1:3])), "/etc/shadow")


@test(group="passwords", fixture=accounts)
def locks_of_others(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()

        def held(path, action="cannot lock"):
            begin = time.monotonic()
            equal(refusal(agent, "tester", "x"), "%s '%s': Device or resource busy" % (action, path), "the error")
            check(1.5 < time.monotonic() - begin < 10, "it waited for %g s" % (time.monotonic() - begin))
            equal(get(vm, "/etc/shadow"), SHADOW, "/etc/shadow")

        # The number of a process is kept in a file that is locked as lckpwdf(3) locks.
        holder = vm.shell.check("picoqga -m unix-listen -p /tmp/holder -f /etc/.pwd.lock >/dev/null 2>&1 </dev/null & echo $!")
        vm.shell.check("while ! [ -s /etc/.pwd.lock ]; do sleep 0.1; done")
        held("/etc/.pwd.lock")
        vm.shell.check("kill %s; wait %s" % (holder, holder))
        vm.shell.check("printf '1\\0' >/etc/shadow.lock")
        held("/etc/shadow.lock")
        writer = vm.shell.check("rm /etc/shadow.lock; (while :; do echo >>/etc/shadow+; sleep 0.1; done) >/dev/null 2>&1 </dev/null & "
                                "echo $!")
        held("/etc/shadow+", "cannot write")
        vm.shell.check("kill %s; wait %s; rm /etc/shadow+" % (writer, writer))
        # Left over from those that are gone.
        vm.shell.check("printf '30000\\0' >/etc/shadow.lock; echo half >/etc/shadow+")
        set_password(agent, "tester", "x")
        check(lets_in(vm, "tester", "x"), "it is set")
        equal(listing(vm), ["passwd", "shadow"], "files")


@test(group="passwords", fixture=accounts)
def a_link_out_of_a_read_only_etc(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.shell.check("mkdir /run/state; mv /etc/shadow /run/state/real; ln -s real /run/state/link; "
                       "ln -s ../run/state/link /etc/shadow; mount -o remount,ro /etc")
        set_password(agent, "tester", "x")
        check(lets_in(vm, "tester", "x"), "it is set")
        equal(vm.shell.check("readlink /etc/shadow; readlink /run/state/link"), "../run/state/link\nreal", "links")
        equal(vm.shell.check("stat -c '%a %u %g' /run/state/real; ls /run/state"), "640 0 42\nlink\nreal", "the file")


@test(group="passwords", fixture=accounts)
def a_reader_sees_a_whole_file_all_the_time(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        put(vm, "/etc/shadow", "".join("user%d:*:1:0:99999:7:::\n" % number for number in range(300)) + SHADOW)
        reader = vm.shell.check(
            "mkdir /tmp/sums; touch /tmp/go; "
            "(while [ -e /tmp/go ]; do cat /etc/shadow >/tmp/copy; echo >>/tmp/reads; "
            "touch /tmp/sums/$(grep -v ^tester: /tmp/copy | md5sum | cut -c 1-32); done) >/dev/null 2>&1 </dev/null & echo $!")
        number = 0
        while number < 30 or int(vm.shell.check("wc -l </tmp/reads")) < 30:
            number += 1
            check(number < 1000, "it is read")
            set_password(agent, "tester", "%d" % number, crypted=True)
        vm.shell.check("rm /tmp/go; wait %s" % reader)
        equal(vm.shell.check("ls /tmp/sums | wc -l"), "1", "different contents, but for the line that changed")
        equal(entry(vm, "tester")[1], "%d" % number, "the last one")


def found_in_memory(vm, pid, text):
    """How often a text is in the memory of a process."""
    return int(vm.shell.check(
        "while read range rest; do from=${range%%-*}; to=${range#*-}; "
        "case $rest in *vsyscall*|*vvar*) continue ;; esac; "
        "dd if=/proc/%d/mem bs=4096 skip=$((0x$from/4096)) count=$(((0x$to-0x$from)/4096)) 2>/dev/null; "
        "done </proc/%d/maps | tr '\\0' '\\n' | grep -c -F -e '%s'; true" % (pid, pid, text)))


@test(group="passwords", fixture=accounts)
def nothing_is_left_in_memory_or_in_the_log(vm):
    with vm.running_agent("-v") as pid, vm.agent() as agent:
        agent.sync()
        try:
            agent.run("guest-file-open", {"path": "/to-be-found-in-memory"})
        except AgentError:
            pass
        check(found_in_memory(vm, pid, "found-in-memory") > 0, "what is no secret can be seen in memory")
        password = "correct horse battery staple, a thing that nobody knows"
        encoded = base64.b64encode(password.encode()).decode()

        def gone(what):
            for text in (password[:16], password[20:], encoded[:16], encoded[40:]):
                equal(found_in_memory(vm, pid, text), 0, "traces of %r %s" % (text, what))

        set_password(agent, "tester", password)
        check(lets_in(vm, "tester", password), "it is set")
        gone("after it is set")
        for piece in entry(vm, "tester")[1].split("$")[2:]:
            equal(found_in_memory(vm, pid, piece[2:]), 0, "traces of the hash")
        set_password(agent, "tester", password, crypted=True)
        gone("after it is set as it is")
        refusal(agent, "nobody", password)
        gone("after an unknown user")
        refusal(agent, "a:b", password)
        gone("after a bad name")
        vm.shell.check("mv /etc/shadow /tmp")
        refusal(agent, "tester", password)
        gone("without a file to put it into")
        agent.send(b'{"execute":"guest-set-user-password","arguments":{"password":"%s",nonsense}}\n' % encoded.encode())
        check(b"JSON parse error" in agent.read_line(), "a request that is none is refused")
        gone("after a request that was none")
        agent.send(b'{"execute":"guest-set-user-password","arguments":{"password":"%s"' % encoded.encode())
        agent.close()
        vm.rest(1)
        gone("after half a request")
        said = vm.agent_said()
        check(password not in said and encoded not in said, "it is not in the log")
