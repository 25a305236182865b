"""A missing component skips a test, or fails it where it is required, and the summary tells."""

from __future__ import annotations

import pytest

from components import needs


@pytest.fixture(autouse=True)
def forget():
    """Keep the made-up components of these tests out of the run's own summary."""
    before = dict(needs.missing)
    yield
    needs.missing.clear()
    needs.missing.update(before)


def test_a_missing_component_skips(monkeypatch):
    monkeypatch.delenv("MODELYARD_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="perpetuum mobile is missing: physics"):
        needs.without("perpetuum mobile", "physics")
    assert needs.missing["perpetuum mobile"] == "physics"


@pytest.mark.parametrize("required", ["all", "postgres,perpetuum mobile"])
def test_a_missing_component_fails_where_it_is_required(monkeypatch, required):
    monkeypatch.setenv("MODELYARD_REQUIRE", required)
    with pytest.raises(pytest.fail.Exception, match="required and missing: physics"):
        needs.without("perpetuum mobile", "physics")


def test_requiring_another_component_still_skips(monkeypatch):
    monkeypatch.setenv("MODELYARD_REQUIRE", "postgres")
    with pytest.raises(pytest.skip.Exception):
        needs.without("perpetuum mobile", "physics")


def test_an_unknown_component_is_a_mistake():
    with pytest.raises(KeyError):
        needs.need("perpetuum mobile")


def test_the_summary_counts_and_gives_reasons():
    assert needs.summary({"s3", "git"}, {}) == "components: 2 real (git, s3), 0 missing"
    assert needs.summary({"git"}, {"s3": "no moto"}) == "components: 1 real (git), 1 missing (s3: no moto)"
    assert needs.summary(set(), {"s3": "no moto"}) == "components: 0 real, 1 missing (s3: no moto)"
