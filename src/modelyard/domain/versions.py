"""Semantic versions (semver.org, 2.0.0) and ranges of them.

Rules
- A version is MAJOR.MINOR.PATCH, then an optional -PRERELEASE, then an optional +BUILD: at most 250 characters, numbers
  of at most 18 digits (they fit a 64-bit column), no leading zeros, no `v`, no blanks.
- Precedence is that of the standard: numbers as numbers, a prerelease before its release, its parts from left to right,
  numbers before words, words by ASCII, the shorter list first where all else is equal. Build metadata does not count.
- Equality, hash and order are all by precedence, so that sets, sorting and the database agree on what is the same
  version: `1.0.0+a == 1.0.0+b`. The texts still differ; compare `text` where that matters.
- A range is as npm reads it: comparators ``= > >= < <= ~ ^`` joined by blanks or commas (all must hold), alternatives
  joined by ``||`` (one must hold), `1.2 - 1.5` for both ends included, and `x`, `X`, `*` or a missing part for any
  number. `^` keeps the leftmost number that is not zero, `~` keeps the minor number.
- A prerelease is in a range only if a comparator of the same alternative names a prerelease of the same three numbers:
  who asks for ^1.4 did not ask for a release candidate of 1.9.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest, InvalidVersion

Part: TypeAlias = Literal["major", "minor", "patch"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
LONGEST_VERSION: Final = 250

_MOST_DIGITS: Final = 18
_IDENTIFIER: Final = re.compile(r"[0-9A-Za-z-]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_WILDCARDS: Final = frozenset({"x", "X", "*"})
_COMPARATOR: Final = re.compile(r"\s*(\^|~|>=|<=|>|<|=|)\s*([0-9A-Za-z.*+-]+)")
_HYPHEN_RANGE: Final = re.compile(r"(\S+)\s+-\s+(\S+)")
_RANGE_SHAPE: Final = re.compile(r"\s*([\^~<>=*0-9]|[xX](?![0-9A-Za-z_-]))|.*\|\|", re.DOTALL)
_RANGE_HINT: Final = "ranges look like ^1.4, ~1.4.2, >=1.2,<2, 1.x or '^1.4 || ^2'"


class _FlawError(Exception):
    """Why a text is not a version or a range; the public functions turn it into `InvalidVersion`."""


@functools.total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class SemVer:
    """A semantic version. Get one from `parse`; the constructor takes parts that are checked already."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str | int, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> SemVer:
        """Read a version, strictly.

        Raises:
            InvalidVersion: the text is not a semantic version; the message says what is wrong with it.
        """
        _check_size(text, "a semantic version")
        try:
            return _read(text)
        except _FlawError as flaw:
            raise InvalidVersion(f"{shown(text)} is not a semantic version: {flaw}", hint=_remedy(text)) from None

    @property
    def text(self) -> str:
        """The version as it is written, with prerelease and build."""
        prerelease = f"-{'.'.join(map(str, self.prerelease))}" if self.prerelease else ""
        build = f"+{'.'.join(self.build)}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{prerelease}{build}"

    @property
    def is_prerelease(self) -> bool:
        """Whether the version comes before its release."""
        return bool(self.prerelease)

    def bump(self, part: Part) -> SemVer:
        """Return the next release in that part, as `npm version` does: a prerelease becomes the release that it led to.

        Raises:
            InvalidRequest: `part` is not one of `PARTS`.
            InvalidVersion: the number would have more than 18 digits.
        """
        if part not in PARTS:
            raise InvalidRequest(f"{shown(part)} is no part of a version", hint=f"use one of {', '.join(PARTS)}")
        numbers = [self.major, self.minor, self.patch]
        place = PARTS.index(part)
        if not self.prerelease or any(numbers[place + 1 :]):
            numbers[place] += 1
        return SemVer.parse(SemVer(*_padded(numbers[: place + 1])).text)

    def is_compatible(self, other: SemVer) -> bool:
        """Tell whether both have the same major number.

        Versions below 1.0.0 follow the same rule, although the standard lets anything change between them; the range
        `^0.3` is the stricter question. Prerelease and build do not count.
        """
        return self.major == other.major

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return self._precedence() == other._precedence() if isinstance(other, SemVer) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._precedence() < other._precedence() if isinstance(other, SemVer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._precedence())

    def _precedence(self) -> tuple[object, ...]:
        parts = tuple((0, part, "") if isinstance(part, int) else (1, 0, part) for part in self.prerelease)
        return self.major, self.minor, self.patch, not parts, parts


