"""From what was counted of predictions to the figures that people read.

Rules
1. Figures follow from counts alone, so a range of a million predictions costs what one of a thousand does.
2. What cannot be said is None: no rate of no requests, no bound without enough data.
3. Throughput is that of the stretch from the beginning of the first span of time with data to the end of the last one,
   both cut to the range that was asked for, and at least a second long. Time in which nothing came counts where it lies
   between, and does not where it lies before or behind.
4. A series begins with the first step in which something came, and has all steps from there on, also those in which
   nothing came. A span of time lies in the step that it begins in; what a clock that is fast has put behind the end of
   the range lies in its last step.
5. Nothing is mixed: figures are those of one version in one role.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelyard.domain.cells import NANO, Cell
from modelyard.domain.durations import elapsed, later
from modelyard.domain.intervals import mean_bounds, quantile_bounds, rate_bounds
from modelyard.domain.sketch import Sketch
from modelyard.domain.spans import BEGINNING, MINUTE, bucket_of, end_of, longest_of, step_of
from modelyard.domain.wire.metrics import LikelyRange, MetricPoint, VersionMetrics

QUANTILES: Final = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
MOST_POINTS: Final = 1000


class Counted:
    """What was counted in one span of time, or in several that nobody has to tell apart; a new one has seen none.

    Attributes:
        span: the longest of them.
        start: when the first one begins.
        end: when the last one ends.
        cell: the counts.
        rows: how many were added up.
    """

    __slots__ = ("cell", "end", "rows", "span", "start")

    def __init__(self) -> None:
        self.span, self.start, self.end = MINUTE, "", ""
        self.cell, self.rows = Cell(), 0

    def add(self, span: str, start: str, cell: Cell) -> None:
        """Add what was counted in a span that begins at a moment."""
        end = end_of(start, span)
        self.start, self.end = min(self.start or start, start), max(self.end, end)
        self.span = longest_of((self.span, span))
        self.cell.merge(cell)
        self.rows += 1


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose figures they are; `currency` is empty where no prices are known."""

    version: str
    version_id: str
    role: str
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A range between two moments, and how many points a series of it has, about; 0 for no series."""

    since: str
    until: str
    points: int = 0


def figures(subject: Subject, counted: Sequence[Counted], wanted: Wanted) -> VersionMetrics:
    """Return the figures of one version in one role."""
    first, last = _stretch(counted, wanted)
    step, steps = _steps(counted, first, wanted)
    total = Cell.sum(steps.values())
    seconds = max(1.0, elapsed(first, last)) if first else 0.0
    requests = total.requests
    return VersionMetrics(
        version=subject.version,
        version_id=subject.version_id,
        role=subject.role,
        success_rate=100 * (requests - total.errors) / requests if requests else None,
        codes=dict(sorted(total.codes.items())),
        seconds=seconds,
        intervals=intervals(total),
        tokens_per_request=total.tokens / requests if requests else None,
        cost_per_request=total.cost_nano / NANO / requests if requests else None,
        currency=subject.currency,
        first_seen=first or None,
        last_seen=last or None,
        series=series(step, steps, wanted) if wanted.points and steps else [],
        **_shared(total, seconds),
    )


def intervals(total: Cell) -> dict[str, LikelyRange]:
    """Return between what and what the figures of a cell lie, by their names."""
    values = Sketch(total.bins)
    errors = rate_bounds(total.errors, total.requests)
    found = {
        "error_rate": errors,
        "success_rate": LikelyRange(low=_good(errors.high), high=_good(errors.low)),
        "avg_latency": mean_bounds(_mean(total) or 0.0, values),
    }
    return {**found, **{name: quantile_bounds(values, share) for name, share in QUANTILES.items()}}


def series(step: int, steps: Mapping[int, Cell], wanted: Wanted) -> list[MetricPoint]:
    """Return all steps from the first to the end of a range.

    Args:
        step: how long each is, in seconds.
        steps: number of a step, counted from 1970 → what came in it; not empty.
        wanted: the range.
    """
    last = bucket_of(_last_moment(wanted), step)
    return [_point(number, step, steps.get(number) or Cell()) for number in range(min(steps), last + 1)]


def _steps(counted: Sequence[Counted], first: str, wanted: Wanted) -> tuple[int, dict[int, Cell]]:
    """The length of a series' steps, and what came in each; all in one step where no series is wanted."""
    if not counted or not wanted.points:
        return 0, {0: Cell.sum(one.cell for one in counted)} if counted else {}
    step = step_of(elapsed(first, wanted.until), wanted.points, longest_of({one.span for one in counted}))
    cells: dict[int, list[Cell]] = {}
    for one in counted:
        cells.setdefault(bucket_of(min(one.start, _last_moment(wanted)), step), []).append(one.cell)
    return step, {number: Cell.sum(found) for number, found in cells.items()}


def _last_moment(wanted: Wanted) -> str:
    return later(wanted.until, -1e-6)


def _point(number: int, step: int, cell: Cell) -> MetricPoint:
    at = later(BEGINNING, number * step)
    return MetricPoint(at=at, seconds=step, **_shared(cell, step))


def _shared(total: Cell, seconds: float) -> dict[str, Any]:
    """The figures that a whole range and a step of a series have in common."""
    values = Sketch(total.bins)
    return {
        "requests": total.requests,
        "errors": total.errors,
        "error_rate": total.errors / total.requests if total.requests else None,
        "throughput": total.requests / seconds if seconds else 0.0,
        "avg_latency": _mean(total),
        **{name: values.quantile(share) for name, share in QUANTILES.items()},
        "tokens": total.tokens,
        "cost": total.cost_nano / NANO,
    }


def _stretch(counted: Sequence[Counted], wanted: Wanted) -> tuple[str, str]:
    """When the first span with data begins and the last one ends, cut to the range; empty where there is none."""
    if not counted:
        return "", ""
    begin = min(one.start for one in counted)
    end = max(one.end for one in counted)
    return min(max(begin, wanted.since), wanted.until), min(end, wanted.until)


def _mean(total: Cell) -> float | None:
    """The mean latency in seconds."""
    return total.latency_ns / NANO / total.requests if total.requests else None


def _good(share: float | None) -> float | None:
    """A share of errors as a success rate in per cent."""
    return None if share is None else 100 * (1 - share)
