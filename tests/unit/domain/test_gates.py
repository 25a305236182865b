"""Requirements and their verdicts."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.evidence import Evidence
from modelyard.domain.gates import Requirement, all_met, evaluate, parse_requirements
from modelyard.errors import InvalidRequest

EVERYTHING = {
    "min_accuracy": 0.8,
    "max_latency_ms": 50,
    "min_f1": 0.75,
    "validation_required": True,
    "tests_passed": True,
    "documentation_complete": True,
}


def judge(requirements, **evidence):
    verdicts = evaluate(parse_requirements(requirements), Evidence(**evidence))
    json.dumps([asdict(verdict) for verdict in verdicts])
    assert all(verdict.reason for verdict in verdicts)
    return verdicts


def verdict(requirements, **evidence):
    (only,) = judge(requirements, **evidence)
    return only


def test_requirements_are_parsed_in_their_order():
    parsed = parse_requirements(EVERYTHING)
    assert [item.name for item in parsed] == list(EVERYTHING)
    assert parsed[1] == Requirement(name="max_latency_ms", kind="max", metric="latency_ms", bound=50.0)
    assert parsed[4] == Requirement(name="tests_passed", kind="evidence")


def test_nothing_required_is_met():
    assert parse_requirements(None) == parse_requirements({}) == ()
    assert all_met(judge({}))


def test_a_boolean_that_is_false_demands_nothing():
    assert parse_requirements({"tests_passed": False, "documentation_complete": False}) == ()


def test_a_bound_may_come_from_numpy():
    assert parse_requirements({"min_accuracy": np.float32(0.5), "max_loss": np.int64(2)})[1].bound == 2.0


@pytest.mark.parametrize(
    ("requirements", "message", "hint"),
    [
        ({"minimum_accuracy": 0.8}, "'minimum_accuracy' is not a requirement", "did you mean min_accuracy?"),
        ({"accuracy": 0.8}, "'accuracy' is not a requirement", "did you mean min_accuracy?"),
        ({"test_passed": True}, "'test_passed' is not a requirement", "did you mean tests_passed?"),
        ({"perplexity": 9}, "'perplexity' is not a requirement", "did you mean max_perplexity?"),
        ({"maximum_cost": 9}, "'maximum_cost' is not a requirement", "did you mean max_cost?"),
        ({"zzz": 1}, "'zzz' is not a requirement", "use min_<metric>"),
        ({"min_": 1}, "'min_' is not a requirement", "use min_<metric>"),
        ({"min_acc\x00": 1}, "names no metric", "write"),
        ({"min_accuracy": "0.8"}, "needs a finite number; '0.8' is a str", "write"),
        ({"min_accuracy": True}, "needs a finite number; True is a bool", "write"),
        ({"min_accuracy": None}, "needs a finite number; None is a NoneType", "write"),
        ({"min_accuracy": float("nan")}, "nan is not finite", "write"),
        ({"max_loss": float("inf")}, "inf is not finite", "write"),
        ({"min_loss": 10**400}, "not one number that fits", "write"),
        ({"tests_passed": "yes"}, "tests_passed is True or False, not 'yes'", "write"),
        ({"tests_passed": 1}, "tests_passed is True or False, not 1", "write"),
        ({"tests_passed": None}, "tests_passed is True or False, not None", "write"),
        ({"tests_passed": 0}, "tests_passed is True or False, not 0", "write"),
        ({3: 0.8}, "named by a text, not by 3", "write"),
        (["min_accuracy"], "requirements are a mapping, not list", "write"),
        ({"min_acc": 0.9, "max_accuracy": 0.8}, "no value meets both min_acc = 0.9 and max_accuracy = 0.8", "make"),
    ],
)
def test_broken_requirements_are_refused(requirements, message, hint):
    with pytest.raises(InvalidRequest, match=message) as caught:
        parse_requirements(requirements)
    assert caught.value.hint.startswith(hint)


@pytest.mark.feature("STG-05")
@pytest.mark.parametrize(
    ("requirements", "metrics", "met"),
    [
        ({"min_accuracy": 0.8}, {"accuracy": 0.8}, True),
        ({"min_accuracy": 0.8}, {"accuracy": 0.7999}, False),
        ({"max_latency_ms": 50}, {"latency_ms": 50}, True),
        ({"max_latency_ms": 50}, {"latency_ms": 50.1}, False),
        ({"min_f1": 0.75}, {"f1_score": 0.8}, True),
        ({"min_f1_score": 0.75}, {"F1": 0.8}, True),
        ({"min_auc": 0.9}, {"roc_auc": 0.91}, True),
        ({"min_precision": 0.9}, {"recall": 0.91}, False),
        ({"min_recall": 0.9}, {"recall": 0.91}, True),
        ({"min_whatever": -2}, {"whatever": -1}, True),
        ({"min_accuracy": 0.5}, {"train_accuracy": 0.9}, False),
        ({"min_val_f1": 0.5}, {"validation_f1_score": 0.9}, True),
        ({"min_accuracy": 0.5}, {"accuracy": float("nan")}, False),
    ],
)
def test_bounds_are_met_or_not(requirements, metrics, met):
    found = verdict(requirements, metrics=metrics)
    assert found.met is met
    assert found.requirement == next(iter(requirements))
    assert found.required == next(iter(requirements.values()))


def test_performance_metrics_come_before_validation_metrics_and_training_never_counts():
    sides = {"metrics": {"acc": 0.7}, "validation_metrics": {"accuracy": 0.95}, "training_metrics": {"accuracy": 0.99}}
    assert verdict({"min_accuracy": 0.9}, **sides).actual == 0.7
    assert verdict({"min_accuracy": 0.9}, **(sides | {"metrics": {}})).met
    found = verdict({"min_accuracy": 0.9}, training_metrics={"accuracy": 0.99})
    assert (found.met, found.actual) == (False, None)
    assert "training metrics does not count" in found.reason


def test_the_spelling_asked_for_comes_first_then_the_worst():
    recorded = {"f1": 0.9, "f1_score": 0.5, "F1-Score": 0.7}
    assert verdict({"min_f1": 0.8}, metrics=recorded).met
    assert verdict({"min_f_measure": 0.6}, metrics=recorded).actual == 0.5
    assert verdict({"max_f_measure": 0.6}, metrics=recorded).actual == 0.9


def test_an_unmet_bound_says_what_is_recorded():
    found = verdict({"min_accuracy": 0.9}, metrics={"loss": 0.1, "f1": 0.8})
    assert "accuracy is not recorded (recorded are f1, loss)" in found.reason
    assert "no metric is recorded" in verdict({"min_accuracy": 0.9}).reason
    many = verdict({"min_accuracy": 0.9}, metrics={f"m{i:02}": 1.0 for i in range(25)})
    assert "and 5 more" in many.reason
    weak = verdict({"min_accuracy": 0.9}, metrics={"accuracy": 0.85})
    assert (weak.actual, weak.required) == (0.85, 0.9)
    assert "accuracy is 0.85, below the least allowed, 0.9" in weak.reason


@pytest.mark.feature("STG-06")
@pytest.mark.parametrize("value", ["true", "True", " YES ", "1", "passed"])
def test_tests_passed_wants_the_tag(value):
    assert verdict({"tests_passed": True}, tags={"tests_passed": value}).met


@pytest.mark.feature("STG-06")
@pytest.mark.parametrize("tags", [{}, {"tests_passed": "false"}, {"tests_passed": ""}, {"tests": "passed"}])
def test_tests_passed_is_not_met_without_it(tags):
    found = verdict({"tests_passed": True}, tags=tags)
    assert not found.met
    assert "set the tag tests_passed to true" in found.reason


@pytest.mark.feature("STG-06")
def test_documentation_is_complete_by_metadata_or_by_tag():
    name = {"documentation_complete": True}
    assert verdict(name, description="Finds fraud", missing=()).met
    assert verdict(name, tags={"documentation_complete": "yes"}, missing=["framework"]).met
    gaps = verdict(name, description="Finds fraud", missing=["framework", "code_version"])
    assert not gaps.met
    assert "missing: framework, code_version" in gaps.reason
    assert "missing: description" in verdict(name, description=" ").reason
    assert verdict(name, missing=["description"]).reason.count("description") == 1
    denied = verdict(name, description="Finds fraud", tags={"documentation_complete": "false"})
    assert not denied.met
    assert "set the tag documentation_complete to true" in denied.reason


@pytest.mark.feature("STG-06")
@pytest.mark.parametrize(
    ("evidence", "met"),
    [
        ({}, False),
        ({"metrics": {"accuracy": 0.9}}, True),
        ({"validation_metrics": {"accuracy": 0.9}}, True),
        ({"training_metrics": {"accuracy": 0.9}}, False),
        ({"metrics": {"train_loss": 0.1}}, False),
        ({"tags": {"validation_report": "reports/7.html"}}, True),
        ({"tags": {"validation_report": " "}}, False),
        ({"tags": {"validation_report": "no"}}, False),
        ({"tags": {"validated": "true"}}, True),
        ({"tags": {"validated": "false"}, "metrics": {"accuracy": 0.9}}, False),
    ],
)
def test_validation_wants_metrics_a_report_or_a_tag(evidence, met):
    found = verdict({"validation_required": True}, **evidence)
    assert found.met is met


@pytest.mark.feature("STG-04")
def test_every_requirement_has_its_verdict_and_one_unmet_refuses():
    evidence = {
        "metrics": {"accuracy": 0.9, "f1_score": 0.8, "latency_ms": 60},
        "tags": {"tests_passed": "true"},
        "description": "Finds fraud",
    }
    verdicts = judge(EVERYTHING, **evidence)
    assert [item.requirement for item in verdicts if not item.met] == ["max_latency_ms"]
    assert not all_met(verdicts)
    assert all_met(judge(EVERYTHING | {"max_latency_ms": 60}, **evidence))


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_a_bound_and_its_opposite_are_never_both_missed(value, bound):
    metrics = {"wobble": value}
    least, most = verdict({"min_wobble": bound}, metrics=metrics), verdict({"max_wobble": bound}, metrics=metrics)
    assert least.met is (value >= bound)
    assert most.met is (value <= bound)
