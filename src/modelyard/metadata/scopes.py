"""Which rows a caller may see: conditions from the patterns of `Principal.models`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, false, func, or_

EVERY_MODEL: Final = ("*",)
"""The patterns of who may see all models."""


def is_all(patterns: Sequence[str]) -> bool:
    """Tell whether patterns match everything, so that nothing has to be asked."""
    return "*" in patterns


def within(column: ColumnElement[Any], patterns: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a name matches one of some patterns, in which a `*` at the end is special."""
    return or_(false(), *(_matches(column, pattern) for pattern in patterns))


def limited(query: Select[Any], column: ColumnElement[Any], patterns: Sequence[str]) -> Select[Any]:
    """Return a query for those of its rows alone whose name matches; the same one where everything does."""
    return query if is_all(patterns) else query.where(within(column, patterns))


def _matches(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    # LIKE would not tell upper case from lower case everywhere, and show one model under the name of another.
    start = pattern.removesuffix("*")
    return column == pattern if start == pattern else func.substr(column, 1, len(start)) == start
