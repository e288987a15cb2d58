"""A table of what was measured of picoqga, of qemu-ga and of what else there is: samples in, medians, ratios and Markdown out;
and beside each figure the one that is wanted."""

import statistics

AGENTS = ("picoqga", "qemu-ga")
# Samples further apart than this part of their median are called noisy.
NOISE = 0.1
# How a number of this unit is written; others are whole, with commas. `per ping` is no unit but reads like one.
FORMATS = {"ms": "%.2f", "us": "%.1f", "per ping": "%.1f", "ns/byte": "%.2f"}
# The more of these, the better; of all else, the less.
RATES = {"MB/s", "per second"}


class Table:
    """Rows in the order in which they were first named. Each has for each agent its samples, or words in their place."""

    def __init__(self, agents=AGENTS):
        """`agents`: picoqga, qemu-ga, and whatever else is to be measured, by which the ratio of picoqga is told as well."""
        self.agents = agents
        self.rows = {}

    def add(self, name, unit, agent, samples):
        """Adds samples (a list, or one number) to a row; `samples` that are a text replace the agent's number."""
        row = self.rows.setdefault(name, {"name": name, "unit": unit, "samples": {}})
        if isinstance(samples, str):
            row["samples"][agent] = samples
        else:
            row["samples"].setdefault(agent, []).extend(samples if isinstance(samples, list) else [samples])

    def want(self, name, most=None, ratio=None, of="qemu-ga", over=None):
        """What picoqga's figure in a row shall be: `most` at most; `ratio` times better than `of`; `over` above `of` at most.

        A row that was not measured in this run is passed over.
        """
        if name in self.rows:
            self.rows[name].setdefault("wanted", []).append({"most": most, "ratio": ratio, "of": of, "over": over})

    def finish(self):
        """Gives every row its medians, its ratios and the range of what is noisy. Returns the rows."""
        for row in self.rows.values():
            missing = [agent for agent in AGENTS if agent not in row["samples"]]
            if missing:
                raise AssertionError("%s was not measured of %s" % (row["name"], missing[0]))
            numbers = {agent: samples for agent, samples in row["samples"].items() if not isinstance(samples, str)}
            row["median"] = {agent: statistics.median(samples) for agent, samples in numbers.items()}
            row["noisy"] = {agent: spread(samples) for agent, samples in numbers.items()
                            if spread(samples)[1] - spread(samples)[0] > NOISE * row["median"][agent]}
            row["ratio"] = {agent: ratio(row, agent) for agent in self.agents[1:]}
            for wanted in row.get("wanted", ()):
                wanted["reached"] = reached(row, wanted)
        return list(self.rows.values())

    def markdown(self):
        """The table's lines, and the line that says how far to trust it."""
        titles = list(self.agents) + ["times better than %s" % agent for agent in self.agents[1:]]
        lines = ["| | %s | wanted |" % " | ".join(titles), "|---|%s---|" % ("---:|" * len(titles))]
        noisy = []
        for row in self.finish():
            unit = row["unit"]
            cells = [number(row["median"][agent], unit) if agent in row["median"] else row["samples"].get(agent, "-")
                     for agent in self.agents]
            title = "%s, %s" % (row["name"], unit) if unit else row["name"]
            cells += ["-" if value is None else "%.*f" % (2 if value < 10 else 1 if value < 100 else 0, value)
                      for value in row["ratio"].values()]
            cells.append("; ".join(wish(wanted, unit) for wanted in row.get("wanted", ())))
            lines.append("| %s | %s |" % (title, " | ".join(cells)))
            noisy += ["%s (%s: %s to %s)" % (title, agent, number(low, unit), number(high, unit))
                      for agent, (low, high) in row["noisy"].items()]
        return lines, "Each number is a median where it varies. Noisy, the samples (of eight or more their middle half)"\
            " more than %d %% apart: %s." % (
            NOISE * 100, "; ".join(noisy) or "none")


def ratio(row, agent):
    """How many times better picoqga is; None where one of both is not there or nothing."""
    ours, theirs = row["median"].get("picoqga"), row["median"].get(agent)
    if not ours or theirs is None:
        return None
    return (ours / theirs if theirs else None) if row["unit"] in RATES else theirs / ours


def reached(row, wanted):
    """Whether picoqga's median is as it is wanted; None where one of the two is not a number."""
    ours, theirs = row["median"].get("picoqga"), row["median"].get(wanted["of"])
    if ours is None or wanted["most"] is None and theirs is None:
        return None
    if wanted["most"] is not None:
        return ours <= wanted["most"]
    if wanted["over"] is not None:
        return ours <= theirs + wanted["over"]
    times = row["ratio"][wanted["of"]]
    return times is None or times >= wanted["ratio"]


def wish(wanted, unit):
    if wanted["most"] is not None:
        text = "at most %s" % number(wanted["most"], unit)
    elif wanted["over"] is not None:
        text = "at most %s above %s" % (number(wanted["over"], unit), wanted["of"])
    else:
        text = "%.3g times %s" % (wanted["ratio"], wanted["of"])
    return text + {True: ": yes", False: ": **no**", None: ": not measured"}[wanted["reached"]]


def spread(samples):
    """Between what the samples lie: all of them, or the middle half where there are many."""
    if len(samples) < 8:
        return min(samples), max(samples)
    quarters = statistics.quantiles(samples, n=4)
    return quarters[0], quarters[2]


def number(value, unit):
    return FORMATS[unit] % value if unit in FORMATS else format(round(value), ",d")
