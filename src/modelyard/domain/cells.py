"""What is counted of predictions: a cell of sums, which adds up with others exactly.

Rules
- Everything is a whole number, latencies are nanoseconds and costs billionths of the currency: sums do not depend on
  the order in which they are made.
- Latencies, and the tokens of those predictions that have any, are kept as the bins of `modelyard.domain.sketch` too.
- What failed has a code, so the codes' counts add up to the errors.
- Where the sum of latencies was never kept, their bins tell it to one per cent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, Self

from modelyard.domain.sketch import LEAST, bin_of, merge_bins, middle_of

NANO: Final = 1_000_000_000
"""Billionths of the currency in one, and nanoseconds in a second."""

_NOTHING: Final = bin_of(LEAST)


def latency_of_bins(bins: Mapping[int, int]) -> int:
    """Return how long the latencies of some bins took together, in nanoseconds, right to one per cent.

    What took `LEAST` or less took nothing.
    """
    return round(NANO * sum(middle_of(place) * count for place, count in bins.items() if place != _NOTHING))


class Cell:
    """Counts of predictions; a new one has seen none.

    Attributes:
        requests: how many there were, good or bad.
        errors: how many failed.
        codes: failures by their code.
        tokens: in all of them, in and out.
        cost_nano: in billionths of the currency.
        latency_ns: the sum, in nanoseconds.
        bins: latencies in seconds, bin → count.
        sizes: tokens of those that have any, bin → count.
    """

    __slots__ = ("bins", "codes", "cost_nano", "errors", "latency_ns", "requests", "sizes", "tokens")

    def __init__(self) -> None:
        self.requests = self.errors = self.tokens = self.cost_nano = self.latency_ns = 0
        self.bins: dict[int, int] = {}
        self.sizes: dict[int, int] = {}
        self.codes: dict[str, int] = {}

    def add(self, seconds: float, code: str = "", tokens: int = 0, cost: float = 0.0) -> None:
        """Count one prediction.

        Args:
            seconds: how long it took.
            code: why it failed; empty for one that did not.
            tokens: in and out.
            cost: in the currency.
        """
        place = bin_of(seconds)
        self.requests += 1
        self.latency_ns += int(seconds * NANO)
        self.bins[place] = self.bins.get(place, 0) + 1
        if code or tokens or cost:
            self.end(code, tokens, cost)

    def end(self, code: str, tokens: int, cost: float) -> None:
        """Count how a prediction ended that is counted already."""
        if code:
            self.errors += 1
            self.codes[code] = self.codes.get(code, 0) + 1
        if tokens:
            self.tokens += tokens
            size = bin_of(tokens)
            self.sizes[size] = self.sizes.get(size, 0) + 1
        self.cost_nano += round(cost * NANO)

    def merge(self, other: Cell) -> None:
        """Add what another cell has counted."""
        merge_bins(self.bins, other.bins)
        self._count(other)

    def _count(self, other: Cell) -> None:
        """Add all but the bins of latencies."""
        self.requests += other.requests
        self.errors += other.errors
        self.tokens += other.tokens
        self.cost_nano += other.cost_nano
        self.latency_ns += other.latency_ns
        merge_bins(self.sizes, other.sizes)
        for code, count in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + count

    @classmethod
    def sum(cls, cells: Iterable[Cell]) -> Self:
        """Return the sum of some cells; none of them changes with it."""
        total = cls()
        # A day has thousands of cells of hundreds of bins; this is the fastest way to add them up.
        bins: defaultdict[int, int] = defaultdict(int)
        for cell in cells:
            for place, count in cell.bins.items():
                bins[place] += count
            total._count(cell)
        total.bins = dict(bins)
        return total
