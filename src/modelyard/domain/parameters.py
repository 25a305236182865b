"""Parameters of LLMs: one name for all providers, with the range of each.

Rules
1. A parameter that a provider does not have is refused, never left out in silence.
2. `stop` is stored as a list. Whole numbers are whole, and everything lies within its range.
3. `extra` is passed on as it is, and cannot say what the record or the request says itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from modelyard.domain.checks import check_number, check_text
from modelyard.domain.names import shown
from modelyard.errors import InvalidMetadata

OPENAI, ANTHROPIC, GEMINI = "openai", "anthropic", "gemini"
LLMS: Final = (OPENAI, ANTHROPIC, GEMINI)

_COMMON = frozenset({"temperature", "top_p", "max_tokens", "stop", "system", "extra"})
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    OPENAI: _COMMON | {"seed", "frequency_penalty", "presence_penalty"},
    ANTHROPIC: _COMMON | {"top_k"},
    GEMINI: _COMMON | {"top_k", "seed", "frequency_penalty", "presence_penalty"},
}
_OWN = frozenset({"model", "messages", "contents", "stream", "stream_options", "system", "systemInstruction", "n"})
_MOST_STOPS = 16


def check_parameters(kind: str, where: str, value: object) -> dict[str, Any]:
    """The parameters of a record, checked; what is None is left out.

    Raises:
        InvalidMetadata: a rule is broken.
    """
    if not isinstance(value, Mapping):
        raise InvalidMetadata(f"{where} is {shown(value)}", hint='give an object such as {"temperature": 0}')
    for name in value:
        if name in CHECKS and name not in PARAMETERS[kind]:
            raise InvalidMetadata(f"{kind} has no parameter {name}", hint="leave it out")
    check_members(where, value, sorted(PARAMETERS[kind]), "; other members of the request go into extra")
    return {name: CHECKS[name](f"{where}.{name}", item) for name, item in value.items() if item is not None}


def check_members(where: str, document: Mapping[str, Any], names: Sequence[str], more: str = "") -> None:
    """Refuse a member that is not among the names, with the nearest of them.

    Raises:
        InvalidMetadata: there is one.
    """
    for name in document:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}{more}"
            raise InvalidMetadata(f"{where} has no {shown(name)}", hint=hint)


def number_in(where: str, value: object, least: float, most: float) -> float:
    """A number of a range.

    Raises:
        InvalidMetadata: it is none, or lies outside.
    """
    try:
        number = check_number(value)
    except ValueError as error:
        raise InvalidMetadata(f"{where} is {shown(value)}, {error}") from None
    if not least <= number <= most:
        raise InvalidMetadata(f"{where} is {shown(value)}", hint=f"give a number from {least:g} to {most:g}")
    return number


def _ranged(least: float, most: float) -> Callable[[str, object], float]:
    return lambda where, value: number_in(where, value, least, most)


def _whole(least: int, most: int) -> Callable[[str, object], int]:
    def check(where: str, value: object) -> int:
        number = number_in(where, value, least, most)
        if number != int(number):
            raise InvalidMetadata(f"{where} is {shown(value)}", hint="give a whole number")
        return int(number)

    return check


def _stops(where: str, value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not 1 <= len(texts) <= _MOST_STOPS or "" in texts:
        raise InvalidMetadata(f"{where} is {shown(value)}", hint=f"give a text, or 1 to {_MOST_STOPS} texts")
    return [check_text(where, text, 1_000) for text in texts]


def _extra(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidMetadata(f"{where} is {shown(value)}", hint="give members of the provider's request")
    for name in value:
        if name in _OWN:
            raise InvalidMetadata(f"{where} has {name!r}, which the request says itself", hint="leave it out")
    return dict(value)


CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "temperature": _ranged(0, 2),
    "top_p": _ranged(0, 1),
    "top_k": _whole(1, 10**6),
    "max_tokens": _whole(1, 10**8),
    "seed": _whole(-(2**53), 2**53),
    "frequency_penalty": _ranged(-2, 2),
    "presence_penalty": _ranged(-2, 2),
    "stop": _stops,
    "system": check_text,
    "extra": _extra,
}
"""The check of every parameter; each takes the name that messages use, and the value."""
