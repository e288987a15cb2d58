"""A table of what was measured of picoqga and of qemu-ga: samples in, medians, ratios and Markdown out."""

import statistics

AGENTS = ("picoqga", "qemu-ga")
# Samples further apart than this part of their median are called noisy.
NOISE = 0.1
# How a number of this unit is written; others are whole, with commas. `per ping` is no unit but reads like one.
FORMATS = {"ms": "%.2f", "per ping": "%.1f"}


class Table:
    """Rows in the order in which they were first named. Each has for each agent its samples, or words in their place."""

    def __init__(self):
        self.rows = {}

    def add(self, name, unit, agent, samples):
        """Adds samples (a list, or one number) to a row; `samples` that are a text replace the agent's number."""
        row = self.rows.setdefault(name, {"name": name, "unit": unit, "samples": {}})
        if isinstance(samples, str):
            row["samples"][agent] = samples
        else:
            row["samples"].setdefault(agent, []).extend(samples if isinstance(samples, list) else [samples])

    def finish(self):
        """Gives every row its medians, its ratio (None without one) and the range of what is noisy. Returns the rows."""
        for row in self.rows.values():
            missing = [agent for agent in AGENTS if agent not in row["samples"]]
            if missing:
                raise AssertionError("%s was not measured of %s" % (row["name"], missing[0]))
            numbers = {agent: samples for agent, samples in row["samples"].items() if not isinstance(samples, str)}
            row["median"] = {agent: statistics.median(samples) for agent, samples in numbers.items()}
            row["noisy"] = {agent: spread(samples) for agent, samples in numbers.items()
                            if spread(samples)[1] - spread(samples)[0] > NOISE * row["median"][agent]}
            ours, theirs = (row["median"].get(agent) for agent in AGENTS)
            row["ratio"] = theirs / ours if ours and theirs is not None else None
        return list(self.rows.values())

    def markdown(self):
        """The table's lines, and the line that says how far to trust it."""
        lines = ["| | picoqga | qemu-ga | qemu-ga / picoqga |", "|---|---:|---:|---:|"]
        noisy = []
        for row in self.finish():
            unit = row["unit"]
            cells = [number(row["median"][agent], unit) if agent in row["median"] else row["samples"][agent] for agent in AGENTS]
            title = "%s, %s" % (row["name"], unit) if unit else row["name"]
            ratio = row["ratio"]
            cells.append("-" if ratio is None else "%.*f" % (2 if ratio < 10 else 1 if ratio < 100 else 0, ratio))
            lines.append("| %s | %s |" % (title, " | ".join(cells)))
            noisy += ["%s (%s: %s to %s)" % (title, agent, number(low, unit), number(high, unit))
                      for agent, (low, high) in row["noisy"].items()]
        return lines, "Each number is a median where it varies. Noisy, the samples (of eight or more their middle half)"\
            " more than %d %% apart: %s." % (
            NOISE * 100, "; ".join(noisy) or "none")


def spread(samples):
    """Between what the samples lie: all of them, or the middle half where there are many."""
    if len(samples) < 8:
        return min(samples), max(samples)
    quarters = statistics.quantiles(samples, n=4)
    return quarters[0], quarters[2]


def number(value, unit):
    return FORMATS[unit] % value if unit in FORMATS else format(round(value), ",d")
