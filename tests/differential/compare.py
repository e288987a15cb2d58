"""Plays one case on both sides and says what is wrong: an empty list when nothing is."""

import itertools
import shutil
import tempfile

import replies
from agents import Agent, caged
from client import AgentClosed, AgentTimeout
from declare import Wire
from line import At, Bytewise, Random, Whole
from talk import PATIENCE, Talk

# Requests with one of these are for agents that could not obey.
HARMFUL = (b"guest-shutdown", b"guest-set-", b"guest-ssh-", b"guest-suspend-", b"guest-fstrim", b"guest-fsfreeze-")

# Above this, two writes cut at every place would take minutes for all cases together; `--every-cut` asks for it below.
EVERY_CUT_AT_MOST = 120


class Comparison:
    """Both agents, kept running between the wire cases, and the way in which they are compared."""

    def __init__(self, real, ours, texts, seed, every_cut):
        self.kinds = {"theirs": real, "ours": ours}
        self.texts = texts
        self.seed = seed
        self.every_cut = every_cut
        self.running = {}
        self.replays = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for agent in self.running.values():
            if kind is None:
                agent.stop()
            else:
                agent.kill()

    def play(self, case):
        return self.play_wire(case) if isinstance(case, Wire) else self.play_scenario(case)

    def cuts(self, case):
        """The ways in which our agent is given the case again."""
        cuts = [Bytewise(), Random("%s/%s/1" % (self.seed, case.full_name)), Random("%s/%s/2" % (self.seed, case.full_name))]
        if self.every_cut and isinstance(case, Wire) and len(case.data) <= EVERY_CUT_AT_MOST:
            cuts += [At(place) for place in range(1, len(case.data))]
        self.replays += len(cuts)
        return cuts

    # Wire cases

    def play_wire(self, case):
        theirs = self.exchange("theirs", case.data, Whole())
        ours = self.exchange("ours", case.data, Whole())
        wrong = []
        if case.exact is not None and self.kinds["ours"].name == "picoqga" and ours != case.exact:
            wrong += unequal("picoqga, unlike the transcript", case.exact.split(b"\n"), ours.split(b"\n"))
        if case.diffs and case.exact is not None:
            if self.replies(theirs) == self.replies(case.exact):
                wrong.append("qemu-ga does the same; the difference %s has gone" % case.diffs[0])
        elif case.diffs:
            wrong += unequal("qemu-ga", self.replies(b"".join(line + b"\n" for line in case.theirs)), self.replies(theirs))
            wrong += unequal("picoqga", self.replies(b"".join(line + b"\n" for line in case.ours)), self.replies(ours))
        else:
            wrong += unequal("picoqga, unlike qemu-ga", self.replies(theirs), self.replies(ours))
        if self.kinds["ours"].name == "picoqga":
            for line in replies.lines_of(ours):
                if replies.complaint(line):
                    wrong.append("the reply %s %s" % (replies.show(line), replies.complaint(line)))
        if wrong:
            return ["sent %s" % replies.show(case.data)] + wrong
        for cut in self.cuts(case):
            again = self.exchange("ours", case.data, cut)
            if again != ours:
                return ["sent %s, %s" % (replies.show(case.data), cut.name)] + unequal(
                    "unlike in one write", self.replies(ours), self.replies(again))
        return []

    def exchange(self, side, data, cut):
        """Sends bytes on a new connection, closes the sending side, and returns all that comes back."""
        agent = self.agent(side, any(word in data for word in HARMFUL))
        try:
            received = through(agent, data, cut)
            if agent.kind.name != "picoqga":
                # qemu-ga keeps half a request for the next client. An impossible byte clears it, and a line feed ends the
                # search for a new beginning that follows such a byte.
                through(agent, b"\xff\n", Whole())
            return received
        except (AgentTimeout, AgentClosed, BrokenPipeError):
            # It can not be trusted any more; the next case gets a new one.
            self.drop(agent)
            raise

    def agent(self, side, cage):
        """The agent for wire cases. Where a request names what may harm this machine it is one that could not obey."""
        agent = self.running.get((side, cage))
        if agent is not None and agent.running():
            return agent
        if agent is not None:
            output, status = agent.output(), agent.process.returncode
            self.drop(agent)
            raise AssertionError("%s had ended with status %s before this case: %s" % (agent.kind.name, status, output))
        kind = self.kinds[side]
        self.running[side, cage] = Agent(caged(kind) if cage else kind)
        return self.running[side, cage]

    def drop(self, agent):
        self.running = {key: other for key, other in self.running.items() if other is not agent}
        agent.kill()

    def replies(self, data):
        return [replies.Reply(line, self.texts) for line in replies.lines_of(data)]

    # Scenarios

    def play_scenario(self, case):
        theirs = self.talk(case, "theirs", Whole())
        ours = self.talk(case, "ours", Whole())
        wrong = ours.complaints + self.unlike(case, theirs, ours)
        if wrong or not case.agent:
            return wrong
        for cut in self.cuts(case):
            again = self.talk(case, "ours", cut)
            wrong = self.unlike(case, ours, again, both_ours=True)
            if wrong:
                return ["requests %s, unlike in one write" % cut.name] + wrong
        return []

    def talk(self, case, side, cut):
        """Plays the scenario on a fresh agent in a fresh directory."""
        directory = tempfile.mkdtemp(prefix="case-")
        kind = self.kinds[side]
        try:
            if not case.agent:
                talk = Talk(side, None, directory, cut)
                case.function(talk, kind)
                return talk
            env = {name: value.replace("$DIR", directory) for name, value in (case.env or {}).items()}
            with Agent(kind, env=env, cwd=directory, umask=case.umask) as agent:
                talk = Talk(side if kind.name == "picoqga" else "theirs", agent, directory, cut)
                talk.connect()
                case.function(talk)
                if agent.running():
                    # Nothing may be left over, and nothing may have broken.
                    last = talk.client.call("guest-sync", {"id": 4711})
                    if last != {"return": 4711} or talk.client.buffer:
                        raise AssertionError("%s sent more than was asked for: %s %r" % (kind.name, last, talk.client.buffer))
                talk.hang_up()
                return talk
        except Exception as error:
            raise AssertionError("on %s, %s: %s" % (kind.name, cut.name, error)) from error
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def unlike(self, case, left, right, both_ours=False):
        """What differs between two plays of a scenario."""
        wrong = []
        for one, other in itertools.zip_longest(left.records, right.records):
            labels = [record.label if record else "the end" for record in (one, other)]
            if labels[0] != labels[1]:
                return ["the two sides went different ways:", "    " + labels[0], "    " + labels[1]]
        for one, other in zip(left.records, right.records):
            for record in (one, other):
                if record.diff is not None and record.diff not in case.diffs:
                    raise ValueError("%s uses the difference %s without declaring it" % (case.full_name, record.diff))
            if one.diff is None or both_ours:
                if not self.equal(one.value, other.value):
                    wrong += [one.label, "    expected %s" % brief(one.value), "    got      %s" % brief(other.value)]
                continue
            for side, record in (("theirs", one), ("ours", other)):
                if not self.equal(record.expected[side], record.value):
                    wrong += ["%s (%s, known difference %s)" % (record.label, self.kinds[side].name, record.diff),
                              "    expected %s" % brief(record.expected[side]), "    got      %s" % brief(record.value)]
        return wrong

    def equal(self, expected, value):
        if hasattr(expected, "matches"):
            return expected.matches(value)
        if not self.texts:
            expected, value = replies.without_texts(expected), replies.without_texts(value)
        return replies.same(expected, value)


def brief(value):
    return replies.show(repr(value).encode("unicode_escape"))


def through(agent, data, cut):
    client = agent.connect()
    try:
        cut.send(client, data)
        client.half_close()
        return client.read_eof(PATIENCE)
    finally:
        client.close()


def unequal(who, expected, got):
    if expected == got:
        return []
    return ["%s:" % who, *("    expected %s" % line for line in folded(expected)), *("    got      %s" % line for line in folded(got))]


def folded(lines, most=12):
    """The lines for a person: equal ones that follow each other are counted, and a long list is cut."""
    counted = []
    for line in map(repr, lines):
        if counted and counted[-1][0] == line:
            counted[-1][1] += 1
        else:
            counted.append([line, 1])
    shown = [line if count == 1 else "%s (%d times)" % (line, count) for line, count in counted[:most]]
    return (shown + ["... and %d more" % (len(counted) - most)] if len(counted) > most else shown) or ["no reply"]
