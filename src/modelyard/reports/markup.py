"""Safe pieces of HTML: text is escaped where it enters, so that no later place can forget it.

Rules
1. Everything that people recorded goes through `escape`; only this room's own markup is an `Html` without it.
2. Characters that steer a reader rather than being read (controls, half characters, those that turn the direction of
   text around) are shown as their escapes.
3. A text beyond its limit is cut, and the cut says how much is missing.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias


class Html(str):
    """Markup that is safe to put into a page as it is; any other text is escaped."""

    __slots__ = ()


Content: TypeAlias = Html | str | float | None
"""What a cell may hold: markup, or a value that `cell` turns into it."""

LONGEST_TEXT = 4_000
"""Characters of one text that a page shows."""

NOTHING = Html("")
_LARGEST_PLAIN = 1e15
_REPLACED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT = frozenset("\n\t")


def escape(value: object, *, longest: int = LONGEST_TEXT) -> Html:
    """A value as text that means nothing but itself, inside an element or an attribute."""
    return Html(html.escape(visible(value, longest=longest)))


def visible(value: object, *, longest: int = LONGEST_TEXT) -> str:
    """A value as text in which nothing is hidden, cut to a length; the base of `escape` and of Markdown."""
    text = str(value)
    rest = f" … ({len(text) - longest:,} more characters)" if len(text) > longest else ""
    text = text[:longest] if rest else text
    if not text.isprintable():
        text = "".join(map(_visible, text.replace("\r\n", "\n")))
    return text + rest


def join(parts: Iterable[Html], between: str = "") -> Html:
    """Several pieces as one; `between` is markup too."""
    return Html(between.join(parts))


def element(name: str, *inner: Html, **attributes: object) -> Html:
    """An element; attributes are escaped, `class_` stands for class, `_` for a hyphen, and None leaves one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{''.join(inner)}</{name}>")


def number(value: float | None) -> str:
    """A number with up to six significant digits; `n/a` where there is none."""
    if value is None or not math.isfinite(value):
        return "n/a"
    whole = float(value).is_integer() and abs(value) < _LARGEST_PLAIN
    return f"{int(value):,}" if whole and isinstance(value, int) else f"{value:.6g}"


def _visible(character: str) -> str:
    if character in _KEPT:
        return character
    if character in _TURNING or unicodedata.category(character) in _REPLACED:
        return character.encode("unicode_escape").decode("ascii")
    return character
