"""The tests in virtual machines: everything that needs a real virtio port, a kernel of its own, or may end the machine.

    python3 tests/vm/run.py [--agent PATH] [--accel tcg|kvm] [--jobs N] [WORD ...]

Needs what `ci/setup vm` installs. WORDs choose the tests whose names contain one of them.
"""

import argparse
import os
import signal
import sys
import tempfile

import guest
import parallel
from vm import DIRECTORY

# Importing them declares their tests, which run in this order.
import virtio  # noqa: F401
import dialogues  # noqa: F401
import hotplug  # noqa: F401
import files  # noqa: F401
import exec  # noqa: F401
import network  # noqa: F401
import idle  # noqa: F401
import clock  # noqa: F401
import cpus_memory  # noqa: F401
import passwords  # noqa: F401
import ssh_keys  # noqa: F401
import file_systems  # noqa: F401
import disks  # noqa: F401
import trim  # noqa: F401
import shutdown  # noqa: F401
import suspend  # noqa: F401
import inits  # noqa: F401
import unprivileged
import users  # noqa: F401
import clients  # noqa: F401
import transports  # noqa: F401
import check_option  # noqa: F401
import start  # noqa: F401
import initramfs  # noqa: F401
import least  # noqa: F401
import appliance  # noqa: F401
import beside
import buses
import beside_storage  # noqa: F401
import beside_buses  # noqa: F401
import beside_start  # noqa: F401
import beside_power  # noqa: F401
import counters  # noqa: F401
import freeze  # noqa: F401
import freeze_ends  # noqa: F401
import freezing
import seen


def interrupted(*_):
    """On SIGTERM: as Ctrl-C, so that machines are stopped on the way out of `with`. A plain SIGTERM would leave them running."""
    raise KeyboardInterrupt


def close():
    """Ends the machines that several tests have shared."""
    for shared in (guest.plain, network.networked, transports.lines, beside.both, file_systems.storage, freezing.frozen,
                   unprivileged.restricted, buses.machine):
        shared.close()


def main():
    parser = argparse.ArgumentParser(description="picoqga's tests in virtual machines")
    parser.add_argument("--agent", default=guest.Options.agent, help="the binary to test")
    parser.add_argument("--accel", default="tcg", choices=("tcg", "kvm"))
    parser.add_argument("--links", action="store_true",
                        help="make /dev/virtio-ports in the guest, for an agent that does not look in /sys (qemu-ga)")
    parser.add_argument("--jobs", type=int, default=1, help="how many tests at the same time")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    guest.Options.agent = os.path.abspath(arguments.agent)
    guest.Options.accel = arguments.accel
    guest.Options.append = "test.links" if arguments.links else ""

    signal.signal(signal.SIGTERM, interrupted)
    os.makedirs(DIRECTORY, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="suite-", dir=DIRECTORY) as directory:
        guest.Options.image = os.path.join(directory, "guest.img")
        guest.build_image(guest.Options.agent, guest.Options.image)
        try:
            if arguments.jobs > 1:
                parallel.run(guest.runner, arguments.words, arguments.jobs, close)
            else:
                guest.runner.attempt_all(arguments.words)
            # What is noted is told also of a part of the tests; only all of them note something of each command.
            seen.declare_checks()
            guest.runner.attempt_all(arguments.words, group="seen")
            passed = guest.runner.finish(arguments.words)
            seen.print_lines()
        finally:
            close()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
