"""guest-ssh-*-authorized-keys, seen in the user's directory by busybox, with users who put links where the agent will write."""

import contextlib
import time

from client import AgentError
from guest import Guest, test
from passwords import get, put
from report import check, equal
from seen import seen

PASSWD = ("root:x:0:0:root:/root:/bin/sh\n"
          "tester:x:1000:1001:Tester:/home/tester:/bin/sh\n"
          "other:x:1002:1002::/users/other:/bin/sh\n")
FILE = "/home/tester/.ssh/authorized_keys"
ONE, TWO, THREE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne one@x", "ssh-rsa AAAAB3 \"two\" \\ two@x", "command=\"x\" ssh-rsa A \u00e9"


@contextlib.contextmanager
def homes():
    """A guest with users, and a file system of 256 KiB for their directories."""
    with Guest() as guest:
        guest.shell.check("mkdir -p /root /home; mount -t tmpfs -o size=256k,mode=0755 home /home")
        put(guest, "/etc/passwd", PASSWD)
        put(guest, "/etc/shadow", "root:!:1::::::\nsecret:$6$a:1::::::\n")
        guest.shell.check("chmod 600 /etc/shadow; mkdir /home/tester /home/other; chown 1000:1001 /home/tester; "
                          "chown 1002:1002 /home/other; ln -s /home /users; chmod 700 /root /home/*")
        yield guest


def run(agent, what, user="tester", **arguments):
    return agent.run("guest-ssh-%s-authorized-keys" % what, dict({"username": user}, **arguments))


def refusal(agent, what, user="tester", **arguments):
    try:
        run(agent, what, user, **arguments)
    except AgentError as error:
        return error.desc
    raise AssertionError("no error from %s" % what)


def attributes(vm, path):
    return vm.shell.check("stat -c '%%a %%u %%g %%F' %s" % path)


def as_user(vm, script):
    vm.shell.check("su tester -c '%s'" % script)


