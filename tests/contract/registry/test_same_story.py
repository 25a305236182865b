"""One script, several registries, one outcome: only ids, times and digests of events may differ."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sklearn.linear_model import LogisticRegression

from components.servers import server_process
from modelyard import ModelRegistry, ModelyardError

CHANGING = re.compile(r"\b(?:m[vd]|pr)_[0-9a-z]{26}\b|\d{4}-\d\d-\d\dT[0-9:.]+Z|\b[0-9a-f]{64}\b")


LOCAL = re.compile(r'"artifact_path":(?:null|"[^"]*")')
"""A server tells where files lie in its registry, not on its disk; a bucket has no paths at all."""


def plain(value: Any) -> str:
    """A record as text, without what no two registries share."""
    return LOCAL.sub("", CHANGING.sub("…", msgspec.json.encode(value, enc_hook=str).decode()))


def story(registry: ModelRegistry, folder: Path) -> list[str]:
    """Live through a registry's life; give everything that it said."""
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights" * 1000)
    (folder / "notes.txt").write_text("notes")
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    heard: list[Any] = []
    ids = [
        registry.register_model(folder / "weights.bin", "fraud", metrics={"accuracy": 0.8}, tags={"n": 1}),
        registry.register_model(
            folder, "fraud", "1.0.0", metrics={"accuracy": 0.9}, label="beta", hyperparams={"a": [1, None]}
        ),
        registry.register_model(folder, "fraud", metrics={"accuracy": 0.95}, metric_samples={"accuracy": [0.9, 1.0]}),
    ]
    heard += [registry.get_model(version) for version in ids]
    for move in (
        lambda: registry.promote_model(ids[0], "staging", {"min_accuracy": 0.85}),
        lambda: registry.promote_model(ids[1], "staging", {"min_accuracy": 0.85}),
        lambda: registry.promote_model(ids[1], "production"),
        lambda: registry.promote_model(ids[2], "production"),
        lambda: registry.update_model_stage(ids[2], "staging"),
        lambda: registry.promote_model(ids[2], "production", comment="better"),
        lambda: registry.set_alias("fraud", "champion", "1.0.0"),
        lambda: registry.rollback_model("fraud"),
        lambda: registry.deprecate_model(ids[2], "leaks"),
        lambda: registry.delete_model(ids[1]),
        lambda: registry.register_model(folder, "fraud", "1.0.0"),
        lambda: registry.get_model("fraud@nobody"),
        lambda: registry.compare_models(ids[0], ids[2]),
        lambda: registry.load_model(ids[0]),
        lambda: registry.describe_model("fraud"),
        lambda: registry.search_models("fraud"),
        lambda: registry.get_model_lineage(ids[2]),
        lambda: registry.list_models("archived"),
        registry.get_registry_stats,
        registry.verify,
        registry.get_history,
    ):
        try:
            heard.append(move())
        except ModelyardError as error:
            heard.append([type(error).__name__, error.message, error.hint, error.details])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = registry.load_model(registry.register_model(model, "line"))
    heard.append([int(answer) for answer in loaded.predict([[0.0], [3.0]])])
    heard.append(sorted(path.name for path in registry.download_model(ids[2], folder / "got").iterdir()))
    return [plain(entry) for entry in heard]


def test_the_same_story_everywhere(open_registry, tmp_path):
    first = story(open_registry("embedded"), tmp_path / "a")
    assert story(open_registry("remote"), tmp_path / "b") == first
    assert len(first) == 26
    assert any("GateRefused" in entry for entry in first)


def test_the_same_story_on_postgres_and_s3(open_registry, tmp_path):
    assert story(open_registry("embedded"), tmp_path / "a") == story(
        open_registry("remote-postgres-s3"), tmp_path / "b"
    )


@pytest.mark.slow
def test_the_same_story_with_a_server_in_a_process_of_its_own(open_registry, tmp_path):
    (tmp_path / "served").mkdir()
    with server_process(tmp_path / "served") as url, ModelRegistry(url) as registry:
        there = story(registry, tmp_path / "b")
    assert there == story(open_registry("embedded"), tmp_path / "a")
