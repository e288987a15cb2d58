"""Replies as values that can be compared: what two agents may write differently, and what not.

Member order is free. Everything else counts: the number of lines, a leading 0xFF, each number to its digit (1 is not 1.0, and
not true), every text. Where the real agent is not of the series whose texts are followed, error texts are left out.
"""

import json


class Number(str):
    """A JSON number as it was written."""

    def __repr__(self):
        return "number " + str(self)

    def __eq__(self, other):
        return isinstance(other, Number) and str(self) == str(other)

    __hash__ = str.__hash__


class NotJson:
    """A line that is no JSON value, such as qemu-ga writes for an infinite number."""

    def __init__(self, line, why):
        self.line = line
        self.why = why

    def __eq__(self, other):
        return isinstance(other, NotJson) and self.line == other.line

    def __repr__(self):
        return "not JSON (%s): %r" % (self.why, self.line)


class Reply:
    """One line: whether 0xFF stood before it, and its value."""

    def __init__(self, line, texts=True):
        self.line = line
        self.delimited = line[:1] == b"\xff"
        self.value = value_of(line[1:] if self.delimited else line)
        if not texts:
            self.value = without_texts(self.value)

    def __eq__(self, other):
        return self.delimited == other.delimited and same(self.value, other.value)

    def __repr__(self):
        return show(self.line)


def show(line, limit=300):
    """A line for a person: whole when short, else both ends."""
    text = repr(line)[1:]
    return text if len(text) <= limit else "%s ... %s (%d bytes)" % (text[:limit * 2 // 3], text[-limit // 3:], len(line))


def lines_of(data):
    """Splits what came into lines without their LF. A rest without LF is a line `(no LF)...`, which nothing equals."""
    lines = data.split(b"\n")
    rest = lines.pop()
    return lines + ([b"(no LF)" + rest] if rest else [])


def pairs(members):
    """Makes a dict, and refuses what a dict would hide: two members of one name."""
    result = dict(members)
    if len(result) != len(members):
        raise ValueError("a member appears twice")
    return result


def refuse(name):
    # Python reads NaN and Infinity, which are not JSON.
    raise ValueError("%s is not JSON" % name)


def value_of(line):
    try:
        return json.loads(line.decode("ascii"), parse_int=Number, parse_float=Number, parse_constant=refuse,
                object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        return NotJson(line, error)


def numbered(value):
    """A Python value as `value_of` would give it, for values that are written in a case."""
    return value_of(json.dumps(value).encode())


def same(left, right):
    """Deep equality in which True is not 1."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def without_texts(value):
    if isinstance(value, dict) and isinstance(value.get("error"), dict) and "class" in value["error"]:
        return {**value, "error": {"class": value["error"]["class"]}}
    return value


# The form of our own lines, which clients may rely on beyond the value

SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def complaint(line):
    """What is wrong with the form of a reply of ours: None when it is as qemu-ga would form that value."""
    body = line[1:] if line[:1] == b"\xff" else line
    if any(byte < 0x20 or byte > 0x7E for byte in body):
        return "has a byte that is not printable ASCII"
    value = value_of(body)
    if isinstance(value, NotJson):
        return repr(value)
    if not isinstance(value, dict):
        return "is no object"
    known = [["return"], ["return", "id"], ["error"], ["id", "error"]]
    if list(value) not in known:
        return "has the members %s, in this order" % ", ".join(value)
    if form(value) != body.decode():
        return "is not formed as %s" % form(value)
    return None


def form(value):
    """The value as qemu-ga spaces and escapes it, the members in the order they have."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return '"%s"' % "".join(map(escape, value))
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (form(name), form(item)) for name, item in value.items())
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(form, value))
    return json.dumps(value)


def escape(character):
    if character in SHORT:
        return SHORT[character]
    if 0x20 <= ord(character) < 0x7F:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join("\\u%02X%02X" % (units[at], units[at + 1]) for at in range(0, len(units), 2))
