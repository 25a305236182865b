"""How drift is drawn: the furthest first, with bars, within 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from modelyard.cli import tables
from modelyard.cli.drift_view import BAR, drawn
from modelyard.domain.divergence import drift_of_feature
from modelyard.domain.profiles import Feature
from modelyard.domain.wire import DriftReport, FeatureDrift

pytestmark = pytest.mark.feature("EXP-25")


def feature(*values: object) -> Feature:
    """A feature that counts some values."""
    made = Feature()
    for value in values:
        made.add(value)
    return made


def moved(name: str, before: Sequence[object], now: Sequence[object]) -> FeatureDrift:
    """The drift of a feature."""
    return drift_of_feature(
        name,
        "input",
        baseline=feature(*before),
        baseline_rows=len(before),
        live=feature(*now),
        rows=len(now),
    )


def report(*features: FeatureDrift) -> DriftReport:
    """A report with some features."""
    return DriftReport(
        name="fraud",
        version="1.0.0",
        version_id="mv_1",
        environment="eu",
        since="2026-03-01T12:00:00.000000Z",
        until="2026-03-02T12:00:00.000000Z",
        against="reference",
        drift="strong",
        reason="strong drift of age",
        baseline_rows=100,
        rows=100,
        features=list(features),
        only_in_baseline=["label"],
        only_live=["trace_id"],
    )


def test_a_report_shows_what_moved_and_how_far(capsys):
    features = [
        moved("age", [20.0] * 100, [60.0] * 90 + [None] * 10),
        moved("city", ["Bern"] * 100, ["Bern"] * 80 + ["Rom"] * 20),
        moved("few", [1.0] * 100, []),
    ]
    tables.render(drawn(report(*features)))
    out = capsys.readouterr().out
    assert f"{'█' * BAR}" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "strong" in lines["age"]
    assert tuple(lines["age"].split()[5:7]) == ("20", "60"), "and not 60.0047: bins are no finer than that"
    assert "10 %" in lines["age"]
    assert "Rom 20 %" in lines["city"]
    assert "not enough data" in lines["few"]
    assert "label" in out
    assert "trace_id" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_a_report_without_features_says_so(capsys):
    tables.render(drawn(report()))
    assert "no features to compare" in capsys.readouterr().out
