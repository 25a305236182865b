"""Names of metrics: spellings and directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain import directions
from modelyard.domain.directions import canonical, direction, is_share, is_training


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("f1", "f1"),
        ("F1", "f1"),
        ("f1_score", "f1"),
        ("F1-Score", "f1"),
        ("f1 score", "f1"),
        ("roc_auc", "auc"),
        ("AUROC", "auc"),
        ("acc", "accuracy"),
        ("Accuracy", "accuracy"),
        ("log_loss", "logloss"),
        ("log-loss", "logloss"),
        ("mean_squared_error", "mse"),
        ("validation_f1_score", "val_f1"),
        ("val/f1", "val_f1"),
        ("test.accuracy", "test_accuracy"),
        ("training_loss", "train_loss"),
        ("custom_metric", "custom_metric"),
        ("f1_macro", "f1_macro"),
        ("_", "_"),
        ("val_", "val"),
    ],
)
def test_spellings_of_one_metric_have_one_canonical_name(spelling, name):
    assert canonical(spelling) == name


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "acc",
        "balanced_accuracy",
        "f1",
        "precision",
        "recall",
        "auc",
        "roc_auc_ovr",
        "r2",
        "val_accuracy",
        "test_f1_score",
        "f1_macro",
        "macro_f1",
        "macro_avg_precision",
        "precision@5",
        "recall_at_10",
        "ndcg@10",
        "top_5_accuracy",
        "top1_acc",
        "neg_mean_squared_error",
        "neg_log_loss",
        "val_neg_log_loss",
        "weighted_f1-score",
        "my_model_accuracy",
        "throughput",
        "silhouette_score",
        "holdout_recall",
    ],
)
def test_these_are_better_when_higher(name):
    assert direction(name) == "higher"


@pytest.mark.parametrize(
    "name",
    [
        "loss",
        "val_loss",
        "train_loss",
        "log_loss",
        "rmse",
        "mae",
        "mse",
        "mape",
        "error_rate",
        "word_error_rate",
        "custom_loss",
        "prediction_error",
        "latency",
        "latency_ms",
        "p95_latency",
        "latency_p99_ms",
        "startup_ms",
        "brier_score",
        "top5_error",
        "davies_bouldin_score",
        "perplexity",
        "false_positive_rate",
        "mean_absolute_error",
        "validation_rmse",
        "mean_latency",
    ],
)
def test_these_are_better_when_lower(name):
    assert direction(name) == "lower"


def test_a_negated_score_turns_round():
    assert (direction("neg_accuracy"), direction("neg_rmse"), direction("neg_neg_rmse")) == ("lower", "higher", "lower")


@pytest.mark.parametrize(
    "name", ["custom_metric", "learning_rate", "epochs", "anomaly_score", "neg_custom", "", "_", "n" * 251, "neg_" * 99]
)
def test_what_no_rule_knows_has_no_direction(name):
    assert direction(name) is None


@pytest.mark.parametrize("name", ["accuracy", "val_acc", "error_rate", "top_5_accuracy", "exact_match"])
def test_shares_of_the_examples_are_known(name):
    assert is_share(name)


@pytest.mark.parametrize("name", ["f1", "auc", "precision", "recall", "loss", "balanced_accuracy", "custom"])
def test_other_metrics_are_no_shares_of_the_examples(name):
    assert not is_share(name)


def test_training_metrics_are_told_by_their_name():
    assert is_training("train_accuracy")
    assert is_training("Training-Loss")
    assert not is_training("val_loss")
    assert not is_training("trains")


def test_a_name_that_is_too_long_stands_for_itself():
    assert canonical("F1" * 126) == "F1" * 126


def test_no_spelling_belongs_to_two_metrics():
    spellings = [
        spelling
        for table in (directions._HIGHER, directions._LOWER)
        for name, synonyms in table.items()
        for spelling in (name, *synonyms.split())
    ]
    assert len(spellings) == len(set(spellings))


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["val", "train", "test", "neg", "f1", "loss", "macro", "@5", "acc"])).map("_".join)
)
def test_a_canonical_name_stands_for_itself_and_has_the_same_direction(name):
    assert canonical(canonical(name)) == canonical(name)
    assert direction(canonical(name)) == direction(name)
