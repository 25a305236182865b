"""What goes wrong becomes a message and an exit code, never a stack trace, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from modelyard.cli.failures import explain
from modelyard.cli.session import Session
from modelyard.errors import BY_CODE, InUse, ModelyardError, walk

USAGE, NOT_FOUND, CONFLICT = 2, 3, 5
ODD = [
    ("show", "Missing argument 'REFERENCE'", USAGE),
    ("show ''", "", USAGE),
    ("show nope", "there is no model named 'nope'", NOT_FOUND),
    ("show fraud/9.9.9", "", NOT_FOUND),
    ("show fraud@nope", "", NOT_FOUND),
    ("show fraud/01.0.0", "", USAGE),
    ("show 'a/b/c/d'", "", USAGE),
    ("versions nope", "there is no model", NOT_FOUND),
    ("list --stage nowhere", "there is no stage 'nowhere'", USAGE),
    ("list --label nice", "", USAGE),
    ("list --limit 0", "", USAGE),
    ("list --limit many", "", USAGE),
    ("create fraud", "fraud", CONFLICT),
    ("create ''", "", USAGE),
    ("create 'a/b'", "", USAGE),
    ("create register", "register", USAGE),
    ("create x --tag nonsense", "KEY=VALUE", USAGE),
    ("register --model-path missing.bin --name fraud", "missing.bin", USAGE),
    ("register --model-path a.bin --name fraud --version v1", "write 1", USAGE),
    ("register --model-path empty.bin --name fraud", "empty", USAGE),
    ("register --model-path a.bin", "Missing option '--name'", USAGE),
    ("register --model-path a.bin --name fraud --metrics '{\"a\": NaN}'", "NaN is no JSON number", USAGE),
    ('register --model-path a.bin --name fraud --metrics \'{"a": 1, "a": 2}\'', "'a' is given twice", USAGE),
    ('register --model-path a.bin --name fraud --metrics \'{"a": "high"}\'', "a", USAGE),
    ("register --model-path a.bin --name fraud --metrics '{broken'", "line 1 column 2", USAGE),
    ("register --model-path a.bin --name fraud --metrics '[1]'", "not a list", USAGE),
    ("register --model-path a.bin --name fraud --metrics nofile.json", "cannot be read as a file", USAGE),
    ("register --model-path a.bin --name fraud --stage production", "cannot start in production", CONFLICT),
    ("register --model-path a.bin --name fraud --label nice", "", USAGE),
    ("register --model-path a.bin --name fraud --parent nope", "nope", NOT_FOUND),
    ("register --name fraud --version 1.0.0", "1.0.0", CONFLICT),
    ("promote fraud/1.0.0", "to which stage? give --target-stage", USAGE),
    ("promote fraud/1.0.0 --target-stage nowhere", "nowhere", USAGE),
    ('promote fraud/1.1.0 --target-stage staging --requirements \'{"min_accurcy": 2, "x": 1}\'', "", USAGE),
    ("promote nope --target-stage staging", "nope", NOT_FOUND),
    ("rollback fraud", "no earlier version", NOT_FOUND),
    ("compare fraud/1.0.0", "name two versions or more", USAGE),
    ("compare fraud/1.0.0 nope", "nope", NOT_FOUND),
    ("alias fraud latest 1.0.0", "", USAGE),
    ("alias nope a 1.0.0", "nope", NOT_FOUND),
    ("tag nope a=1", "nope", NOT_FOUND),
    ("delete nope --yes", "nope", NOT_FOUND),
    ("delete fraud/1.0.0 --yes", "held by stage production", CONFLICT),
    ("download nope", "nope", NOT_FOUND),
    ("load nope", "nope", NOT_FOUND),
    ("load fraud/1.0.0", "cannot load", USAGE),
    ("lineage nope", "nope", NOT_FOUND),
    ("history nope", "nope", NOT_FOUND),
    ("verify nope", "nope", NOT_FOUND),
    ("bulk-register nofile.json", "nofile.json", USAGE),
    ("import", "give an export", USAGE),
    ("import --from ./nowhere", "there is no registry in ./nowhere", NOT_FOUND),
    ("monitor --interval 0", "", USAGE),
    ("monitor --count 0", "", USAGE),
    ("lst", "Did you mean 'list'?", USAGE),
    ("list --lable beta", "'--label'", USAGE),
    ("list extra", "unexpected extra argument", USAGE),
    ("--output xml list", "xml", USAGE),
    ("db status --nope", "", USAGE),
    ("config nope", "No such command", USAGE),
]


@pytest.mark.feature("API-08")
@pytest.mark.parametrize(("line", "message", "code"), ODD, ids=[line for line, _, _ in ODD])
def test_odd_input_has_a_message_and_an_exit_code_and_changes_nothing(line, message, code, steady, monkeypatch):
    monkeypatch.chdir(steady.folder)
    steady.file("a.bin")
    steady.file("empty.bin", "")
    before = recorded(steady)
    answer = steady.run(line)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("error: ")
    assert message in answer.err
    assert "Traceback" not in answer.err
    if "--output" not in line:
        problem = steady.run(f"--output json {line}").problem
        assert {"type", "title", "status", "detail", "code", "hint", "details"} == problem.keys()
    assert recorded(steady) == before


def recorded(terminal) -> dict[str, Any]:
    document = terminal.ok("export -").json
    return {key: document[key] for key in ("models", "versions", "events")}


@pytest.mark.parametrize("kind", list(walk()), ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_its_own_exit_code_and_a_problem_document(kind, capsys):
    error = kind("it went wrong", hint="do this", details={"place": "x"})
    assert explain(error, Session(output="json"), []) == kind.exit_code
    problem = json.loads(capsys.readouterr().err)
    assert BY_CODE[problem["code"]] is kind
    assert (problem["detail"], problem["hint"], problem["status"]) == ("it went wrong", "do this", kind.status)
    assert explain(error, Session(), []) == kind.exit_code
    assert capsys.readouterr().err == "error: it went wrong\nhint: do this\n"


def test_exit_codes_are_those_that_scripts_rely_on():
    documented = {
        "error": 1, "invalid_request": 2, "not_found": 3, "permission_denied": 4, "unauthenticated": 4, "conflict": 5,
        "gate_refused": 6, "integrity_failed": 7, "timed_out": 8,
    }  # fmt: skip
    assert {code: BY_CODE[code].exit_code for code in documented} == documented


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 1, "nothing was done"),
        (PermissionError(13, "Permission denied", "/x"), 1, "Permission denied: /x"),
        (ZeroDivisionError("division by zero"), 1, "ZeroDivisionError: division by zero"),
        (InUse("held", details={"holders": [{"kind": "alias", "name": "champion"}]}), 5, "held by alias champion"),
    ],
    ids=["interrupt", "abort", "system", "defect", "holders"],
)
def test_what_is_no_error_of_the_tree_has_a_message_too(error, code, message, capsys):
    assert explain(error, Session(), []) == code
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_an_interrupt_that_click_wrapped_is_an_interrupt(capsys):
    aborted = click.Abort()
    aborted.__cause__ = KeyboardInterrupt()
    assert explain(aborted, Session(), []) == 130
    assert capsys.readouterr().err == ""


def test_debug_adds_the_stack_trace(local):
    answer = local.run("--debug show nope")
    assert answer.code == 3
    assert "Traceback (most recent call last)" in answer.err
    assert "error: there is no registry" in answer.err


@pytest.mark.parametrize(
    "line",
    [
        *(
            "list",
            "show fraud",
            "search x",
            "stats",
            "verify",
            "gc",
            "history fraud",
            "monitor --once",
            "export x.json",
        ),
        *("db status", "promote a --target-stage staging", "delete a --yes", "update a --description x"),
    ],
)
def test_a_command_that_reads_makes_no_registry(line, local):
    answer = local.run(line)
    assert answer.code == 3
    assert f"there is no registry in {local.target}" in answer.err
    assert not Path(local.target).exists()


def test_a_server_that_does_not_answer_is_named(local):
    answer = local.run("--registry http://127.0.0.1:9 list")
    assert answer.code == 1
    assert "http://127.0.0.1:9 cannot be reached" in answer.err
    assert "modelyard serve" in answer.err


def test_a_declined_question_changes_nothing_and_is_a_failure(fraud, monkeypatch):
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _self: True)
    refused = fraud.run("delete fraud/1.1.0", stdin="n\n")
    assert refused.code == 1
    assert "Delete?" in refused.err
    assert "nothing was done" in refused.err
    assert fraud.json("show fraud/1.1.0")["version"] == "1.1.0"
    assert fraud.run("delete fraud/1.1.0", stdin="y\n").code == 0
    assert fraud.run("show fraud/1.1.0").code == NOT_FOUND


@pytest.mark.parametrize("place", ["before", "after"])
def test_shared_options_stand_before_or_after_the_command(place, fraud):
    options = f"--output json --registry {fraud.target}"
    line = f"{options} stats" if place == "before" else f"stats {options}"
    assert fraud.run(line).json["total_versions"] == 2
    assert fraud.run("--output json stats --output yaml").out.startswith("total_models: 1\n")


def test_the_environment_names_the_registry_and_an_option_wins(fraud, monkeypatch):
    monkeypatch.setenv("MODELYARD_URI", fraud.target)
    assert fraud.run(["--output", "json", "--registry", fraud.target, "stats"]).json["total_versions"] == 2
    monkeypatch.setenv("MODELYARD_URI", "http://127.0.0.1:9")
    assert fraud.ok("list").code == 0


def test_errors_name_their_class_in_the_tree():
    assert issubclass(ModelyardError, Exception)
