"""Requirements beyond bounds and truths: presence, parity, tests, ages, reports, gates of one's own."""

from __future__ import annotations

import pytest

from modelyard.domain.evidence import JUDGES, Evidence, Finding, Holder, SuiteOutcome
from modelyard.domain.gates import evaluate, parse_requirements, question, suites
from modelyard.errors import InvalidRequest


def verdict(requirements, custom=(), **evidence):
    (only,) = evaluate(parse_requirements(requirements, custom), Evidence(**evidence))
    assert only.reason
    return only


@pytest.mark.feature("STG-07")
def test_metrics_have_to_be_recorded():
    wanted = {"required_metrics": ["accuracy", "auc", "f1"]}
    judged = verdict(wanted, metrics={"accuracy": 0.9}, validation_metrics={"f1_score": 0.8})
    assert (judged.met, judged.actual) == (False, ["accuracy", "f1"])
    assert "missing: auc" in judged.reason
    assert verdict(wanted, metrics={"acc": 1, "auc": 1, "f1": 1}).met
    assert verdict({"required_metrics": "auc"}, metrics={"auc": 0.5}).met


def test_training_metrics_count_only_where_they_are_meant():
    trained = {"training_metrics": {"accuracy": 0.99}}
    assert not verdict({"min_accuracy": 0.9}, **trained).met
    assert verdict({"training.min_accuracy": 0.9}, **trained).met
    assert not verdict({"training.max_accuracy": 0.9}, **trained).met
    apart = {"metrics": {"accuracy": 0.99}, "validation_metrics": {"accuracy": 0.7}}
    assert verdict({"validation.min_accuracy": 0.9}, **apart).actual == 0.7
    assert "none is recorded" in verdict({"validation.min_accuracy": 0.9}).reason
    assert "recorded are loss" in verdict({"training.min_accuracy": 0.9}, training_metrics={"loss": 1}).reason


def test_bounds_of_different_sources_do_not_contradict_each_other():
    assert len(parse_requirements({"training.min_loss": 0.5, "validation.max_loss": 0.4})) == 2


PARITY = {"stage": "production", "tolerance": "1 %"}


@pytest.mark.parametrize(
    ("ours", "met"),
    [
        ({"accuracy": 0.90, "latency_ms": 40}, True),
        ({"accuracy": 0.892, "latency_ms": 40.3}, True),
        ({"accuracy": 0.89, "latency_ms": 40}, False),
        ({"accuracy": 0.95, "latency_ms": 41}, False),
        ({"accuracy": 0.95}, False),
        ({"acc": 0.90, "latency_ms": 1}, True),
    ],
)
def test_a_version_is_no_worse_than_who_stands_there(ours, met):
    holder = Holder(version="1.0.0", metrics={"accuracy": 0.90, "latency_ms": 40.0, "rows": 7.0})
    judged = verdict({"not_worse_than": PARITY}, metrics=ours, holders={"production": holder})
    assert judged.met is met
    assert judged.required == {"stage": "production", "tolerance": 0.01}
    assert judged.actual["holder"] == "1.0.0"
    assert judged.actual["metrics"]["accuracy"][1] == 0.90


def test_parity_may_name_its_metrics():
    holder = Holder(version="1.0.0", metrics={"accuracy": 0.9, "loss": 0.1})
    wanted = {"not_worse_than": {"stage": "Production ", "metrics": ["accuracy", "recall"]}}
    judged = verdict(wanted, metrics={"accuracy": 0.9, "loss": 9}, holders={"production": holder})
    assert (judged.met, judged.required["metrics"]) == (True, ["accuracy", "recall"])


def test_where_nobody_stands_there_is_nothing_to_be_worse_than():
    assert verdict({"not_worse_than": "production"}).met
    itself = Holder(version="1.0.0", metrics={"accuracy": 0.9}, is_candidate=True)
    assert "it is the version" in verdict({"not_worse_than": "production"}, holders={"production": itself}).reason


def test_a_holder_without_a_metric_to_compare_is_no_proof():
    strange = Holder(version="1.0.0", metrics={"rows": 7.0})
    assert not verdict({"not_worse_than": "production"}, holders={"production": strange}).met


@pytest.mark.feature("STG-15", "STG-17")
def test_all_suites_have_to_have_passed():
    passed, failed = SuiteOutcome(passed=True, by="ci"), SuiteOutcome(passed=False, exit_code=1)
    wanted = {"tests": ["cloud", "edge"]}
    assert verdict(wanted, tests={"cloud": passed, "edge": passed}).met
    one = verdict(wanted, tests={"cloud": passed, "edge": failed})
    assert (one.met, one.actual["edge"]["exit_code"]) == (False, 1)
    assert "the tests of edge failed" in one.reason
    assert "no tests of edge are recorded" in verdict(wanted, tests={"cloud": passed}).reason
    assert "modelyard test REFERENCE`" in verdict({"tests": True}).reason
    assert parse_requirements({"tests": False}) == ()
    assert suites(parse_requirements({"min_auc": 0.5, "tests": "smoke"})) == ["smoke"]


