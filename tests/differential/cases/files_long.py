"""Requests longer than any buffer: file data that is written while it arrives, in every order of members."""

import base64
import itertools
import json
import os

from declare import Subject

subject = Subject("files-long")

# Twice as much as a request of picoqga's is held.
DATA = bytes(n * n % 251 for n in range(200000))
TEXT = base64.b64encode(DATA).decode()


def refused(text):
    return {"error": {"class": "GenericError", "desc": text}}


class Written:
    """Equals an error that begins with a text and says that some bytes were written."""

    def __init__(self, text):
        self.text = text

    def matches(self, value):
        return value["error"]["desc"].startswith(self.text + " (") and value["error"]["desc"].endswith(" bytes were written)")


def request(*members):
    """The arguments in the order given."""
    return '{"execute":"guest-file-write","arguments":{%s}}' % ",".join("%s:%s" % (json.dumps(name),
            json.dumps(value)) for name, value in members)


ORDERS = {"handle, buf-b64": ("handle", "buf-b64"), "buf-b64, handle": ("buf-b64", "handle"),
        "handle, count, buf-b64": ("handle", "count", "buf-b64"),
          "count, buf-b64, handle": ("count", "buf-b64", "handle"), "buf-b64, count, handle": ("buf-b64", "count", "handle"),
          "handle, buf-b64, count": ("handle", "buf-b64", "count"),
          "buf-b64, handle, count": ("buf-b64", "handle", "count"), "count, handle, buf-b64": ("count", "handle", "buf-b64")}
for (label, order), execute_first in itertools.product(ORDERS.items(), (True, False)):
    def ordered(t, order=order, execute_first=execute_first):
        handle = t.open("f", "w")
        values = {"handle": handle, "buf-b64": TEXT, "count": len(DATA)}
        text = request(*((name, values[name]) for name in order))
        if not execute_first:
            text = '{"arguments":%s,"execute":"guest-file-write","id":1}' % text[len('{"execute":"guest-file-write","arguments":'):-1]
        t.raw(text.encode())
        t.call("guest-ping")
        t.close(handle)
        with open(t.path("f"), "rb") as file:
            t.note("all of it is there", file.read() == DATA)
    subject.scenario(ordered, name="%s, %s" % (label, "execute first" if execute_first else "execute last"))


@subject.scenario
def less_than_all_of_it(t):
    """`count` comes before the data, so only that much is written."""
    handle = t.open("f", "w")
    for count in (0, 1, 100000, len(DATA)):
        t.raw(request(("handle", handle), ("count", count), ("buf-b64", TEXT)).encode())
    t.close(handle)
    t.size("f")


@subject.scenario
def data_before_the_handle_and_less_than_all(t):
    handle = t.open("f", "w")
    for count in (0, 1, 100000, len(DATA)):
        t.raw(request(("buf-b64", TEXT), ("count", count), ("handle", handle)).encode())
    for count in (len(DATA) + 1, -1):
        t.raw(request(("buf-b64", TEXT), ("handle", handle), ("count", count)).encode())
    t.close(handle)
    t.size("f")


@subject.scenario
def with_a_line_feed_every_76_characters(t):
    handle = t.open("f", "wb")
    t.write(handle, base64.encodebytes(DATA).decode())
    t.close(handle)
    t.size("f")


@subject.scenario
def three_long_ones_and_a_short_one(t):
    handle = t.open("f", "wb+")
    for _ in range(3):
        t.write(handle, TEXT)
    t.write(handle, b"end")
    t.seek(handle, -10, "end")
    t.read(handle, 100)
    t.size("f")


@subject.scenario
def to_a_handle_that_is_not_there(t):
    t.write(999, TEXT)
    t.raw(request(("buf-b64", TEXT), ("handle", 999)).encode())
    t.call("guest-ping")


@subject.scenario
def where_only_reading_is_allowed(t):
    t.file("f", b"hello")
    handle = t.open("f", "r")
    t.write(handle, TEXT)
    t.raw(request(("buf-b64", TEXT), ("handle", handle)).encode())
    t.read(handle)
    t.content("f")


