"""Running totals: counters, histograms and gauges of one process, and those of several added up.

Rules
- A series is the name of its metric and the values of its labels, in the order in which `watch.exposition` names them.
- Counters and histograms only grow. Gauges are what they are now, and are those of processes that live.
- Everything adds up but two gauges, which are in `EXTREMES`.
- Series of predictions begin with the four labels of a subject: model, environment, version, role. No more than so many
  subjects have series of their own; what is beyond counts under `OTHER`, from its first request on and for ever, so
  that no counter ever goes back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

import msgspec

from modelyard.domain.cells import NANO, Cell
from modelyard.domain.sketch import bin_of

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of all histograms, in seconds; one bucket more takes the rest."""
OTHER: Final = "other"
WELL_CODE: Final = "ok"

PREDICTIONS: Final = "modelyard_predictions"
ERRORS: Final = "modelyard_prediction_errors"
PREDICTION_SECONDS: Final = "modelyard_prediction_duration_seconds"
TOKENS: Final = "modelyard_tokens"
COST: Final = "modelyard_cost"
START_TIME: Final = "process_start_time_seconds"
LOOP_LAG: Final = "modelyard_event_loop_lag_seconds"

EXTREMES: Final[Mapping[str, Callable[[float, float], float]]] = {START_TIME: min, LOOP_LAG: max}
"""Gauges that do not add up over processes → what is made of two of them."""

Series: TypeAlias = tuple[str, ...]
Subject: TypeAlias = tuple[str, str, str, str]
"""Model, environment, version, role."""

_OF_SUBJECTS: Final = frozenset({PREDICTIONS, ERRORS, PREDICTION_SECONDS, TOKENS, COST})
_BOUND_BINS: Final = [bin_of(bound) for bound in BOUNDS]


def bucket_of(seconds: float) -> int:
    """Return the place of the bucket that a duration falls into."""
    return bisect_left(BOUNDS, seconds)


class Histogram(msgspec.Struct):
    """Durations in buckets: `counts` by the places of `BOUNDS`, each for itself, and their sum in seconds."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bucket_of(seconds)] += 1
        self.seconds += seconds

    def add(self, other: Histogram, sign: int = 1) -> None:
        """Add what another has counted, or take it away."""
        if len(other.counts) != len(self.counts):
            # Written by a modelyard with other buckets: what cannot be added up begins anew.
            return
        self.counts = [one + sign * two for one, two in zip(self.counts, other.counts, strict=True)]
        self.seconds += sign * other.seconds


class Totals(msgspec.Struct):
    """What was counted so far, and how things are.

    Attributes:
        seen: subject → the minute, counted from 1970, of its last prediction.
    """

    counters: dict[Series, float] = {}
    histograms: dict[Series, Histogram] = {}
    gauges: dict[Series, float] = {}
    seen: dict[Subject, int] = {}

    def count(self, series: Series, amount: float = 1) -> None:
        """Add to a counter."""
        self.counters[series] = self.counters.get(series, 0) + amount

    def observe(self, series: Series, seconds: float) -> None:
        """Count a duration."""
        self.histogram(series).observe(seconds)

    def histogram(self, series: Series) -> Histogram:
        """Return a histogram, which is made if need be."""
        found = self.histograms.get(series)
        if found is None:
            found = self.histograms[series] = Histogram()
        return found

    def add(self, other: Totals, *, sign: int = 1) -> None:
        """Add the counters and histograms of other totals, or take them away; gauges stay as they are."""
        for series, amount in other.counters.items():
            self.count(series, sign * amount)
        for series, histogram in other.histograms.items():
            self.histogram(series).add(histogram, sign)
        for subject, minute in other.seen.items():
            self.seen[subject] = max(minute, self.seen.get(subject, 0))

    def add_gauges(self, other: Totals) -> None:
        """Add the gauges of another process that lives."""
        for series, value in other.gauges.items():
            before = self.gauges.get(series)
            combined = EXTREMES.get(series[0])
            self.gauges[series] = (
                value if before is None else combined(before, value) if combined is not None else before + value
            )

    def add_cell(self, subject: Subject, cell: Cell, minute: int) -> None:
        """Count what the recorder saw of a subject; of an empty cell, its series are there from now on."""
        self.count((PREDICTIONS, *subject, WELL_CODE), cell.requests - cell.errors)
        self.count((ERRORS, *subject), cell.errors)
        for code, count in cell.codes.items():
            self.count((PREDICTIONS, *subject, code), count)
        if cell.tokens:
            self.count((TOKENS, *subject), cell.tokens)
        if cell.cost_nano:
            self.count((COST, *subject), cell.cost_nano / NANO)
        histogram = self.histogram((PREDICTION_SECONDS, *subject))
        for place, count in cell.bins.items():
            histogram.counts[bisect_left(_BOUND_BINS, place)] += count
        histogram.seconds += cell.latency_ns / 1e9
        self.seen[subject] = max(minute, self.seen.get(subject, 0))

    def without(self, subjects: Collection[Subject]) -> Totals:
        """Return what is left without the series of some subjects."""
        if not subjects:
            return self
        return Totals(
            counters={one: value for one, value in self.counters.items() if subject_of(one) not in subjects},
            histograms={one: value for one, value in self.histograms.items() if subject_of(one) not in subjects},
            gauges=self.gauges,
            seen={one: minute for one, minute in self.seen.items() if one not in subjects},
        )

    def idle(self, since: int) -> set[Subject]:
        """Return the subjects whose last prediction came before a minute."""
        return {subject for subject, minute in self.seen.items() if minute < since}


def subject_of(series: Series) -> Subject | None:
    """Return the subject that a series of predictions is about; None for other series."""
    if series[0] not in _OF_SUBJECTS:
        return None
    _, model, environment, version, role, *_ = series
    return model, environment, version, role


def other(role: str) -> Subject:
    """Return the subject that those beyond the bound are added up as."""
    return OTHER, OTHER, OTHER, role


encoded = msgspec.msgpack.Encoder().encode
decoded = msgspec.msgpack.Decoder(Totals).decode
