"""Many versions at once: `bulk-register` and `import`, and that both can be repeated after a failure."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelyard.cli.importing import path_to
from modelyard.domain.graph import default_graph
from modelyard.domain.stages import ModelStage


def plan(terminal, entries, name="plan/models_config.json"):
    return terminal.file(name, json.dumps(entries))


@pytest.fixture
def three(terminal):
    """A file with three good entries, beside two models."""
    terminal.file("plan/a.bin", "a")
    terminal.file("plan/tree/b.bin", "b")
    entries = [
        {
            "model_path": "a.bin",
            "name": "fraud",
            "version": "1.0.0",
            "description": "first",
            "performance_metrics": {"accuracy": 0.9},
            "hyperparams": {"lr": 0.1},
            "tags": {"a": "1"},
            "label": "beta",
        },
        {"path": "./tree", "name": "fraud", "version": "1.1.0", "parent": "fraud/1.0.0", "accuracy": 0.95},
        {"name": "gemini", "version": "1.0.0", "status": "stable"},
    ]
    return plan(terminal, {"models": entries})


@pytest.mark.feature("REG-18")
def test_bulk_register_takes_paths_from_the_files_folder_and_everything_that_register_takes(three, terminal):
    outcomes = terminal.json(f"bulk-register {three}")
    assert [(row["version"], row["outcome"]) for row in outcomes] == [
        ("fraud/1.0.0", "registered"),
        ("fraud/1.1.0", "registered"),
        ("gemini/1.0.0", "registered"),
    ]
    first, second, third = (terminal.json(f"show {row['id']}") for row in outcomes)
    assert (first["description"], first["metrics"], first["tags"]) == ("first", {"accuracy": 0.9}, {"a": "1"})
    assert (first["hyperparameters"], first["label"]) == ({"lr": 0.1}, "beta")
    assert (second["parent_id"], second["metrics"]) == (first["id"], {"accuracy": 0.95})
    assert (third["label"], third["files"]) == ("stable", [])


@pytest.mark.feature("REG-18")
def test_repeating_a_bulk_registration_changes_nothing(three, terminal):
    terminal.ok(f"bulk-register {three}")
    before = len(terminal.ok("export -").json["events"])
    answer = terminal.ok(f"bulk-register {three}")
    assert answer.out.count("already there") == 3
    assert answer.err == "3 already there\n"
    assert len(terminal.ok("export -").json["events"]) == before


def test_a_dry_run_registers_nothing_and_makes_no_registry(local):
    local.file("plan/a.bin", "a")
    file = plan(local, [{"name": "fraud", "model_path": "a.bin"}, {"name": "gemini", "version": "1.0.0"}])
    assert local.ok(f"bulk-register {file} --dry-run").out.count("would register") == 2
    assert not Path(local.target).exists()


def test_the_same_version_with_other_files_is_a_conflict(three, terminal):
    terminal.ok(f"bulk-register {three}")
    terminal.file("plan/a.bin", "changed")
    answer = terminal.run(f"bulk-register {three}")
    assert answer.code == 5
    assert "fraud/1.0.0 is there with other files" in answer.out
    assert answer.err == "1 failed, 2 not tried\n"


def test_after_a_failure_the_rest_is_left_out_unless_it_shall_go_on(terminal):
    entries = [{"name": "a", "parent": "nope/1.0.0", "version": "1.0.0"}, {"name": "b", "version": "1.0.0"}]
    file = plan(terminal, entries)
    stopped = terminal.run(f"--output json bulk-register {file}")
    assert stopped.code == 3
    assert [row["outcome"] for row in stopped.json] == ["failed", "not tried"]
    assert stopped.json[0]["code"] == "model_not_found"
    went_on = terminal.run(f"--output json bulk-register {file} --continue-on-error")
    assert went_on.code == 3
    assert [row["outcome"] for row in went_on.json] == ["failed", "registered"]


WRONG = [
    ({"name": "b", "model_path": "nope.bin"}, "nope.bin"),
    ({"name": "b", "model_path": "empty.bin"}, "empty"),
    ({"name": "b", "model_path": "a.bin", "path": "a.bin"}, "give the path of one file"),
    ({"name": "b", "model_path": 3}, "give the path of one file"),
    ({"model_path": "a.bin"}, "the entry has no name"),
    ({"name": "a/b"}, "a/b"),
    ({"name": "b", "version": "v1"}, "write 1.0.0"),
    ({"name": "b", "version": 1}, "1"),
    ({"name": "b", "metrcs": {"a": 1}}, "did you mean metrics?"),
    ({"name": "b", "metrics": {"a": "high"}}, "a"),
    ({"name": "b", "tags": 3}, "tags"),
    ({"name": "good", "version": "1.0.0"}, "entry 1 is good/1.0.0 too"),
    ("text", "an entry is an object"),
    (None, "an entry is an object"),
]


@pytest.mark.parametrize(("entry", "message"), WRONG, ids=[json.dumps(entry) for entry, _ in WRONG])
def test_an_invalid_entry_is_found_before_anything_is_registered(entry, message, local):
    local.file("plan/a.bin", "a")
    local.file("plan/empty.bin", "")
    file = plan(local, [{"name": "good", "version": "1.0.0"}, entry])
    answer = local.run(f"--output json bulk-register {file}")
    assert answer.code == 2
    assert [row["outcome"] for row in answer.json] == ["not tried", "invalid"]
    assert message in answer.json[1]["detail"]
    assert not Path(local.target).exists()


NO_LISTS = ["", "{", "3", '{"model": []}', '{"models": {}}', '[{"a": 1, "a": 2}]', "\x00", "[NaN]", "[" * 100_000]


@pytest.mark.parametrize("text", NO_LISTS, ids=lambda text: repr(text[:20]))
def test_a_file_that_is_no_list_of_models_is_refused(text, local):
    file = local.file("plan.json", text)
    answer = local.run(f"bulk-register {file}")
    assert (answer.code, answer.out) == (2, "")
    assert str(file) in answer.err


def test_an_empty_list_is_nothing_to_do(local):
    assert local.ok(["bulk-register", str(local.file("plan.json", "[]"))]).out == "nothing to do\n"


# --------------------------------------------------------------------------------------------------------------- import


@pytest.fixture
def rich(fraud):
    """A registry with everything that an import has to carry."""
    fraud.ok("create empty --description 'no versions' --owner ana --tag a=1")
    fraud.ok("register --name gemini --version 2.0.0-rc.1 --label stable --description 'äöü'")
    for stage in ("staging", "production"):
        fraud.ok(f"promote fraud/1.1.0 --target-stage {stage}")
    fraud.ok("alias fraud champion 1.1.0")
    fraud.ok("deprecate fraud/1.0.0 --reason 'leaks labels'")
    for name in ("tree/a.txt", "tree/b/c.txt"):
        fraud.file(name, name)
    fraud.ok("register --model-path tree --name tree --version 0.1.0 --parent fraud/1.1.0")
    fraud.ok("export backup.json")
    return fraud


def content(terminal):
    """What an import has to carry over, by name and version."""
    document = terminal.ok("export -").json
    names = {version["id"]: f"{version['name']}/{version['version']}" for version in document["versions"]}
    kept = ("stage", "label", "digest", "metrics", "description", "aliases", "deprecated", "deprecation_reason")
    return (
        {model["name"]: (model["description"], model["owner"], model["tags"]) for model in document["models"]},
        {
            names[version["id"]]: (*(version[key] for key in kept), names.get(version["parent_id"] or ""))
            for version in document["versions"]
        },
    )


@pytest.mark.feature("EXP-33")
def test_an_import_with_files_makes_the_same_registry_and_can_be_repeated(rich):
    copy = type(rich)(target=str(rich.folder / "copy"), folder=rich.folder, kind="path")
    answer = copy.ok(f"import backup.json --from {rich.target}")
    assert answer.err.splitlines()[-1] == "4 registered"
    assert content(copy) == content(rich)
    assert copy.ok("verify").out.startswith("4 versions")
    assert copy.ok(f"import --from {rich.target}").out.count("already there") == 4
    old = {version["id"] for version in rich.ok("export -").json["versions"]}
    assert {version["extra"]["imported_id"] for version in copy.ok("export -").json["versions"]} == old


def test_an_import_without_files_asks_first_and_says_what_is_missing(rich):
    copy = type(rich)(target=str(rich.folder / "copy"), folder=rich.folder, kind="path")
    refused = copy.run("import backup.json")
    assert refused.code == 2
    assert "3 versions (28 B) would come without them for good" in refused.err
    assert not Path(copy.target).exists()
    outcomes = copy.json("import backup.json --yes")
    assert [row["detail"] for row in outcomes].count("without its files") == 3
    assert copy.json("show fraud@champion")["files"] == []
    conflict = copy.run(f"import backup.json --from {rich.target}")
    assert conflict.code == 5
    assert "fraud/1.0.0 is there with other content" in conflict.out


def test_a_dry_run_of_an_import_makes_nothing(rich):
    copy = type(rich)(target=str(rich.folder / "copy"), folder=rich.folder, kind="path")
    assert copy.ok(f"import --from {rich.target} --dry-run").out.count("would register") == 4
    assert not Path(copy.target).exists()


def test_an_import_refuses_a_source_whose_files_are_not_those_of_the_export(rich):
    document = json.loads(Path("backup.json").read_text())
    document["versions"][0]["digest"] = "0" * 64
    Path("changed.json").write_text(json.dumps(document))
    copy = type(rich)(target=str(rich.folder / "copy"), folder=rich.folder, kind="path")
    answer = copy.run(f"--output json import changed.json --from {rich.target}")
    assert answer.code == 5
    assert answer.json[0]["outcome"] == "failed"
    assert "has other content" in answer.json[0]["detail"]
    assert copy.run("show fraud/1.0.0").code == 3


@pytest.mark.feature("MET-14")
def test_an_import_refuses_damaged_bytes(local):
    identifier = local.register("fraud", "1.0.0", "some bytes")
    digest = local.json(f"show {identifier}")["files"][0]["blake3"]
    stored = Path(local.target) / "blobs" / digest[:2] / digest[2:]
    stored.chmod(0o644)
    stored.write_bytes(b"Some bytes")
    copy = type(local)(target=str(local.folder / "copy"), folder=local.folder, kind="path")
    answer = copy.run(f"--output json import --from {local.target}")
    assert answer.code == 7
    assert answer.json[0]["code"] == "integrity_failed"
    assert copy.json("list") == []
    shutil.rmtree(copy.target)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"models": 3}', "\x00"])
def test_a_file_that_is_no_export_is_refused(text, local):
    file = local.file("backup.json", text)
    answer = local.run(f"import {file} --yes")
    assert answer.code == 2
    assert "is no export of a registry" in answer.err


def test_an_export_of_a_newer_format_is_refused(fraud):
    document = fraud.ok("export -").json
    file = fraud.file("newer.json", json.dumps({**document, "format": 2}))
    answer = fraud.run(f"import {file} --yes")
    assert answer.code == 2
    assert "has format 2" in answer.err


def test_every_stage_is_reached_by_legal_moves():
    graph = default_graph()
    for target in graph.stages:
        stands = graph.initial
        for stage in path_to(graph, target):
            assert stage in graph.moves[stands]
            stands = stage
        assert stands == target
    assert path_to(graph, ModelStage("canary")) == [ModelStage("canary")]
