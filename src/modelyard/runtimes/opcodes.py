"""Walk the program of a pickle with placeholders in the place of objects, and note each name that it imports.

The rules of the walk:

- what an opcode takes from the stack and puts on it is read from `pickletools`; only those that carry names, texts,
  tuples, dictionaries, calls and states are followed in their meaning;
- behind the state of a joblib array stand the array's raw bytes, whose number follows from the recorded shape and type;
  an array of Python objects is a pickle of its own there;
- a name that is computed, or stands for a number in the loading process, cannot be known: the walk is then incomplete;
- anything that does not fit raises, mostly ValueError; the names found until then stay.
"""

from __future__ import annotations

import pickletools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, BinaryIO, cast

MAX_OPCODES = 1_000_000

_KEPT_TEXT = 1000
_DEPTH = 20


class Source:
    """A stream that `pickletools.genops` can read, within bounds; it raises ValueError at the end of any of them."""

    def __init__(self, stream: BinaryIO, *, seekable: bool, most: int, deadline: float) -> None:
        self._stream = stream
        self._seekable = seekable
        self._deadline = deadline
        self._left = most

    def check_time(self) -> None:
        """Raise when the time is up."""
        if time.monotonic() > self._deadline:
            raise ValueError("out of time")

    def read(self, count: int) -> bytes:
        """Read so many bytes, fewer only at the end."""
        self._spend(count)
        return self._stream.read(count)

    def readline(self) -> bytes:
        """Read to the end of the line."""
        line = self._stream.readline(min(self._left, 1 << 20))
        self._spend(len(line))
        return line

    def skip(self, count: int) -> None:
        """Jump over so many bytes, which count for nothing but time."""
        if self._seekable:
            self._stream.seek(count, 1)
            return
        while count > 0:
            self.check_time()
            data = self._stream.read(min(count, 1 << 20))
            if not data:
                raise EOFError("the array ends too early")
            count -= len(data)

    def _spend(self, count: int) -> None:
        # A length field of the file must not decide how much memory is asked for.
        if count > self._left:
            raise ValueError("too long")
        self._left -= count


class _Unknown:
    """The place of any value that does not matter."""


_UNKNOWN = _Unknown()
_MARK = _Unknown()


@dataclass(slots=True)
class _Object:
    """The result of calling something."""

    made_by: Any
    arguments: Any
    state: Any = None


@dataclass(frozen=True, slots=True)
class _Name:
    """Something imported."""

    module: str
    name: str


