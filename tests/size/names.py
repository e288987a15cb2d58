"""Reads Rust's mangled names (the scheme `v0`): of which crate and of which module a piece of the binary is.

Demanglers leave out in which module an `impl` stands. That is what is wanted here: much of src/linux/ is `impl`s for one type.
"""

import os
import re

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Path:
    """A path: its crate, modules, types and functions as a list of names; and what it is made for, as more paths."""

    def __init__(self, names, arguments=()):
        self.names = names
        self.arguments = list(arguments)


def read(symbol):
    """The path that a mangled name says, or None where it is none of Rust's."""
    if not symbol.startswith("_R"):
        return None
    try:
        return Reader(symbol[2:]).path()
    except (IndexError, ValueError):
        return None


class Reader:
    """The grammar is in the Rust reference's "v0 symbol format"; each function reads what it is named after."""

    def __init__(self, text, at=0):
        self.text = text
        self.at = at

    def take(self):
        letter = self.text[self.at]
        self.at += 1
        return letter

    def skip(self, letter):
        found = self.text[self.at:self.at + 1] == letter
        self.at += found
        return found

    def number_62(self):
        if self.skip("_"):
            return 0
        value = 0
        while not self.skip("_"):
            value = value * 62 + DIGITS.index(self.take())
        return value + 1

    def identifier(self):
        if self.skip("s"):
            self.number_62()
        self.skip("u")
        length = re.compile(r"\d+").match(self.text, self.at)
        if not length:
            raise ValueError("no identifier")
        # Without leading zeros: `0` is a name of no letters.
        digits = "0" if length.group().startswith("0") else length.group()
        self.at += len(digits)
        self.skip("_")
        self.at += int(digits)
        return self.text[self.at - int(digits):self.at]

    def reference(self, read):
        return read(Reader(self.text, self.number_62()))

    def path(self):
        kind = self.take()
        if kind == "C":
            return Path([self.identifier()])
        if kind == "N":
            space = self.take()
            inside = self.path()
            name = self.identifier()
            return Path(inside.names + ["{closure}" if space == "C" else name], inside.arguments)
        if kind in "MX":
            if self.skip("s"):
                self.number_62()
            place = self.path()
            told = self.type()
            if kind == "X":
                told += [self.path()]
            # The crate and the module in which the `impl` stands.
            return Path(place.names, place.arguments + told)
        if kind == "Y":
            told = self.type()
            trait = self.path()
            return Path(trait.names, told + trait.arguments)
        if kind == "I":
            inside = self.path()
            arguments = []
            while not self.skip("E"):
                arguments += self.argument()
            return Path(inside.names, inside.arguments + arguments)
        if kind == "B":
            return self.reference(Reader.path)
        raise ValueError("no path")

    def argument(self):
        if self.skip("L"):
            self.number_62()
            return []
        if self.skip("K"):
            self.constant()
            return []
        return self.type()

    def type(self):
        """The paths in a type."""
        kind = self.text[self.at]
        if kind.islower():
            self.at += 1
            return []
        if kind in "CNMXYI":
            return [self.path()]
        self.at += 1
        if kind == "B":
            return self.reference(Reader.type)
        if kind in "RQ":
            if self.skip("L"):
                self.number_62()
            return self.type()
        if kind in "PSO":
            return self.type()
        if kind == "A":
            told = self.type()
            self.constant()
            return told
        if kind == "T":
            return self.types()
        if kind == "F":
            return self.function()
        if kind == "D":
            return self.object()
        raise ValueError("no type")

    def types(self):
        told = []
        while not self.skip("E"):
            told += self.type()
        return told

    def binder(self):
        if self.skip("G"):
            self.number_62()

    def function(self):
        self.binder()
        self.skip("U")
        if self.skip("K") and not self.skip("C"):
            self.identifier()
        return self.types() + self.type()

    def object(self):
        self.binder()
        told = []
        while not self.skip("E"):
            told.append(self.path())
            while self.skip("p"):
                self.identifier()
                told += self.type()
        if self.skip("L"):
            self.number_62()
        return told

    def constant(self):
        if self.skip("p"):
            return
        if self.skip("B"):
            self.reference(Reader.constant)
            return
        self.take()
        while not self.skip("_"):
            self.take()


class Sources:
    """The modules of the crate `picoqga`, as its files are."""

    def __init__(self, directory, crate="picoqga"):
        self.crate = crate
        self.modules = set()
        for folder, _, files in os.walk(directory):
            place = os.path.relpath(folder, directory)
            parts = () if place == "." else tuple(place.split(os.sep))
            self.modules.add(parts)
            self.modules.update(parts + (file[:-3],) for file in files if file.endswith(".rs"))

    def module(self, path, depth=2):
        """The file a path lies in, as `command::get_disks`; at most so deep. None for what is not ours."""
        if path.names[0] != self.crate:
            return None
        parts = tuple(path.names[1:])
        while parts not in self.modules:
            parts = parts[:-1]
        return "::".join(parts[:depth]) or "lib"

    def module_served(self, path, depth=2):
        """The module for which a piece is there: of a generic function, the one it was made for; else the one it is in."""
        own = self.module(path, depth)
        served = [module for module in (self.module_served(argument, depth) for argument in path.arguments)
                  # The platform and the traits are what nearly everything is made for.
                  if module not in (None, "linux", "linux::mod", "command") and not module.startswith("guest")]
        if own in (None, "command", "linux") or own in ("command::listing",):
            return served[-1] if served else own
        return own
