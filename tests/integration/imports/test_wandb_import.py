"""`modelyard import wandb://…`: the real SDK of W&B, in a real process, against a stub of its server."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from components.needs import need
from components.wandb_stub import StubArtifact, WandbStub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "modelyard")
FIRST = StubArtifact(files={"model.bin": b"one", "sub/notes.txt": b"first"}, aliases=("v0",), description="the first")
SECOND = StubArtifact(
    files={"model.bin": b"two"},
    aliases=("v1", "latest", "champion"),
    tags=("approved",),
    metadata={"metrics": {"accuracy": 0.9}, "owner": "ana"},
)


@pytest.fixture
def take(local, tmp_path):
    """Run `modelyard import` with the real SDK; return the exit code, the report and what was told."""
    need("wandb")

    def run(stub: WandbStub, *words: str) -> tuple[int, dict, str]:
        places = dict.fromkeys(("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"), str(tmp_path))
        access = {"WANDB_BASE_URL": stub.url, "WANDB_API_KEY": "k" * 40, "HOME": str(tmp_path)}
        done = subprocess.run(
            [PROGRAM, "--registry", local.address, "--output", "json", "import", *words],
            env={**os.environ, **places, **access},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or "null"), done.stderr

    return run


@pytest.mark.feature("EXP-27")
def test_the_models_of_a_wandb_project_come_with_aliases_tags_and_proven_bytes(take, local):
    with WandbStub({"clf": [FIRST, SECOND], "other": [FIRST]}) as stub:
        code, report, told = take(stub, "wandb://acme/fraud/clf")
        assert code == 0, told
        assert [model.name for model in local.registry.models()] == ["clf"]
        first, second = local.registry.get_model("clf/1"), local.registry.get_model("clf/2")
        assert (first.description, [file.path for file in first.files]) == (
            "the first",
            ["model.bin", "sub/notes.txt"],
        )
        assert (second.tags, second.metrics, second.aliases) == (
            {"approved": "true"},
            {"accuracy": 0.9},
            ["champion"],
        )
        assert second.extra["imported"]["metadata"]["owner"] == "ana"
        assert [(proof["files_here"], proof["proven_by"]) for proof in report["models"]] == [(3, "digests")]
        again, report, _ = take(stub, "wandb://acme/fraud", "--models", "clf")
        assert (again, {row["outcome"] for row in report["versions"]}) == (0, {"already there"})


@pytest.mark.feature("EXP-27")
def test_no_file_of_an_artifact_is_written_outside(take, local, tmp_path):
    evil = [StubArtifact(files={path: b"evil"}) for path in (f"..{'/..' * 20}{tmp_path}/evil", f"{tmp_path}/evil")]
    with WandbStub({"clf": [*evil, StubArtifact(files={"model.bin": b"one"})]}) as stub:
        _, report, said = take(stub, "wandb://acme/fraud")
    assert report, said
    outcomes = {row["version"]: (row["outcome"], row["detail"]) for row in report["versions"]}
    assert [outcomes[f"clf:v{n}"][0] for n in range(3)] == ["in part", "in part", "registered"]
    assert "cannot be taken over" in outcomes["clf:v0"][1]
    assert not (tmp_path / "evil").exists()


@pytest.mark.feature("EXP-27")
def test_what_wandb_does_not_hold_or_sends_damaged_is_told(take, local):
    elsewhere = StubArtifact(files={}, references=("weights.bin",))
    damaged = StubArtifact(files={"model.bin": b"damaged"}, damaged=True)
    with WandbStub({"clf": [elsewhere, damaged]}) as stub:
        code, report, _ = take(stub, "wandb://acme/fraud")
    outcomes = {row["version"]: (row["outcome"], row["detail"]) for row in report["versions"]}
    assert outcomes["clf:v0"][0] == "in part"
    assert "refers to files elsewhere, such as weights.bin" in outcomes["clf:v0"][1]
    assert outcomes["clf:v1"][0] == "failed"
    assert code != 0
    assert [version.number for version in local.registry.list_versions("clf")] == [1]
