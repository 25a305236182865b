"""How a deployment was judged, as a page: the words, the course of the evidence as a plot, and the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelyard.domain.wire import ChallengerEvidence, Explanation
from modelyard.domain.wording import moment
from modelyard.reports.charts import SERIES_STYLES
from modelyard.reports.markup import NOTHING, Html, element, escape, join, number
from modelyard.reports.page import Section, facts, page, paragraph, table

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640.0, 260.0, 60.0, 14.0, 12.0, 28.0
LOWEST = 1e-6
"""Evidence below which it is drawn as if it were no less."""
MOST_GRID = 6
"""Powers of ten that have a line."""


def judgement_page(explanation: Explanation) -> str:
    """An explanation as a page that needs nothing else."""
    title = f"How {explanation.version} of {explanation.name} was judged"
    judgement = explanation.judgement
    known = facts(
        (
            ("deployment", f"{explanation.id}, {explanation.strategy}, {explanation.state}"),
            ("endpoint", f"{explanation.name} in {explanation.environment}"),
            ("instead of", explanation.base or "nothing"),
            ("judgement", "" if judgement is None else f"{judgement.state}: {judgement.reason}"),
        )
    )
    words = element("div", *(paragraph(line) for line in explanation.words), class_="panel")
    return page(
        title,
        Section("Outcome", words, known),
        Section("Evidence", evidence_plot(explanation) if explanation.course else NOTHING),
        Section("Versions", _versions(explanation)),
        Section("Metrics", _metrics(explanation)),
        Section("Course", _course(explanation)),
        subtitle=f"{explanation.id}, {explanation.units:,} units in {explanation.batches:,} batches",
        footer="Written by modelyard.",
    )


def evidence_plot(explanation: Explanation) -> Html:
    """The evidence against each version, batch by batch, on a logarithmic scale, with the limit as a line."""
    judgement, course = explanation.judgement, explanation.course
    limit = judgement.limit if judgement is not None else 1.0
    series = {
        one.version: [
            (point.position, _level(found.e_value))
            for point in course
            for found in point.challengers
            if found.version_id == one.version_id
        ]
        for one in course[-1].challengers
    }
    levels = [level for line in series.values() for _, level in line] + [0.0, _level(limit)]
    scale = _Scale(min(levels), max(levels), course[0].position, course[-1].position)
    lines = join(_line(points, place, scale) for place, points in enumerate(series.values()))
    y = scale.y(_level(limit))
    border = element("line", class_="grid", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y, stroke_dasharray="6 3")
    caption = (
        f"Evidence E that a version is worse, by batches of evidence, on a logarithmic scale. The dashed line is the"
        f" limit of {number(limit)}: beyond it a version goes back."
    )
    drawing = element(
        "svg", _grid(scale), border, lines,
        class_="plot", viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img", aria_label=_told(explanation, caption),
    )  # fmt: skip
    keys = (element("li", _key(place), escape(version)) for place, version in enumerate(series))
    return element("figure", drawing, element("ul", *keys, class_="legend"), element("figcaption", escape(caption)))


class _Scale:
    """From powers of ten and positions to places in the drawing."""

    def __init__(self, low: float, high: float, first: int, last: int) -> None:
        self.low, self.high, self.first, self.last = low, max(high, low + 1.0), first, last

    def y(self, level: float) -> str:
        share = (level - self.low) / (self.high - self.low)
        return f"{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"

    def x(self, position: int) -> str:
        share = (position - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f}"


def _level(e_value: float) -> float:
    return math.log10(max(e_value, LOWEST))


def _line(points: Sequence[tuple[int, float]], place: int, scale: _Scale) -> Html:
    style = f"c{place % SERIES_STYLES + 1}"
    if len(points) == 1:
        return element("circle", cx=scale.x(points[0][0]), cy=scale.y(points[0][1]), r="3", class_=style)
    return element("polyline", points=" ".join(f"{scale.x(at)},{scale.y(level)}" for at, level in points), class_=style)


def _grid(scale: _Scale) -> Html:
    first, last = math.ceil(scale.low), math.floor(scale.high)
    parts = []
    for power in range(first, last + 1, max(1, (last - first) // MOST_GRID)):
        y = scale.y(power)
        parts.append(element("line", class_="grid", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y))
        parts.append(element("text", escape(f"{10.0**power:g}"), x=str(LEFT - 6), y=y, class_="left"))
    for position, kind in ((scale.first, "first"), (scale.last, "last")):
        text = escape(f"batch {position:,}")
        parts.append(element("text", text, x=scale.x(position), y=f"{HEIGHT - 8:g}", class_=kind))
    return join(parts)


def _key(place: int) -> Html:
    stroke = element("polyline", points="0,5 28,5", class_=f"c{place % SERIES_STYLES + 1}")
    return element("svg", stroke, class_="key", viewBox="0 0 28 10", aria_hidden="true")


def _told(explanation: Explanation, caption: str) -> str:
    """The plot for those who do not see it."""
    ends = explanation.course[-1].challengers
    return f"{caption} " + " ".join(
        f"{one.version}: {number(one.e_value)} at the end, {number(one.peak)} at most." for one in ends
    )


def _challengers(explanation: Explanation) -> Sequence[ChallengerEvidence]:
    return explanation.judgement.challengers if explanation.judgement is not None else ()


def _versions(explanation: Explanation) -> Html:
    head = ("Version", "Units", "Failed", "Old version", "Failed", "E", "E at most", "Proof", "Harm")
    rows = [
        (
            one.version, one.units, one.failed, one.base_units, one.base_failed, one.e_value, one.peak, one.proof,
            one.harm,
        )
        for one in _challengers(explanation)
    ]  # fmt: skip
    return table("Each version against the old one", head, rows, numeric=range(1, len(head)))


def _metrics(explanation: Explanation) -> Html:
    rows = [
        (one.version, metric.metric, metric.e_value, metric.weight)
        for one in _challengers(explanation)
        for metric in one.metrics
    ]
    return table("What each metric has to say, now", ("Version", "Metric", "E", "Weight"), rows, numeric=(2, 3))


def _course(explanation: Explanation) -> Html:
    rows = [
        (
            moment(point.at), point.position, one.version, one.weight, one.units, one.failed, one.base_units,
            one.base_failed, one.e_value, one.proof,
        )
        for point in explanation.course
        for one in point.challengers
    ]  # fmt: skip
    head = (
        "At (UTC)", "Batch", "Version", "Share", "Units", "Failed", "Old version", "Failed", "E", "Proof",
    )  # fmt: skip
    return table("How the evidence came about", head, rows, numeric=(1, *range(3, len(head))))
