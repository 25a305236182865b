"""Explanations of deployments, embedded and over HTTP alike."""

from __future__ import annotations

import pytest

from modelyard import Explanation, InvalidRequest, JudgeOptions, ModelRegistry
from modelyard.errors import DeploymentNotFound

PROVIDER = {"kind": "http", "url": "http://127.0.0.1:9/predict"}


@pytest.fixture
def fraud(registry: ModelRegistry) -> ModelRegistry:
    """A registry with a version that was deployed and whose server does not answer."""
    registry.create_model("fraud")
    registry.register_version("fraud", "1.0.0", provider=PROVIDER)
    return registry


@pytest.mark.feature("EXP-22")
@pytest.mark.every_way
def test_a_deployment_is_explained(fraud):
    begun = fraud.deploy("fraud", "1.0.0", probes=0)
    found = fraud.explain_deployment(begun)
    assert isinstance(found, Explanation)
    assert (found.id, found.version, found.judgement, found.replayed, found.course) == (
        begun.id,
        "1.0.0",
        None,
        None,
        [],
    )
    assert "nothing served before 1.0.0" in found.words[0]
    assert fraud.explain_deployment(begun.id, full=True).words[0] == found.words[0]


def test_what_is_not_there_cannot_be_explained(fraud):
    with pytest.raises(DeploymentNotFound):
        fraud.explain_deployment("dp_nothing")


@pytest.mark.feature("EXP-22")
@pytest.mark.parametrize(
    "judge",
    [JudgeOptions(alpha=0.01, require_proof=2.0), {"alpha": 0.01, "require_proof": 2.0}],
    ids=["a record", "a mapping"],
)
def test_what_the_judge_goes_by_is_a_record_or_a_mapping(fraud, judge):
    plan = fraud.deploy("fraud", "1.0.0", judge=judge, dry_run=True)
    assert plan.options.judge == JudgeOptions(alpha=0.01, require_proof=2.0)


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ({"alhpa": 0.01}, "did you mean alpha?"),
        (5, "its fields are mode, alpha"),
        ({"alpha": "low"}, ""),
        ({"alpha": 3.0}, "alpha is from"),
    ],
)
def test_what_no_judge_can_go_by_is_refused(fraud, judge, told):
    with pytest.raises(InvalidRequest) as caught:
        fraud.deploy("fraud", "1.0.0", judge=judge, dry_run=True)
    assert told in f"{caught.value.message} {caught.value.hint}"
