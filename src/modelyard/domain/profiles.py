"""Profiles: how the values of features are spread, without the values; small, and they add up.

Rules
- A number falls into a bin of a UDDSketch (Epicoco and others, 2020): a DDSketch whose bins are as fine as the bound
  on their count allows. At level 7 they are those of `modelyard.domain.sketch`, exact to one per cent; one level less
  halves them, down to level 0 (0.008 %), so that years and body temperatures can be told apart too. Where a feature
  would take more than `MOST_BINS`, every two bins become one, at each sign: the level goes up by one.
- Bins have whole numbers: 0 is zero, numbers from 1 on are positive values, those below 0 negative ones, and their
  order is that of the values.
- A text or a truth value is a category. A text of more than `LONGEST_TEXT` characters is known by its hash only. Among
  more than twice `MOST_CATEGORIES`, the rarest count as `other`.
- None and NaN are missing values. So is a feature that a row does not have: what is missing is the number of rows less
  the number of values.
- Profiles add up. The bins of a sum are those of the whole, to the last count: the level depends on the values alone.
  Categories are exact as long as nothing went to `other`.
- There are `MOST_FEATURES` features at most, whose names are cut to `LONGEST_NAME`; more of them are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from modelyard.domain.names import shown
from modelyard.domain.sketch import ACCURACY, merge_bins
from modelyard.domain.wire.profiles import FeatureDocument, ProfileDocument
from modelyard.errors import InvalidRequest

MOST_BINS: Final = 512
MOST_CATEGORIES: Final = 100
MOST_FEATURES: Final = 200
LONGEST_TEXT: Final = 40
LONGEST_NAME: Final = 100
RARE: Final = 5
"""A text that came less often than this is stored as its hash; truth values tell nobody's secret."""
_TRUTHS: Final = ("false", "true")
TOP_LEVEL: Final = 23
_LEVEL_OF_SKETCH: Final = 7
_BASE: Final = 1 << TOP_LEVEL
"""Lies between zero and the bins of positive values; a power of two, so that it is halved exactly with them."""
_FINEST: Final = (1 << _LEVEL_OF_SKETCH) / math.log((1 + ACCURACY) / (1 - ACCURACY))
_LEAST: Final = 1e-300
_MOST: Final = 1e300
_HIGHEST: Final = _BASE + math.ceil(math.log(_MOST) * _FINEST)
_HASH: Final = re.compile(r"#[0-9a-f]{16}")
_MOST_COUNT: Final = 1 << 53


def bin_of(value: float) -> int:
    """Return the bin of a finite or infinite number at level 0."""
    size = abs(value)
    if size < _LEAST:
        return 0
    place = _BASE + math.ceil(math.log(min(size, _MOST)) * _FINEST)
    return place if value > 0 else -place


def coarser(place: int, levels: int) -> int:
    """Return the bin that holds a bin when the level goes up."""
    up = (1 << levels) - 1
    return (place + up) >> levels if place >= 0 else -((up - place) >> levels)


def middle_of(place: int, level: int) -> float:
    """Return a value in the middle of a bin."""
    if not place:
        return 0.0
    exponent = (abs(place) - (_BASE >> level) - 0.5) * (1 << level) / _FINEST
    return math.copysign(math.exp(max(-700.0, min(700.0, exponent))), place)


