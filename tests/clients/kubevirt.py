"""KubeVirt: virt-launcher polls every ten seconds, through libvirt's API where that has what it wants, else with raw commands.

Raw replies, as libvirt has written them anew, are cut out of `{"return":...}` by a pattern and read into Go's types.
"""

import base64
import json
import re

from client import AgentError
from libvirt import ThroughLibvirt
from report import check, equal
from required import KUBEVIRT_BASIC
from suite import Malformed, Suite, array, boolean, decode, required_text, signed, text

VALUE = re.compile(r'{\s*"return":\s*([{\[][\s\S]*[}\]])\s*}')
WORD = re.compile(r'{\s*"return":\s*"([\s\S]*)"\s*}')
POLLS = 3

subject = Suite("kubevirt")


class KubeVirt(ThroughLibvirt):
    """virt-launcher's side of a domain."""

    def raw(self, command):
        return self.domain.arbitrary_command('{"execute":"%s"}' % command)

    def value(self, command):
        found = VALUE.search(self.raw(command))
        if not found:
            raise Malformed("%s: nothing to cut out" % command)
        return json.loads(found.group(1))

    def agent(self):
        """Version, and by name whether a command is enabled."""
        info = self.value("guest-info")
        return required_text(info, "version"), {required_text(entry, "name"): boolean(entry, "enabled")
                                                for entry in array(info, "supported_commands")}

    def file_systems(self):
        found = []
        for entry in self.value("guest-get-fsinfo"):
            for name in ("used-bytes", "total-bytes"):
                if name in entry:
                    signed(entry, name)
            disks = [(text(disk, "serial", ""), text(disk, "bus-type", "")) for disk in entry.get("disk", [])]
            found.append((required_text(entry, "name"), required_text(entry, "mountpoint"), required_text(entry, "type"), disks))
        return found

    def freeze_status(self):
        found = WORD.search(self.raw("guest-fsfreeze-status"))
        check(found and found.group(1), "no status to cut out")
        return found.group(1)

    def guest_info(self):
        """virDomainGetGuestInfo for interfaces, OS, host name, time zone and users: one failure, and nothing is stored."""
        interfaces = []
        for name, (hardware, addresses) in self.domain.interfaces().items():
            if name != "lo":
                main = next((ip for kind, ip, _ in addresses if kind == "ipv4"), addresses[0][1] if addresses else "")
                interfaces.append((name, hardware, main, [ip for _, ip, _ in addresses]))
        system = {key: value for key, value in self.domain.os_info().items() if not key.startswith("variant")}
        return interfaces, system, self.domain.host_name(), self.domain.timezone(), self.domain.users()

    def execute(self, command, *arguments):
        """Of the exec probe, and of credentials where the agent has no commands for keys: exit code and stdout."""
        # Put together as text, blanks and all.
        reply = json.loads(self.domain.arbitrary_command(
            '{"execute": "guest-exec", "arguments": { "path": "%s", "arg": [ %s ], "capture-output":true } }'
            % (command, ", ".join('"%s"' % argument for argument in arguments))))
        pid = signed(reply["return"], "pid")
        check(pid > 0, "Invalid pid [%d]" % pid)
        while True:
            status = json.loads(self.domain.arbitrary_command(
                '{"execute": "guest-exec-status", "arguments": { "pid": %d } }' % pid))["return"]
            if boolean(status, "exited"):
                return signed(status, "exitcode") if "exitcode" in status else 0, decode(text(status, "out-data", ""))

    def set_user_password(self, user, password):
        self.domain.arbitrary_command('{"execute":"guest-set-user-password", "arguments": {"username":"%s", "password": "%s", '
                                      '"crypted": false }}' % (user, base64.b64encode(password.encode()).decode()))

    def read_file(self, path):
        handle = self.file('"guest-file-open", "arguments": { "path": "%s", "mode":"r" }' % path)
        read = self.file('"guest-file-read", "arguments": { "handle": %d }' % handle)
        self.file('"guest-file-close", "arguments": { "handle": %d }' % handle)
        return decode(required_text(read, "buf-b64")) if signed(read, "count") > 0 else b""

    def write_file(self, path, content):
        handle = self.file('"guest-file-open", "arguments": { "path": "%s", "mode":"w" }' % path)
        self.file('"guest-file-write", "arguments": { "handle": %d, "buf-b64": "%s" }'
                  % (handle, base64.b64encode(content).decode()))
        self.file('"guest-file-close", "arguments": { "handle": %d }' % handle)

    def file(self, rest):
        return json.loads(self.domain.arbitrary_command('{"execute": %s }' % rest))["return"]


