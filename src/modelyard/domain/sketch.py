"""A mergeable sketch of how long things took: quantiles within one per cent, whatever the distribution.

Rules
- It is a DDSketch (Masson, Rim and Lee, 2019): a value falls into the bin `ceil(log(value) / log(gamma))`, where gamma
  is `(1 + accuracy) / (1 - accuracy)`; the middle of a bin lies within `accuracy` of every value in it, relatively.
- Sketches add up: the sketch of two sets is the sum of their sketches, bin by bin. So rows of several processes and
  minutes answer as if one had seen everything.
- Counts are exact. Values outside of `LEAST` … `MOST` count as these, so a sketch never has more than 1,600 bins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from modelyard.errors import RegistryCorrupt

ACCURACY: Final = 0.01
LEAST: Final = 1e-7
"""Seconds; what takes less took this."""
MOST: Final = 1e6
"""Seconds, eleven days; what takes more took this."""

_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_FACTOR: Final = 1 / math.log(_GAMMA)
_LOWEST: Final = math.ceil(math.log(LEAST) * _FACTOR)
_HIGHEST: Final = math.ceil(math.log(MOST) * _FACTOR)
_decode = msgspec.json.Decoder(dict[int, int]).decode


def bin_of(seconds: float) -> int:
    """Return the bin that a value falls into; what is no number counts as the least."""
    if not seconds > LEAST:
        return _LOWEST
    return math.ceil(math.log(seconds) * _FACTOR) if seconds < MOST else _HIGHEST


class Sketch:
    """Counts of values by bin.

    Args:
        bins: bin → how many values fell into it; taken over, not copied.
    """

    __slots__ = ("bins",)

    def __init__(self, bins: dict[int, int] | None = None) -> None:
        self.bins: dict[int, int] = {} if bins is None else bins

    @property
    def count(self) -> int:
        """How many values were added."""
        return sum(self.bins.values())

    def add(self, seconds: float) -> None:
        """Count a value."""
        place = bin_of(seconds)
        self.bins[place] = self.bins.get(place, 0) + 1

    def merge(self, other: Sketch) -> None:
        """Count all that another sketch has counted."""
        merge_bins(self.bins, other.bins)

    def quantile(self, share: float) -> float | None:
        """Return the value below which a share (0..1) of the values lies, in seconds; None where there are none."""
        rank = share * (self.count - 1)
        seen = 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen > rank:
                return middle_of(place)
        return None

    def to_json(self) -> str:
        """Return the sketch as JSON, bin → count; `from_json` reads it."""
        return msgspec.json.encode(self.bins).decode()

    @classmethod
    def from_json(cls, text: str) -> Sketch:
        """Return the sketch that a text stands for.

        Raises:
            RegistryCorrupt: it stands for none.
        """
        try:
            return cls(_decode(text))
        except (msgspec.DecodeError, ValueError) as error:
            raise RegistryCorrupt(f"a stored sketch of latencies is damaged: {error}") from error


def merge_bins(into: dict[int, int], other: Mapping[int, int]) -> None:
    """Add the counts of some bins to others."""
    for place, count in other.items():
        into[place] = into.get(place, 0) + count


def bins_between(ratio: float) -> float:
    """Return how many bins lie between a value and `ratio` times it, as a fraction too."""
    return math.log(ratio) * _FACTOR


def middle_of(place: int) -> float:
    """Return the value that stands for all of a bin."""
    return 2 * math.exp(place / _FACTOR) / (_GAMMA + 1)
