"""A table of what was measured of picoqga, of qemu-ga and of what else there is: samples in, medians, ratios and Markdown out."""

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
        return list(self.rows.values())

    def markdown(self):
        """The table's lines, and the line that says how far to trust it."""
        titles = list(self.agents) + ["times better than %s" % agent for agent in self.agents[1:]]
        lines = ["| | %s |" % " | ".join(titles), "|---|%s" % ("---:|" * len(titles))]
        noisy = []
        for row in self.finish():
            unit = row["unit"]
            cells = [number(row["median"][agent], unit) if agent in row["median"] else row["samples"].get(agent, "-")
                     for agent in self.agents]
            title = "%s, %s" % (row["name"], unit) if unit else row["name"]
            cells += ["-" if value is None else "%.*f" % (2 if value < 10 else 1 if value < 100 else 0, value)
                      for value in row["ratio"].values()]
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


def spread(samples):
    """Between what the samples lie: all of them, or the middle half where there are many."""
    if len(samples) < 8:
        return min(samples), max(samples)
    quarters = statistics.quantiles(samples, n=4)
    return quarters[0], quarters[2]


def number(value, unit):
    return FORMATS[unit] % value if unit in FORMATS else format(round(value), ",d")
