"""Taking the answers of providers apart, which may be anything.

Each function returns what it is asked for, or raises `Unreadable`; so do missing members (KeyError) and lists that are
too short, which `readable` turns into the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from modelyard.errors import PredictionFailed


class Unreadable(Exception):
    """An answer has not the form that its provider documents."""


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Turn an answer that cannot be read into PredictionFailed."""
    try:
        yield
    except (Unreadable, KeyError, IndexError) as error:
        raise PredictionFailed(
            f"{where} answered with something that is not an answer of its interface",
            hint="check the address; the version's base_url, or the variable of the server's environment",
        ) from error


def mapping(value: object) -> Mapping[str, Any]:
    """The value as an object."""
    if isinstance(value, Mapping):
        return value
    raise Unreadable


def sequence(value: object) -> Sequence[Any]:
    """The value as a list."""
    if isinstance(value, list):
        return value
    raise Unreadable


def first(value: object) -> Any:
    """The first of a list."""
    return sequence(value)[0]


def text(value: object) -> str:
    """The value as a text."""
    if isinstance(value, str):
        return value
    raise Unreadable


def count(value: object) -> int:
    """A number of tokens; what is no number, 0 or more, counts as 0, since no answer is lost for its statistics."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
