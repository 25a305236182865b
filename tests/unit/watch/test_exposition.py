"""The text of `/metrics`: read back by Prometheus' own parsers, in both forms."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from modelyard.domain.cells import Cell
from modelyard.telemetry.totals import BOUNDS, Totals
from modelyard.watch import exposition as of
from modelyard.watch.sampling import Differences

FRAUD = ("fraud", "production", "1.0.0", "live")
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def whole() -> Totals:
    """Totals with a sample of every metric."""
    totals = Totals()
    cell = Cell()
    cell.add(0.1, tokens=3, cost=0.5)
    cell.add(0.2, "timed_out")
    totals.add_cell(FRAUD, cell, 1)
    for metric in of.METRICS:
        series = (metric.name, *(f"a {label}" for label in metric.labels))
        if metric.kind == of.HISTOGRAM:
            totals.observe(series, 0.3)
        elif metric.kind == of.COUNTER:
            totals.count(series, 2)
        else:
            totals.gauges[series] = 1.5
    return totals


@pytest.mark.parametrize(("accept", "parse"), [("", plain), ("text/plain", plain), (OPEN_METRICS, open_metrics)])
def test_every_metric_is_told_with_its_labels_in_both_forms(accept, parse):
    text, content_type = of.rendered(whole(), accept)
    assert content_type.startswith("application/openmetrics-text" if accept == OPEN_METRICS else "text/plain")
    found = {sample.name: sample for family in parse(text.decode()) for sample in family.samples}
    assert found.keys() == of.SAMPLES
    for metric in of.METRICS:
        for name in metric.samples:
            assert found[name].labels.keys() - {"le"} == set(metric.labels)


def test_buckets_count_up_to_the_number_of_all():
    text, _ = of.rendered(whole(), "")
    samples = [sample for family in plain(text.decode()) for sample in family.samples]
    place = dict(zip(("model", "environment", "version", "role"), FRAUD, strict=True))
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for sample in samples
        if sample.name == "modelyard_prediction_duration_seconds_bucket" and place.items() <= sample.labels.items()
    ]
    assert [bound for bound, _ in buckets] == [*BOUNDS, float("inf")]
    assert [count for _, count in buckets] == [0.0] * 6 + [1.0] + [2.0] * 8


def test_names_of_models_cannot_break_the_text():
    totals = Totals()
    totals.count(("modelyard_prediction_errors", 'a"b\\c\nd', "production", "1.0.0", "live"))
    for accept, parse in (("", plain), (OPEN_METRICS, open_metrics)):
        text, _ = of.rendered(totals, accept)
        (family,) = parse(text.decode())
        assert family.samples[0].labels["model"] == 'a"b\\c\nd'


def test_a_series_that_no_metric_knows_is_left_out():
    totals = Totals(counters={("modelyard_unheard_of",): 1.0})
    assert of.rendered(totals, "")[0] == b""


def test_names_keep_to_the_rules_of_prometheus():
    for metric in of.METRICS:
        assert metric.name.startswith(("modelyard_", "process_"))
        assert not metric.name.endswith("_total")
        assert metric.help.endswith(".")
    assert len(of.BY_NAME) == len(of.METRICS)


def test_numbers_that_somebody_else_counts_become_differences():
    differences = Differences()
    assert [differences.since(("a",), value) for value in (3, 5, 5, 1)] == [3, 2, 0, 1]