class Numbers:
    """Counts of numbers by bin.

    Attributes:
        level: how coarse the bins are.
        bins: bin → count.
    """

    __slots__ = ("bins", "level")

    def __init__(self, level: int = 0, bins: dict[int, int] | None = None) -> None:
        self.level = level
        self.bins: dict[int, int] = {} if bins is None else bins

    @property
    def count(self) -> int:
        """How many numbers were added."""
        return sum(self.bins.values())

    def add(self, value: float) -> None:
        """Count a number that is not NaN."""
        place = coarser(bin_of(value), self.level)
        seen = self.bins.get(place)
        if seen is not None:
            self.bins[place] = seen + 1
            return
        self.bins[place] = 1
        self._fit()

    def merge(self, other: Numbers) -> None:
        """Count all that another has counted."""
        self._raise_to(other.level)
        # Most parts have the level of the whole; a month of hours is some million bins.
        merge_bins(self.bins, other.bins if other.level == self.level else other.at(self.level))
        self._fit()

    def at(self, level: int) -> dict[int, int]:
        """Return the counts by the bins of a level that is no finer than the present one."""
        levels = level - self.level
        found: dict[int, int] = {}
        for place, count in self.bins.items():
            at = coarser(place, levels)
            found[at] = found.get(at, 0) + count
        return found

    def median(self) -> float | None:
        """Return the value in the middle; None where there is none."""
        half, seen = (self.count - 1) / 2, 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen > half:
                return middle_of(place, self.level)
        return None

    def _fit(self) -> None:
        while len(self.bins) > MOST_BINS:
            self._raise_to(self.level + 1)

    def _raise_to(self, level: int) -> None:
        if level > self.level:
            self.bins, self.level = self.at(level), level


class Feature:
    """How the values of one feature are spread.

    Attributes:
        numbers: the numbers.
        categories: texts and truth values with their counts.
        other: values that are neither, or were too many.
    """

    __slots__ = ("categories", "numbers", "other")

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.categories: dict[str, int] = {}
        self.other = 0

    @property
    def present(self) -> int:
        """How many values there are."""
        return self.numbers.count + sum(self.categories.values()) + self.other

    def add(self, value: object) -> None:
        """Count a value: a number, a text, a truth value; None and NaN are missing, and all else is `other`."""
        if isinstance(value, bool):
            self._categorise(_TRUTHS[value], 1)
        elif isinstance(value, int | float):
            number = _float(value)
            if not math.isnan(number):
                self.numbers.add(number)
        elif isinstance(value, str):
            self._categorise(category_of(value), 1)
        elif value is not None:
            self.other += 1

    def merge(self, other: Feature) -> None:
        """Count all that another has counted."""
        self.numbers.merge(other.numbers)
        self.other += other.other
        for name, count in other.categories.items():
            self._categorise(name, count)

    def to_document(self, *, rare: int = 0) -> FeatureDocument:
        """Return it as it is stored; texts that came less often than `rare` as their hashes."""
        categories: dict[str, int] = {}
        for name, count in sorted(self.categories.items()):
            kept = name if count >= rare or name in _TRUTHS else hash_of(name)
            categories[kept] = categories.get(kept, 0) + count
        return FeatureDocument(
            level=self.numbers.level, bins=sorted(self.numbers.bins.items()), categories=categories, other=self.other
        )

    @classmethod
    def of(cls, document: FeatureDocument) -> Feature:
        """Return what a checked document stands for."""
        made = cls()
        made.numbers = Numbers(document.level, dict(document.bins))
        made.categories, made.other = dict(document.categories), document.other
        return made

    def _categorise(self, name: str, count: int) -> None:
        self.categories[name] = self.categories.get(name, 0) + count
        if len(self.categories) > 2 * MOST_CATEGORIES:
            ranked = sorted(self.categories.items(), key=lambda item: (-item[1], item[0]))
            self.categories = dict(ranked[:MOST_CATEGORIES])
            self.other += sum(count for _name, count in ranked[MOST_CATEGORIES:])


class Profile:
    """What went into a model, and what came out.

    Attributes:
        rows, answers: rows of inputs and of outputs.
        inputs, outputs: feature → how its values are spread, in the order in which they came.
    """

    __slots__ = ("answers", "inputs", "outputs", "rows")

    def __init__(self) -> None:
        self.rows = self.answers = 0
        self.inputs: dict[str, Feature] = {}
        self.outputs: dict[str, Feature] = {}

    def add(self, rows: Iterable[Mapping[str, object]], answers: Iterable[Mapping[str, object]] = ()) -> None:
        """Count rows of inputs and of outputs, each feature → value."""
        for row in rows:
            self.rows += 1
            _count(self.inputs, row)
        for answer in answers:
            self.answers += 1
            _count(self.outputs, answer)

    def merge(self, other: Profile) -> None:
        """Count all that another has counted."""
        self.rows += other.rows
        self.answers += other.answers
        for into, parts in ((self.inputs, other.inputs), (self.outputs, other.outputs)):
            for name, part in parts.items():
                found = _feature(into, name)
                if found is not None:
                    found.merge(part)

    def to_document(self, *, rare: int = 0) -> ProfileDocument:
        """Return it as it is sent and stored; `rare` as in `Feature.to_document`."""
        return ProfileDocument(
            rows=self.rows,
            answers=self.answers,
            inputs={name: part.to_document(rare=rare) for name, part in self.inputs.items()},
            outputs={name: part.to_document(rare=rare) for name, part in self.outputs.items()},
        )

    @classmethod
    def of(cls, document: ProfileDocument) -> Profile:
        """Return what a checked document stands for."""
        made = cls()
        made.rows, made.answers = document.rows, document.answers
        made.inputs = {name: Feature.of(part) for name, part in document.inputs.items()}
        made.outputs = {name: Feature.of(part) for name, part in document.outputs.items()}
        return made


