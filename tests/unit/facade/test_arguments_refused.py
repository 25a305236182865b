"""Arguments that cannot be used are refused by an error of the registry that names them."""

from __future__ import annotations

import numpy as np
import pytest

from components.templates import prepared
from modelyard import InvalidRequest, ModelRegistry, ModelStage

NO_PATHS = [5, b"bytes", "a\0b", "", " ", "half a pair \ud800", "~nobody-has-this-name/file", ["list"]]


@pytest.fixture
def registry(tmp_path):
    with ModelRegistry(prepared(tmp_path / "registry")) as opened:
        yield opened


@pytest.fixture
def version_id(registry, tmp_path) -> str:
    (tmp_path / "model.bin").write_bytes(b"weights")
    return registry.register_model(tmp_path / "model.bin", name="fraud", metrics={"accuracy": 0.9})


@pytest.mark.parametrize("wrong", [None, *NO_PATHS], ids=repr)
def test_an_export_needs_a_path(registry, wrong):
    with pytest.raises(InvalidRequest, match=r"^output_path "):
        registry.export_registry(wrong)


@pytest.mark.parametrize("wrong", NO_PATHS, ids=repr)
def test_a_download_needs_a_path(registry, version_id, wrong):
    with pytest.raises(InvalidRequest, match=r"^target "):
        registry.download_model(version_id, wrong)
    with pytest.raises(InvalidRequest, match=r"^local_path "):
        registry.download_model("fraud", "0.1.0", wrong)


def test_a_download_may_begin_at_home(registry, version_id, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.download_model(version_id, "~/new/") == tmp_path / "new" / "model.bin"
    assert registry.download_model(version_id, "~/file") == tmp_path / "file"
    assert registry.export_registry("~/export.json") == tmp_path / "export.json"


@pytest.mark.parametrize(
    "bound", [np.array([1, 2]), np.array([]), np.array([[0.1, 0.2]]), np.float64, np.array("x")], ids=repr
)
def test_a_bound_is_one_number(registry, version_id, bound):
    with pytest.raises(InvalidRequest, match="min_accuracy"):
        registry.promote_model(version_id, "staging", {"min_accuracy": bound})
    assert registry.get_model(version_id).stage == ModelStage.DEVELOPMENT


@pytest.mark.parametrize("bound", [np.array(0.5), np.array([0.5]), np.float32(0.5), 0.5], ids=repr)
def test_an_array_of_one_number_is_a_bound(registry, version_id, bound):
    (verdict,) = registry.promote_model(version_id, "staging", {"min_accuracy": bound}).verdicts
    assert (verdict.required, verdict.met) == (0.5, True)
