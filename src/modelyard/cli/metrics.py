"""`metrics` and `compare-live`: what versions did in service, as tables and small plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.domain.measures import MOST_POINTS
from modelyard.domain.wire import LikelyRange, LiveComparison, MetricPoint, MetricsRecord, VersionMetrics
from modelyard.domain.wording import moment

POINTS = 48
"""Steps of a plot; a terminal is wider."""
_HUNDRED, _THOUSAND = 100, 1000
_BARS = "▁▂▃▄▅▆▇█"
_ROLES = click.Choice(["live", "shadow", "tracked"])
_SINCE = click.option(
    "--since", metavar="WHEN", help="A moment, or how long ago, such as 90m, 24h (if left out) or 7d."
)
_UNTIL = click.option("--until", metavar="WHEN", help="A moment, or how long ago; now if left out.")
_ENVIRONMENT = click.option("--environment", metavar="NAME", help="Only requests to this environment's endpoint.")
_ROLE = click.option("--role", type=_ROLES, help="Answers, copies, or what applications told of themselves.")
_FIGURES = {
    "error_rate": "error rate",
    "success_rate": "success rate",
    "avg_latency": "mean latency",
    "p50_s": "p50",
    "p95_s": "p95",
    "p99_s": "p99",
    "throughput": "throughput",
    "tokens_per_request": "tokens a request",
    "cost_per_request": "cost a request",
}
_FORMS = {"success_rate": "{:.4g} %", "tokens_per_request": "{:,.4g}"}


@command(
    "metrics",
    "modelyard metrics fraud",
    "modelyard metrics fraud 1.1.0 --since 7d",
    "modelyard metrics fraud --role shadow --since 2026-03-01 --output json",
)
@click.argument("model")
@click.argument("version", required=False)
@_SINCE
@_UNTIL
@_ENVIRONMENT
@_ROLE
@click.option(
    "--points", type=click.IntRange(0, MOST_POINTS), default=POINTS, show_default=True, help="Steps of a series, about."
)
@pass_session
def metrics(session: Session, /, model: str, version: str | None, **given: Any) -> None:
    """Show what the versions of a model did in service.

    Of one version with how sure each figure is, and plots of its course.
    """
    record = session.open().get_metrics(model, version, **given)
    session.emit(record, lambda: _whole(record) if version else _overview(record))


@command(
    "compare-live",
    "modelyard compare-live fraud 1.0.0 1.1.0",
    "modelyard compare-live fraud 1.0.0 1.1.0 --since 2h --environment staging",
)
@click.argument("model")
@click.argument("version_a", metavar="A")
@click.argument("version_b", metavar="B")
@_SINCE
@_UNTIL
@_ENVIRONMENT
@_ROLE
@pass_session
def compare_live(session: Session, /, model: str, version_a: str, version_b: str, **given: Any) -> None:
    """Compare what two versions did in service.

    A figure is better only where the two intervals do not overlap. Which version is released, is for the judge of its
    deployment to say.
    """
    record = session.open().compare_live(model, version_a, version_b, **given)
    session.emit(record, lambda: _side_by_side(record))


def sparkline(values: Sequence[float | None]) -> str:
    """Return values as bars, from nothing to the largest; blanks where there is no value."""
    most = max((value for value in values if value is not None), default=0.0)
    last = len(_BARS) - 1
    return "".join(
        " " if value is None else _BARS[round(value / most * last) if most else 0] for value in values
    )  # fmt: skip


def seconds(value: float | None) -> str:
    """Return a length of time with a unit that fits: `12.3 ms`, `1.5 s`."""
    if value is None:
        return ""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        # What would be written as 1000 of a unit is 1 of the next.
        if value >= 0.9995 * factor or (value and unit == "µs"):
            number = value / factor
            return f"{number:.3g} {unit}" if number < _THOUSAND else f"{number:,.0f} {unit}"
    return "0 s"


def _overview(record: MetricsRecord) -> tables.Printable:
    rows = [
        (
            one.version,
            one.role,
            f"{one.requests:,}",
            _share(one.error_rate),
            seconds(one.p50_s),
            seconds(one.p95_s),
            seconds(one.p99_s),
            _rate(one.throughput),
            _money(one.cost, one.currency),
        )
        for one in record.versions
    ]
    head = ("VERSION", "ROLE", "REQUESTS", "ERRORS", "P50", "P95", "P99", "PER S", "COST")
    return tables.stacked(
        tables.facts((("from", _range(record.since, record.until)), ("environment", record.environment))),
        tables.table(head, rows, right=head[2:], empty=f"no version of {record.name} did anything in this time"),
    )


def _whole(record: MetricsRecord) -> tables.Printable:
    parts: list[tables.Printable] = [tables.facts((("from", _range(record.since, record.until)),))]
    for one in record.versions:
        parts += [tables.facts(_facts(record, one)), tables.facts(_plots(one.series))]
    return tables.stacked(*parts)


def _facts(record: MetricsRecord, one: VersionMetrics) -> list[tuple[str, object]]:
    sure = f"{record.confidence:.0%} sure"
    codes = ", ".join(f"{count:,} {code}" for code, count in one.codes.items())
    return [
        ("version", f"{record.name}/{one.version}, {one.role}"),
        ("requests", f"{one.requests:,}"),
        ("errors", f"{one.errors:,}" + (f" ({codes})" if codes else "")),
        *((label, _figure(name, one, sure)) for name, label in _FIGURES.items() if getattr(one, name) is not None),
        ("tokens", f"{one.tokens:,}" if one.tokens else ""),
        ("cost", _money(one.cost, one.currency)),
        ("first seen", moment(one.first_seen or "")),
        ("last seen", moment(one.last_seen or "")),
    ]


def _figure(name: str, one: VersionMetrics, sure: str) -> str:
    value = _shown(name, getattr(one, name), one.currency)
    if name not in one.intervals:
        return value
    likely = one.intervals[name]
    if likely.low is None and likely.high is None:
        return f"{value}  (not enough data to say how sure)"
    return f"{value}  ({_between(name, likely)}, {sure})"


def _between(name: str, likely: LikelyRange) -> str:
    if likely.low is None or likely.high is None:
        least = likely.high is None
        return f"{'at least' if least else 'at most'} {_shown(name, likely.low if least else likely.high)}"
    return f"{_shown(name, likely.low)} to {_shown(name, likely.high)}"


def _plots(series: Sequence[MetricPoint]) -> list[tuple[str, object]]:
    if not series:
        return []
    return [
        ("requests", sparkline([float(point.requests) for point in series])),
        ("errors", sparkline([float(point.errors) for point in series])),
        ("p95", sparkline([point.p95_s for point in series])),
        ("", f"{moment(series[0].at)} to {moment(series[-1].at)}, {series[0].seconds:,} s a step"),
    ]


def _side_by_side(record: LiveComparison) -> tables.Printable:
    currency = record.a.currency or record.b.currency
    rows = [("requests", f"{record.a.requests:,}", f"{record.b.requests:,}", "", "")]
    rows += [
        (
            _FIGURES[row.name],
            _shown(row.name, row.a, currency),
            _shown(row.name, row.b, currency),
            f"{row.relative_change:+.1%}" if row.relative_change is not None else "",
            (row.better or "").upper(),
        )
        for row in record.metrics
        if row.a is not None or row.b is not None
    ]
    head = ("FIGURE", "A", "B", "CHANGE", "BETTER")
    sides = (
        ("A", f"{record.a.version}, {record.role}"),
        ("B", f"{record.b.version}, {record.role}"),
        ("from", _range(record.since, record.until)),
        ("environment", record.environment),
    )
    return tables.stacked(
        tables.facts(sides),
        tables.table(head, rows, right=("A", "B", "CHANGE")),
        tables.facts((("shown", record.explanation),)),
    )


def _shown(name: str, value: float | None, currency: str = "") -> str:
    """A figure as people read it."""
    if value is None:
        return ""
    if name == "error_rate":
        return _share(value)
    if name == "cost_per_request":
        return _money(value, currency) or "0"
    if name == "throughput":
        return f"{_rate(value)} a second"
    return _FORMS[name].format(value) if name in _FORMS else seconds(value)


def _rate(value: float) -> str:
    """How many a second, in three digits at least, and never as a power of ten."""
    return f"{value:,.0f}" if value >= _HUNDRED else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.3g} %"


def _money(value: float, currency: str) -> str:
    return f"{value:,.6g} {currency}".rstrip() if value else ""


def _range(since: str, until: str) -> str:
    return f"{moment(since)} to {moment(until)} UTC"