def check_profile(document: ProfileDocument) -> None:
    """Refuse a profile that nobody can have counted.

    Raises:
        InvalidRequest: it has no rows, too many features, names or counts that cannot be, or more values than rows.
    """
    if document.rows < 1 and document.answers < 1:
        raise InvalidRequest("the profile has no rows", hint="give data with at least one row")
    for what, rows, parts in (
        ("input", document.rows, document.inputs),
        ("output", document.answers, document.outputs),
    ):
        if not 0 <= rows <= _MOST_COUNT:
            raise InvalidRequest(f"the profile has {shown(rows)} rows")
        if len(parts) > MOST_FEATURES:
            raise InvalidRequest(
                f"the profile has {len(parts)} {what}s", hint=f"a profile has {MOST_FEATURES} at most: leave some out"
            )
        for name, part in parts.items():
            if name != name_of(name):
                raise InvalidRequest(f"{shown(name)} cannot be the name of a feature")
            problem = _problem(part, rows)
            if problem:
                raise InvalidRequest(f"the {what} {shown(name)} {problem}", hint="send what modelyard's client made")


def name_of(text: str) -> str:
    """Return the name that a feature is known by: printable, and of bounded length."""
    if len(text) > LONGEST_NAME:
        text = f"{text[: LONGEST_NAME - 18]}…{hash_of(text)}"
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")[:LONGEST_NAME]


def category_of(text: str) -> str:
    """Return the category that a text is: itself, or its hash where it is long or not printable."""
    return text if len(text) <= LONGEST_TEXT and text.isprintable() else hash_of(text)


def hash_of(text: str) -> str:
    """Return the hash that a text is known by; of a hash, itself."""
    if _HASH.fullmatch(text):
        return text
    return f"#{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"


def _problem(part: FeatureDocument, rows: int) -> str:
    """Say what is wrong with a feature; empty where nothing is."""
    counts = [*(count for _place, count in part.bins), *part.categories.values()]
    highest = coarser(_HIGHEST, part.level) if 0 <= part.level <= TOP_LEVEL else -1
    problems = (
        (highest < 0, f"has bins of the level {shown(part.level)}"),
        (len(part.bins) > MOST_BINS or len(part.categories) > 2 * MOST_CATEGORIES, "has too many bins or categories"),
        (any(abs(place) > highest for place, _count in part.bins), "has a bin that no number falls into"),
        (len(dict(part.bins)) < len(part.bins), "has a bin twice"),
        (min(counts, default=1) < 1 or part.other < 0, "has a count below 1"),
        (sum(counts) + part.other > rows, "has more values than rows"),
        (any(name != category_of(name) for name in part.categories), "has a category that is too long"),
    )
    return next((words for wrong, words in problems if wrong), "")


def _count(into: dict[str, Feature], row: Mapping[str, object]) -> None:
    for name, value in row.items():
        found = into.get(name) or _feature(into, name)
        if found is not None:
            found.add(value)


def _feature(into: dict[str, Feature], name: str) -> Feature | None:
    """Return the feature of a name, made if need be; None where there are too many."""
    short = name_of(name)
    found = into.get(short)
    if found is None and len(into) < MOST_FEATURES:
        found = into[short] = Feature()
    return found


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return _MOST if value > 0 else -_MOST
