"""Promotions, gates, tests and stage graphs on the command line."""

from __future__ import annotations

import json

import pytest

GRAPH = """
initial: development
exclusive: [production]
moves:
  development: [staging, archived]
  staging:
    production:
      requirements: {min_auc: 0.9, validation_report: true}
      approvals: 1
    archived:
  production: [archived]
  archived: []
"""


@pytest.fixture
def staged(terminal, tmp_path):
    """A version in staging, in a registry whose production needs evidence and a second person."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    metrics = json.dumps({"auc": 0.95})
    terminal.ok(["register", "--model-path", str(tmp_path / "model.bin"), "--name", "fraud", "--metrics", metrics])
    terminal.ok("promote fraud/0.1.0 --target-stage staging")
    (tmp_path / "stages.yaml").write_text(GRAPH)
    assert "would change" in terminal.ok(["stages", "set", str(tmp_path / "stages.yaml"), "--dry-run"]).out
    terminal.ok(["stages", "set", str(tmp_path / "stages.yaml")])
    return terminal


@pytest.mark.feature("STG-02", "STG-12", "STG-13", "EXP-30")
def test_four_eyes_on_the_command_line(staged):
    refused = staged.run("promote fraud/0.1.0 --target-stage production")
    assert (refused.code, "modelyard request" in refused.err) == (6, True)
    asked = staged.run("request fraud/0.1.0 --target-stage production --as ana --comment better")
    assert asked.code == 0
    assert "validation_report" in asked.err
    (listed,) = staged.json("requests list --state open")
    assert (listed["requester"], listed["state"]) == ("ana", "pending")
    identifier = listed["id"]
    assert staged.run(f"approve {identifier} --as ana").code == 4
    assert "approved" in staged.ok(f"approve {identifier} --as bob").out
    unmet = staged.run(f"requests apply {identifier}")
    assert (unmet.code, "NOT MET  validation_report" in unmet.err) == (6, True)
    assert staged.run("gates fraud/0.1.0 --target-stage production").code == 6
    staged.ok("tag fraud/0.1.0 validation_report=reports/17")
    assert staged.ok("promote fraud/0.1.0 --target-stage production --dry-run").code == 0
    staged.ok(["requests", "comment", identifier, "looks good", "--as", "eve"])
    assert staged.ok(f"--quiet requests apply {identifier}").out.strip() == identifier
    assert "applied" in staged.ok(f"requests apply {identifier}").out
    shown = staged.ok(f"requests show {identifier}").out
    assert all(word in shown for word in ("ana", "bob", "eve", "looks good", "min_auc"))
    assert staged.run(f"reject {identifier}").code == 5
    assert staged.run("requests show pr_none").code == 3
    assert "no promotion requests" in staged.ok("requests").out
    assert staged.json("show fraud/production")["version"] == "0.1.0"


def test_approve_and_apply_in_one_command_and_withdraw(staged):
    staged.ok("tag fraud/0.1.0 validation_report=reports/17")
    first = staged.json("request fraud/0.1.0 --target-stage production --as ana")["id"]
    assert staged.json(f"requests withdraw {first}")["state"] == "withdrawn"
    second = staged.json("request fraud/0.1.0 --target-stage production --as ana --expires-after 2h")["id"]
    assert staged.json(f"requests evaluate {second}")["verdicts"][1]["met"]
    assert staged.json(f"approve {second} --apply --as bob")["state"] == "applied"


def test_tests_are_reported_and_listed(staged):
    assert staged.ok("test fraud/0.1.0 --suite edge --report failed --quiet").out.strip() == "failed"
    assert staged.json("test fraud/0.1.0 --suite edge --report passed")["passed"]
    assert "edge" in staged.ok("test fraud/0.1.0 --list").out
    missing = staged.run("test fraud/0.1.0")
    assert (missing.code, "tests.command" in missing.err) == (2, True)


def test_stage_graphs_are_shown_and_reset(staged, tmp_path):
    table = staged.ok("stages show").out
    assert all(word in table for word in ("exclusive", "min_auc", "1 approvals"))
    (tmp_path / "own.yaml").write_text(staged.ok("stages show fraud --yaml").out)
    assert "stays as it is" in staged.ok(["stages", "set", str(tmp_path / "own.yaml")]).out
    staged.ok(["stages", "set", str(tmp_path / "own.yaml"), "--model", "fraud"])
    assert staged.json("stages show fraud")["own"]
    staged.ok("stages reset fraud")
    twice = tmp_path / "twice.yaml"
    twice.write_text("initial: a\nmoves:\n  a: {b: {approvals: 2}}\n  b: []\n  a: [b]\n")
    answer = staged.run(["stages", "set", str(twice)])
    assert (answer.code, "'a' is given twice, at line" in answer.err) == (2, True)
    broken = staged.run(["stages", "set", '{"initial": "a", "moves": {"a": [], "b": []}}'])
    assert (broken.code, "no path leads" in broken.err) == (2, True)


@pytest.mark.feature("VER-15", "RBK-10")
def test_deprecation_has_a_reason_a_successor_and_a_way_back(staged):
    staged.ok("register --name fraud --version 0.2.0 --model-path " + str(staged.folder / "model.bin"))
    assert staged.run("deprecate fraud/0.1.0").code == 2
    staged.ok(["deprecate", "fraud/0.1.0", "--reason", "leaks labels", "--successor", "0.2.0"])
    assert staged.json("show fraud/0.1.0")["successor"] == "fraud/0.2.0"
    staged.ok("deprecate fraud/0.1.0 --undo")
    assert not staged.json("show fraud/0.1.0")["deprecated"]
