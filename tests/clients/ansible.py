"""Ansible's connection plugin community.libvirt.libvirt_qemu: modules are put into the guest as files, and run."""

import base64
import json
import os
import shlex

from client import AgentError
from libvirt import ThroughLibvirt
from report import check, equal
from suite import Suite, decode

# Each has to be among the entries of supported_commands as it is: a member more, and the guest has it not.
CAPABILITIES = [{"enabled": True, "name": name, "success-response": True}
                for name in ("guest-exec", "guest-exec-status", "guest-file-close", "guest-file-open", "guest-file-read",
                             "guest-file-write")]
CHUNK = 65536

subject = Suite("ansible")


class Ansible(ThroughLibvirt):
    """A connection to a guest."""

    def ask(self, name, arguments=None):
        request = {"execute": name}
        if arguments is not None:
            request["arguments"] = arguments
        return json.loads(self.domain.arbitrary_command(json.dumps(request), 5))["return"]

    def missing(self):
        """Which capabilities the guest lacks; with any it is refused."""
        offered = self.ask("guest-info")["supported_commands"]
        return [capability["name"] for capability in CAPABILITIES if capability not in offered]

    def put_file(self, content, path):
        handle = self.ask("guest-file-open", {"path": path, "mode": "wb+"})
        for start in range(0, len(content), CHUNK):
            # `count` in the reply is not looked at: less than all would go unnoticed.
            self.ask("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(content[start:start + CHUNK]).decode()})
        self.ask("guest-file-close", {"handle": handle})

    def fetch_file(self, path):
        handle = self.ask("guest-file-open", {"path": path, "mode": "r"})
        content, end = b"", False
        while not end:
            read = self.ask("guest-file-read", {"handle": handle, "count": CHUNK})
            check(read["eof"] or read["buf-b64"], "nothing read, and not the end: it would ask for ever")
            content += decode(read["buf-b64"])
            end = read["eof"]
        self.ask("guest-file-close", {"handle": handle})
        return content

    def exec_command(self, command):
        """Exit code, stdout and stderr; asked after without a pause."""
        words = shlex.split(command)
        pid = self.ask("guest-exec", {"path": words[0], "capture-output": True, "arg": words[1:]})["pid"]
        while True:
            status = self.ask("guest-exec-status", {"pid": pid})
            if status["exited"]:
                return status["exitcode"], decode(status.get("out-data") or ""), decode(status.get("err-data") or "")


@subject.scenario("guest-exec", "guest-exec-status", "guest-file-close", "guest-file-open", "guest-file-read", "guest-file-write")
def it_has_every_capability(place):
    with Ansible(place.socket) as connection:
        equal(connection.missing(), [], "capabilities that are missing")


@subject.scenario("guest-file-close", "guest-file-open", "guest-file-read", "guest-file-write")
def the_entries_are_equal_as_they_stand(place):
    """As far as the commands are there."""
    with Ansible(place.socket) as connection:
        equal(set(connection.missing()) - (set(capability["name"] for capability in CAPABILITIES) - set(place.commands)), set(),
              "capabilities that are listed and not equal")


@subject.scenario("guest-file-close", "guest-file-open", "guest-file-read", "guest-file-write")
def a_module_is_put_and_fetched(place):
    with Ansible(place.socket) as connection:
        for length in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17):
            content = os.urandom(length)
            connection.put_file(content, place.path("ansible"))
            equal(connection.fetch_file(place.path("ansible")) == content, True, "what was fetched of %d bytes" % length)


@subject.scenario("guest-file-open")
def a_file_that_is_not_there(place):
    with Ansible(place.socket) as connection:
        try:
            connection.fetch_file("/no/such/file")
        except AgentError as error:
            return error.desc
    raise AssertionError("it was fetched")


@subject.scenario("guest-exec", "guest-exec-status")
def a_task(place):
    with Ansible(place.socket) as connection:
        command = """/bin/sh -c 'umask 77 && mkdir -p "` echo %s `" && echo "caf\u00e9 $HOME" >/dev/null && sleep 0'""" % place.path("tmp")
        equal(connection.exec_command(command), (0, b"", b""), "the making of a directory")
        equal(connection.exec_command("/bin/sh -c 'echo \"caf\u00e9\"; echo oops >&2; exit 4'"), (4, "caf\u00e9\n".encode(), b"oops\n"),
              "a task that fails")
        connection.put_file(b"#!/bin/sh\necho '{\"changed\": false}'\n", place.path("tmp/module"))
        equal(connection.exec_command("/bin/sh -c 'chmod u+x %s && %s && sleep 0'" % ((place.path("tmp/module"),) * 2)),
              (0, b'{"changed": false}\n', b""), "a module")
