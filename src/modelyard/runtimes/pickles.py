"""What a pickle would import, found by reading its opcodes; nothing of it is run.

A pickle is a program for a small stack machine, and what it can do is decided by the names that it imports.
`describe_code` walks that program with placeholders in the place of objects:

- names are found however they are written (GLOBAL, INST, or texts on the stack, memoised ones included);
- joblib writes the bytes of NumPy arrays between two opcodes: the recorded shape and type tell how many to skip;
- compressed files are read through zlib, gzip, bz2, xz/lzma and, where it is installed, lz4;
- reading is bounded in bytes, opcodes and time. What is not understood or not reached makes the report incomplete: the
  names are then *at least* those.

The report is a list for people to read. It is no verdict: a file that imports only known packages can still do harm.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, cast

from modelyard.runtimes.inflate import ZlibReader
from modelyard.runtimes.opcodes import Machine, Source

MAX_BYTES = 256 << 20
"""Bytes of program that are read, array bytes that can be jumped over not counted."""
MAX_SECONDS = 3.0

_FAILURES = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What a code-bearing file imports."""

    names: tuple[str, ...]
    """Dotted names, sorted, such as `sklearn.ensemble._forest.RandomForestClassifier`."""
    complete: bool
    """False when only a part of the file could be read."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The top-level packages of the names, sorted."""
        return tuple(sorted({name.partition(".")[0] for name in self.names}))

    def summary(self, most: int = 8) -> str:
        """One line for people: each package with the last parts of its names, at most so many for each."""
        groups = {
            module: sorted({n.rpartition(".")[2] for n in self.names if _within(n, module)}) for module in self.modules
        }
        parts = [
            f"{module} ({', '.join(short[:most])}{f' and {len(short) - most} more' if len(short) > most else ''})"
            for module, short in groups.items()
        ]
        if not parts:
            return "nothing" if self.complete else "what could not be found out"
        return ("" if self.complete else "at least ") + ", ".join(parts)


def describe_code(path: Path) -> CodeReport:
    """List what a pickle or joblib file would import when it is loaded. Runs nothing and raises nothing but OSError."""
    found: set[str] = set()
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        stream, plain = _opened(raw)
        if stream is None:
            return CodeReport(names=(), complete=False)
        source = Source(stream, seekable=plain, most=MAX_BYTES, deadline=time.monotonic() + MAX_SECONDS)
        machine = Machine(source, found)
        try:
            machine.run()
        except _FAILURES:
            machine.complete = False
    return CodeReport(names=tuple(sorted(found)), complete=machine.complete)


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def _opened(raw: BinaryIO) -> tuple[BinaryIO | None, bool]:
    """The uncompressed stream, judged by the first bytes as joblib does, and whether it is the file itself."""
    start = raw.read(5)
    raw.seek(0)
    readers: dict[bytes, Callable[[BinaryIO], Any]] = {
        b"\x78": ZlibReader.buffered,
        b"\x1f\x8b": gzip.open,
        b"BZ": bz2.open,
        b"\xfd7zXZ": lzma.open,
        b"\x5d\x00": lzma.open,
    }
    if start.startswith(b"\x04\x22\x4d\x18"):
        if not find_spec("lz4"):
            return None, False
        return cast("BinaryIO", import_module("lz4.frame").open(raw)), False
    for magic, opened in readers.items():
        if start.startswith(magic):
            return cast("BinaryIO", opened(raw)), False
    return raw, True
