"""Bars and small line plots, drawn as inline SVG, each with its text alternative.

Rules
1. A drawing never holds the only copy of a fact: bars stand beside their numbers, plots name their ends and extremes.
2. Series differ by colour, dash and marker; the colours keep their order in brightness for every kind of colour
   blindness, and have a contrast of 3:1 or more to the page, light and dark.
3. Any finite numbers can be drawn, however large; others are left out and leave a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelyard.reports.markup import NOTHING, Html, element, escape, join, number

SERIES_STYLES = 6
"""Styles of series (`c1` … `c6` in the style sheet); a seventh series looks like the first."""

_BAR_WIDTH, _BAR_HEIGHT = 100.0, 8.0
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640.0, 220.0, 70.0, 14.0, 12.0, 28.0


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a plot: a value for each label of the plot, None where there is none."""

    name: str
    values: Sequence[float | None]


def bar(value: float | None, others: Iterable[float | None] = (), *, label: str = "", best: bool = False) -> Html:
    """A bar beside a number.

    Args:
        value: how long it is; no bar where it is None.
        others: the values that it is seen beside. Zero and all of them are on the scale.
        label: what it says to those who do not see it; without it they skip the bar, for the number stands beside it.
        best: draw it in the colour of the best.
    """
    drawn = _finite([value])
    if not drawn:
        return NOTHING
    scale = _Scale.of([*drawn, *_finite(others), 0.0])
    zero, end = scale.share(0.0) * _BAR_WIDTH, scale.share(drawn[0]) * _BAR_WIDTH
    left, width = min(zero, end), max(abs(end - zero), 1.0)
    shape = element(
        "rect", x=_short(left), y="0", width=_short(width), height=_short(_BAR_HEIGHT), class_="best" if best else "c1"
    )
    return element(
        "svg",
        shape,
        class_="bar",
        viewBox=f"0 0 {_short(_BAR_WIDTH + 1)} {_short(_BAR_HEIGHT)}",
        preserveAspectRatio="none",
        role="img" if label else None,
        aria_label=label or None,
        aria_hidden=None if label else "true",
    )


def line_plot(labels: Sequence[str], series: Sequence[Series], *, caption: str) -> Html:
    """A plot of one or several series over the same labels, evenly spaced, with caption and legend.

    Args:
        labels: what stands on the horizontal axis, in order (versions, dates).
        series: the lines; values beyond the last label are not drawn.
        caption: what the plot shows.
    """
    found = _finite(value for line in series for value in line.values[: len(labels)])
    if not found:
        return element("p", escape(f"{caption}: no values"), class_="muted")
    scale = _Scale.of(found)
    lines = join(_line(line, place, len(labels), scale) for place, line in enumerate(series))
    said = f"{caption}. " + " ".join(_told(line, labels) for line in series)
    drawing = element(
        "svg",
        _axes(labels, scale),
        lines,
        class_="plot",
        viewBox=f"0 0 {_short(_WIDTH)} {_short(_HEIGHT)}",
        role="img",
        aria_label=said,
    )
    keys = (element("li", _key(place), escape(line.name)) for place, line in enumerate(series))
    legend = element("ul", *keys, class_="legend") if len(series) > 1 else NOTHING
    return element("figure", drawing, legend, element("figcaption", escape(caption)))


@dataclass(frozen=True)
class _Scale:
    """From the lowest to the highest value; in halves, because the difference of two huge numbers is infinite."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale:
        return cls(min(values), max(values))

    def share(self, value: float) -> float:
        """Where a value lies, in 0..1; one half where all values are equal."""
        span = self.high / 2 - self.low / 2
        return (value / 2 - self.low / 2) / span if span else 0.5


def _finite(values: Iterable[float | None]) -> list[float]:
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _at(place: int, count: int) -> str:
    share = place / (count - 1) if count > 1 else 0.5
    return _short(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))


def _height(share: float) -> str:
    return _short(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))


def _axes(labels: Sequence[str], scale: _Scale) -> Html:
    levels = [scale.low] if scale.low == scale.high else [scale.low, scale.high]
    parts = []
    for level in levels:
        y = _height(scale.share(level))
        parts.append(element("line", class_="grid", x1=_short(_LEFT), x2=_short(_WIDTH - _RIGHT), y1=y, y2=y))
        parts.append(element("text", escape(number(level)), x=_short(_LEFT - 6), y=y, class_="left"))
    ends = [(0, "first")] if len(labels) == 1 else [(0, "first"), (len(labels) - 1, "last")]
    for place, kind in ends:
        text = escape(labels[place], longest=30)
        parts.append(element("text", text, x=_at(place, len(labels)), y=_short(_HEIGHT - 8), class_=kind))
    return join(parts)


def _line(line: Series, place: int, count: int, scale: _Scale) -> Html:
    style = f"c{place % SERIES_STYLES + 1}"
    runs: list[list[str]] = [[]]
    marks: list[Html] = []
    for position, value in enumerate(line.values[:count]):
        if value is None or not math.isfinite(value):
            runs.append([])
            continue
        x, y = _at(position, count), _height(scale.share(value))
        runs[-1].append(f"{x},{y}")
        marks.append(element("circle", cx=x, cy=y, r="3", class_=style))
    drawn = [element("polyline", points=" ".join(run), class_=style) for run in runs if len(run) > 1]
    return join([*drawn, *marks])


def _key(place: int) -> Html:
    style = f"c{place % SERIES_STYLES + 1}"
    stroke = element("polyline", points="0,5 28,5", class_=style)
    return element("svg", stroke, class_="key", viewBox="0 0 28 10", aria_hidden="true")


def _told(line: Series, labels: Sequence[str]) -> str:
    known = [
        (label, value)
        for label, value in zip(labels, line.values, strict=False)
        if value is not None and math.isfinite(value)
    ]
    if not known:
        return f"{line.name}: no values."
    (first, start), (last, end) = known[0], known[-1]
    low, high = min(value for _, value in known), max(value for _, value in known)
    return (
        f"{line.name}: {number(start)} at {first}, {number(end)} at {last}, "
        f"lowest {number(low)}, highest {number(high)}, {len(known)} values."
    )
