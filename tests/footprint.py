#!/usr/bin/env python3
"""What the release binary may not contain: a heap, a dynamic linker, a panic.

Builds the release binary once more with its symbols, under target/unstripped; the code is the same (ci/size checks that).
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests", name) for name in ("host", "size")]

import room  # noqa: E402  (the paths above come first)
from report import Runner  # noqa: E402

BINARY = room.NAMED

# What the C library would pull a heap in for. Of these, free alone would already tell of one.
HEAP = {"malloc", "calloc", "realloc", "free", "__libc_malloc", "__libc_free", "__expand_heap", "mmap", "__mmap", "brk", "sbrk"}

runner = Runner("footprint")
test = runner.test


def tool(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def symbols():
    return {line.split()[-1] for line in tool("nm", BINARY).splitlines()}


def callers_of_panics():
    """The functions that call or jump to the machinery of panics, by their readable names.

    What the core library wraps around it (`unwrap_failed`, `slice_index_fail`, `<[u8]>::copy_from_slice`) belongs to the
    machinery.
    """
    calls = {}
    function = None
    for line in tool("objdump", "--disassemble", "--demangle", "--no-show-raw-insn", BINARY).splitlines():
        begin = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if begin:
            function = begin.group(1)
            continue
        target = re.search(r"\s(?:call|j[a-z]+)\s+[0-9a-f]+ <(.*?)(?:\+0x[0-9a-f]+)?>$", line)
        if target and target.group(1) != function:
            calls.setdefault(target.group(1), set()).add(function)
    assert len(calls) > 500, "only %d functions are seen to be called: the disassembly is not understood" % len(calls)
    machinery = {name for name in calls if "panicking" in name}
    todo, found = list(machinery), set()
    while todo:
        for caller in calls.get(todo.pop(), ()):
            if re.match(r"<?core::|<\[.*\]>::", caller):
                if caller not in machinery:
                    machinery.add(caller)
                    todo.append(caller)
            else:
                found.add(caller)
    assert found or not machinery, "nobody is seen to call %s, so it would not be there" % ", ".join(sorted(machinery))
    return found


@test
def there_is_no_heap():
    found = symbols()
    assert "main" in found, "the binary has no symbols: nothing can be seen in it"
    assert not found & HEAP, "the binary has %s" % ", ".join(sorted(found & HEAP))


@test
def it_is_static():
    headers = tool("readelf", "--program-headers", "--dynamic", BINARY)
    assert "INTERP" not in headers, "it asks for a dynamic linker"
    assert "NEEDED" not in headers, "it asks for libraries"


@test
def it_has_no_tables_that_nothing_reads():
    sections = set(re.findall(r"^(\.\S+)\s+\d+\s+\d+$", tool("size", "-A", BINARY), re.M))
    assert ".text" in sections, "no sections are seen in it"
    left = sections & {".eh_frame", ".eh_frame_hdr", ".rela.dyn", ".comment"}
    assert not left, "the layout of src/main.ld lets through %s" % ", ".join(sorted(left))


@test
def nothing_can_panic():
    callers = callers_of_panics()
    assert not callers, "these can reach a panic: %s" % ", ".join(sorted(callers))


# Some of what runs from the start to an answered ping, of each kind that src/main.ld has patterns for.
AT_EVERY_START = ("_start_c", "main", "<picoqga::linux::run::Runner>::run", "picoqga::linux::options::command_line::each",
                  "<picoqga::linux::options::declaration::Declared as core::iter::traits::iterator::Iterator>::next",
                  "<picoqga::linux::channel::Channel>::new", "<picoqga::linux::channel::Channel>::activated",
                  "picoqga::args::read_members", "<picoqga::json::lex::Lexer>::next",
                  "<picoqga::command::Table<picoqga::linux::Linux>>::index", "<picoqga::json::write::Writer>::raw",
                  "picoqga::command::run::<picoqga::linux::Linux, picoqga::command::ping::Ping>",
                  "<picoqga::error::Error>::write", "<picoqga::sys::epoll::Epoll>::wait_with",
                  "picoqga::sys::kernel::openat", "epoll_ctl",
                  # Where no udev names the port.
                  "<picoqga::linux::Linux>::find_port", "<picoqga::linux::Linux>::open_of_class",
                  "<picoqga::linux::pseudo::Pseudo>::root", "picoqga::sys::directory::each",
                  "picoqga::linux::device::open_device", "picoqga::linux::lines::read_whole")
# What Linux maps at once, from an address that is divisible by it.
AROUND = 64 * 1024


@test
def what_runs_at_every_start_lies_together():
    places = {}
    for line in tool("nm", "--demangle", BINARY).splitlines():
        place, _, name = line.split(" ", 2) if not line.startswith(" ") else ("0", "", "")
        places[re.sub(r"\[[0-9a-f]{6,16}\]", "", name)] = int(place, 16)
    begin, end = places["hot_start"], places["hot_end"]
    room = AROUND - begin % AROUND
    assert 0 < end - begin <= room, "it takes %d bytes, but the kernel maps %d at once" % (end - begin, room)
    missing = [name for name in AT_EVERY_START if not begin <= places.get(name, 0) < end]
    assert not missing, "not among the %d bytes that lie together: %s" % (end - begin, ", ".join(missing))
    print("   %d bytes, where there is room for %d" % (end - begin, room))


@test
def the_static_data_is_within_its_budget():
    sizes = tool("size", "-A", BINARY)
    by_section = {name: int(size) for name, size in re.findall(r"^\.(\S+)\s+(\d+)\s+\d+$", sizes, re.M)}
    # There is no .data: see src/main.ld.
    data = by_section.get("data", 0) + by_section["bss"]
    assert 0 < data <= 224 * 1024, "%d bytes of .data and .bss, more than 224 KiB" % data
    print("   %d bytes of .data and .bss, %d of tables that hold addresses" % (data, by_section["data.rel.ro"]))


if __name__ == "__main__":
    room.build_named()
    runner.main()
