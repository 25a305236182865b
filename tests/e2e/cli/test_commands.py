"""Every command, on a folder and on a server, by what it prints and what it leaves behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

METRICS = '{"accuracy": 0.92, "f1_score": 0.89}'


@pytest.mark.feature("REG-26", "MET-01", "MET-02", "MET-03", "MET-04", "API-02")
def test_register_records_what_its_options_say(terminal):
    terminal.file("model.joblib")
    terminal.file(
        "more.json", json.dumps({"training_data": "cards", "optimizer": "Adam", "version_id": "7", "deployed": True})
    )
    terminal.ok("create fraud")
    first = terminal.register("fraud", "0.9.0")
    options = (
        "--description 'Flags payments' --hyperparams '{\"lr\": 0.1}' --metadata ./more.json --label beta",
        '--tags \'{"a": "1", "b": "2"}\' --tag b=3 --tag c=x=y --parent fraud/0.9.0 --framework sklearn',
        f"--stage development --metrics '{METRICS}'",
    )
    record = terminal.json(f"register --model-path ./model.joblib --name fraud --version 1.0.0 {' '.join(options)}")
    assert (record["name"], record["version"], record["stage"], record["label"]) == (
        "fraud",
        "1.0.0",
        "development",
        "beta",
    )
    assert record["metrics"] == {"accuracy": 0.92, "f1_score": 0.89}
    assert record["tags"] == {"a": "1", "b": "3", "c": "x=y"}
    assert (record["hyperparameters"], record["framework"]) == ({"lr": 0.1}, "sklearn")
    assert (record["training_data"], record["optimizer"]) == ("cards", "Adam")
    assert (record["description"], record["parent_id"]) == ("Flags payments", first)
    assert [file["path"] for file in record["files"]] == ["model.joblib"]


def test_register_takes_from_the_metadata_file_what_no_option_says(terminal):
    terminal.file("model.bin")
    terminal.file("metadata.json", '{"model_name": "x", "version": "2.0.0", "status": "stable", "accuracy": 0.9}')
    record = terminal.json("register --model-path model.bin --name fraud --metadata metadata.json")
    assert (record["version"], record["label"], record["metrics"]) == ("2.0.0", "stable", {"accuracy": 0.9})


@pytest.mark.feature("VER-08", "REG-24")
def test_register_without_a_version_takes_the_next_one_and_a_folder_is_one_version(terminal):
    for name in ("folder/a.txt", "folder/deep/b.txt"):
        terminal.file(name, name)
    assert terminal.json("register --model-path folder --name fraud")["version"] == "0.1.0"
    record = terminal.json("register --model-path folder --name fraud")
    assert record["version"] == "0.1.1"
    assert [file["path"] for file in record["files"]] == ["a.txt", "deep/b.txt"]


def test_register_without_files_makes_the_model_too(terminal):
    answer = terminal.ok("register --name gemini --version 1.0.0 --label stable --description 'An LLM'")
    assert answer.out.startswith("registered gemini/1.0.0 (development, without files)\nid: mv_")
    assert terminal.json("show gemini/1.0.0")["label"] == "stable"


def test_register_says_where_it_stands_and_with_quiet_only_its_id(terminal):
    terminal.file("model.bin")
    answer = terminal.ok("register --model-path model.bin --name fraud")
    assert "registered fraud/0.1.0 (development, 7 B, blake3 " in answer.out
    quiet = terminal.ok("register --model-path model.bin --name fraud --quiet").out.strip()
    assert terminal.json("show fraud/0.1.1")["id"] == quiet


def test_a_version_that_exists_is_a_conflict_unless_it_may_be_skipped(terminal):
    first = terminal.register("fraud", "1.0.0")
    line = "register --model-path fraud-1.0.0.bin --name fraud --version 1.0.0"
    assert terminal.run(line).code == 5
    assert terminal.ok(f"{line} --if-exists skip --quiet").out.strip() == first
    assert len(terminal.json("list")) == 1


@pytest.mark.feature("REG-01", "MET-10")
def test_create_and_describe_a_model(terminal):
    assert terminal.ok("create fraud --description 'Flags payments' --owner ana --team risk --tag a=1 --tag b=2").out
    record = terminal.json("describe fraud --owner bo --tag a- --tag c=3")
    assert (record["description"], record["owner"], record["team"]) == ("Flags payments", "bo", "risk")
    assert record["tags"] == {"b": "2", "c": "3"}
    assert terminal.json("describe fraud") == record
    text = terminal.ok("describe fraud").out
    assert "bo" in text
    assert "b=2, c=3" in text


@pytest.mark.feature("REG-07", "REG-08", "REG-09")
def test_lists_narrow_and_stop(fraud):
    fraud.register("other", "1.0.0", "three", more="--label beta")
    assert [record["version"] for record in fraud.json("list")] == ["1.0.0", "1.1.0", "1.0.0"]
    assert [record["name"] for record in fraud.json("list --limit 1")] == ["other"]
    assert [record["version"] for record in fraud.json("list --stage production")] == ["1.0.0"]
    assert [record["name"] for record in fraud.json("list --label beta")] == ["other"]
    assert [record["version"] for record in fraud.json("list --name fraud")] == ["1.1.0", "1.0.0"]
    assert [record["version"] for record in fraud.json("versions fraud --stage Development")] == ["1.1.0"]
    assert [record["name"] for record in fraud.json("list --models")] == ["fraud", "other"]
    table = fraud.ok("list").out
    assert "fraud/1.0.0  production" in table
    assert "accuracy=0.9" in table
    fraud.ok("describe other --owner ana --team risk --tag tier=1")
    for options, names in (
        ("--stage production", ["fraud"]),
        ("--owner ana --team risk", ["other"]),
        ("--tag tier", ["other"]),
        ("--tag tier=2", []),
    ):
        assert [record["name"] for record in fraud.json(f"list --models {options}")] == names
    for wrong in ("--models --label beta", "--models --name fraud", "--owner ana", "--team risk", "--tag tier"):
        assert fraud.run(f"list {wrong}").code == 2
    assert "has no key" in fraud.run("list --models --tag =1").err
    assert "no versions" in fraud.ok("list --label stable").out


@pytest.mark.feature("REG-10")
def test_search_finds_words(fraud):
    fraud.ok("update fraud/1.1.0 --description 'credit cards of Zürich'")
    assert [record["version"] for record in fraud.json("search credit zürich")] == ["1.1.0"]
    assert [record["version"] for record in fraud.json('search "fraud"')] == ["1.1.0", "1.0.0"]
    fraud.ok("describe fraud --owner ana --tag tier=1")
    fraud.ok("""update fraud/1.1.0 --metadata '{"owner": "ben", "team": "ops"}' --tag tier=2""")
    for options, versions in (
        ("--owner ana", ["1.0.0"]),
        ("--owner ben --team ops", ["1.1.0"]),
        ("--tag tier", ["1.1.0", "1.0.0"]),
        ("--tag tier=1 --stage production", ["1.0.0"]),
        ("--tag tier=2 --stage production", []),
    ):
        assert [record["version"] for record in fraud.json(f"search fraud {options}")] == versions
    assert "no versions" in fraud.ok("search nothing").out
    assert fraud.run("search").code == 2


@pytest.mark.feature("REG-05", "MET-12", "MET-13", "MET-19")
def test_show_tells_everything(fraud):
    record = fraud.json("show fraud/production")
    text = fraud.ok("show fraud/production").out
    for shown in (record["id"], record["digest"], record["model_hash"], "accuracy=0.9", "lr=0.1", "fraud-1.0.0.bin"):
        assert shown in text
    assert "missing: description" in text


@pytest.mark.feature("STG-01", "STG-04", "STG-05", "STG-10", "STG-14", "API-08")
def test_promote_reads_a_requirements_file_and_tells_each_verdict(fraud):
    requirements = fraud.file("requirements.json", '{"min_accuracy": 0.93, "max_loss": 1.0, "tests_passed": true}')
    line = f"promote fraud/1.1.0 --target-stage staging --requirements {requirements}"
    refused = fraud.run(line)
    assert refused.code == 6
    assert refused.err.startswith("error: fraud/1.1.0 may not move to staging\n")
    assert "met      min_accuracy: accuracy is 0.95" in refused.err
    assert "NOT MET  max_loss: loss is not recorded" in refused.err
    assert "NOT MET  tests_passed" in refused.err
    verdicts = fraud.run(f"--output json {line}").problem["details"]["verdicts"]
    assert [verdict["met"] for verdict in verdicts] == [True, False, False]
    fraud.ok("tag fraud/1.1.0 tests_passed=true")
    fraud.ok('update fraud/1.1.0 --metrics \'{"accuracy": 0.95, "loss": 0.3}\'')
    assert "moved from development to staging" in fraud.ok(line).out
    moved = fraud.ok("promote fraud/1.1.0 --target-stage PRODUCTION --comment 'looks good'").out
    assert moved == "fraud/1.1.0 moved from staging to production; archived for it: fraud/1.0.0\n"
    assert fraud.ok("promote fraud/1.1.0 --target-stage production").out == "fraud/1.1.0 stands in production already\n"


def test_promote_can_keep_who_stood_there(fraud):
    fraud.ok("promote fraud/1.1.0 --target-stage staging")
    fraud.ok("promote fraud/1.1.0 --target-stage production --keep-previous")
    assert {record["version"] for record in fraud.json("list --stage production")} == {"1.0.0", "1.1.0"}


@pytest.mark.feature("STG-03")
def test_an_illegal_move_is_a_conflict_that_names_the_legal_ones(fraud):
    refused = fraud.run("promote fraud/1.1.0 --target-stage production")
    assert refused.code == 5
    assert "Invalid transition: development -> production" in refused.err
    assert "hint: from development a version can move to staging" in refused.err


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-03")
def test_rollback_goes_to_the_holder_before_or_to_a_named_version(fraud):
    for stage in ("staging", "production"):
        fraud.ok(f"promote fraud/1.1.0 --target-stage {stage}")
    answer = fraud.ok("rollback fraud --reason 'errors doubled' --not-at-fault")
    assert answer.out == "fraud/1.0.0 stands in production again, instead of fraud/1.1.0\n"
    assert fraud.json("rollback fraud/1.0.0 --to 1.1.0")["version"]["version"] == "1.1.0"
    assert fraud.run("rollback fraud --to 1.1.0").code == 5
    assert fraud.run("rollback fraud --to 9.9.9").code == 3


@pytest.mark.feature("CMP-01", "CMP-02", "CMP-03", "CMP-04", "CMP-06")
def test_compare_prints_both_sides_and_the_winner(fraud):
    fraud.ok('update fraud/1.1.0 --metrics \'{"accuracy": 0.95, "loss": 0.5}\'')
    fraud.ok('update fraud/1.0.0 --metrics \'{"accuracy": 0.9, "loss": 0.4}\'')
    text = fraud.ok("compare fraud/1.0.0 fraud/1.1.0").out
    assert "accuracy  0.9  0.95" in text
    assert "lr         0.1  0.2" in text
    record = fraud.json("compare fraud/1.0.0 fraud/1.1.0 --metrics accuracy")
    assert record["winner"] == fraud.json("show fraud/1.1.0")["id"]
    assert [row["name"] for row in record["metrics"]] == ["accuracy"]
    only = fraud.ok("compare fraud/1.0.0 fraud/1.1.0 --metrics accuracy").out
    assert "winner      fraud/1.1.0" in only
    assert "(weighted agreement)" in only


@pytest.mark.feature("EXP-01")
def test_aliases_are_set_moved_listed_and_removed(fraud):
    assert fraud.ok("alias fraud champion 1.0.0").out == "fraud@champion is fraud/1.0.0\n"
    fraud.ok("alias fraud champion 2")
    assert fraud.json("show fraud@champion")["version"] == "1.1.0"
    assert "champion  fraud/1.1.0" in fraud.ok("alias fraud").out
    assert [alias["alias"] for alias in fraud.json("alias fraud")] == ["champion"]
    assert fraud.ok("alias fraud champion --delete").out == "removed fraud@champion\n"
    assert fraud.run("alias fraud champion --delete").code == 3
    assert fraud.run("alias fraud --delete").code == 2
    assert fraud.run("alias fraud champion").code == 2
    assert fraud.ok("alias fraud").out == "no aliases\n"


@pytest.mark.feature("MET-01")
def test_tags_are_shown_set_and_removed(fraud):
    assert fraud.json("tag fraud/1.0.0 a=1 b=2") == {"a": "1", "b": "2"}
    assert fraud.json("tag fraud/1.0.0 a- c=x-") == {"b": "2", "c": "x-"}
    assert fraud.json("tag fraud/1.0.0") == {"b": "2", "c": "x-"}
    assert fraud.run("tag fraud/1.0.0 nonsense").code == 2
    assert fraud.run("tag fraud/1.0.0 a=1 a-").code == 2
    assert fraud.run("tag fraud/1.0.0 a=1 a=2").code == 2


@pytest.mark.feature("MET-05", "VER-09")
def test_update_changes_metadata_and_needs_something_to_change(fraud):
    record = fraud.json("update fraud/1.0.0 --description new --label stable --tag x=1")
    assert (record["description"], record["label"], record["tags"]) == ("new", "stable", {"x": "1"})
    assert fraud.run("update fraud/1.0.0").code == 2


def test_deprecate_needs_a_reason_and_the_lists_show_it(fraud):
    assert fraud.run("deprecate fraud/1.1.0").code == 2
    assert "is deprecated: leaks labels" in fraud.ok("deprecate fraud/1.1.0 --reason 'leaks labels'").out
    assert "deprecated" in fraud.ok("list").out
    assert "leaks labels" in fraud.ok("show fraud/1.1.0").out


@pytest.mark.feature("REG-13")
def test_archive_puts_a_version_away(fraud):
    assert fraud.ok("archive fraud/1.0.0 --reason old").out == "fraud/1.0.0 moved from production to archived\n"


@pytest.mark.feature("REG-14", "EXP-34")
def test_delete_asks_says_who_holds_it_and_can_be_forced(fraud):
    asked = fraud.run("delete fraud/1.1.0")
    assert asked.code == 2
    assert "This removes fraud/1.1.0 in development: 1 file, 3 B." in asked.err
    assert "--yes" in asked.err
    held = fraud.run("delete fraud/1.0.0 --yes")
    assert held.code == 5
    assert "held by stage production" in held.err
    assert "repeat with --force" in held.err
    assert fraud.ok("delete fraud/1.1.0 --yes").out == "deleted version 1.1.0 of fraud\n"
    assert "This removes the model fraud with 1 version (production=1.0.0)." in fraud.run("delete fraud").err
    assert fraud.ok("delete fraud --force --yes").out == "deleted the model fraud\n"
    assert fraud.run("show fraud/1.0.0").code == 3


@pytest.mark.feature("MET-14")
def test_download_writes_verified_files_where_it_is_told(fraud):
    answer = fraud.json("download fraud/1.0.0 out/")
    assert answer["path"] == "out/fraud-1.0.0.bin"
    assert Path("out/fraud-1.0.0.bin").read_text() == "one"
    assert fraud.ok("download fraud/1.0.0 renamed.bin --quiet").out == "renamed.bin\n"
    assert Path("renamed.bin").read_text() == "one"
    for name in ("folder/a.txt", "folder/b/c.txt"):
        fraud.file(name, name)
    fraud.ok("register --model-path folder --name tree --version 1.0.0")
    fraud.ok("download tree/1.0.0")
    assert Path("tree-1.0.0/b/c.txt").read_text() == "folder/b/c.txt"
    fraud.ok("download tree/1.0.0 picked.txt --path b/c.txt")
    assert Path("picked.txt").read_text() == "folder/b/c.txt"
    assert fraud.run("download tree/1.0.0 --path nope").code == 3
    assert fraud.run("download tree/1.0.0").code == 2


@pytest.mark.feature("REG-12")
def test_load_says_what_it_is_and_predicts(terminal):
    model = LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [2.0, 2.0]], [0, 1, 0, 1])
    joblib.dump(model, terminal.folder / "model.joblib")
    terminal.ok("register --model-path model.joblib --name fraud")
    answer = terminal.run("--output json load fraud")
    assert answer.json["class"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert answer.err.count("\n") == 1
    assert answer.err.startswith("warning: loading fraud/0.1.0 runs the code in model.joblib")
    rows = [[0.0, 0.0], [3.0, 3.0]]
    terminal.file("rows.json", json.dumps({"instances": rows}))
    with Path("rows.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["a", "b"], *rows])
    for name in ("rows.json", "rows.csv"):
        assert terminal.json(f"load fraud --predict {name}")["predictions"] == [0, 1]
    assert "2  1" in terminal.ok("load fraud --predict rows.csv").out
    terminal.file("wide.json", "[[1, 2, 3]]")
    assert terminal.run("load fraud --predict wide.json").code == 2


@pytest.mark.feature("REG-20")
def test_export_writes_a_file_or_standard_output(fraud):
    fraud.ok("export backup.json")
    document = json.loads(Path("backup.json").read_text())
    assert [version["version"] for version in document["versions"]] == ["1.0.0", "1.1.0"]
    assert fraud.ok("export -").json["models"] == document["models"]
    Path("folder").mkdir()
    assert fraud.run("export folder").code == 2


@pytest.mark.feature("LIN-01")
def test_lineage_and_history_tell_what_came_before(fraud):
    rows = fraud.ok("lineage fraud/1.1.0").out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["fraud/1.0.0", "fraud/1.1.0"]
    events = fraud.json("history fraud")
    assert [event["type"] for event in events][:2] == ["model.created", "version.registered"]
    of_version = fraud.json("history fraud/1.1.0")
    assert [event["type"] for event in of_version] == ["version.registered"]
    assert "from=staging, to=production" in fraud.ok("history fraud").out


@pytest.mark.feature("REG-19")
def test_stats_count(fraud):
    numbers = fraud.json("stats")
    assert (numbers["total_models"], numbers["total_versions"]) == (1, 2)
    assert "production=1" in fraud.ok("stats").out


def test_verify_is_quiet_about_what_is_sound(fraud):
    assert fraud.ok("verify").out == "2 versions, 6 B: sound\n"
    assert fraud.ok("verify fraud/1.0.0").out == "1 version, 3 B: sound\n"
    assert [record["damage"] for record in fraud.json("verify")] == [[], []]


@pytest.mark.feature("STO-06")
def test_gc_tells_before_it_removes(fraud):
    fraud.ok("delete fraud/1.1.0 --yes")
    assert fraud.ok("gc --dry-run --grace 0").out == "would remove 1 file: 3 B; 1 file (3 B) in use\n"
    assert fraud.json("gc")["blobs"] == 0
    assert fraud.ok("gc --grace 0").out.startswith("removed 1 file: 3 B")
    assert fraud.run("gc --grace -1").code == 2
