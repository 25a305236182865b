"""Markdown for issues and pull requests, in GitHub's dialect.

Rules
1. A recorded text is shown as it is and does nothing: no markup, no link, no mention of a person, no reference to an
   issue, no HTML.
2. A cell is one line; line ends in it become blanks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from modelyard.reports.markup import LONGEST_TEXT, number, visible

LONGEST_CELL = 300
"""Characters of one cell that a table shows."""

_SPECIAL = re.compile(r"[\\`*_\[\]<|~$]|&(?=#?\w+;)|:(?=//)")
_FIRST = re.compile(r"^(?:[-+>#=]|[0-9]+(?=[.)](?: |$)))")
_LINKED = re.compile(r"(?i)(@(?=\w)|#(?=[0-9])|\bgh-(?=[0-9])|\bwww(?=\.))")
_BLANKS = re.compile(r"\s+")


def escape(value: object, *, longest: int = LONGEST_CELL) -> str:
    """A value as one line of text that means nothing but itself."""
    line = _BLANKS.sub(" ", visible(value, longest=longest)).strip()
    # GitHub links mentions, issues and bare addresses even where they are escaped; only a character between their parts
    # keeps it from that, and this one has no width.
    line = _SPECIAL.sub(r"\\\g<0>", _LINKED.sub("\\1\u200b", line))
    # At the start of a line more characters have a meaning: lists, headings, quotations.
    return _FIRST.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", line)


def heading(text: str, level: int = 2) -> str:
    """A heading, with the blank lines around it."""
    return f"\n{'#' * level} {escape(text)}\n"


def paragraph(text: str) -> str:
    """A text that people wrote, with its line breaks."""
    lines = visible(text).strip().splitlines()
    return "  \n".join(escape(line, longest=LONGEST_TEXT) for line in lines) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Collection[int] = ()) -> str:
    """A table; nothing where it has no rows. Numbers are shortened, None is `n/a`."""
    body = [[_cell(value) for value in row] for row in rows]
    if not body:
        return ""
    rule = ["---:" if place in numeric else "---" for place in range(len(head))]
    lines = [[escape(name) for name in head], rule, *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return escape(number(value))
    return escape(value)
