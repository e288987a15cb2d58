"""Which commands may run, and what is written of those that do."""

import os
import tempfile

from common import agent, test
from report import check, equal


def enabled(client):
    """The commands that guest-info says may run, and all it tells of, but for those that this machine may lack something for."""
    entries = [entry for entry in client.run("guest-info")["supported_commands"] if "suspend" not in entry["name"]]
    return {entry["name"] for entry in entries if entry["enabled"]}, {entry["name"] for entry in entries}


def disabled(name):
    return {"error": {"class": "CommandNotFound", "desc": "Command %s has been disabled: the command is not allowed" % name}}


@test(group="commands")
def blocked_commands_are_listed_and_refused():
    with agent("-b", "guest-get-time,guest-ping", "--blacklist=guest-file-write;nonsense") as running:
        with running.connect() as client:
            may, all_names = enabled(client)
            equal(all_names - may, {"guest-get-time", "guest-ping", "guest-file-write"}, "what may not run")
            for name in all_names - may:
                # The arguments are wrong as well; that it may not run comes first.
                equal(client.call(name, {"nonsense": 1}), disabled(name), name)
            # One that is too long to be held is refused in the same way.
            long = client.call("guest-file-write", {"handle": 1, "buf-b64": "QUJD" * 100000})
            check("error" in long, "a long guest-file-write was answered %s" % long)
            client.sync()


@test(group="commands")
def only_allowed_commands_run_and_block_beats_allow():
    with agent("-a", "guest-info;guest-ping , guest-sync,guest-sync-delimited", "-b", "guest-ping") as running:
        with running.connect() as client:
            equal(enabled(client)[0], {"guest-info", "guest-sync", "guest-sync-delimited"}, "what may run")
            equal(client.call("guest-ping"), disabled("guest-ping"), "guest-ping")
            equal(client.call("guest-get-time"), disabled("guest-get-time"), "guest-get-time")
    with agent("-a", "nonsense") as running, running.connect() as client:
        equal(client.call("guest-info"), disabled("guest-info"), "guest-info")


@test(group="commands")
def lists_of_a_hundred_thousand_bytes():
    names = "guest-file-nonsense," * 5000
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "conf")
        with open(path, "w") as file:
            file.write("[general]\nblock-rpcs=%sguest-ping\n" % names.replace(",", ";"))
        with agent("-c", path, "-b", names + "guest-get-time") as running, running.connect() as client:
            may, all_names = enabled(client)
            equal(all_names - may, {"guest-ping", "guest-get-time"}, "what may not run")


@test(group="commands")
def the_environment_names_a_configuration_file():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "conf")
        with open(path, "w") as file:
            file.write("[general]\nblock-rpcs=guest-ping\n")
        with agent(env={"QGA_CONF": path}) as running, running.connect() as client:
            equal(client.call("guest-ping"), disabled("guest-ping"), "guest-ping")
        with agent(env={"QGA_CONF": path + "-none"}) as running, running.connect() as client:
            equal(client.call("guest-ping"), {"return": {}}, "guest-ping")


@test(group="commands")
def a_log_has_names_and_no_arguments():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "log")
        secret = "c2VjcmV0"
        with agent("-v", "-l", path) as running, running.connect() as client:
            client.call("guest-ping", id=secret)
            client.call("guest-file-open", {"path": "/" + secret, "mode": "r"})
            client.call("guest-file-write", {"handle": 1, "buf-b64": secret})
            client.call("guest-file-write", {"handle": 1, "buf-b64": secret * 100000})
            client.call("guest-sync", {"id": secret})
            client.call(secret)
            client.send(b'{"execute":"%s" %s}\n' % (secret.encode(), secret.encode()))
            client.sync()
        with open(path) as file:
            said = file.read()
        check("info: guest-ping called\n" in said and "info: guest-file-open called\n" in said, said)
        check(secret not in said and "secret" not in said, said)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "log")
        with agent("-l", path) as running, running.connect() as client:
            client.call("guest-ping")
        equal(os.path.getsize(path), 0, "bytes in the log of an agent that is not verbose")
