"""Walk the program of a pickle with placeholders in the place of objects, and note each name that it imports.

The rules of the walk:

- what an opcode takes from the stack and puts on it is read from `pickletools`; only those that carry names, texts,
  tuples, dictionaries, calls and states are followed in their meaning;
- behind the state of a joblib array stand the array's raw bytes, whose number follows from the recorded shape and type;
  an array of Python objects is a pickle of its own there, without such arrays;
- how many bytes those are is believed only where the array is described exactly as joblib does it: by plain constants,
  under its own keys, each given once, in an object and a dictionary that nothing else can reach;
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
_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_WRAPPER_KEYS = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"})
_DTYPE_READERS = frozenset({"scalar", "_frombuffer"})
_HAS_OBJECTS = 1
_OWN_LENGTH = frozenset("SUV")


class Source:
    """A stream that `pickletools.genops` can read, within bounds; it raises ValueError at the end of any of them."""

    def __init__(self, stream: BinaryIO, *, seekable: bool, most: int, deadline: float) -> None:
        self._stream = stream
        self._seekable = seekable
        self._deadline = deadline
        self._left = most
        self.position = 0

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
        self.position += count
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
        self.position += count


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

    @property
    def is_wrapper(self) -> bool:
        """Whether it may be joblib's description of an array."""
        return self.name.rpartition(".")[2] == _WRAPPER.rpartition(".")[2]


@dataclass(slots=True)
class Machine:
    """The stack machine, with placeholders for objects."""

    source: Source
    found: set[str]
    nested: bool = False
    complete: bool = True
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    frame_end: int = 0

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
            _refuse_wrappers(self.pop_to_mark())
            below = opcode.stack_before.index(pickletools.markobject)
        else:
            below = len(opcode.stack_before)
        _refuse_wrappers(_take(self, below))
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
        imported = _Name(module, name)
        # A nested pickle is read by the plain unpickler, which knows of no arrays between the opcodes.
        if imported.is_wrapper and (self.nested or f"{module}.{name}" != _WRAPPER):
            raise ValueError("a description of an array where none is read")
        self.stack.append(imported)

    def call(self, _argument: Any) -> None:
        """REDUCE, NEWOBJ: arguments and callable become an object."""
        arguments, made_by = self.stack.pop(), self.stack.pop()
        if _is_wrapper(made_by) and arguments != ():
            raise ValueError("a description of an array that is made with arguments")
        reads = isinstance(made_by, _Name) and made_by.name in _DTYPE_READERS
        for argument in arguments if isinstance(arguments, tuple) and not reads else ():
            # Whatever is called could change the type behind the walk's back.
            if isinstance(argument, _Object) and _is_dtype(argument):
                argument.state = _UNKNOWN
        self.stack.append(_Object(made_by, arguments))

    def build(self, _argument: Any) -> None:
        """BUILD: give an object its state; behind an array of joblib's, jump over the array's bytes."""
        state = self.stack.pop()
        made = self.stack[-1]
        if not isinstance(made, _Object):
            return
        built_before = made.state is not None
        made.state = _UNKNOWN if built_before else state
        if _is_wrapper(made.made_by):
            if built_before:
                raise ValueError("a description of an array that something else can reach")
            self.skip_array(state)
            self.stack[-1] = _UNKNOWN

    def skip_array(self, state: Any) -> None:
        """Jump over one array: padding and bytes, or a pickle of its own where it holds Python objects."""
        if not isinstance(state, dict) or not state.keys() <= _WRAPPER_KEYS:
            raise ValueError("an array that is not described in joblib's way")
        if self.frame_end > self.source.position:
            # The unpickler holds the rest of the frame already, and reads the array from behind it.
            raise ValueError("an array inside a frame")
        itemsize, alignment = _itemsize(state["dtype"]), state.get("numpy_array_alignment_bytes")
        length = _length(state["shape"], alignment)
        if itemsize is None:
            inner = Machine(self.source, self.found, nested=True)
            inner.run()
            self.complete = self.complete and inner.complete
            return
        if alignment is not None:
            self.source.skip(self.source.read(1)[0])
        self.source.skip(itemsize * length)

    def put_items(self, items: list[Any]) -> None:
        """Put pairs into the dictionary on the stack; one with a computed or repeated key describes no array."""
        target = self.stack[-1]
        _refuse_wrappers(items)
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if not isinstance(key, str) or key in target:
                    _distrust(target)
                else:
                    target[key] = value

    def frame(self, length: int) -> None:
        """FRAME: so many bytes are read at once."""
        self.frame_end = self.source.position + length

    def again(self, value: Any) -> None:
        """Put on the stack once more what something else refers to."""
        _distrust(value)
        self.stack.append(value)

    def unknown_import(self, _argument: Any) -> None:
        """EXT: a number of the copyreg registry, whose meaning only the loading process knows."""
        self.complete = False
        self.stack.append(_UNKNOWN)