@dataclass(slots=True)
class Machine:
    """The stack machine, with placeholders for objects."""

    source: Source
    found: set[str]
    depth: int = 0
    complete: bool = True
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Walk one pickle to its STOP."""
        for count, (opcode, argument, _position) in enumerate(pickletools.genops(cast("Any", self.source))):
            if count >= MAX_OPCODES:
                raise ValueError("too many opcodes")
            if count % 1000 == 0:
                self.source.check_time()
            special = _SPECIAL.get(opcode.name)
            if special is not None:
                special(self, argument)
            else:
                self.move(opcode, argument)

    def move(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Do what pickletools tells of the opcode's effect on the stack; keep texts and numbers, forget the rest."""
        if pickletools.markobject in opcode.stack_before:
            self.pop_to_mark()
            below = opcode.stack_before.index(pickletools.markobject)
        else:
            below = len(opcode.stack_before)
        for _each in range(below):
            self.stack.pop()
        constant = isinstance(argument, int) or (isinstance(argument, str) and len(argument) <= _KEPT_TEXT)
        keep = argument if constant and opcode.stack_before == [] else _UNKNOWN
        for kind in opcode.stack_after:
            self.stack.append(_MARK if kind is pickletools.markobject else keep)

    def pop_to_mark(self) -> list[Any]:
        """Take off the stack what lies above the last mark, and the mark."""
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def name(self, module: Any, name: Any) -> None:
        """Note an import and put it on the stack."""
        if not (isinstance(module, str) and isinstance(name, str)):
            self.complete = False
            self.stack.append(_UNKNOWN)
            return
        self.found.add(_printable(f"{module}.{name}"))
        self.stack.append(_Name(module, name))

    def call(self, _argument: Any) -> None:
        """REDUCE, NEWOBJ: arguments and callable become an object."""
        arguments, made_by = self.stack.pop(), self.stack.pop()
        self.stack.append(_Object(made_by, arguments))

    def build(self, _argument: Any) -> None:
        """BUILD: give an object its state; behind an array of joblib's, jump over the array's bytes."""
        state = self.stack.pop()
        made = self.stack[-1]
        if not isinstance(made, _Object):
            return
        made.state = state
        by = made.made_by
        if isinstance(by, _Name) and by.name == "NumpyArrayWrapper" and by.module.endswith("numpy_pickle"):
            self.skip_array(state)

    def skip_array(self, state: Any) -> None:
        """Jump over one array: padding and bytes, or a pickle of its own where it holds Python objects."""
        itemsize = _itemsize(state["dtype"])
        if itemsize is None:
            if self.depth >= _DEPTH:
                raise ValueError("nested too deep")
            inner = Machine(self.source, self.found, depth=self.depth + 1)
            inner.run()
            self.complete = self.complete and inner.complete
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self.source.skip(self.source.read(1)[0])
        size = itemsize * prod(state["shape"])
        if size < 0:
            raise ValueError("an array of negative size")
        self.source.skip(size)

    def put_items(self, items: list[Any]) -> None:
        """Put pairs into the dictionary on the stack, those with text keys."""
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(
                {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str)}
            )

    def unknown_import(self, _argument: Any) -> None:
        """EXT: a number of the copyreg registry, whose meaning only the loading process knows."""
        self.complete = False
        self.stack.append(_UNKNOWN)


def _printable(text: str) -> str:
    """The text, safe to print: names come from the file, and are not to forge a message."""
    return text[:200] if re.fullmatch(r"[\w.<>]+", text[:200]) else ascii(text[:200])


def _itemsize(dtype: Any, depth: int = 0) -> int | None:
    """Bytes of one item of a recorded NumPy type; None where it holds Python objects."""
    code = re.fullmatch(r"([a-zA-Z])(\d+)", dtype.arguments[0])
    if code is None or depth > _DEPTH:
        raise ValueError("an unknown type of array")
    state = dtype.state if isinstance(dtype.state, tuple) else ()
    fields = next((part for part in state if isinstance(part, dict)), {})
    if code[1] == "O" or any(_itemsize(part[0], depth + 1) is None for part in fields.values()):
        return None
    return int(code[2]) * (4 if code[1] == "U" else 1)


def _take(machine: Machine, count: int) -> list[Any]:
    items = machine.stack[len(machine.stack) - count :]
    if len(items) < count:
        raise ValueError("the stack is too short")
    del machine.stack[len(machine.stack) - count :]
    return items


def _instance(machine: Machine, argument: str) -> None:
    machine.pop_to_mark()
    machine.name(*argument.split(" ", 1))


def _put(machine: Machine, key: int) -> None:
    machine.memo[key] = machine.stack[-1]


def _get(machine: Machine, key: int) -> None:
    machine.stack.append(machine.memo[key])


_SPECIAL: dict[str, Callable[[Machine, Any], None]] = {
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "TUPLE1": lambda m, _: m.stack.append(tuple(_take(m, 1))),
    "TUPLE2": lambda m, _: m.stack.append(tuple(_take(m, 2))),
    "TUPLE3": lambda m, _: m.stack.append(tuple(_take(m, 3))),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_to_mark())),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "SETITEM": lambda m, _: m.put_items(_take(m, 2)),
    "SETITEMS": lambda m, _: m.put_items(m.pop_to_mark()),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": lambda m, _: _put(m, len(m.memo)),
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GLOBAL": lambda m, argument: m.name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.name(*_take(m, 2)),
    "INST": _instance,
    "REDUCE": Machine.call,
    "NEWOBJ": Machine.call,
    "BUILD": Machine.build,
    "EXT1": Machine.unknown_import,
    "EXT2": Machine.unknown_import,
    "EXT4": Machine.unknown_import,
}
