"""Several versions beside a baseline, and which one is the best of all."""

from __future__ import annotations

import pytest

from modelyard.domain.compare import Candidate
from modelyard.domain.contest import MOST, candidate_of, contest
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidMetric, InvalidRequest


def candidates(**values):
    return [Candidate(id=name, metrics={"accuracy": value}) for name, value in values.items()]


@pytest.mark.feature("CMP-05")
@pytest.mark.parametrize("order", ["abcd", "dcba", "bdac"])
def test_the_best_wins_against_all_in_any_order(order):
    values = {"a": 0.1, "b": 0.4, "c": 0.3, "d": 0.2}
    outcome = contest(candidates(**{name: values[name] for name in order}))
    assert outcome.best == "b"
    assert 0.5 < outcome.confidence_score < 1
    assert outcome.explanation.startswith("b wins against each of the 3 others")
    assert "overrated" in outcome.explanation
    assert [made.metric_changes["accuracy"] for made in outcome.comparisons] == pytest.approx(
        [values[name] - values[order[0]] for name in order[1:]]
    )


def test_two_versions_are_explained_as_a_comparison_of_two():
    outcome = contest(candidates(a=0.1, b=0.2))
    assert (outcome.best, outcome.explanation) == ("b", outcome.comparisons[0].explanation)
    assert outcome.confidence_score == outcome.comparisons[0].confidence_score
    drawn = contest(candidates(a=0.1, b=0.1))
    assert (drawn.best, drawn.confidence_score) == (None, 0.0)
    assert drawn.explanation == drawn.comparisons[0].explanation


def test_a_tie_at_the_top_has_no_best():
    outcome = contest(candidates(a=0.1, b=0.2, c=0.2))
    assert outcome.best is None
    assert outcome.confidence_score == 0
    assert outcome.explanation == "no version wins against all others; b wins against 1 of 2, but not against c"
    many = contest([Candidate(id=f"v{place}") for place in range(6)])
    assert many.explanation.endswith("wins against 0 of 5, but not against v1, v2, v3 and 2 more")


def test_a_version_with_nothing_in_common_leaves_it_open():
    alone = Candidate(id="z", metrics={"rmse": 1.0})
    assert contest([*candidates(a=0.1, b=0.2), alone]).best is None


def test_only_the_named_metrics_decide_under_any_spelling():
    a = Candidate(id="a", metrics={"accuracy": 0.9, "loss": 0.2}, samples={"f1": [0.1, 0.2]})
    b = Candidate(id="b", metrics={"accuracy": 0.8, "loss": 0.1})
    assert contest([a, b], metrics=["acc"]).best == "a"
    assert contest([a, b], metrics=["loss"]).best == "b"
    assert [row.name for row in contest([a, b], metrics=["f1_score"]).comparisons[0].metrics] == ["f1"]
    with pytest.raises(InvalidMetric, match="no version has the metric 'accuracies'") as caught:
        contest([a, b], metrics=["accuracies"])
    assert "did you mean accuracy" in caught.value.hint
    with pytest.raises(InvalidMetric) as caught:
        contest([Candidate(id="a"), Candidate(id="b")], metrics=["zzz"])
    assert "no metric at all" in caught.value.hint


def test_a_contest_takes_two_versions_to_fifty_each_once():
    with pytest.raises(InvalidRequest, match="1 versions"):
        contest([Candidate(id="a")])
    with pytest.raises(InvalidRequest):
        contest([Candidate(id=str(place)) for place in range(MOST + 1)])
    with pytest.raises(InvalidRequest, match="a is given twice"):
        contest([Candidate(id="a"), Candidate(id="a")])


def test_a_record_competes_with_its_validation_metrics_and_scores():
    record = VersionRecord(
        id="mv_1", name="fraud", number=1, version="1.0.0", stage="development", metrics={"loss": 0.1},
        validation_metrics={"accuracy": 0.9, "loss": 0.3}, metric_samples={"f1": [0.2, 0.4]}, sample_size=7,
        hyperparameters={"depth": 3},
    )  # fmt: skip
    candidate = candidate_of(record)
    assert candidate.values() == pytest.approx({"loss": 0.1, "accuracy": 0.9, "f1": 0.3})
    assert (candidate.id, candidate.params, candidate.sample_size) == ("mv_1", {"depth": 3}, 7)
