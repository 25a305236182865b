"""How drift looks to people: one row for each feature, the furthest first, with a bar."""

from __future__ import annotations

from rich.text import Text

from modelyard.cli import tables
from modelyard.cli.text import number
from modelyard.domain.divergence import FROM_STRONG
from modelyard.domain.wire import DriftReport, FeatureDrift
from modelyard.domain.wording import moment

BAR = 10
"""Columns of the bar of strong drift or more."""
DIGITS = 4
"""Significant digits of a median."""
_COLOURS = {"strong": "red", "slight": "yellow", "none": "green", "not_enough_data": "dim"}


def drawn(report: DriftReport) -> tables.Printable:
    """Return what was compared, and the table of its features."""
    rows = [_row(one) for one in report.features]
    head = ("FEATURE", "PSI", "", "DRIFT", "KS", "WAS", "IS", "MISSING", "NEW")
    facts = [
        ("version", f"{report.name} {report.version}"),
        ("against", report.against or "nothing"),
        ("environment", report.environment),
        ("since", moment(report.since)),
        ("drift", report.reason),
        ("only before", ", ".join(report.only_in_baseline)),
        ("only now", ", ".join(report.only_live)),
    ]
    table = tables.table(head, rows, right=("PSI", "KS", "WAS", "IS", "MISSING"), empty="no features to compare")
    return tables.stacked(tables.facts(facts), table)


def _row(one: FeatureDrift) -> tuple[object, ...]:
    colour = _COLOURS[one.drift]
    missing = "" if not one.missing and not one.baseline_missing else f"{100 * (one.missing or 0.0):.3g} %"
    return (
        one.feature,
        "" if one.psi is None else f"{one.psi:.3f}",
        Text(_bar(one.psi), style=colour),
        Text(one.drift.replace("_", " "), style=colour),
        "" if one.ks is None else f"{one.ks:.3f}",
        _median(one.baseline_median),
        _median(one.median),
        missing,
        ", ".join(f"{name} {100 * share:.3g} %" for name, share in one.new_categories.items()),
    )


def _median(value: float | None) -> str:
    """As many digits as the bins of a profile know; more would make 0.999922 of a 1."""
    return "" if value is None else number(float(f"{value:.{DIGITS}g}"))


def _bar(psi: float | None) -> str:
    return "█" * max(0, min(BAR, round(BAR * (psi or 0.0) / FROM_STRONG)))