def _printable(text: str) -> str:
    """The text, safe to print: names come from the file, and are not to forge a message."""
    return text[:200] if re.fullmatch(r"[\w.<>]+", text[:200]) else ascii(text[:200])


def _is_wrapper(value: Any) -> bool:
    return isinstance(value, _Name) and value.is_wrapper


def _is_dtype(made: _Object) -> bool:
    return isinstance(made.made_by, _Name) and made.made_by == _Name("numpy", "dtype")


def _refuse_wrappers(values: list[Any]) -> list[Any]:
    """The values; raise where one is joblib's class, which may only be called, lest an array begins unseen."""
    if any(_is_wrapper(value) for value in values):
        raise ValueError("a description of an array that is made in an unusual way")
    return values


def _distrust(value: Any) -> None:
    """Let this describe no array from now on: it is, or can be, changed where the walk does not see it."""
    if isinstance(value, dict):
        value[_UNKNOWN] = None
    elif isinstance(value, _Object) and _is_wrapper(value.made_by) and value.state is None:
        value.state = _UNKNOWN


def _length(shape: Any, alignment: Any) -> int:
    """Items of an array of a recorded shape."""
    if not isinstance(shape, tuple) or not all(isinstance(number, int) for number in (*shape, alignment or 0)):
        raise ValueError("a size that is computed")
    if any(length < 0 for length in shape):
        raise ValueError("an array of negative size")
    return prod(shape)


def _itemsize(dtype: Any) -> int | None:
    """Bytes of one item of a recorded NumPy type; None where it holds Python objects."""
    kind, size = _code(dtype)
    if dtype.state is None:
        return None if kind == "O" else size
    # NumPy believes the state: it holds the length of texts and records, and whether there are objects among them.
    _version, _order, subtype, _names, _fields, length, _alignment, flags, *_metadata = dtype.state
    if subtype is not None or length != (size if kind in _OWN_LENGTH else -1) or not isinstance(flags, int):
        raise ValueError("a type of array with an unknown state")
    if kind == "O" and not flags & _HAS_OBJECTS:
        raise ValueError("a type of array that contradicts itself")
    return None if flags & _HAS_OBJECTS else size


def _code(dtype: Any) -> tuple[str, int]:
    """The letter of a recorded NumPy type, and the bytes that it names."""
    if not isinstance(dtype, _Object) or not _is_dtype(dtype) or not isinstance(dtype.arguments, tuple):
        raise ValueError("a type of array that is computed")
    text, *options = dtype.arguments
    code = re.fullmatch(r"([a-zA-Z])([0-9]+)", text)
    if code is None or not all(isinstance(option, int) for option in options):
        raise ValueError("an unknown type of array")
    return code[1], int(code[2]) * (4 if code[1] == "U" else 1)


def _take(machine: Machine, count: int) -> list[Any]:
    items = machine.stack[len(machine.stack) - count :]
    if len(items) < count:
        raise ValueError("the stack is too short")
    del machine.stack[len(machine.stack) - count :]
    return items


def _instance(machine: Machine, argument: str) -> None:
    machine.pop_to_mark()
    machine.name(*argument.split(" ", 1))
    _refuse_wrappers(machine.stack[-1:])


def _put(machine: Machine, key: int) -> None:
    machine.memo[key] = machine.stack[-1]


def _get(machine: Machine, key: int) -> None:
    machine.again(machine.memo[key])


_SPECIAL: dict[str, Callable[[Machine, Any], None]] = {
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "TUPLE1": lambda m, _: m.stack.append(tuple(_refuse_wrappers(_take(m, 1)))),
    "TUPLE2": lambda m, _: m.stack.append(tuple(_refuse_wrappers(_take(m, 2)))),
    "TUPLE3": lambda m, _: m.stack.append(tuple(_refuse_wrappers(_take(m, 3)))),
    "TUPLE": lambda m, _: m.stack.append(tuple(_refuse_wrappers(m.pop_to_mark()))),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "SETITEM": lambda m, _: m.put_items(_take(m, 2)),
    "SETITEMS": lambda m, _: m.put_items(m.pop_to_mark()),
    "DUP": lambda m, _: m.again(m.stack[-1]),
    "FRAME": Machine.frame,
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
