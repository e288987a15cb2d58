"""Groups of tests at the same time, each in one of several processes, because a machine under TCG keeps one CPU busy.

A group stays together, for its tests may share machines. What a test prints comes out in one piece when it is over.
"""

import contextlib
import io
import json
import multiprocessing
import os
import sys

import seen


def run(runner, filters, jobs, close):
    """Runs the tests that the filters choose in `jobs` processes; `close` ends the machines of one. What they have counted and
    noted is then in `runner` and in `seen`, as if they had run here."""
    groups = {}
    for name, function, fixture in runner.chosen(filters):
        groups.setdefault(name.split("/")[0], []).append((name, function, fixture))
    # The largest first, so that none is left to run alone at the end.
    order = sorted(groups.values(), key=len, reverse=True)
    context = multiprocessing.get_context("fork")
    following = context.Value("i", 0)
    results = [os.pipe() for _ in range(jobs)]
    sys.stdout.flush()
    # Daemons, so that they are told to end with this process.
    workers = [context.Process(target=work, args=(runner, order, following, write, close), daemon=True) for _, write in results]
    for worker in workers:
        worker.start()
    for read, write in results:
        os.close(write)
        with open(read) as pipe:
            text = pipe.read()
        if not text:
            runner.failed.append("a process of the tests ended before its time")
            continue
        result = json.loads(text)
        runner.passed += result["passed"]
        runner.failed += result["failed"]
        seen.shown.update(result["shown"])
        for command, lines in result["noted"].items():
            for line in lines:
                seen.seen(command, line)
    for worker in workers:
        worker.join()


def work(runner, order, following, result, close):
    """A process: takes one group after the other until none is left."""
    try:
        while True:
            with following.get_lock():
                index = following.value
                following.value += 1
            if index >= len(order):
                break
            for name, function, fixture in order[index]:
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    runner.attempt(name, function, fixture)
                print(said.getvalue(), end="", flush=True)
    finally:
        close()
    with open(result, "w") as pipe:
        json.dump({"passed": runner.passed, "failed": runner.failed, "shown": sorted(seen.shown), "noted": seen.noted}, pipe)
