"""Texts that are safe and short enough to print.

Names, descriptions and messages hold what other people typed. A terminal obeys control characters, so they are replaced
by their escapes; so are the characters that turn the direction of text around, and half characters that no encoding can
write.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

_REPLACED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe(value: object, *, lines: bool = False) -> str:
    """Return a value as text without characters that a terminal obeys; line ends stay where `lines` is true."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_safe_character(character, lines) for character in text)


def number(value: float | None) -> str:
    """Return a metric's value with up to six significant digits."""
    return "" if value is None else f"{value:.6g}"


def digest(value: str) -> str:
    """Return the start of a digest, which is enough for people to tell contents apart."""
    return value[:12]


def pairs(values: Mapping[str, Any], *, separator: str = ", ") -> str:
    """Return a mapping as `a=1, b=2`; numbers are shortened."""
    return separator.join(f"{key}={number(v) if isinstance(v, float) else v}" for key, v in values.items())


def _safe_character(character: str, lines: bool) -> str:  # noqa: FBT001
    if character == "\n" and lines:
        return character
    if character in _DIRECTIONS or unicodedata.category(character) in _REPLACED:
        return character.encode("unicode_escape").decode("ascii")
    return character