# Scenarios

@subject.scenario(*KUBEVIRT_BASIC)
def the_agent_is_supported(place):
    with KubeVirt(place.socket) as launcher:
        version, commands = launcher.agent()
        check(re.match(r"[0-9]+\.[0-9]", version), "version %r" % version)
        equal([name for name in KUBEVIRT_BASIC if not commands.get(name)], [], "commands that are missing or not enabled")


@subject.scenario("guest-info")
def the_version_is_read(place):
    with KubeVirt(place.socket) as launcher:
        version, commands = launcher.agent()
        equal(commands["guest-info"], True, "guest-info is enabled")
        return version


@subject.scenario("guest-network-get-interfaces", "guest-get-osinfo", "guest-get-host-name", "guest-get-timezone", "guest-get-users")
def what_is_polled_of_the_guest(place):
    with KubeVirt(place.socket) as launcher:
        polled = [launcher.guest_info() for _ in range(POLLS)]
        equal(polled[1:], polled[:-1], "what later polls gave")
        # Who is logged in is told differently where there is no utmp.
        return polled[0][:-1]


@subject.scenario("guest-get-fsinfo")
def what_is_polled_of_file_systems(place):
    with KubeVirt(place.socket) as launcher:
        polled = [launcher.file_systems() for _ in range(POLLS)]
        equal(polled[1:], polled[:-1], "what later polls gave")
        return [entry[:3] for entry in polled[0]]


@subject.scenario("guest-fsfreeze-status")
def what_is_polled_of_freezing(place):
    with KubeVirt(place.socket) as launcher:
        equal(launcher.freeze_status(), "thawed", "status")


@subject.scenario("guest-file-open", "guest-file-read", "guest-file-write", "guest-file-close")
def keys_through_file_commands(place):
    """How it does it where the agent has no commands for keys."""
    with KubeVirt(place.socket) as launcher:
        try:
            raise AssertionError("there is %r" % launcher.read_file(place.path("authorized_keys")))
        except AgentError as error:
            # By this text it tells that the file is to be made.
            check("No such file or directory" in error.desc, error.desc)
        launcher.write_file(place.path("authorized_keys"), b"ssh-ed25519 AAAA one\n")
        equal(launcher.read_file(place.path("authorized_keys")), b"ssh-ed25519 AAAA one\n", "the file")
        launcher.write_file(place.path("authorized_keys"), b"")
        equal(launcher.read_file(place.path("authorized_keys")), b"", "the emptied file")


@subject.scenario("guest-exec", "guest-exec-status")
def an_exec_probe(place):
    with KubeVirt(place.socket) as launcher:
        equal(launcher.execute("/bin/sh", "-c", "exit 0"), (0, b""), "a probe that is well")
        equal(launcher.execute("/bin/sh", "-c", "echo no; exit 1"), (1, b"no\n"), "a probe that is not")
        # Found on PATH.
        equal(launcher.execute("mkdir", "-p", place.path("dir")), (0, b""), "mkdir")


@subject.scenario("guest-ssh-get-authorized-keys")
def keys_of_root_are_read(place):
    with KubeVirt(place.socket) as launcher:
        try:
            keys = launcher.domain.authorized_keys("root")
        except AgentError as error:
            # qemu-ga's answer where there is no such file.
            check(place.side == "theirs" and "No such file or directory" in error.desc, error.desc)
            return
        check(isinstance(keys, list), "keys")
