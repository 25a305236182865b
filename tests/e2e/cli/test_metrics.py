"""`metrics` and `compare-live`, on a folder and on a server."""

from __future__ import annotations

import pytest

from modelyard import ModelRegistry


def tell(fraud, version: str, count: int, *, latency: float = 0.02, errors: int = 0) -> None:
    """Let an application tell how predictions went."""
    one = {"version": version, "latency": latency, "tokens": 5, "cost": 0.00123}
    told = [{**one, "success": n >= errors} for n in range(count)]
    with ModelRegistry(fraud.target) as registry:
        assert registry.track_predictions("fraud", told).recorded == count


@pytest.mark.feature("PRF-02", "PRF-03", "PRF-04", "PRF-05")
def test_what_versions_did_is_a_table(fraud):
    assert "no version of fraud did anything" in fraud.ok("metrics fraud").out
    tell(fraud, "1.0.0", 200, errors=10)
    tell(fraud, "1.1.0", 50, latency=0.05)
    lines = [line.split() for line in fraud.ok("metrics fraud").out.splitlines()]
    assert all(word in lines[2] for word in ("REQUESTS", "P95", "COST")), lines
    assert ["1.1.0", "tracked", "50", "0", "%"] in [line[:5] for line in lines]
    assert ["1.0.0", "tracked", "200", "5", "%", "20", "ms"] in [line[:7] for line in lines]
    assert max(len(line) for line in fraud.ok("metrics fraud").out.splitlines()) <= 80
    answer = fraud.json("metrics fraud 1.0.0 --since 2h --role tracked")
    assert [(one["version"], one["requests"], one["tokens"]) for one in answer["versions"]] == [("1.0.0", 200, 1000)]


@pytest.mark.feature("PRF-02", "PRF-04")
def test_one_version_is_shown_with_how_sure_its_figures_are(fraud):
    tell(fraud, "1.0.0", 200, errors=10)
    shown = fraud.ok("metrics fraud 1.0.0").out
    assert "errors            10 (10 prediction_failed)" in shown
    assert "error rate        5 %" in shown
    assert "95% sure" in shown
    assert "requests  █" in shown


@pytest.mark.feature("PRF-07")
def test_two_versions_in_service_are_compared(fraud):
    tell(fraud, "1.0.0", 500, errors=100)
    tell(fraud, "1.1.0", 500)
    shown = fraud.ok("compare-live fraud 1.0.0 1.1.0").out
    assert ["success", "rate", "80", "%", "100", "%", "+25.0%", "B"] in [line.split() for line in shown.splitlines()]
    assert "the judge" in shown
    assert fraud.json("compare-live fraud 1.0.0 1.1.0")["b"]["requests"] == 500


def test_what_metrics_refuse(fraud):
    assert fraud.run("metrics unknown").code == 3
    assert fraud.run("metrics fraud 9.9.9").code == 3
    assert fraud.run("metrics fraud --since soon").code == 2
    assert fraud.run("metrics fraud --role main").code == 2
    assert fraud.run("metrics fraud --environment nowhere").code == 3
    assert fraud.run("compare-live fraud 1.0.0").code == 2
    assert fraud.run("compare-live fraud 1.0.0 9.9.9").code == 3
