"""What applications tell of predictions that they made elsewhere: checked, before anything is counted.

Rules
1. A latency is a number of seconds, 0 or more and finite; so is a cost. Tokens are a whole number, 0 or more. A truth
   value is no number.
2. A window's bins add up to its requests, and to its latencies where these are told, its errors are no more than its
   requests, and so on: what contradicts itself is refused whole, since nobody could tell which half is right.
3. A minute that lies in the future is the present one: clocks differ, and the prediction has happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from modelyard.domain.cells import NANO, Cell, latency_of_bins
from modelyard.domain.moments import moment
from modelyard.domain.names import shown
from modelyard.domain.sketch import ACCURACY, LEAST, MOST, bin_of
from modelyard.domain.spans import BEGINNING, MINUTE, begin_of
from modelyard.domain.wire.metrics import TrackedPrediction, TrackedWindow
from modelyard.errors import InvalidRequest

FAILED: Final = "prediction_failed"
"""The code of predictions of which the application says that they failed."""
LARGEST: Final = 10**15
"""Beyond any count of predictions in a window, and of the tokens, nanoseconds or cost of one of them."""
MOST_COST: Final = 1e6
"""In the currency, for one prediction."""

_NEVER: Final = "9999-12-31T23:59:59.999999Z"
_PLACES: Final = frozenset(map(str, range(bin_of(LEAST), bin_of(MOST) + 1)))
_NUMBERS: Final = ("requests", "errors")
_COUNTS: Final = (*_NUMBERS, "tokens", "cost_nano", "latency_ns")


def latency_of(value: object) -> float:
    """Return a latency, given by any kind of number, as plain seconds.

    Raises:
        InvalidRequest: it is none.
    """
    return _number("latency", value, MOST, "write it in seconds, such as 0.25")


def cost_of(value: object) -> float:
    """Return the cost of a prediction as a plain number; errors as in `latency_of`."""
    return _number("cost", value, MOST_COST, "write it in the currency of the prices, such as 0.002")


def tokens_of(value: object) -> int:
    """Return a number of tokens as a plain one; errors as in `latency_of`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= int(value) <= LARGEST:
        hint = "leave it out where it is not known"
        raise InvalidRequest(f"tokens is {shown(value)}, not a whole number, 0 or more", hint=hint)
    return int(value)


def minute_of(at: str, now: str) -> str:
    """Return the minute that something happened in, as rows have it.

    Args:
        at: a moment as people write it; the present one where it is empty.
        now: the present moment, as records have it.

    Raises:
        InvalidRequest: it is no moment, or lies before 1970.
    """
    happened = moment(at, _NEVER) if at else now
    if happened < BEGINNING:
        raise InvalidRequest(f"{shown(at)} lies before 1970", hint="leave it out for the present moment")
    return begin_of(min(happened, now), MINUTE)


def cell_of_prediction(told: TrackedPrediction) -> Cell:
    """Return what one prediction counts.

    Raises:
        InvalidRequest: its numbers are none.
    """
    cell = Cell()
    code = "" if told.success else FAILED
    cell.add(latency_of(told.latency), code, tokens_of(told.tokens), cost_of(told.cost))
    return cell


def cell_of_window(told: TrackedWindow) -> Cell:
    """Return what a window of predictions counts.

    Raises:
        InvalidRequest: it contradicts itself, or its numbers cannot be right.
    """
    latency, sizes = _bins("latency", told.latency), _bins("sizes", told.sizes)
    _check_counts(told)
    about = latency_of_bins(latency)
    apart = about * ACCURACY / (1 - ACCURACY) + told.requests * (LEAST * NANO + 1)
    if told.latency_ns and abs(told.latency_ns - about) > apart:
        raise InvalidRequest(f"a window has latencies of {told.latency_ns} ns, by their bins about {about} ns")
    cell = Cell()
    for name in _COUNTS:
        setattr(cell, name, getattr(told, name))
    cell.latency_ns = told.latency_ns or about
    cell.bins, cell.sizes = latency, sizes
    cell.codes = {FAILED: told.errors} if told.errors else {}
    return cell


def _check_counts(told: TrackedWindow) -> None:
    """Refuse a window whose counts contradict each other, or cannot be."""
    for name in _COUNTS:
        # Each prediction may have as much as one that is told alone, so that none is refused for being added up.
        most = LARGEST if name in _NUMBERS else LARGEST * max(1, told.requests)
        if not 0 <= getattr(told, name) <= most:
            raise InvalidRequest(f"{name} of a window is {getattr(told, name)}; it goes from 0 to {most}")
    if sum(told.latency.values()) != told.requests:
        raise InvalidRequest(f"a window of {told.requests} requests has {sum(told.latency.values())} latencies")
    if told.errors > told.requests or sum(told.sizes.values()) > told.requests:
        raise InvalidRequest(f"a window of {told.requests} requests has more errors, or sizes, than that")
    if not told.requests and any(getattr(told, name) for name in _COUNTS):
        raise InvalidRequest("a window of no requests has tokens, a cost or a latency")


def window_of(version: str, start: str, cell: Cell) -> TrackedWindow:
    """Return a cell as an application sends it; `cell_of_window` reads it."""
    counts = {name: getattr(cell, name) for name in _COUNTS}
    latency, sizes = ({str(place): count for place, count in bins.items()} for bins in (cell.bins, cell.sizes))
    return TrackedWindow(version=version, start=start, latency=latency, sizes=sizes, **counts)


def _bins(what: str, told: Mapping[str, int]) -> dict[int, int]:
    """Bins that came as JSON, where names are texts."""
    for place, count in told.items():
        if place not in _PLACES or not 0 < count <= LARGEST:
            raise InvalidRequest(f"{what} of a window has {count} in the bin {shown(place)}, which cannot be")
    return {int(place): count for place, count in told.items()}


def _number(what: str, value: object, most: float, hint: str) -> float:
    refusal = InvalidRequest(f"{what} is {shown(value)}, not a number from 0 to {most:,.0f}", hint=hint)
    if isinstance(value, bool | str | bytes):
        raise refusal
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number says so
    except (TypeError, ValueError, OverflowError):
        raise refusal from None
    if not math.isfinite(number) or not 0 <= number <= most:
        raise refusal
    return number
