"""The one-call helpers."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression

from modelyard import InvalidArtifact, ModelRegistry, VersionNotFound, get_best_model, register_sklearn_model


@pytest.mark.feature("REG-16", "REG-17")
def test_register_and_find_the_best(tmp_path):
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    ids = [
        register_sklearn_model(
            model, "line", registry_path=tmp_path / "reg", performance_metrics={"accuracy": a, "odd": a}
        )
        for a in (0.9, 0.8)
    ]
    assert get_best_model("line", "accuracy", tmp_path / "reg") == ids[0]
    assert get_best_model("line", "odd", tmp_path / "reg", direction="lower") == ids[1]
    with pytest.raises(VersionNotFound):
        get_best_model("line", "accuracy", tmp_path / "reg", stage="production")
    with ModelRegistry(tmp_path / "reg") as registry:
        assert registry.get_model(ids[0]).framework == "scikit-learn"


@pytest.mark.parametrize("model", [None, "model.joblib", 5, LogisticRegression])
def test_what_is_no_estimator_is_refused(tmp_path, model):
    with pytest.raises(InvalidArtifact):
        register_sklearn_model(model, "line", registry_path=tmp_path / "reg")
    assert not (tmp_path / "reg").exists()
