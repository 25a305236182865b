"""Download and load: verified bytes, whole or not at all, wherever the registry is."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelyard import (
    ArtifactNotFound,
    CodeBearingWarning,
    InvalidArtifact,
    InvalidRequest,
    ModelNotFound,
    VersionNotFound,
)


class Doubler:
    """A model of nobody's framework."""

    def predict(self, rows):
        """Give twice of everything."""
        return [2 * row for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of several sizes: empty, small, and of more than one part."""
    root = tmp_path / "source"
    for path, content in {
        "model.bin": os.urandom((8 << 20) + 5),
        "a/b/notes.txt": b"notes",
        "a/empty": b"",
        "größe 'x'.json": b"{}",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.feature("REG-12", "REG-26", "MET-07", "MET-08", "MET-17")
def test_a_fitted_model_comes_back_as_it_was(registry):
    rows, labels = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(rows, labels)
    version = registry.get_model(registry.register_model(model, "iris", input_example=rows[:8]))
    assert (version.framework, version.model_type, version.flavour) == ("scikit-learn", "classifier", "sklearn")
    assert version.input_schema == {"fields": [{"name": "input", "type": "float64", "shape": [4], "optional": False}]}
    assert version.output_schema["fields"][0]["type"] == "int64"
    assert (len(version.input_example), version.environment["packages"]["scikit-learn"] != "") == (5, True)
    assert version.extra["model_class"] == "sklearn.pipeline.Pipeline"
    loaded = registry.load_model(version)
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


@pytest.mark.feature("REG-12", "REG-26")
def test_a_model_that_is_code_says_so_both_ways(registry):
    with pytest.warns(CodeBearingWarning, match="joblib"):
        version_id = registry.register_model(Doubler(), "doubler", framework="own", extra={"a": 1})
    version = registry.get_model(version_id)
    assert (version.framework, version.flavour, version.extra["a"]) == ("own", "python", 1)
    with pytest.warns(CodeBearingWarning, match=r"doubler/0\.1\.0"):
        assert registry.load_model("doubler").predict([1, 2]) == [2, 4]


def test_a_file_of_a_known_kind_is_loaded(registry, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodeBearingWarning)
        first = registry.register_model(Doubler(), "doubler")
        path = registry.download_model(first, tmp_path / "other.joblib")
        assert registry.load_model(registry.register_model(path, "copied")).predict([3]) == [6]


def test_what_cannot_be_loaded_can_be_downloaded(registry, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    version_id = registry.register_model(tmp_path / "model.onnx", "exported")
    with pytest.raises(InvalidArtifact, match="ONNX"):
        registry.load_model(version_id)
    assert registry.download_model(version_id, tmp_path / "got.onnx").read_bytes() == b"onnx"


def test_a_version_without_files_has_none_to_give(registry):
    version_id = registry.register_version("gemini", "1.0.0", create=True)
    for fetch in (registry.load_model, registry.download_model):
        with pytest.raises(ArtifactNotFound) as caught:
            fetch(version_id)
        assert caught.value.hint


@pytest.mark.feature("MET-14", "STO-08")
def test_one_file_goes_where_it_is_wanted(registry, weights, tmp_path, monkeypatch):
    version_id = registry.register_model(weights, "fraud", "1.0.0")
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    here = Path()
    assert registry.download_model(version_id) == here / "weights.bin"
    assert registry.download_model("fraud", "production_model.pkl") == here / "production_model.pkl"
    assert registry.download_model("fraud", "1.0.0", "./by_version.pkl") == here / "by_version.pkl"
    assert registry.download_model("fraud", 1, "by_number.pkl").read_bytes() == b"weights"
    assert registry.download_model("fraud", "new/sub/") == here / "new/sub/weights.bin"
    assert registry.download_model("fraud", here / "new") == here / "new/weights.bin"
    (here / "old").write_bytes(b"old")
    assert registry.download_model("fraud", "old").read_bytes() == b"weights"
    assert set(contents(here).values()) == {b"weights"}
    assert sorted(path.name for path in here.iterdir()) == [
        "by_number.pkl",
        "by_version.pkl",
        "new",
        "old",
        "production_model.pkl",
        "weights.bin",
    ]


def test_a_folder_comes_back_whole(registry, folder, tmp_path, monkeypatch):
    version_id = registry.register_model(folder, "packed", "1.0.0")
    steps: list[int] = []
    target = registry.download_model(version_id, tmp_path / "target", progress=steps.append)
    assert target == tmp_path / "target"
    assert contents(target) == contents(folder)
    assert sum(steps) == sum(map(len, contents(folder).values()))
    one = registry.download_model(version_id, tmp_path / "one.txt", path="a/b/notes.txt")
    assert one.read_bytes() == b"notes"
    monkeypatch.chdir(tmp_path)
    assert registry.download_model(version_id) == Path("packed-1.0.0")
    assert contents(tmp_path / "packed-1.0.0") == contents(folder)
    assert registry.download_model(version_id, path="größe 'x'.json") == Path("größe 'x'.json")


def test_what_was_not_named_is_not_replaced(registry, weights, tmp_path, monkeypatch):
    version_id = registry.register_model(weights, "fraud")
    monkeypatch.chdir(tmp_path)
    weights.write_bytes(b"changed since")
    with pytest.raises(InvalidRequest, match="working folder"):
        registry.download_model(version_id)
    assert weights.read_bytes() == b"changed since"


def test_a_download_that_cannot_be(registry, folder, tmp_path):
    version_id = registry.register_model(folder, "packed")
    (tmp_path / "file").write_text("x")
    for arguments, error in (
        ((version_id, tmp_path / "file" / "below"), InvalidRequest),
        ((version_id, tmp_path / "file"), InvalidRequest),
        (("packed", "9.9.9", tmp_path / "y"), VersionNotFound),
        (("nobody", tmp_path / "y"), ModelNotFound),
    ):
        with pytest.raises(error):
            registry.download_model(*arguments)
    with pytest.raises(ArtifactNotFound, match=r"nothing\.txt") as caught:
        registry.download_model(version_id, tmp_path / "y", path="nothing.txt")
    assert "model.bin" in caught.value.details["files"]
    assert not (tmp_path / "y").exists()
    assert (tmp_path / "file").read_text() == "x"