def test_ages_are_judged_at_their_bound():
    week = 7 * 86_400.0
    assert verdict({"min_age": "7d"}, age_s=week).met
    assert not verdict({"min_age": "7d"}, age_s=week - 1).met
    assert verdict({"max_age": "1w"}, age_s=week).met
    assert "register a fresh version" in verdict({"max_age": "1w"}, age_s=week + 1).reason
    assert not verdict({"min_time_in_stage": "2d"}, age_s=week, stage_age_s=60).met


def test_a_metric_named_age_is_bounded_where_it_is_measured():
    with pytest.raises(InvalidRequest, match="min_age is 18"):
        parse_requirements({"min_age": 18})
    (bound,) = parse_requirements({"validation.min_age": 18})
    assert (bound.kind, bound.metric, bound.bound) == ("min", "age", 18.0)


@pytest.mark.feature("STG-08")
@pytest.mark.parametrize(
    ("evidence", "met"),
    [
        ({}, False),
        ({"tags": {"validation_report": "s3://reports/17"}}, True),
        ({"tags": {"validation_report": "no"}}, False),
        ({"files": ["model.joblib", "reports/validation_report.html"]}, True),
        ({"files": ["validation_report.pdf"], "tags": {"validation_report": "none"}}, False),
        ({"metrics": {"accuracy": 1.0}}, False),
    ],
)
def test_a_validation_report_is_attached(evidence, met):
    assert verdict({"validation_report": True}, **evidence).met is met


@pytest.mark.parametrize("name", ["signed", "scanned"])
def test_signatures_and_scans_are_believed_only_of_the_registry_itself(name):
    key = {"signed": "signature", "scanned": "scan"}[name]
    assert not verdict({name: True}).met
    assert not verdict({name: True}, tests={key: SuiteOutcome(passed=True, source="report")}).met
    assert verdict({name: True}, tests={key: SuiteOutcome(passed=True, source="registry")}).met
    assert not verdict({name: True}, tests={key: SuiteOutcome(passed=False, source="registry")}).met


def test_a_gate_of_ones_own_is_judged_by_what_was_found():
    with pytest.raises(InvalidRequest):
        parse_requirements({"fairness": {1, 2}}, custom={"fairness"})
    (asked,) = parse_requirements({"fairness": 0.1}, custom={"fairness"})
    found = {question(asked): Finding(actual=0.05, met=True, reason="the gap is 0.05")}
    assert verdict({"fairness": 0.1}, custom={"fairness"}, findings=found).met
    other = verdict({"fairness": 0.2}, custom={"fairness"}, findings=found)
    assert (other.met, other.required) == (False, 0.2)
    assert "was not asked" in other.reason


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        ({"required_metrics": []}, "not a list of names"),
        ({"required_metrics": [3]}, "not a list of names"),
        ({"required_metrics": ["a\x00b"]}, "required_metrics"),
        ({"tests": ["\x00"]}, "tests"),
        ({"tests": 3}, "not a list of names"),
        ({"not_worse_than": 3}, "not_worse_than is 3"),
        ({"not_worse_than": {"stage": ""}}, "not_worse_than is"),
        ({"not_worse_than": {"stage": "production", "margin": 1}}, "not_worse_than is"),
        ({"not_worse_than": {"stage": "production", "metrics": ["rows"]}}, "nobody knows whether"),
        ({"not_worse_than": {"stage": "production", "tolerance": "x%"}}, "tolerance"),
        ({"not_worse_than": {"stage": "production", "tolerance": -0.1}}, "no share"),
        ({"not_worse_than": {"stage": "production", "tolerance": "100%"}}, "no share"),
        ({"not_worse_than": {"stage": "production", "tolerance": None}}, "finite number"),
        ({"min_age": "soon"}, "min_age is 'soon'"),
        ({"min_time_in_stage": "never"}, "min_time_in_stage"),
        ({"fairness": 0.1}, "not a requirement"),
        ({"training.accuracy": 0.1}, "not a requirement"),
    ],
)
def test_what_cannot_be_understood_is_refused(requirements, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        parse_requirements(requirements)
    assert caught.value.hint


def test_an_unknown_gate_lists_those_that_were_added():
    with pytest.raises(InvalidRequest) as caught:
        parse_requirements({"fairnes": 1}, custom={"fairness"})
    assert "did you mean fairness?" in caught.value.hint
    assert {"fairness", *JUDGES} <= set(caught.value.details["known"])
