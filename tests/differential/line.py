"""Sending bytes in pieces so that the agent really reads them piece by piece."""

import array
import fcntl
import os
import random
import termios
import time

from client import AgentTimeout

# Above this a request is cut at random only: byte by byte it would take long and show nothing more.
BYTEWISE_AT_MOST = 700
CONSUMED_WITHIN = 10.0


class Whole:
    """Everything in one write."""

    name = "whole"

    def send(self, client, data):
        client.send(data)


class Bytewise:
    """A write for each byte; each is sent when the agent has read the one before."""

    name = "byte by byte"

    def send(self, client, data):
        if len(data) > BYTEWISE_AT_MOST:
            Random(len(data)).send(client, data)
            return
        pieces(client, [data[at:at + 1] for at in range(len(data))])


class Random:
    """Cut at a few random places, the same for the same seed."""

    def __init__(self, seed):
        self.name = "cut at random, seed %s" % seed
        self.random = random.Random(seed)

    def send(self, client, data):
        count = min(len(data), self.random.randint(1, 8))
        cuts = sorted(self.random.sample(range(len(data) + 1), count))
        pieces(client, [data[start:end] for start, end in zip([0] + cuts, cuts + [len(data)]) if end > start])


class At:
    """Two writes, cut at one place."""

    def __init__(self, place):
        self.name = "cut at byte %d" % place
        self.place = place

    def send(self, client, data):
        pieces(client, [piece for piece in (data[:self.place], data[self.place:]) if piece])


def pieces(client, parts):
    for part in parts:
        client.send(part)
        wait_until_read(client)


def wait_until_read(client):
    """Returns when the agent has read all that was sent. Without it the kernel would glue the pieces together again."""
    waiting = array.array("i", [0])
    deadline = time.monotonic() + CONSUMED_WITHIN
    while True:
        fcntl.ioctl(client.socket.fileno(), termios.TIOCOUTQ, waiting)
        if waiting[0] == 0:
            return
        if time.monotonic() >= deadline:
            raise AgentTimeout("the agent did not read %d bytes within %g s" % (waiting[0], CONSUMED_WITHIN), client.buffer)
        # The answers must be taken in, or an agent that waits to write would never come to read.
        client.take(0.0, eof_is_error=False)
        os.sched_yield()
