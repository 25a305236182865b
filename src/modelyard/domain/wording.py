"""Sizes, times and counts as people read them, alike on a terminal and in a report."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP: Final = 1000


def size(count: int | None) -> str:
    """Return a number of bytes with a unit of powers of 1000: `812 B`, `1.2 MB`."""
    if count is None:
        return ""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{count} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def percent(share: float) -> str:
    """Return a share in per cent, with three significant digits: `0.493 %`."""
    return f"{100 * share:.3g} %"


def latency(seconds: float) -> str:
    """Return seconds as `15.8 ms` or `2.4 s`, with three significant digits."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def moment(at: str) -> str:
    """Return an ISO time as `2026-03-01 12:00:05`, still in UTC."""
    return at[:19].replace("T", " ")


def counted(count: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
