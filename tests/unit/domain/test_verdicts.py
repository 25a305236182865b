"""What the judge says of a trial, and how that joins the limits that people set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.units import failed, well
from modelyard.domain.judge import HEALTHY, INCONCLUSIVE, PENDING, REGRESSED
from modelyard.domain.trial import Trial
from modelyard.domain.units import Arrival, Batch, Unit
from modelyard.domain.verdicts import (
    OBSERVE,
    OFF,
    SLO_WEIGHT,
    check_options,
    evidence_of,
    judged,
    one_in,
    verdict_with,
    weights_of,
)
from modelyard.domain.wire.delivery import DeploymentVerdict
from modelyard.domain.wire.judge import ChallengerEvidence, Judgement, JudgeOptions, MetricEvidence, Terms
from modelyard.errors import InvalidRequest

NOW = "2026-03-01T12:00:00.000000Z"
OPTIONS = JudgeOptions()
ARMS = (Arrival("old", 1), Arrival("new", 1), Arrival("other", 1))
NAMES = {"new": "2.0.0"}


def trial_of(*units: Unit, challengers: tuple[str, ...] = ("new",), at: str = NOW, **options: Any) -> Trial:
    """A trial that has taken in units, judged by errors alone; the old version has 0.8 of the traffic."""
    terms = Terms(
        base_id="old", challengers=[*challengers], options=JudgeOptions(**options), weights={"errors": 1.0}
    )  # fmt: skip
    trial = Trial(terms)
    trial.take(Batch(ARMS, units), {1: {"old": 0.8, "new": 0.1, "other": 0.1}}, at)
    return trial


def said(trial: Trial, **how: Any) -> Judgement:
    """What is said of a trial now."""
    return judged(trial, NAMES, now=NOW, **how)


def test_nothing_is_said_of_no_unit():
    found = said(trial_of())
    assert (found.state, found.reason, found.limit) == (PENDING, "no unit of it has been seen yet", 20.0)


def test_errors_of_the_new_version_alone_are_evidence_that_is_never_taken_back():
    trial = trial_of(*[failed(1, key, 10) for key in range(1, 9)])
    found = said(trial)
    assert found.state == REGRESSED
    assert "2.0.0: it fails more often; chance alone makes it look so 1 in" in found.reason
    assert "8 of 8 units failed against 0 of 0" in found.reason
    trial.take(Batch(ARMS, tuple(failed(0, key, 10) for key in range(100, 200))), {1: {"old": 0.8, "new": 0.1}})
    later = said(trial)
    assert later.state == REGRESSED
    assert later.challengers[0].e_value < 1


def test_errors_of_the_old_version_alone_are_proof():
    found = said(trial_of(well(1, 1, 10), *[failed(0, key, 10) for key in range(2, 60)]))
    assert found.state == HEALTHY
    assert "proven not to fail 2 times as often" in found.reason


def test_everything_between_is_inconclusive_and_says_what_a_proof_takes_where_that_can_be_told():
    assert said(trial_of(well(1, 1, 10))).reason == "no evidence of harm, 0 of 1 units failed against 0 of 0"
    found = said(trial_of(well(1, 1, 10), failed(0, 2, 10)))
    assert found.state == INCONCLUSIVE
    assert f"about {found.challengers[0].needed:,} more of its units" in found.reason


def test_several_challengers_share_alpha_and_the_worst_one_decides():
    units = [failed(2, key, 10) for key in range(1, 9)]
    found = judged(trial_of(*units, challengers=("new", "other")), {"other": "3.0.0"}, now=NOW)
    assert (found.limit, found.state) == (40.0, REGRESSED)
    assert found.reason.startswith("3.0.0: ")
    assert found.challengers[0].version == "new", "a version without a name is told by its id"


def test_lots_that_look_wrong_for_long_void_it_and_for_a_moment_do_not():
    units = [well(1, key, 10) for key in range(1, 90)]
    fresh, old = trial_of(*units), trial_of(*units, at="2026-03-01T11:59:20.000000Z")
    assert not said(fresh).void
    found = said(old)
    assert (found.state, found.reason.startswith("nothing follows: lots do not fall")) == (INCONCLUSIVE, True)
    assert found.skew > 10_000


def test_what_is_left_out_or_cannot_be_read_is_told():
    found = said(trial_of(well(1, 1, 10)), dropped=7, damaged=1)
    assert (found.dropped, found.damaged) == (7, 1)
    assert found.reason.endswith("; 1 of 1 batches of evidence could not be read")


# Joined with limits


def judgement(state: str, **fields: Any) -> Judgement:
    """A judgement of one version."""
    one = ChallengerEvidence(
        version_id="new",
        version="2.0.0",
        peak=30.0,
        metrics=[
            MetricEvidence(metric="errors", e_value=2.0, weight=0.5),
            MetricEvidence(metric="latency", e_value=9.0, weight=0.4),
        ],
    )
    return Judgement(**{"state": state, "reason": "the judge's", "challengers": [one], **fields})


def limits(state: str) -> DeploymentVerdict:
    """What limits say."""
    return DeploymentVerdict(state=state, reason="the limits'", evidence={"metric": "error_rate"})


PROOF = JudgeOptions(require_proof=2.0)

JOINED = [
    (None, None, OPTIONS, None, ""),
    (None, HEALTHY, OPTIONS, HEALTHY, "the limits'"),
    (None, REGRESSED, PROOF, REGRESSED, "the limits'"),
    (None, HEALTHY, PROOF, PENDING, "proof is required, and there is nothing to prove it by"),
    (None, None, PROOF, PENDING, "proof is required, and there is nothing to prove it by"),
    (None, HEALTHY, replace(PROOF, mode=OFF), HEALTHY, "the limits'"),
    (REGRESSED, HEALTHY, OPTIONS, REGRESSED, "the judge's"),
    (REGRESSED, REGRESSED, OPTIONS, REGRESSED, "the judge's"),
    (INCONCLUSIVE, REGRESSED, OPTIONS, REGRESSED, "the limits'"),
    (HEALTHY, REGRESSED, PROOF, REGRESSED, "the limits'"),
    (INCONCLUSIVE, HEALTHY, PROOF, PENDING, "the judge's"),
    (HEALTHY, HEALTHY, PROOF, HEALTHY, "the limits'; the judge's"),
    (HEALTHY, None, PROOF, HEALTHY, "the judge's"),
    (PENDING, None, OPTIONS, None, ""),
    (INCONCLUSIVE, None, OPTIONS, INCONCLUSIVE, "the judge's"),
    (INCONCLUSIVE, PENDING, OPTIONS, PENDING, "the limits'; the judge's"),
]


@pytest.mark.parametrize(("judge", "limit", "options", "state", "reason"), JOINED)
def test_the_judge_and_the_limits_are_joined(
    judge: str | None, limit: str | None, options: JudgeOptions, state: str | None, reason: str
):
    found = verdict_with(
        None if judge is None else judgement(judge), options, None if limit is None else limits(limit)
    )  # fmt: skip
    assert (found.state if found else None, found.reason if found else "") == (state, reason)


def test_who_only_observes_rolls_nothing_back():
    found = verdict_with(judgement(REGRESSED), JudgeOptions(mode=OBSERVE), None)
    assert found is not None
    assert (found.state, found.reason) == (
        INCONCLUSIVE,
        "it would be rolled back, but is only observed: the judge's",
    )


def test_the_evidence_names_the_worst_version_and_its_loudest_metric():
    found = evidence_of(judgement(REGRESSED))
    assert (found["version"], found["metric"], found["e_value"], found["limit"]) == ("2.0.0", "latency", 30.0, 20.0)
    assert list(evidence_of(Judgement(void="lost"))) == ["judge"]


@pytest.mark.parametrize(
    ("e_value", "text"),
    [(0.5, "nothing unusual"), (1.0, "1 in 1"), (1234.5, "1 in 1,234"), (1e100, "1 in over 1,000,000,000")],
)
def test_how_rare_evidence_is_is_said_in_a_few_characters(e_value: float, text: str):
    assert one_in(e_value) == text


# Options


@pytest.mark.parametrize(
    ("options", "has_tokens", "is_comparable", "weights"),
    [
        (OPTIONS, True, True, {"errors": 0.5, "latency": 0.4, "tokens": 0.1}),
        (OPTIONS, False, True, {"errors": 5 / 9, "latency": 4 / 9}),
        (OPTIONS, True, False, {}),
        (JudgeOptions(metrics=["tokens"]), False, True, {}),
        (JudgeOptions(metrics=["latency"]), False, True, {"latency": 1.0}),
        (JudgeOptions(max_error_rate=0.02), False, False, {"slo": 1.0}),
        (
            JudgeOptions(metrics=["errors"], max_error_rate=0.02), False, True,
            {"errors": 1 - SLO_WEIGHT, "slo": SLO_WEIGHT},
        ),
    ],
)  # fmt: skip
def test_each_metric_has_its_share(
    options: JudgeOptions, has_tokens: bool, is_comparable: bool, weights: dict[str, float]  # noqa: FBT001 - a row
):  # fmt: skip
    assert weights_of(options, has_tokens=has_tokens, is_comparable=is_comparable) == pytest.approx(weights)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "off", "metrics": ["errors"]},
        {"alpha": 0.5, "beta": 1e-6, "max_error_rate": 0.999, "require_proof": 1.01},
        {"tolerate_errors": 100, "tolerate_latency": 0, "tolerate_tokens": 100},
    ],
)
def test_options_that_can_be_gone_by_pass(given: dict[str, Any]):
    assert check_options(JudgeOptions(**given)) == JudgeOptions(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mode": "maybe"}, "the judge's mode is act, observe or off"),
        ({"alpha": 0}, "alpha is from"),
        ({"alpha": float("nan")}, "alpha is from"),
        ({"alpha": "0.05"}, "alpha is from"),
        ({"beta": 0.6}, "beta is from"),
        ({"metrics": []}, "the judge's metrics are some of"),
        ({"metrics": ["slo"]}, "the judge's metrics are some of"),
        ({"metrics": ["errors", "errors"]}, "the judge's metrics are some of"),
        ({"tolerate_errors": 0.9}, "tolerate_errors is from 1"),
        ({"tolerate_latency": -1}, "tolerate_latency is from 0"),
        ({"tolerate_tokens": 101}, "tolerate_tokens is from 0"),
        ({"max_error_rate": 0}, "the judge's max_error_rate is from"),
        ({"require_proof": 1}, "require_proof is from 1.01"),
    ],
)
def test_options_that_cannot_be_gone_by_say_which_and_what_may_be(given: dict[str, Any], told: str):
    with pytest.raises(InvalidRequest) as caught:
        check_options(JudgeOptions(**given))
    assert told in caught.value.message
