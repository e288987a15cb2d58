"""The table of docs/differences.md: which differences from qemu-ga are known, and what shows them."""

import os
import re

import oracle

PATH = os.path.join(oracle.ROOT, "docs", "differences.md")
REASONS = ("a fault of qemu-ga", "a stated limit", "a helper not needed", "safety", "an addition")
COLUMNS = 5


class Difference:
    def __init__(self, identifier, reason, shown_by):
        self.identifier = identifier
        self.reason = reason
        self.shown_by = shown_by


def read():
    """The differences by id. A table that can not be read is an error, because then nothing would be checked."""
    found = {}
    with open(PATH, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            row = re.match(r"\|\s*`([a-z0-9-]+)`\s*\|", text)
            if not row:
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", text.strip())[1:-1]]
            if len(cells) != COLUMNS:
                raise ValueError("docs/differences.md:%d: %d columns, not %d" % (number, len(cells), COLUMNS))
            identifier = row.group(1)
            if identifier in found:
                raise ValueError("docs/differences.md:%d: %s is there twice" % (number, identifier))
            if cells[3] not in REASONS:
                raise ValueError("docs/differences.md:%d: %r is none of the reasons: %s" % (number, cells[3],
                        ", ".join(REASONS)))
            found[identifier] = Difference(identifier, cells[3], cells[4])
    if not found:
        raise ValueError("docs/differences.md has no rows")
    return found


def named_in_sources():
    """The ids that the sources name as `differences.md: ID`, each with a file that does."""
    named = {}
    for directory, _, names in os.walk(os.path.join(oracle.ROOT, "src")):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, encoding="utf-8") as file:
                for identifier in re.findall(r"differences\.md: ([a-z0-9-]+)", file.read()):
                    named.setdefault(identifier, os.path.relpath(path, oracle.ROOT))
    return named
