"""How a case is written. A module in cases/ makes one `Subject` and adds cases to it.

Two kinds:

    subject.wire("a name", b"bytes sent")
        One connection: the bytes are sent, the sending side is closed, and all that comes back is compared.

    @subject.scenario
    def a_name(t): ...
        A dialogue with an agent and files of its own; `t` is a `talk.Talk`. What it records is compared, entry by entry.

A known difference names its id in docs/differences.md, and says what each side does. Both are checked, so the case fails when
the difference has gone:

    subject.wire("a name", b"...", diff="some-id", theirs=[b'a line'], ours=[b'another line'])
"""

import json


class Case:
    def __init__(self, subject, name, diff=None):
        self.subject = subject
        self.name = name
        self.full_name = "%s/%s" % (subject, name)
        self.diffs = [diff] if isinstance(diff, str) else list(diff or [])


class Wire(Case):
    """Bytes in, lines out. `exact` is what ours must send to the byte, where a transcript says it."""

    def __init__(self, subject, name, data, diff=None, theirs=None, ours=None, exact=None):
        super().__init__(subject, name, diff)
        self.exact = exact
        if exact is None and ((diff is None) != (theirs is None) or (diff is None) != (ours is None)):
            raise ValueError("%s: diff, theirs and ours belong together" % self.full_name)
        if diff is not None and exact is None and theirs == ours:
            raise ValueError("%s: a difference whose sides are equal" % self.full_name)
        self.data = data
        self.theirs = theirs
        self.ours = ours


class Scenario(Case):
    """A function that talks to an agent. `diffs` names the differences it may use."""

    def __init__(self, subject, name, function, diff=None, env=None, umask=0o022, agent=True):
        super().__init__(subject, name, diff)
        self.function = function
        self.env = env
        self.umask = umask
        self.agent = agent


class Subject:
    """The cases of one subject, in the order in which they were written."""

    def __init__(self, name):
        self.name = name
        self.cases = []
        self.names = set()

    def add(self, case):
        if case.name in self.names:
            raise ValueError("two cases are named %s" % case.full_name)
        self.names.add(case.name)
        self.cases.append(case)

    def wire(self, name, data, **difference):
        self.add(Wire(self.name, name, data, **difference))

    def scenario(self, function=None, **options):
        def declare(function):
            name = options.pop("name", function.__name__)
            self.add(Scenario(self.name, name, function, **options))
            return function
        return declare if function is None else declare(function)


# Lines, for the two sides of a difference


def error(desc, error_class="GenericError", before=b""):
    """An error line. `before` goes in front of the member `error`, such as an id."""
    return b'{%s"error": {"class": "%s", "desc": %s}}' % (before, error_class.encode(), quoted(desc))


def parse_error(desc):
    return error("JSON parse error, " + desc)


def not_found(name):
    return error("The command %s has not been found" % name, "CommandNotFound")


def returned(value, after=b""):
    return b'{"return": %s%s}' % (json.dumps(value).encode(), after)


def quoted(text):
    return json.dumps(text).encode()
