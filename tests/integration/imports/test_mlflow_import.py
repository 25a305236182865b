"""`modelyard import mlflow://…` from a real MLflow server: what comes, what is told, and that it can be repeated."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.deadlines import until
from components.mlflow_filling import Filler, many
from components.templates import FILE
from modelyard import ModelRegistry
from modelyard.cli.app import app
from modelyard.domain.stages import ModelStage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "modelyard")
DATASET = {"name": "payments", "digest": "8f1c", "source_type": "local", "source": '{"uri": "payments.parquet"}'}
BAD = "dbfs:/models/fraud"


@pytest.fixture(scope="module")
def source(filler: Filler, mlflow_url: str) -> str:
    """The address of a server with two models and a prompt, which have all that an import can meet."""
    run = filler.run(
        metrics={"accuracy": 0.93, "loss": "NaN"},
        params={"depth": "3"},
        tags={"mlflow.source.git.commit": "c0ffee", "mlflow.user": "ana", "team": "risk"},
        datasets=[{"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": DATASET}],
    )
    root = run["artifact_uri"]
    filler.files(f"{root}/first", {"model.bin": b"first", "code/sub dir/util.py": b"pass"})
    filler.model("fraud", description="Flags card payments", tags={"domain": "cards"})
    filler.version("fraud", f"{root}/first", run_id=run["run_id"], description="the first", tags={"version": "v1.4.2"})
    filler.delete("fraud", filler.version("fraud", f"{root}/first", run_id=run["run_id"]))
    model_id = filler.logged_model("clf", run["run_id"], {"model.bin": b"third"}, params={"eta": "0.1"})
    filler.version("fraud", f"models:/{model_id}", model_id=model_id)
    filler.version("fraud", BAD)
    filler.version("fraud", f"{root}/first/model.bin", run_id=run["run_id"], tags={"version": "1.4.2"})
    for version, stage in ((1, "Archived"), (3, "Production"), (5, "Production")):
        filler.stage("fraud", version, stage)
    filler.alias("fraud", "champion", 3)
    filler.model("a copy")
    filler.version("a copy", "models:/fraud/3")
    prompt = {"mlflow.prompt.is_prompt": "true"}
    filler.model("greeting", tags=prompt)
    filler.version("greeting", "prompt-template", tags={**prompt, "mlflow.prompt.text": "Hello {{name}}"})
    return mlflow_url.replace("http://", "mlflow://")


SMALL = ("--models", "fraud", "--models", "a *", "--models", "greeting")


@pytest.mark.feature("EXP-27")
def test_what_an_mlflow_server_has_registered_comes_whole(source, yard):
    said = yard.take(source, *SMALL)
    assert said.code != 0, "one version has no files"
    registry = yard.registry
    fraud = registry.describe_model("fraud")
    assert (fraud.description, fraud.tags) == ("Flags card payments", {"domain": "cards"})
    versions = {version.number: version for version in registry.list_versions("fraud")}
    assert sorted(versions) == [1, 3, 4, 5], "the numbers are those of MLflow, also behind a deleted version"
    first, third, fifth = versions[1], versions[3], versions[5]
    assert {file.path: file.size for file in first.files} == {"model.bin": 5, "code/sub dir/util.py": 4}
    assert (first.version, first.description, first.tags) == ("1.4.2", "the first", {"version": "v1.4.2"})
    assert (first.metrics, first.hyperparameters) == ({"accuracy": 0.93}, {"depth": "3"})
    assert first.extra["imported"]["metrics"] == {"loss": "NaN"}
    assert (first.code_version, first.created_by) == ("c0ffee", "ana")
    assert first.data_lineage["datasets"][0]["name"] == "payments"
    assert first.extra["imported"]["run"]["experiment"] == "Default"
    assert first.extra["imported"]["run"]["tags"] == {"team": "risk"}
    assert first.training_run_id == third.training_run_id, "a logged model knows its run"
    assert third.hyperparameters == {"depth": "3", "eta": "0.1"}
    assert [file.path for file in fifth.files] == ["model.bin"], "a source may be a single file"
    assert fifth.version != "1.4.2"
    assert [versions[n].stage for n in (1, 3, 4, 5)] == [
        ModelStage.ARCHIVED,
        ModelStage.PRODUCTION,
        ModelStage.DEVELOPMENT,
        ModelStage.PRODUCTION,
    ]
    assert registry.get_model("fraud@champion") == third
    copy = registry.get_model("a copy/1")
    assert (copy.parent_id, copy.digest) == (third.id, third.digest)
    prompt = registry.get_model("greeting/1")
    assert (prompt.tags["mlflow.prompt.text"], prompt.files) == ("Hello {{name}}", [])


@pytest.mark.feature("EXP-27")
def test_files_that_cannot_be_read_are_told_and_the_rest_is_proven(source, yard):
    said = yard.take(source, *SMALL)
    outcome, detail = said.outcome("fraud/4")
    assert outcome == "in part"
    assert "dbfs" in detail
    assert "fraud/4: in part" in said.told
    assert yard.registry.get_model("fraud/4").unproven
    assert [row["version"] for row in said.rows if row["outcome"] == "registered"] == [
        "fraud/1",
        "fraud/3",
        "fraud/5",
        "a copy/1",
        "greeting/1",
    ]
    proven = {proof["model"]: proof for proof in said.report["models"]}
    assert proven["fraud"]["proven_by"] == "files missing"
    assert proven["a copy"] == {
        "model": "a copy",
        "versions_there": 1,
        "versions_here": 1,
        "files_there": 1,
        "files_here": 1,
        "bytes_there": 5,
        "bytes_here": 5,
        "proven_by": "digests",
    }
    assert proven["greeting"]["proven_by"] == "no files"


@pytest.mark.feature("EXP-27")
def test_repeating_an_import_changes_nothing_and_leaves_what_people_did(source, local):
    local.take(source, *SMALL)
    local.registry.archive_model("fraud/3")
    local.registry.delete_alias("fraud", "champion")
    before = len(local.registry.get_history())
    again = local.take(source, *SMALL)
    assert {row["outcome"] for row in again.rows} == {"already there", "in part"}
    assert len(local.registry.get_history()) == before
    proofs = {proof["model"]: proof["proven_by"] for proof in again.report["models"]}
    assert proofs["a copy"] == "names and sizes"
    verified = local.take(source, "--models", "a copy", "--verify")
    assert [proof["proven_by"] for proof in verified.report["models"]] == ["digests"]


def test_an_import_finds_out_that_a_version_here_is_not_the_one_there(source, local, filler):
    local.take(source, "--models", "a copy")
    version = local.registry.get_model("a copy/1")
    imported = version.extra["imported"]
    other = local.registry.get_model(
        local.registry.register_model(_file(local, b"other"), "a copy", extra={"imported": {**imported, "number": 2}})
    )
    changed = {**imported, "number": 9}
    local.registry.update_version(version.id, extra={"imported": changed})
    local.registry.update_version(other.id, extra={"imported": imported})
    refused = local.take(source, "--models", "a copy")
    assert (refused.code, refused.outcome("a copy/1")[0]) == (7, "failed")
    assert "other files" in refused.outcome("a copy/1")[1]


def test_files_that_have_gone_from_mlflow_since_are_told_and_are_no_loss_here(filler, mlflow_url, local):
    source = mlflow_url.replace("http://", "mlflow://")
    run = filler.run()
    filler.files(f"{run['artifact_uri']}/x", {"model.bin": b"bytes"})
    filler.model("fleeting")
    filler.version("fleeting", f"{run['artifact_uri']}/x", run_id=run["run_id"])
    local.take(source, "--models", "fleeting")
    path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    filler.server.call("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{path}/x/model.bin")
    again = local.take(source, "--models", "fleeting")
    assert (again.code, again.outcome("fleeting/1")[0]) == (0, "already there")
    assert [proof["proven_by"] for proof in again.report["models"]] == ["gone there"]


def test_a_dry_run_tells_what_would_come_and_makes_nothing(source, tmp_path, local):
    said = local.take(source, *SMALL, "--dry-run")
    assert said.code == 0
    assert said.outcome("fraud/1") == ("would register", "2 files, 9 B")
    assert said.outcome("fraud/4")[1].startswith("without its files")
    assert local.registry.models() == []


def test_numbers_that_are_taken_here_are_not_kept_and_told(source, local):
    local.registry.register_model(_file(local, b"mine"), "fraud", "1.4.2")
    said = local.take(source, "--models", "fraud")
    first = said.outcome("fraud/1")[1]
    assert "1.4.2 is taken here" in first
    assert "its number here is 2" in first
    assert {v.number: v.extra.get("imported", {}).get("number") for v in local.registry.list_versions("fraud")} == {
        1: None,
        2: 1,
        3: 3,
        4: 4,
        5: 5,
    }


def test_an_alias_that_points_elsewhere_here_stays_and_is_told(source, local):
    mine = local.registry.register_model(_file(local, b"mine"), "fraud")
    local.registry.set_alias("fraud", "champion", mine)
    said = local.take(source, "--models", "fraud")
    assert said.outcome("fraud/3") == ("in part", "the alias 'champion' points elsewhere already")
    assert local.registry.get_model("fraud@champion") == mine


@pytest.mark.kill
@pytest.mark.feature("EXP-27")
def test_an_import_of_500_versions_is_killed_half_way_and_goes_on_where_it_was(mlflow_url, filler, tmp_path):
    filled = many(filler.server, models=50, versions=10)
    folder = tmp_path / "registry"
    words = [PROGRAM, "--registry", str(folder), "--output", "json", "import", mlflow_url.replace("http", "mlflow")]
    words += ["--models", "bulk-*"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as process:
        until(lambda: _count(folder) > 200, "half of the versions are there", 120)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with ModelRegistry(folder) as registry:
        early = {version.id: version.created_at for version in registry.list_models()}
        assert 200 < len(early) < 500
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        versions = registry.list_models()
        assert {version.id: version.created_at for version in versions if version.id in early} == early
        found = {(version.name, version.number): version for version in versions}
        assert found.keys() == {(name, n) for name, count in filled.versions.items() for n in range(1, count + 1)}
        assert len(versions) == 500
        assert len({version.digest for version in versions}) == 500, "each has bytes of its own"
        assert all(not found.damage for found in registry.verify())
    totals = f"there 500 versions, {filled.files:,} files"
    assert totals in done.stderr
    assert f"{len(early)} already there" in done.stderr


def _count(folder: Path) -> int:
    """How many versions a registry has, read beside the process that writes."""
    if not (folder / FILE).exists():
        return 0
    with sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True) as database:
        try:
            return int(database.execute("SELECT count(*) FROM versions").fetchone()[0])
        except sqlite3.OperationalError:
            # The tables are being made.
            return 0


def _file(yard, content: bytes) -> Path:
    """A small file beside the registry."""
    file = Path(yard.address).parent / "mine.bin"
    file.write_bytes(content)
    return file


PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "import-models.md"


@pytest.mark.feature("EXP-27", "EXP-28")
def test_the_page_on_importing_says_nothing_that_does_not_work(source, local, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = ""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line.replace("mlflow://$MLFLOW", source))[1:]
            done = CliRunner().invoke(app, ["--registry", local.address, *words])
            # One version of the model has no files that can be read, as the page says.
            assert done.exit_code == (0 if "copy" in words or "--dry-run" in words else 2), done.output
            printed += done.stdout
    assert "would register" in printed
    assert "copied fraud/1.4.2 to fraud-eu/1.4.2" in printed
    with ModelRegistry(tmp_path / "other_registry") as other:
        assert other.get_model("fraud-candidate/1.4.2").digest == local.registry.get_model("fraud/1").digest
