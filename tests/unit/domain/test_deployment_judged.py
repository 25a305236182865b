"""What a controller decides on what the judge says: lots that look wrong, and proof that is required."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard.domain.deployment import BAKE, HALTED, PAUSED, SKEW, STAGE, Decision, Sight, decide
from modelyard.domain.durations import later
from modelyard.domain.judge import HEALTHY, INCONCLUSIVE, PENDING, REGRESSED
from modelyard.domain.wire.delivery import (
    Arm,
    DeploymentOptions,
    DeploymentRecord,
    DeploymentVerdict,
    Plan,
    Step,
)
from modelyard.domain.wire.judge import JudgeOptions

NOW = "2026-03-01T12:00:00.000000Z"
ARMS = [Arm(version_id="new", version="2.0.0", weight=0.1), Arm(version_id="old", version="1.0.0", weight=0.9)]


def deployment(state: str = STAGE, *, proof: float | None = None, **fields: Any) -> DeploymentRecord:
    """A canary whose only step needs a minute, and no requests; it is inconclusive after ten."""
    options = DeploymentOptions(judge=JudgeOptions(require_proof=proof))
    plan = Plan(steps=[Step(arms=ARMS, min_seconds=60.0, max_seconds=600.0)], bake_seconds=60.0, final=ARMS)
    made = DeploymentRecord(
        id="dp_1", name="fraud", environment="production", endpoint_id="ep_1", version="2.0.0", version_id="new",
        base="1.0.0", base_id="old", strategy="canary", state=state, plan=plan, options=options, since=NOW,
    )  # fmt: skip
    return replace(made, **fields)


def decided(found: DeploymentRecord, seconds: float, state: str = "", skew: str = "") -> Decision | None:
    """What is decided some seconds later, on a verdict."""
    verdict = DeploymentVerdict(state=state, reason="so it is", evidence={"e_value": 1.0}) if state else None
    return decide(found, Sight(moment=later(NOW, seconds), verdict=verdict, skew=skew))


@pytest.mark.parametrize("state", [STAGE, BAKE])
def test_lots_that_look_wrong_halt_it_once(state: str):
    found = decided(deployment(state), 61, INCONCLUSIVE, "lots are wrong")
    assert found == Decision(
        event="halted", reason=f"{HALTED}lots are wrong", cause=SKEW, evidence={"skew": "lots are wrong"}
    )  # fmt: skip
    again = decided(deployment(state, skew_told=True), 61, INCONCLUSIVE, "lots are wrong")
    assert again is not None
    assert again.event != "halted"


def test_lots_that_look_wrong_do_not_disturb_what_is_paused_already():
    assert decided(deployment(PAUSED, resumes=STAGE), 61, INCONCLUSIVE, "lots are wrong") is None


def test_a_verdict_counts_though_lots_look_wrong():
    found = decided(deployment(), 1, REGRESSED, "lots are wrong")
    assert found is not None
    assert (found.event, found.cause) == ("rolling_back", "verdict")


def test_a_step_that_needs_no_requests_goes_on_by_time_unless_proof_is_required():
    went = decided(deployment(), 61, PENDING)
    assert went is not None
    assert went.event == "baking"
    assert decided(deployment(proof=2.0), 61, PENDING) is None


def test_proof_lets_it_go_on():
    found = decided(deployment(proof=2.0), 61, HEALTHY)
    assert found is not None
    assert (found.event, found.reason, found.evidence) == ("baking", "so it is", {"e_value": 1.0})


def test_without_proof_it_is_inconclusive_in_the_end():
    found = decided(deployment(proof=2.0), 601, PENDING)
    assert found is not None
    assert (found.event, found.cause) == ("inconclusive", "inconclusive")
