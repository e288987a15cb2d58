"""CloudStack: freezes around a snapshot of a volume, through libvirt. All values of arguments are strings with it, so it can
only send commands without any; on this machine, only the status."""

import json

from client import AgentError
from libvirt import ThroughLibvirt
from report import equal
from suite import Suite

PATIENCE = 10
FREEZE, THAW = "frozen", "thawed"
subject = Suite("cloudstack")


class CloudStack(ThroughLibvirt):
    """Freezing and thawing as its FreezeThawVMCommand does them."""

    def ask(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = {name: str(value) for name, value in arguments.items()}
        result = self.domain.arbitrary_command(json.dumps(request), PATIENCE)
        # It takes a text that begins so for a failure.
        equal(result.startswith("error"), False, "the result begins with `error`")
        return json.loads(result)["return"]

    def status(self):
        return self.ask("guest-fsfreeze-status")

    def change(self, option):
        """To FREEZE or to THAW; the status afterwards has to be that very word."""
        self.ask("guest-fsfreeze-freeze" if option == FREEZE else "guest-fsfreeze-thaw")
        equal(self.status(), option, "status")


@subject.scenario("guest-fsfreeze-status")
def status(place):
    with CloudStack(place.socket) as manager:
        equal(manager.status(), THAW, "status")


@subject.scenario("guest-sync")
def a_number_that_is_a_string(place):
    with CloudStack(place.socket) as manager:
        try:
            raise AssertionError("it returned %r" % manager.ask("guest-sync", id=7))
        except AgentError as error:
            return error.desc
