"""`plan`, `diff`, `apply` and `dump`, typed."""

from __future__ import annotations

import pytest

from components.crowd import together
from modelyard import Conflict, ModelRegistry

STATE = """\
modelyard: 1
prune: {aliases: true}
models:
  fraud:
    owner: risk
    tags: {tier: gold}
    aliases:
      champion: 1.1.0
"""


@pytest.fixture
def stated(fraud):
    """Two versions of a model, an alias that is in the way, and a file of how things shall be."""
    fraud.ok("alias fraud old 1.0.0")
    fraud.file("modelyard.yaml", STATE)
    return fraud


@pytest.mark.feature("EXP-19")
def test_from_drift_to_none(stated):
    assert stated.run("diff").code == 2
    assert stated.run("plan").code == 0
    assert stated.run("plan --exit-code").code == 2
    shown = [line.split() for line in stated.ok("plan").out.splitlines()]
    assert ["-", "alias", "fraud@old", "version", "1.0.0"] in shown
    assert ["~", "model", "fraud", "owner", "risk", "4"] in shown
    assert ["tags.tier", "gold"] in shown
    assert ["+", "alias", "fraud@champion", "version", "1.1.0", "8"] in shown
    assert stated.ok("apply --dry-run").out == stated.ok("plan").out
    asked = stated.run("apply")
    assert asked.code == 2
    assert "3 changes, 1 of them removals." in asked.err
    done = stated.ok("apply --yes")
    assert done.out.endswith("applied 3 changes\n")
    assert done.err.splitlines() == [
        "done: remove alias fraud@old", "done: update model fraud", "done: create alias fraud@champion",
    ]  # fmt: skip
    assert stated.ok("apply --yes").out == "nothing to change: the registry is what the file says\n"
    assert stated.ok("diff").out == ""
    assert stated.ok("plan --exit-code").code == 0


@pytest.mark.feature("EXP-19")
def test_machines_read_the_plan(stated):
    drift = stated.run("diff --output json")
    assert drift.code == 2
    assert drift.json["drift"] is True
    assert drift.json["steps"][0] == {
        "action": "remove", "kind": "alias", "key": "fraud@old", "changes": {"version": ["1.0.0", None]}, "where": 0,
        "revision": drift.json["steps"][0]["revision"], "identifier": "", "secret_env": "", "blocked": "",
    }  # fmt: skip
    done = stated.json("apply --yes")
    assert (done["applied"], len(done["steps"])) == (True, 3)
    assert stated.json("diff") == {"file": "modelyard.yaml", "drift": False, "steps": []}


@pytest.mark.feature("EXP-19")
def test_a_dump_can_be_started_from(stated):
    stated.ok("apply --yes")
    stated.ok("dump --file now.yaml")
    assert stated.ok("diff -f now.yaml").out == ""
    assert stated.ok("apply -f now.yaml --yes").out.startswith("nothing to change")
    assert stated.ok("plan --dump").out == (stated.folder / "now.yaml").read_text()
    assert stated.run("diff -f -", stdin=stated.ok("dump").out).code in {0, 2}
    assert stated.json("dump")["models"]["fraud"]["aliases"] == {"champion": "1.1.0"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models:\n  fraud:\n    ownr: x\n", "line 3: models.fraud.ownr: nobody knows this key"),
        ("models:\n  fraud:\n    owner: x\n    owner: y\n", "line 4: the key 'owner' is given twice"),
        ("models:\n  fraud: &a {owner: x}\n  b: *a\n", "line 3: models.b: anchors are not supported"),
        ("models: &a\n  fraud: *a\n", "line 2: models.fraud: anchors are not supported"),
        ("models:\n  fraud: {<<: {owner: x}}\n", "line 2: this key is no text"),
        ("models:\n  ? [a]\n  : b\n", "line 2: this key is no text"),
        ("models:\n  fraud:\n    aliases: {champion: 1.4}\n", "line 3: models.fraud.aliases.champion: 1.4 names no"),
        ("models: [\n", "bad.yaml is not valid YAML"),
        ("a: 1\n---\nb: 2\n", "line 2: bad.yaml is not valid YAML"),
        ("models: !!python/object:os.system {}\n", "line 1: models: the tag tag:yaml.org,2002:python/object"),
        ("models: {a: {description: 2026-99-99}}\n", "month must be in 1..12"),
        ("[" * 1_000, "bad.yaml: a value cannot be read"),
        ("\x00", "bad.yaml"),
        (b"\xff\xfe", "bad.yaml is not UTF-8 text"),
        (b"#" * (1 << 20) + b"##", "bad.yaml is larger than"),
    ],
)
def test_a_wrong_file_is_no_drift(local, text, message):
    local.file("bad.yaml", text)
    for line in ("diff", "plan --exit-code", "apply --yes"):
        answer = local.run(f"--output json {line} -f bad.yaml")
        assert answer.code == 2
        assert answer.out == ""
        assert message in answer.problem["detail"]
        assert answer.problem["code"] == "invalid_config"
    assert not (local.folder / "registry").exists()


def test_what_stands_in_the_way(stated):
    missing = stated.run("plan -f nothing.yaml")
    assert missing.code == 2
    assert "No such file" in missing.err
    stated.file("late.yaml", "models: {fraud: {aliases: {next: 9.9.9}}}\n")
    late = stated.run("apply -f late.yaml --yes")
    assert late.code == 3
    assert "line 1: no version answers to 'fraud/9.9.9'" in late.err


def test_a_model_with_versions_is_not_pruned(stated):
    stated.file("prune.yaml", "prune: {models: true}\nmodels: {other: {owner: risk}}\n")
    assert stated.ok("plan -f prune.yaml").out.splitlines()[2].split()[:3] == ["!", "model", "fraud"]
    answer = stated.run("apply -f prune.yaml --yes")
    assert answer.code == 5
    assert "it has 2 versions; `modelyard delete fraud --force` deletes them" in answer.err
    assert "repeat with" not in answer.err
    assert stated.run("describe other").code != 0, "nothing was made"
    assert "Exit code 3" in stated.ok("diff --help").out


def test_the_first_file_makes_the_registry(local):
    assert local.run("plan").code == 2
    local.file("modelyard.yaml", "models: {fraud: {owner: risk}}\n")
    assert local.run("plan").code == 3, "there is no registry yet"
    assert local.ok("apply --yes").out.endswith("applied 1 change\n")
    assert local.ok("diff").out == ""


def apply_it(target, document):
    with ModelRegistry(target) as registry:
        try:
            return len(registry.apply(document))
        except Conflict:
            return -1


@pytest.mark.feature("EXP-19")
def test_many_apply_one_file_at_once(local):
    local.register("fraud", "1.0.0")
    names = [f"m{place}" for place in range(8)]
    document = {"models": {name: {"owner": "risk"} for name in names} | {"fraud": {"aliases": {"champion": 1}}}}
    counts = together(apply_it, [(local.target, document)] * 4)
    assert max(counts) > 0
    with ModelRegistry(local.target) as registry:
        registry.apply(document)
        assert registry.plan(document) == []
        kinds = [event.type for event in registry.get_history()]
    assert kinds.count("model.created") == 9
    assert kinds.count("alias.set") == 1
    assert "model.updated" not in kinds