@test(group="ssh_keys", fixture=homes)
def keys_come_and_go(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        equal(run(agent, "get"), {"keys": []}, "keys without a file")
        run(agent, "remove", keys=[ONE])
        equal(vm.shell.check("ls -A /home/tester"), "", "what a removal without a file makes")
        run(agent, "add", keys=[ONE, TWO, ONE, ""])
        equal(get(vm, FILE), "%s\n%s\n" % (ONE, TWO), "the file")
        equal(attributes(vm, FILE), "600 1000 1001 regular file", "the file")
        equal(attributes(vm, "/home/tester/.ssh"), "700 1000 1001 directory", "the directory")
        seen("guest-ssh-add-authorized-keys", "busybox reads the lines, with the user's owner, modes 600 and 700")
        put(vm, FILE, "# a comment\n\n %s \n%s" % (THREE, TWO))
        vm.shell.check("chmod 644 %s; chown 0:0 %s" % (FILE, FILE))
        equal(run(agent, "get"), {"keys": [TWO, THREE]}, "keys that a shell wrote")
        seen("guest-ssh-get-authorized-keys", "lines that the guest's shell wrote")
        run(agent, "add", keys=[TWO, ONE])
        equal(get(vm, FILE), "# a comment\n\n %s \n%s\n%s\n" % (THREE, TWO, ONE), "the file")
        equal(attributes(vm, FILE), "600 1000 1001 regular file", "the file")
        run(agent, "remove", keys=[TWO, THREE])
        equal(get(vm, FILE), "# a comment\n\n %s \n%s\n" % (THREE, ONE), "the file")
        equal(attributes(vm, FILE), "600 1000 1001 regular file", "the file")
        seen("guest-ssh-remove-authorized-keys", "busybox reads what is left")
        run(agent, "add", keys=[THREE], reset=True)
        equal(get(vm, FILE), THREE + "\n", "the file")
        run(agent, "add", keys=[], reset=True)
        equal(get(vm, FILE), "", "the file")
        equal(vm.shell.check("ls -A /home/tester/.ssh"), "authorized_keys", "files")
        # Through a link of root's.
        run(agent, "add", user="other", keys=[ONE])
        equal(attributes(vm, "/home/other/.ssh/authorized_keys"), "600 1002 1002 regular file", "the file behind a link")
        equal(run(agent, "get", user="other"), {"keys": [ONE]}, "keys behind a link")
        run(agent, "add", user="root", keys=[ONE])
        equal(attributes(vm, "/root/.ssh/authorized_keys"), "600 0 0 regular file", "root's file")


@test(group="ssh_keys", fixture=homes)
def what_a_user_puts_in_the_way(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        vm.shell.check("mkdir -p /root/.ssh; echo roots >/root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys; "
                       "cp -a /etc/shadow /home/shadow")
        looked_at = ("/etc/shadow", "/home/shadow", "/root/.ssh/authorized_keys", "/etc", "/root/.ssh")

        def state():
            return [vm.shell.check("stat -c '%%n %%i %%a %%u %%g %%s %%Y' %s" % path) for path in looked_at] + [
                vm.shell.check("md5sum " + " ".join(looked_at[:3])), vm.shell.check("ls -A /etc /root/.ssh")]

        before = state()

        def refused(what, text):
            for command, arguments in (("get", {}), ("add", {"keys": ["a"]}), ("add", {"keys": ["a"], "reset": True}),
                                       ("remove", {"keys": ["a"]})):
                check(refusal(agent, command, **arguments).endswith(text), "%s of %s: %s" % (
                    command, what, refusal(agent, command, **arguments)))
                equal(state(), before, "%s after %s" % (what, command))
            vm.shell.check("rm -rf /home/tester/.ssh")

        as_user(vm, "ln -s /etc /home/tester/.ssh")
        refused("a link to a directory", "Not a directory")
        as_user(vm, "ln -s /root/.ssh /home/tester/.ssh")
        refused("a link to root's directory", "Not a directory")
        for target in ("/etc/shadow", "/root/.ssh/authorized_keys", "/no/such"):
            as_user(vm, "mkdir /home/tester/.ssh; ln -s %s /home/tester/.ssh/authorized_keys" % target)
            refused("a link to " + target, "Too many levels of symbolic links")
        as_user(vm, "mkdir /home/tester/.ssh; mkfifo /home/tester/.ssh/authorized_keys")
        refused("a FIFO", "Invalid argument")
        # Where the kernel lets users give other names to what is not theirs.
        before_links = vm.shell.check("cat /proc/sys/fs/protected_hardlinks; echo 0 >/proc/sys/fs/protected_hardlinks").strip()
        as_user(vm, "mkdir /home/tester/.ssh; ln /home/shadow /home/tester/.ssh/authorized_keys")
        before = state()
        refused("another name of root's file", "it is not the user's")
        vm.shell.check("echo %s >/proc/sys/fs/protected_hardlinks" % before_links)
        before = state()
        # The user's own name for the new file, and a directory that is not the user's.
        as_user(vm, "mkdir /home/tester/.ssh; ln -s /etc/shadow /home/tester/.ssh/authorized_keys+")
        run(agent, "add", keys=["a"])
        equal(attributes(vm, FILE), "600 1000 1001 regular file", "the file")
        equal(state(), before, "what the new file's name pointed to")
        vm.shell.check("chown 1002 /home/tester/.ssh")
        refused("another's directory", "it is not the user's")
        # The home itself: a link in a directory of the user's.
        vm.shell.check("sed -i s,/home/tester:,/home/tester/home:, /etc/passwd; mkdir /home/tester/real")
        before = state()
        as_user(vm, "ln -s /root /home/tester/home")
        refused("a link for a home", "Too many levels of symbolic links")
        seen("guest-ssh-add-authorized-keys", "links that a user made lead nowhere")


@test(group="ssh_keys", fixture=homes)
def what_can_not_be_done(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        missing = "failed to lookup user '%s': No such file or directory"
        for user in ("nobody", "", "root:x", "x" * 300):
            equal(refusal(agent, "get", user=user), missing % user, "an unknown user")
        vm.shell.check("mv /etc/passwd /etc/away")
        equal(refusal(agent, "add", keys=["a"]), missing % "tester", "without /etc/passwd")
        vm.shell.check("mv /etc/away /etc/passwd; mv /home/tester /home/away")
        equal(refusal(agent, "add", keys=["a"]), "failed to create directory '/home/tester/.ssh': No such file or directory",
              "without a home")
        vm.shell.check("mv /home/away /home/tester")
        run(agent, "add", keys=[ONE])
        vm.shell.check("mount -o remount,ro /home")
        equal(refusal(agent, "add", keys=["a"]), "failed to write to '%s': Read-only file system" % FILE, "a read-only file system")
        equal(run(agent, "get"), {"keys": [ONE]}, "keys on a read-only file system")
        vm.shell.check("mount -o remount,rw /home")
        big = "".join("ssh-ed25519 AAAA number-%d\n" % number for number in range(500))
        put(vm, FILE, big)
        # Full to the last page, then with one page for a part of the new file.
        for free in (0, 1):
            vm.shell.run("dd if=/dev/zero of=/home/filler bs=4096")
            pages = int(vm.shell.check("stat -c %s /home/filler")) // 4096
            vm.shell.check("truncate -s %d /home/filler" % (4096 * (pages - free)))
            for what, arguments in (("add", {"keys": ["a"]}), ("remove", {"keys": ["ssh-ed25519 AAAA number-7"]})):
                equal(refusal(agent, what, **arguments), "failed to write to '%s': No space left on device" % FILE, "a full disk")
                equal(get(vm, FILE), big, "the file on a full disk")
                equal(vm.shell.check("ls -A /home/tester/.ssh"), "authorized_keys", "files on a full disk")
        vm.shell.check("rm /home/filler")
        run(agent, "remove", keys=["ssh-ed25519 AAAA number-7"])
        equal(get(vm, FILE), big.replace("ssh-ed25519 AAAA number-7\n", ""), "the file")


@test(group="ssh_keys", fixture=homes)
def a_long_file(vm):
    with vm.running_agent() as pid, vm.agent() as agent:
        agent.sync()
        run(agent, "add", keys=["a"])
        keys = ["ssh-ed25519 AAAA number-%d" % number for number in range(4000)]
        vm.shell.check("for n in $(seq 0 3999); do echo ssh-ed25519 AAAA number-$n; done >%s" % FILE)
        run(agent, "get")
        before = vm.status(pid, "VmHWM")
        begin = time.monotonic()
        equal(agent.call("guest-ssh-get-authorized-keys", {"username": "tester"}, timeout=120)["return"]["keys"], keys[::-1], "the keys")
        run(agent, "add", keys=keys[:100] + ["new"])
        run(agent, "remove", keys=keys[1:101])
        print("    %.1f s" % (time.monotonic() - begin))
        equal(get(vm, FILE), "".join(key + "\n" for key in keys[:1] + keys[101:] + ["new"]), "the file")
        grown = vm.status(pid, "VmHWM") - before
        check(grown <= 128, "memory grew by no more than 128 kB: %d kB" % grown)


@test(group="ssh_keys", fixture=homes)
def a_reader_sees_a_whole_file_all_the_time(vm):
    with vm.running_agent(), vm.agent() as agent:
        agent.sync()
        keys = ["ssh-ed25519 AAAA number-%d" % number for number in range(300)]
        run(agent, "add", keys=keys)
        reader = vm.shell.check(
            "mkdir /tmp/sums; touch /tmp/go; (while [ -e /tmp/go ]; do cat %s >/tmp/copy; echo >>/tmp/reads; "
            "touch /tmp/sums/$(grep -v ^new /tmp/copy | md5sum | cut -c 1-32); done) >/dev/null 2>&1 </dev/null & echo $!" % FILE)
        number = 0
        while number < 30 or int(vm.shell.check("cat /tmp/reads | wc -l")) < 30:
            number += 1
            check(number < 1000, "it is read")
            run(agent, "add" if number % 2 else "remove", keys=["new"])
        vm.shell.check("rm /tmp/go; wait %s" % reader)
        equal(vm.shell.check("ls /tmp/sums | wc -l"), "1", "different contents, but for the key that came and went")