@subject.scenario
def to_a_full_device(t):
    handle = t.open("/dev/full", "w")
    t.write(handle, TEXT)
    t.call("guest-ping")


@subject.scenario
def to_the_end_of_a_file(t):
    t.file("f", b"hello")
    handle = t.open("f", "a")
    t.write(handle, TEXT)
    t.close(handle)
    t.size("f")


@subject.scenario
def after_reading(t):
    t.file("f", b"0123456789")
    handle = t.open("f", "r+")
    t.read(handle, 4)
    t.write(handle, TEXT)
    t.seek(handle, 0, "cur")
    t.close(handle)
    t.size("f")


@subject.scenario
def long_data_that_is_refused(t):
    """The wrong character comes before anything was written."""
    t.file("f", b"hello")
    handle = t.open("f", "r+")
    t.write(handle, "*" + TEXT)
    t.raw(request(("buf-b64", "*" + TEXT), ("handle", handle)).encode())
    t.call("guest-ping")
    t.content("f")


@subject.scenario
def long_data_that_is_wrong_at_its_end_before_the_handle(t):
    t.file("f", b"hello")
    handle = t.open("f", "r+")
    t.raw(request(("buf-b64", TEXT + "*"), ("handle", handle)).encode())
    t.content("f")


@subject.scenario(diff="long-write-begins-early")
def long_data_that_is_wrong_at_its_end(t):
    handle = t.open("f", "w")
    t.write(handle, TEXT + "*", diff="long-write-begins-early", theirs=refused("Base64 data contains invalid characters"),
            ours=Written("Base64 data contains invalid characters"))
    t.close(handle)
    t.note("something was written", os.path.getsize(t.path("f")) > 0, diff="long-write-begins-early", theirs=False, ours=True)


@subject.scenario(diff="long-write-begins-early")
def long_data_and_then_a_wrong_count(t):
    for count in (1, 1000, len(DATA) + 1, -1):
        handle = t.open("f", "w")
        text = "value '%d' is invalid for argument count" % count
        t.raw(request(("handle", handle), ("buf-b64", TEXT), ("count", count)).encode(), diff="long-write-begins-early",
              theirs={"return": {"count": count, "eof": False}} if 0 <= count <= len(DATA) else refused(text),
              ours=refused("%s (%d bytes were written)" % (text, len(DATA))))
        t.close(handle)
        t.note("count %d: bytes written" % count, os.path.getsize(t.path("f")), diff="long-write-begins-early",
               theirs=count if 0 <= count <= len(DATA) else 0, ours=len(DATA))


@subject.scenario(diff="long-write-begins-early")
def a_long_request_that_breaks_off(t):
    """It is never answered as a request, but data had come."""
    handle = t.open("f", "w")
    for tail in (b"*", b" %}", b"}", b'}}'):
        text = request(("handle", handle), ("buf-b64", TEXT)).encode()
        t.client.send(text[:-3] + b"\xff")
        t.note("the line of the reset", json.loads(t.client.read_line(10))["error"]["class"])
    t.note("something was written", os.path.getsize(t.path("f")) > 0, diff="long-write-begins-early", theirs=False, ours=True)
    t.call("guest-ping")


@subject.scenario
def a_read_of_eight_megabytes(t):
    t.file("f", b"0123456789abcdef" * (1 << 19))
    handle = t.open("f")
    reply = t.client.call("guest-file-read", {"handle": handle, "count": 1 << 23}, timeout=30)["return"]
    t.note("count and eof", (reply["count"], reply["eof"]))
    with open(t.path("f"), "rb") as file:
        t.note("all of it came", base64.b64decode(reply["buf-b64"]) == file.read())


@subject.scenario
def a_write_of_eight_megabytes(t):
    data = b"0123456789abcdef" * (1 << 19)
    handle = t.open("f", "w")
    t.client.send(request(("handle", handle), ("buf-b64", base64.b64encode(data).decode())).encode(), 30)
    t.note("reply", json.loads(t.client.read_line(30)))
    t.close(handle)
    with open(t.path("f"), "rb") as file:
        t.note("all of it is there", file.read() == data)
