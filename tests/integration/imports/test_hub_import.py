"""`modelyard import hf://…`: the real SDK of the Hub, in a real process, against the Hub's interface of modelyard."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from components.needs import need
from components.scripted import Reply, ScriptedServer
from modelyard import ModelRegistry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "modelyard")
SHA = "0" * 40


@pytest.fixture
def take(local, tmp_path):
    """Run `modelyard import` with the real SDK on an endpoint; return the exit code, the report and what was told."""
    need("huggingface")

    def run(endpoint: str, *words: str) -> tuple[int, dict, str]:
        done = subprocess.run(
            [PROGRAM, "--registry", local.address, "--output", "json", "import", *words],
            env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or "null"), done.stderr

    return run


@pytest.mark.feature("EXP-27")
def test_a_model_of_the_hub_comes_whole_with_its_commit(take, local, http_server, tmp_path):
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"weights" * 1000)
    (folder / "deep" / "config.json").write_text("{}")
    with http_server.serving(tmp_path / "hub") as url, ModelRegistry(url) as hub:
        made = hub.get_model(hub.register_model(folder, "fraud", "1.0.0", framework="sklearn"))
        code, report, told = take(url, "hf://modelyard/fraud")
        assert code == 0, told
        copy = local.registry.get_model("fraud/1")
        assert copy.digest == made.digest
        imported = copy.extra["imported"]
        assert (imported["from"], imported["name"], len(imported["commit"])) == ("huggingface", "modelyard/fraud", 40)
        assert report["models"][0]["proven_by"] == "digests"
        again, report, _ = take(url, "hf://modelyard/fraud@main", "--as", "fraud")
        assert (again, [row["outcome"] for row in report["versions"]]) == (0, ["already there"])
        missing, _, told = take(url, "hf://modelyard/nobody")
        assert (missing, "the Hub shows no hf://modelyard/nobody" in told) == (3, True)


@pytest.mark.feature("EXP-27")
def test_no_file_of_a_repository_is_written_outside_and_odd_answers_are_no_crash(take, local, tmp_path):
    told = {"id": "ana/clf", "sha": SHA, "tags": [], "downloads": 0}
    for path in (f"{tmp_path}/evil", "../../evil"):
        listed = Reply(body=json.dumps({**told, "siblings": [{"rfilename": path}]}).encode())
        with ScriptedServer(listed) as hub:
            code, report, _ = take(hub.url, "hf://ana/clf")
        assert code != 0
        assert "cannot be taken over" in report["versions"][0]["detail"]
    assert not (tmp_path / "evil").exists()
    with ScriptedServer(Reply(body=json.dumps({**told, "sha": None, "siblings": []}).encode())) as hub:
        _, _, said = take(hub.url, "hf://ana/clf")
    assert "names no commit" in said


@pytest.mark.feature("EXP-27")
def test_the_card_of_a_model_is_recorded_and_bytes_that_the_hub_does_not_list_are_refused(take, local):
    def answer(seen, content=b"other\n") -> Reply:
        if "/resolve/" in seen.target:
            headers = {"X-Repo-Commit": SHA, "ETag": '"ce013625030ba8dba906f756967f9e9ca394464a"'}
            return Reply(body=content, headers=headers)
        return Reply(
            body=json.dumps(
                {
                    "id": "ana/clf",
                    "sha": SHA,
                    "author": "ana",
                    "library_name": "sklearn",
                    "pipeline_tag": "tabular-classification",
                    "cardData": {"license": "mit", "datasets": ["payments"], "base_model": "ana/base"},
                    "siblings": [
                        {"rfilename": "f.txt", "size": 6, "blobId": "ce013625030ba8dba906f756967f9e9ca394464a"}
                    ],
                    "tags": [],
                    "downloads": 0,
                }
            ).encode()
        )

    with ScriptedServer(answer) as hub:
        code, report, _ = take(hub.url, "hf://ana/clf")
        assert (code, report["versions"][0]["outcome"]) == (7, "failed")
        assert "other bytes than the Hub lists" in report["versions"][0]["detail"]
    with ScriptedServer(lambda seen: answer(seen, b"hello\n")) as hub:
        code, report, told = take(hub.url, "hf://ana/clf")
        assert code == 0, told
    version = local.registry.get_model("clf/1")
    assert (version.framework, version.model_type, version.created_by) == ("sklearn", "tabular-classification", "ana")
    assert version.tags["license"] == "mit"
    assert version.data_lineage == {"datasets": ["payments"]}
    assert version.extra["imported"]["card"]["base_model"] == "ana/base"
