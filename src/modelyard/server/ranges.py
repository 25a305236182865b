"""Byte ranges and conditions of a download (RFC 9110): pure rules.

- One range is honoured; several, or one that cannot be read, count as none, and the whole file is sent.
- A range that lies behind the end of the file is refused with 416.
- `If-Range` with another tag makes the range void; `If-None-Match` with the file's tag is answered with 304.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


class Span(NamedTuple):
    """Bytes from `start` up to but not including `end`."""

    start: int
    end: int


def span_of(text: str, size: int) -> Span | None:
    """The span that a `Range` header asks of a file of `size` bytes; None for all of it.

    Raises:
        IndexError: the file has no such bytes.
    """
    found = _RANGE.fullmatch(text)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        if not int(last) or not size:
            raise IndexError(text)
        return Span(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise IndexError(text)
    return Span(int(first), min(size, int(last) + 1) if last else size)


def names_tag(header: str, tag: str) -> bool:
    """Whether an `If-None-Match` header lists a tag (without its quotes)."""
    tags = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    return header.strip() == "*" or tag in tags
