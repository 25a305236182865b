"""Two versions side by side."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.domain.compare import Candidate, compare, flattened, params_diff
from modelyard.domain.wire import MetricComparison
from modelyard.errors import InvalidMetric, InvalidRequest

BASES = {"paired bootstrap", "beta-binomial", "weighted agreement", "none"}
NAMES = ["accuracy", "f1", "f1_score", "loss", "latency_ms", "auc", "custom", "val_accuracy", "error_rate"]
VALUES = st.one_of(st.sampled_from([0.0, 0.5, 0.9, 0.91, 1.0]), st.floats(-1e308, 1e308))
METRICS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)
SAMPLES = st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, max_size=6), max_size=3)


def candidates(name):
    return st.builds(
        Candidate,
        id=st.just(name),
        metrics=METRICS,
        samples=SAMPLES,
        sample_size=st.none() | st.integers(1, 500),
        params=st.dictionaries(st.sampled_from("xyz"), st.none() | st.booleans() | st.integers(0, 1)),
    )


def pair(a, b, **more):
    return Candidate(id="A", metrics=a, **more), Candidate(id="B", metrics=b, **more)


def row(comparison, name) -> MetricComparison:
    return next(metric for metric in comparison.metrics if metric.name == name)


@settings(max_examples=150, deadline=None)
@given(
    candidates("A"), candidates("B"), st.sampled_from([None, {"custom": "lower"}]), st.sampled_from([None, {"f1": 3.0}])
)
def test_the_sides_can_be_exchanged(a, b, directions, weights):
    one = compare(a, b, directions=directions, weights=weights)
    other = compare(b, a, directions=directions, weights=weights)
    assert (one.winner, one.confidence_score, one.basis) == (other.winner, other.confidence_score, other.basis)
    assert one.basis in BASES
    assert one.explanation
    assert one.winner in (None, "A", "B")
    assert 0.5 < one.confidence_score <= 1 if one.winner else one.confidence_score == 0
    swap = {"a": "b", "b": "a", "tie": "tie", None: None}
    assert [(m.name, m.a, m.b, m.better) for m in one.metrics] == [
        (m.name, m.b, m.a, swap[m.better]) for m in other.metrics
    ]
    assert {name: {"a": d["b"], "b": d["a"]} for name, d in one.params_diff.items()} == other.params_diff
    json.dumps(asdict(one), allow_nan=False)


@pytest.mark.feature("CMP-01", "CMP-03")
def test_single_numbers_are_compared_by_weighted_agreement():
    found = compare(*pair({"accuracy": 0.9, "loss": 0.4}, {"accuracy": 0.92, "loss": 0.3}))
    assert (found.winner, found.confidence_score, found.basis) == ("B", 0.75, "weighted agreement")
    assert "no probability" in found.explanation
    assert found.metric_changes == {"accuracy": pytest.approx(0.02), "loss": pytest.approx(-0.1)}
    loss = row(found, "loss")
    assert (loss.a, loss.b, loss.direction, loss.better) == (0.4, 0.3, "lower", "b")
    assert loss.delta == pytest.approx(-0.1)
    assert loss.relative_change == pytest.approx(-0.25)


def test_a_version_does_not_win_against_itself():
    a, _ = pair({"accuracy": 0.9}, {})
    found = compare(a, a)
    assert (found.winner, found.confidence_score, found.basis) == (None, 0.0, "none")
    assert "equal in accuracy" in found.explanation


def test_votes_that_cancel_each_other_have_no_winner():
    found = compare(*pair({"accuracy": 0.9, "latency_ms": 10}, {"accuracy": 0.92, "latency_ms": 12}))
    assert (found.winner, found.basis) == (None, "none")
    assert "cancel each other" in found.explanation


def test_weights_say_which_metric_matters_more():
    sides = pair({"accuracy": 0.9, "latency_ms": 10}, {"accuracy": 0.92, "latency_ms": 12})
    assert compare(*sides, weights={"acc": 2}).winner == "B"
    assert compare(*sides, weights={"latency_ms": 2, "unrecorded": 1}).winner == "A"
    silent = compare(*sides, weights={"latency_ms": 0})
    assert silent.winner == "B"
    assert row(silent, "latency_ms").better is None
    nobody = compare(*sides, weights={"latency_ms": 0, "accuracy": 0})
    assert nobody.basis == "none"


def test_an_unknown_metric_is_shown_and_votes_only_when_its_direction_is_given():
    sides = pair({"wobble": 3.0}, {"wobble": 4.0})
    found = compare(*sides)
    assert (found.winner, found.basis) == (None, "none")
    assert "give one with directions" in found.explanation
    assert found.metric_changes == {"wobble": 1.0}
    assert row(found, "wobble").direction is None
    assert compare(*sides, directions={"Wobble": "lower"}).winner == "A"
    assert compare(*sides, directions={"wobble": "higher"}).winner == "B"


def test_a_given_direction_overrules_a_known_one():
    assert compare(*pair({"loss": 1.0}, {"loss": 2.0}), directions={"loss": "higher"}).winner == "B"


def test_what_one_side_alone_has_is_shown_and_does_not_vote():
    found = compare(*pair({"accuracy": 0.9}, {"accuracy": 0.9, "auc": 0.8}))
    assert found.winner is None
    alone = row(found, "auc")
    assert (alone.a, alone.b, alone.delta, alone.better) == (None, 0.8, None, None)
    assert found.metric_changes == {"accuracy": 0.0}


def test_two_spellings_are_one_metric():
    found = compare(*pair({"f1": 0.8}, {"F1-Score": 0.9}))
    assert [(m.name, m.a, m.b) for m in found.metrics] == [("f1", 0.8, 0.9)]
    assert found.winner == "B"


def test_spellings_of_one_metric_share_one_vote():
    found = compare(
        *pair(
            {"f1": 0.8, "f1_score": 0.8, "auc": 0.9, "recall": 0.9},
            {"f1": 0.9, "f1_score": 0.9, "auc": 0.8, "recall": 0.8},
        )
    )
    assert found.winner == "A"
    assert [m.better for m in found.metrics if m.name.startswith("f1")] == ["b", None]


def test_spellings_that_only_one_side_has_stay_visible():
    found = compare(*pair({"f1": 0.8, "f1_score": 0.7}, {"f1": 0.9}))
    assert [(m.name, m.a, m.b) for m in found.metrics] == [("f1", 0.8, 0.9), ("f1_score", 0.7, None)]


@pytest.mark.feature("CMP-02")
def test_only_the_metrics_asked_for_are_compared():
    sides = pair({"accuracy": 0.9, "f1_score": 0.8, "auc": 0.7}, {"accuracy": 0.8, "f1_score": 0.9, "auc": 0.9})
    assert compare(*sides).winner == "B"
    found = compare(*sides, metrics_to_compare=["Accuracy"])
    assert ([m.name for m in found.metrics], found.winner) == (["accuracy"], "A")
    assert len(compare(*sides, metrics_to_compare=["accuracy", "f1"]).metrics) == 2
    assert len(compare(*sides, metrics_to_compare=[]).metrics) == 3


def test_a_metric_that_neither_side_has_is_refused():
    with pytest.raises(InvalidMetric, match="'acuracy'") as caught:
        compare(*pair({"accuracy": 0.9}, {}), metrics_to_compare=["acuracy"])
    assert caught.value.hint == "did you mean accuracy? recorded: accuracy"
    with pytest.raises(InvalidMetric) as caught:
        compare(*pair({}, {}), metrics_to_compare=["zz"])
    assert caught.value.hint == "recorded: no metric at all"


@pytest.mark.parametrize(
    "arguments",
    [
        {"metrics_to_compare": "accuracy"},
        {"directions": {"accuracy": "up"}},
        {"weights": {"accuracy": -1}},
        {"weights": {"accuracy": True}},
        {"weights": {"accuracy": float("nan")}},
        {"weights": {"accuracy": "2"}},
        {"weights": {"accuracy": 1e10}},
    ],
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(InvalidRequest) as caught:
        compare(*pair({"accuracy": 0.9}, {"accuracy": 0.8}), **arguments)
    assert caught.value.hint


@pytest.mark.feature("CMP-01")
def test_paired_scores_give_the_probability_of_the_bootstrap():
    a = Candidate(id="A", metrics={"accuracy": 0.9}, samples={"accuracy": [0.88, 0.9, 0.92, 0.9]})
    b = Candidate(id="B", metrics={"accuracy": 0.92}, samples={"acc": [0.9, 0.93, 0.91, 0.94]})
    found = compare(a, b)
    assert (found.winner, found.basis) == ("B", "paired bootstrap")
    assert found.confidence_score == 1 - 0.5**4
    assert "4 paired scores of accuracy" in found.explanation


def test_scores_of_a_loss_count_downwards():
    a = Candidate(id="A", metrics={"loss": 0.2}, samples={"loss": [0.2, 0.1, 0.3]})
    b = Candidate(id="B", metrics={"loss": 0.3}, samples={"loss": [0.3, 0.25, 0.35]})
    assert (compare(a, b).winner, compare(a, b).confidence_score) == ("A", 0.875)


def test_scores_alone_are_compared_by_their_means():
    a = Candidate(id="A", samples={"auc": [0.8, 0.9]})
    b = Candidate(id="B", samples={"auc": [0.7, 0.8]})
    found = compare(a, b)
    assert (found.winner, found.basis) == ("A", "paired bootstrap")
    assert row(found, "auc").a == pytest.approx(0.85)


def test_scores_that_contradict_the_metric_leave_no_winner():
    a = Candidate(id="A", metrics={"accuracy": 0.95}, samples={"accuracy": [0.7, 0.7, 0.8]})
    b = Candidate(id="B", metrics={"accuracy": 0.9}, samples={"accuracy": [0.9, 0.9, 0.9]})
    found = compare(a, b)
    assert (found.winner, found.confidence_score, found.basis) == (None, 0.0, "paired bootstrap")
    assert "favour A, but" in found.explanation


@pytest.mark.parametrize("scores", [[0.9], [0.9, 0.8, 0.7]])
def test_scores_that_make_no_pairs_are_not_used(scores):
    a = Candidate(id="A", metrics={"auc": 0.9}, samples={"auc": scores})
    b = Candidate(id="B", metrics={"auc": 0.8}, samples={"auc": scores[:1]})
    assert compare(a, b).basis == "weighted agreement"


def test_scores_of_the_outvoted_metric_alone_decide_nothing():
    metrics = {"accuracy": 0.9, "auc": 0.9, "f1": 0.8}, {"accuracy": 0.8, "auc": 0.8, "f1": 0.9}
    a = Candidate(id="A", metrics=metrics[0], samples={"f1": [0.8, 0.8]})
    b = Candidate(id="B", metrics=metrics[1], samples={"f1": [0.9, 0.9]})
    assert (compare(a, b).winner, compare(a, b).basis) == ("A", "weighted agreement")


@pytest.mark.feature("CMP-01")
def test_a_sample_size_gives_the_posterior_probability():
    a = Candidate(id="A", metrics={"accuracy": 0.9, "f1": 0.9}, sample_size=1000)
    b = Candidate(id="B", metrics={"accuracy": 0.92, "f1": 0.91}, sample_size=1000)
    found = compare(a, b)
    # The difference is 0.02 with a standard error of 0.0128: the normal approximation gives 0.941.
    assert (found.winner, found.basis) == ("B", "beta-binomial")
    assert found.confidence_score == pytest.approx(0.941, abs=0.003)
    assert compare(a, replace(b, sample_size=50)).confidence_score < found.confidence_score


def test_a_rate_of_errors_counts_downwards():
    found = compare(*pair({"error_rate": 0.1}, {"error_rate": 0.2}, sample_size=200))
    assert (found.winner, found.basis) == ("A", "beta-binomial")
    assert found.confidence_score > 0.99


def test_the_weightiest_share_speaks_for_all():
    found = compare(*pair({"acc": 0.8, "exact_match": 0.5}, {"acc": 0.9, "exact_match": 0.6}, sample_size=50))
    assert "better acc" in found.explanation
    weighted = compare(
        *pair({"acc": 0.8, "exact_match": 0.5}, {"acc": 0.9, "exact_match": 0.6}, sample_size=50),
        weights={"exact_match": 2},
    )
    assert "better exact_match" in weighted.explanation


def test_a_perfect_score_on_one_example_convinces_nobody():
    a = Candidate(id="A", metrics={"accuracy": 1.0}, sample_size=1)
    b = Candidate(id="B", metrics={"accuracy": 0.99}, sample_size=1000)
    found = compare(a, b)
    assert (found.winner, found.confidence_score, found.basis) == (None, 0.0, "beta-binomial")


@pytest.mark.parametrize(
    ("name", "a", "b", "sizes"),
    [("f1", 0.8, 0.9, (50, 50)), ("accuracy", 80.0, 90.0, (50, 50)), ("accuracy", 0.8, 0.9, (50, None))],
)
def test_without_a_share_and_two_sizes_there_is_no_posterior(name, a, b, sizes):
    one = Candidate(id="A", metrics={name: a}, sample_size=sizes[0])
    other = Candidate(id="B", metrics={name: b}, sample_size=sizes[1])
    assert compare(one, other).basis == "weighted agreement"


def test_differences_of_rounding_are_ties():
    found = compare(*pair({"accuracy": 0.1 + 0.2}, {"accuracy": 0.3}))
    assert row(found, "accuracy").better == "tie"


def test_huge_values_stay_finite():
    found = compare(*pair({"loss": -1e308}, {"loss": 1e308}))
    assert row(found, "loss").delta == sys.float_info.max
    assert compare(*pair({"loss": 1e-300}, {"loss": 1e300})).metrics[0].relative_change == sys.float_info.max
    assert compare(*pair({"loss": 0.0}, {"loss": 1.0})).metrics[0].relative_change is None


@pytest.mark.feature("CMP-04")
def test_parameters_that_differ_are_shown_by_dotted_names():
    a = {"lr": 0.1, "same": [1], "deep": {"x": 1, "y": {"z": 2}}, "gone": 3, "none": None, "flag": True, "empty": {}}
    b = {"lr": 0.2, "same": [1], "deep": {"x": 1, "y": {"z": 3}}, "new": 4, "flag": 1, "empty": {}}
    assert params_diff(a, b) == {
        "lr": {"a": 0.1, "b": 0.2},
        "deep.y.z": {"a": 2, "b": 3},
        "gone": {"a": 3, "b": None},
        "new": {"a": None, "b": 4},
        "flag": {"a": True, "b": 1},
    }
    assert compare(Candidate(id="A", params=a), Candidate(id="B", params=b)).params_diff == params_diff(a, b)


@pytest.mark.feature("CMP-04")
def test_two_parameters_of_one_dotted_name_stay_two():
    both = {"deep.a": 1, "deep": {"a": 2}}
    assert flattened([both, {"deep.a": 3}, {"x.y": 4}]) == [
        {'"deep.a"': 1, "deep.a": 2}, {'"deep.a"': 3}, {"x.y": 4},
    ]  # fmt: skip
    assert params_diff(both, {"deep": {"a": 2}}) == {'"deep.a"': {"a": 1, "b": None}}
    assert params_diff({"x.y": 1}, {"x": {"y": 1}}) == {}
    assert len(flattened([{'"deep.a"': 0, **both}])[0]) == 3
