"""Tests of more than two versions: each version that is brought in is held to the limits, and to its pulse."""

from __future__ import annotations

from typing import Any

import pytest

from components.rollouts import Rollouts
from modelyard.domain.wire import DeploymentRecord, Limits
from modelyard.operations import DEPRECATE, GET_VERSION, Deprecate, NamedThen

LIMITS = Limits(max_error_rate=0.05, min_requests=20)


def three(yard: Rollouts, **options: Any) -> DeploymentRecord:
    """Begin a test of 2.0.0 and 3.0.0 beside 1.0.0, which serves."""
    given = {"split": {"1.0.0": 50, "3.0.0": 20}, "limits": LIMITS, **options}
    return yard.deploy("2.0.0", "ab-test", **given)


def is_deprecated(yard: Rollouts, version: str) -> bool:
    return yard.call(GET_VERSION, NamedThen(reference=f"fraud/{version}")).deprecated


@pytest.mark.feature("DEP-06", "RBK-05")
@pytest.mark.parametrize("culprit", ["2.0.0", "3.0.0"])
def test_the_limits_hold_for_every_version_that_is_brought_in(served: Rollouts, culprit: str):
    begun = three(served, deprecate=True)
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        served.observe(version, 30, errors=30 if version == culprit else 0)
    assert served.get(begun).verdict.state == "REGRESSED"
    ended = served.after(begun, 1)
    assert (ended.state, served.shares()) == ("ROLLED_BACK", {"1.0.0": 1.0})
    assert ended.rollback is not None
    assert ended.rollback.evidence["candidate"]["version"] == culprit
    assert "error rate is 100 %" in ended.reason
    assert [one for one in ("2.0.0", "3.0.0") if is_deprecated(served, one)] == [culprit]


def test_what_serves_already_is_not_held_to_the_limits_of_a_test(served: Rollouts):
    begun = three(served)
    served.observe("1.0.0", 30, errors=30)
    assert served.after(begun, 1).state == "STAGE"


@pytest.mark.feature("DEP-06", "RBK-05")
@pytest.mark.parametrize("culprit", ["2.0.0", "3.0.0"])
def test_a_version_of_a_test_that_dies_takes_it_back(served: Rollouts, culprit: str):
    begun = three(served, deprecate=True)
    served.dies(culprit)
    ended = served.drive(begun)
    assert (ended.state, ended.reason) == ("ROLLED_BACK", f"{culprit} does not answer probes")
    assert [one for one in ("2.0.0", "3.0.0") if is_deprecated(served, one)] == [culprit]


@pytest.mark.feature("DEP-07", "DEP-21")
@pytest.mark.parametrize("withdrawn", ["2.0.0", "3.0.0"])
def test_a_test_does_not_begin_with_a_version_that_was_withdrawn(served: Rollouts, withdrawn: str):
    split = {"1.0.0": 50, "3.0.0": 20}
    begun = served.begin("2.0.0", "ab-test", split=split, start_at="2026-03-02T14:00:00+01:00")
    served.call(DEPRECATE, Deprecate(reference=f"fraud/{withdrawn}", reason="leaks labels"))
    ended = served.after(begun, 3600)
    assert (ended.state, served.shares()) == ("REJECTED", {"1.0.0": 1.0})
    assert "deprecated: leaks labels" in ended.reason
