"""The commands about numbers: signatures, proposals, changelogs, and versions from real git repositories."""

from __future__ import annotations

import json

import pytest

from components import onnx as made
from components.git import IDENTITY, NO_CONFIGURATION, commit, git, repository

OLD = '{"input_schema": {"age": "int32", "income": "float64"}, "output_schema": {"score": "float64"}}'
GONE = '{"input_schema": {"age": "int32"}, "output_schema": {"score": "float64"}}'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, value in (NO_CONFIGURATION | IDENTITY).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return repository(tmp_path / "work")


@pytest.mark.feature("EXP-35")
def test_a_false_minor_exits_with_6_and_passes_with_a_reason(terminal):
    terminal.ok(["register", "--name", "fraud", "--version", "1.0.0", "--metadata", OLD])
    line = ["register", "--name", "fraud", "--version", "1.1.0", "--metadata", GONE]
    refused = terminal.run(["--output", "json", *line])
    assert refused.code == 6
    assert refused.problem["code"] == "breaking_change"
    assert refused.problem["details"]["next_version"] == "2.0.0"
    assert "allow_breaking" in refused.problem["hint"]
    terminal.ok([*line, "--allow-breaking", "nobody sends income"])
    assert "nobody sends income" in terminal.ok("show fraud/1.1.0").out
    shown = terminal.ok("signature fraud/1.0.0 fraud/1.1.0").out
    assert "breaking" in shown
    assert "income" in shown
    assert "a major number after 1.0.0" in shown
    found = terminal.json("signature fraud/1.0.0 fraud/1.1.0")
    assert (found["outcome"], found["compatible"], found["changes"][0]["field"]) == ("breaking", False, "income")
    assert terminal.json("show fraud/^1.0")["version"] == "1.0.0"


@pytest.mark.feature("EXP-35")
def test_the_next_number_comes_from_a_schema_or_from_a_file(terminal):
    terminal.file("model.onnx", made.simple((None, 4)))
    assert terminal.json("register --model-path model.onnx --name fraud")["version"] == "0.1.0"
    assert terminal.ok("next-version fraud --model-path model.onnx --quiet").out.strip() == "0.1.1"
    terminal.file("model.onnx", made.simple((None, 5)))
    assert terminal.json("next-version fraud --model-path model.onnx")["bump"] == "minor"
    assert "shape" in terminal.ok("next-version fraud --model-path model.onnx").out
    assert (
        terminal.ok(["next-version", "fraud", "--schema", '{"input_schema": {"x": "string"}}', "-q"]).out == "0.2.0\n"
    )
    terminal.file("model.onnx", b"no protocol buffer")
    unread = terminal.run("--output json next-version fraud --model-path model.onnx")
    assert "the file 'model.onnx' tells no inputs and outputs, because it cannot be read" in unread.json["reason"]
    assert "cannot be read" in unread.err
    wrong = terminal.run(["next-version", "fraud", "--schema", '{"inputs": {}}'])
    assert (wrong.code, "'inputs'" in wrong.err) == (2, True)
    fields = terminal.ok("signature fraud/0.1.0").out
    assert all(word in fields for word in ("x", "float32", "[-1, 4]"))


@pytest.mark.feature("VER-14", "MET-19")
def test_what_changed_is_shown_and_told(terminal):
    terminal.ok("register --name fraud --version 1.0.0 --changelog 'First one' --known-issues 'Slow'")
    terminal.ok("register --name fraud --version 1.1.0 --changelog 'Faster' --migration-notes 'Send cents'")
    terminal.ok("update fraud/1.0.0 --known-issues 'Slow on GPUs'")
    shown = terminal.ok("show fraud/1.1.0").out
    assert "Faster" in shown
    assert "Send cents" in shown
    assert "missing: description" in shown
    text = terminal.ok("changelog fraud").out
    assert text.startswith("# Changelog of fraud\n\n## 1.1.0")
    assert "### Known issues\n\nSlow on GPUs" in text
    assert "1.0.0" not in terminal.ok("changelog fraud --since 1.0.0").out.partition("since 1.0.0")[2]
    assert terminal.json("changelog fraud")["markdown"].startswith("# Changelog")
    assert terminal.run("changelog nobody").code == 3


@pytest.mark.feature("VER-10")
def test_a_version_from_git_is_one_that_register_takes(local, folder):
    commit(folder, "first")
    git(folder, "tag", "fraud-v1.2.3")
    git(folder, "tag", "churn/2.0.0")
    line = f"version-from-git --repository {folder} --quiet"
    short = git(folder, "rev-parse", "--short", "HEAD")
    assert local.ok(f"{line} --prefix fraud").out.strip() == f"1.2.4+{short}"
    assert local.ok(f"{line} --prefix churn --increment minor").out.strip() == f"2.1.0+{short}"
    assert local.ok(line).out.strip() == f"2.0.1+{short}"
    talkative = f"version-from-git --repository {folder}"
    assert "--prefix chooses one, now churn/2.0.0 counts" in local.ok(talkative).err
    assert local.ok(f"{talkative} --prefix fraud").err == ""
    assert "no version tag in the history starts with 'frau'" in local.ok(f"{talkative} --prefix frau").err
    (folder / "file.txt").write_text("changed", encoding="utf-8")
    git(folder, "checkout", "--quiet", "--detach")
    version = local.ok(f"{line} --prefix fraud").out.strip()
    assert version == f"1.2.4+{short}.dev"
    assert local.json(f"register --name fraud --version {version}")["version"] == version
    assert json.loads(local.ok(f"-o json version-from-git --repository {folder} --prefix none").out)["version"] == (
        f"0.1.0+{short}.dev"
    )


@pytest.mark.feature("VER-10", "VER-11")
def test_git_that_cannot_answer_says_what_is_missing(local, folder):
    plain = folder.parent / "plain"
    plain.mkdir()
    for line, code, text in [
        (f"version-from-git --repository {plain}", 3, "in no git repository"),
        (f"version-from-git --repository {folder}", 3, "has no commit"),
        (f"version-tag v1.0.0 --repository {plain / 'gone'}", 3, "there is no folder"),
        (f"version-tag release --repository {folder}", 2, "names no version"),
    ]:
        answer = local.run(line)
        assert (answer.code, text in answer.err) == (code, True), answer.err
    commit(folder)
    answer = local.run(f"version-tag v1.0.0 --push --repository {folder}")
    assert (answer.code, git(folder, "tag", "--list")) == (3, "")


@pytest.mark.feature("VER-11")
def test_a_tag_is_made_and_pushed(local, folder):
    commit(folder)
    git(folder.parent, "init", "--quiet", "--bare", "remote.git")
    git(folder, "remote", "add", "origin", str(folder.parent / "remote.git"))
    answer = local.ok(f"version-tag fraud-v1.2.3 --push --repository {folder}")
    assert answer.out == "tagged fraud-v1.2.3 and pushed it\n"
    assert git(folder.parent / "remote.git", "tag", "--list") == "fraud-v1.2.3"
    assert local.run(f"version-tag fraud-v1.2.3 --repository {folder}").code == 5
