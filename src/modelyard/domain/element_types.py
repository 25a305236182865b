"""What the words for types mean, as far as one can stand in for another.

Rules
- The words are numpy's: `bool`, `int8` … `int64`, `uint8` … `uint64`, `float16` … `float64`, `complex64`, `complex128`.
  Other usual words for the same count as them: `int`, `integer` and `long` are `int64`, `float`, `double` and `number`
  are `float64`, `half` is `float16`, `boolean` is `bool`, `str` and `text` are `string`. Case does not count.
- A type is wider than another if it holds every value of it: more bits of the same kind, a signed integer of more bits
  than an unsigned one, a floating-point number with room for the integer, a complex number with room for its parts, any
  number for a truth value. `float64` counts as holding every integer, as numpy has it.
- `any` and the empty word say nothing about the type; nothing follows from them.
- Two other words are the same type only if they are the same word.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

Relation: TypeAlias = Literal["same", "wider", "narrower", "other", "unknown"]

SAYS_NOTHING: Final = frozenset({"", "any"})
_OTHER_WORDS: Final = {
    "boolean": "bool",
    **dict.fromkeys(("int", "integer", "long"), "int64"),
    "uint": "uint64",
    **dict.fromkeys(("float", "double", "number"), "float64"),
    "half": "float16",
    "complex": "complex128",
    **dict.fromkeys(("str", "text"), "string"),
}
_NUMBER: Final = re.compile(r"(uint|int|float|complex)([0-9]{1,3})")
_INTEGER_BITS: Final = {16: 8, 32: 16, 64: 64}
"""Size of a floating-point number in bits → the bits of the largest integers that count as fitting in."""


def canonical(word: str) -> str:
    """Return the word that stands for a type here."""
    folded = word.strip().lower()
    return _OTHER_WORDS.get(folded, folded)


def relation(old: str, new: str) -> Relation:
    """Return what the new type is to the old one; `other` is a type that neither holds nor is held."""
    one, two = canonical(old), canonical(new)
    if SAYS_NOTHING & {one, two}:
        return "unknown"
    if one == two:
        return "same"
    if _holds(two, one):
        return "wider"
    return "narrower" if _holds(one, two) else "other"


def _holds(large: str, small: str) -> bool:
    """Tell whether each value of the small type is one of the large type; the two are different."""
    found, room = _NUMBER.fullmatch(small), _NUMBER.fullmatch(large)
    if room is None:
        return False
    if found is None:
        return small == "bool"
    (kind, bits), (into, most) = (found[1], int(found[2])), (room[1], int(room[2]))
    if into == "complex" and kind != "complex":
        into, most = "float", most // 2
    if into == "float" and kind in {"int", "uint"}:
        return bits <= _INTEGER_BITS.get(most, 0)
    if (kind, into) == ("uint", "int"):
        return bits < most
    return kind == into and bits <= most
