"""What takes the room in the release binary, from a build of the same code that keeps its names, and the linker's map of that."""

import collections
import lzma
import os
import re
import subprocess

import names

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = "x86_64-unknown-linux-musl"
NAMED_DIRECTORY = os.path.join(ROOT, "target", "unstripped")
NAMED = os.path.join(NAMED_DIRECTORY, TARGET, "release", "picoqga")
MAP = os.path.join(NAMED_DIRECTORY, "picoqga.map")

# By which name a section is told.
PARTS = {".text": "code (.text)", ".rodata": "constants (.rodata)", ".data.rel.ro": "tables with addresses (.data.rel.ro)",
         ".data": "data (.data)", ".bss": "bss (.bss)"}


def build(*options, directory=None, strip=True):
    """Builds the release binary; returns its path."""
    directory = directory or os.path.join(ROOT, "target")
    environment = dict(os.environ) if strip else dict(os.environ, CARGO_PROFILE_RELEASE_STRIP="none")
    subprocess.run(["cargo", "build", "--quiet", "--release", "--bin", "picoqga", "--target", TARGET, "--target-dir", directory,
                    *options], check=True, cwd=ROOT, env=environment)
    return os.path.join(directory, TARGET, "release", "picoqga")


def build_named():
    """The same code with its names, in the scheme that tells modules and type arguments, and the linker's map of it."""
    if not os.path.exists(MAP) and os.path.exists(NAMED):
        # The map comes only when it is linked.
        os.unlink(NAMED)
    flags = '["-Csymbol-mangling-version=v0", "-Clink-arg=-Map=%s"]' % MAP
    return build("--config", "target.%s.rustflags=%s" % (TARGET, flags), directory=NAMED_DIRECTORY, strip=False)


def sections(path):
    """The loaded sections: name to (size, offset in the file, or None where the file has nothing of it)."""
    text = subprocess.run(["readelf", "--section-headers", "--wide", path], check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^\s*\[\s*\d+\]\s+(\.\S+)\s+(\S+)\s+\w+\s+(\w+)\s+(\w+)\s+\w+\s+(\w*)\s+\d", text, re.M)
    return {name: (int(size, 16), None if kind == "NOBITS" else int(offset, 16))
            for name, kind, offset, size, flags in rows if "A" in flags}


def parts(path):
    """What the file is made of, by name; together its size."""
    told = collections.Counter()
    end = 0
    # Everything in the order of the file; what lies between is there so that the next part begins on a page.
    for name, (size, offset) in sorted(sections(path).items(), key=lambda item: item[1][1] or 0):
        if offset is not None and size:
            told["headers" if end == 0 else "filling"] += offset - end
            told[PARTS.get(name, "start-up and linking")] += size
            end = offset + size
    told["table of sections"] = os.path.getsize(path) - end
    return told


# What has no name of its own: texts and tables that functions of any crate refer to.
CONSTANTS = "constants without a name"


class Piece:
    """A function or an object: its section, its bytes with the filling before the next one, where it comes from, its name."""

    def __init__(self, section, size, origin, name):
        self.section = section
        self.size = size
        self.origin = origin
        self.name = name

    def member(self):
        """The file of the C library it comes from, or None."""
        found = re.search(r"libc\.a\((.*?)\.l?o\)$", self.origin)
        return found.group(1) if found else None


def pieces(path=MAP):
    """All pieces of the loaded sections."""
    found = []
    section = None
    for line in open(path):
        line = line.rstrip("\n")
        # VMA, LMA, size, alignment; then how far it is indented tells what it is.
        fields = re.match(r"\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+ (\s*)(.*)$", line)
        if not fields:
            continue
        size, depth, text = int(fields.group(2), 16), len(fields.group(3)), fields.group(4)
        if depth == 0:
            section = text if text.startswith(".") else None
        elif depth == 8 and section in PARTS and size:
            origin, _, name = text.rpartition(":(")
            found.append(Piece(section, size, origin, name.rstrip(")")))
    return found


def symbol(piece):
    """The mangled name in the name of a piece's own section."""
    found = re.search(r"(_R\w+)", piece.name)
    return found.group(1) if found else None


def demangle(texts):
    """Their readable forms, in one call."""
    answer = subprocess.run(["c++filt"], input="\n".join(texts), check=True, capture_output=True, text=True).stdout
    # Without the numbers by which two versions of a crate differ.
    return re.sub(r"\[[0-9a-f]{6,16}\]", "", answer).split("\n")


class Room:
    """All pieces, told by crate, by module and by function."""

    def __init__(self, found, sources):
        self.crates = collections.Counter()
        self.modules = collections.Counter()
        self.members = collections.Counter()
        self.functions = []
        for piece in found:
            if piece.section == ".bss":
                continue
            path = names.read(symbol(piece) or "")
            crate, module = self.place(piece, path, sources)
            self.crates[crate] += piece.size
            if module:
                self.modules[module] += piece.size
            if crate == "libc":
                self.members[piece.member() or "start"] += piece.size
            self.functions.append((piece.size, piece.section, symbol(piece) or piece.name))

    @staticmethod
    def place(piece, path, sources):
        if piece.member() or "crt" in os.path.basename(piece.origin):
            return "libc", None
        if path:
            return path.names[0], sources.module_served(path)
        if piece.name in (".text.main", ".rodata.main"):
            return "picoqga", "main"
        if piece.section in (".rodata", ".data.rel.ro", ".data"):
            return CONSTANTS, None
        return "without a name", None


# As targets/initramfs/build --compress xz has it.
XZ_FILTERS = [{"id": lzma.FILTER_X86},
              {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 20}]


def compressed(path):
    """Its bytes as gzip, xz, and xz with its filter for the calls and jumps of x86 make them, at their best."""
    with open(path, "rb") as file:
        content = file.read()
    packed = subprocess.run(["gzip", "-9n"], input=content, check=True, capture_output=True).stdout
    filtered = lzma.compress(content, check=lzma.CHECK_CRC32, filters=XZ_FILTERS)
    return len(packed), len(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)), len(filtered)