class _Comparator(NamedTuple):
    sign: str
    """A key of `_HOLDS`."""
    version: SemVer


_HOLDS: Final[Mapping[str, Callable[[SemVer, SemVer], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class SemVerRange:
    """A set of versions. Get one from `parse`; two texts for the same comparators make equal ranges."""

    text: str = field(compare=False)
    """The range as it was written, without superfluous blanks."""
    alternatives: tuple[tuple[_Comparator, ...], ...]
    """In one of these, all comparators hold; an alternative without comparators admits every release."""

    @classmethod
    def parse(cls, text: str) -> SemVerRange:
        """Read a range; a full version is the range that has only itself.

        Raises:
            InvalidVersion: the text is not a range; the message says what is wrong with it.
        """
        _check_size(text, "a range of versions")
        try:
            alternatives = tuple(_alternative(part) for part in text.split("||"))
        except _FlawError as flaw:
            raise InvalidVersion(f"{shown(text)} is not a range of versions: {flaw}", hint=_RANGE_HINT) from None
        return cls(" ".join(text.split()), alternatives)

    def contains(self, version: SemVer) -> bool:
        """Tell whether the version is in the range."""
        return any(_admits(alternative, version) for alternative in self.alternatives)

    def __str__(self) -> str:
        return self.text


def looks_like_range(text: str) -> bool:
    """Tell whether `text` is meant as a range, right or wrong: it starts as one does, and is not one full version.

    A part of a version counts ("1.4" is 1.4.x, "3" is 3.x); so ask first whether a bare number is a version's number.
    """
    if not _RANGE_SHAPE.match(text):
        return False
    try:
        _read(text)
    except _FlawError:
        return True
    return False


def precedence_key(version: SemVer) -> str:
    """Return ASCII text whose order by bytes is the order of precedence; equal versions have equal keys.

    Databases sort and compare by it, so its column needs a binary collation ("C" on PostgreSQL). It has at most 450
    characters. A number is its digits after a letter for their count; a word of a prerelease ends in `!`, which comes
    before every character that a word can have; `~` stands for a release, after the `-` of every prerelease.
    """
    core = "".join(map(_number_key, (version.major, version.minor, version.patch)))
    if not version.prerelease:
        return f"{core}~"
    words = (f"0{_number_key(part)}" if isinstance(part, int) else f"1{part}!" for part in version.prerelease)
    return f"{core}-{''.join(words)}"


def latest(versions: Iterable[SemVer]) -> SemVer | None:
    """Return the version of the highest precedence, the first of equals, or None where there is none."""
    return max(versions, default=None)


def next_version(existing: Iterable[SemVer]) -> SemVer:
    """Return the version that follows: the highest one with its patch bumped, or 0.1.0 where there is none."""
    highest = latest(existing)
    return SemVer(0, 1, 0) if highest is None else highest.bump("patch")


def _check_size(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise InvalidVersion(f"{what} is text, and {shown(text)} is of type {type(text).__name__}")
    if not text.strip() or len(text) > LONGEST_VERSION:
        raise InvalidVersion(f"{what} has 1 to {LONGEST_VERSION} characters, and {shown(text)} has {len(text.strip())}")


def _read(text: str) -> SemVer:
    core, prerelease, build = _split(text)
    numbers = [_number(part) for part in core.split(".")]
    if len(numbers) != len(PARTS):
        raise _FlawError(f"{shown(core)} has {len(numbers)} parts, not the three MAJOR.MINOR.PATCH")
    return SemVer(*_padded(numbers), _prerelease(prerelease), _build(build))


def _remedy(text: str) -> str | None:
    """Return the hint for usual mistakes (`v`, blanks, missing parts, leading zeros); None leaves the general one."""
    bare = text.strip().removeprefix("v").removeprefix("V")
    core = re.split("[-+]", bare, maxsplit=1)[0]
    numbers = [part.lstrip("0") or "0" for part in core.split(".")]
    repaired = ".".join(numbers + ["0"] * (len(PARTS) - len(numbers))) + bare[len(core) :]
    try:
        return f"write {_read(repaired).text}"
    except _FlawError:
        return None


def _split(text: str) -> tuple[str, str | None, str | None]:
    """Cut a version into core, prerelease and build; None where there is no such part."""
    rest, plus, build = text.partition("+")
    core, dash, prerelease = rest.partition("-")
    return core, prerelease if dash else None, build if plus else None


def _number(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise _FlawError(f"{shown(text)} is not a number")
    if len(text) > 1 and text[0] == "0":
        raise _FlawError(f"{shown(text)} has a leading zero")
    if len(text) > _MOST_DIGITS:
        raise _FlawError(f"{shown(text)} has more than {_MOST_DIGITS} digits")
    return int(text)


def _identifiers(text: str, what: str) -> list[str]:
    words = text.split(".")
    for word in words:
        if not _IDENTIFIER.fullmatch(word):
            raise _FlawError(
                f"{shown(word)} cannot be a part of its {what}" if word else f"a part of its {what} is empty"
            )
    return words


def _prerelease(text: str | None) -> tuple[str | int, ...]:
    words = [] if text is None else _identifiers(text, "prerelease")
    return tuple(_number(word) if _DIGITS.fullmatch(word) else word for word in words)


def _build(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(_identifiers(text, "build metadata"))


def _number_key(number: int) -> str:
    digits = str(number)
    return f"{chr(ord('a') + len(digits) - 1)}{digits}"


def _padded(numbers: list[int]) -> tuple[int, int, int]:
    major, minor, patch = [*numbers, 0, 0, 0][: len(PARTS)]
    return major, minor, patch


def _admits(alternative: tuple[_Comparator, ...], version: SemVer) -> bool:
    if not all(_HOLDS[sign](version, bound) for sign, bound in alternative):
        return False
    return not version.prerelease or any(
        bound.prerelease and _core(bound) == _core(version) for _, bound in alternative
    )


def _core(version: SemVer) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _alternative(text: str) -> tuple[_Comparator, ...]:
    comparators: list[_Comparator] = []
    for piece in text.split(","):
        if not piece.strip():
            raise _FlawError("a comparator is missing")
        rest = _HYPHEN_RANGE.sub(r">=\1 <=\2", piece).rstrip()
        while rest:
            found = _COMPARATOR.match(rest)
            if not found:
                raise _FlawError(f"{shown(rest.strip())} is not a comparator")
            comparators.extend(_comparators(*found.groups()))
            rest = rest[found.end() :]
    return tuple(comparators)


def _comparators(sign: str, text: str) -> list[_Comparator]:
    """Return what one comparator as written means in plain comparisons (node-semver, "Advanced Range Syntax")."""
    numbers, prerelease = _partial(text)
    if not numbers:
        return [_Comparator("<", SemVer(0, 0, 0, (0,)))] if sign in {"<", ">"} else []
    floor, last = SemVer(*_padded(numbers), prerelease), len(numbers) - 1
    if len(numbers) == len(PARTS) and sign not in {"~", "^"}:
        return [_Comparator(sign or "=", floor)]
    first_above_zero = next((place for place, number in enumerate(numbers) if number), last)
    kept = {"~": min(last, 1), "^": first_above_zero}.get(sign, last)
    at_least, below = _Comparator(">=", floor), _Comparator("<", _after(numbers, kept))
    meanings = {
        ">": [_Comparator(">=", SemVer(*_core(below.version)))],
        ">=": [at_least],
        "<": [_Comparator("<", SemVer(*_padded(numbers), (0,)))],
        "<=": [below],
    }
    return meanings.get(sign, [at_least, below])


def _partial(text: str) -> tuple[list[int], tuple[str | int, ...]]:
    """Read a version whose last parts may be missing or wildcards: its numbers, and its prerelease."""
    core, prerelease, build = _split(text)
    parts = core.split(".")
    wild = [part in _WILDCARDS for part in parts]
    count = wild.index(True) if True in wild else len(parts)
    if len(parts) > len(PARTS):
        raise _FlawError(f"{shown(core)} has more than {len(PARTS)} parts")
    if not all(wild[count:]):
        raise _FlawError(f"{shown(core)} has a number after a wildcard")
    numbers = [_number(part) for part in parts[:count]]
    if len(numbers) < len(PARTS) and (prerelease, build) != (None, None):
        raise _FlawError(f"{shown(text)} has a prerelease or build without MAJOR.MINOR.PATCH")
    _build(build)
    return numbers, _prerelease(prerelease)


def _after(numbers: list[int], place: int) -> SemVer:
    """Return the lowest of all versions that follow those which share the numbers up to `place`."""
    return SemVer(*_padded([*numbers[:place], numbers[place] + 1]), (0,))
