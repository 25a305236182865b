"""Plan, apply and dump: a file's state becomes the registry's, wherever the registry is."""

from __future__ import annotations

import pytest
import yaml

from modelyard import Conflict, InvalidConfig, ModelExists, NotFound, PreconditionFailed, VersionNotFound

GRAPH = {
    "initial": "development",
    "exclusive": ["production"],
    "moves": {
        "development": {"production": {"requirements": {"min_accuracy": 0.9}}},
        "production": ["archived"],
        "archived": [],
    },
}
_MOVED = PreconditionFailed
HOOK = "https://ci.example.com/hook"
SECRET = "whsec_" + "QUJD" * 10


@pytest.fixture
def stocked(registry, weights):
    """A registry with a model that has two versions and an alias."""
    for version in ("1.0.0", "1.1.0"):
        registry.register_model(weights, "fraud", version)
    registry.set_alias("fraud", "champion", "1.0.0")
    return registry


@pytest.fixture
def everything(monkeypatch):
    """A document with something in every section."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return {
        "modelyard": 1,
        "stages": {**GRAPH, "exclusive": []},
        "models": {
            "fraud": {
                "description": "Flags payments",
                "owner": "risk",
                "tags": {"tier": "gold"},
                "aliases": {"champion": "1.1.0", "next": 2},
                "stages": GRAPH,
            },
            "neu & ü, on": {"team": "ops"},
        },
        "webhooks": [
            {"url": HOOK, "events": ["version.*"], "models": ["fraud-*"], "secret_env": "HOOK_SECRET"}
        ],
        "users": {
            "ana": {"grants": [{"allow": "deployer", "model": "fraud*"}, {"role": "viewer"}]},
            "ci": {"kind": "service", "grants": ["developer"], "disabled": True},
        },
    }  # fmt: skip


def events(registry):
    return len(registry.get_history())


def told(steps):
    return [(step.action, step.kind, step.key) for step in steps]


@pytest.mark.feature("EXP-19")
def test_applying_twice_changes_once(stocked, everything):
    steps = stocked.apply(everything)
    assert told(steps) == [
        ("update", "model", "fraud"),
        ("create", "model", "neu & ü, on"),
        ("create", "stage graph", "fraud"),
        ("update", "stage graph", ""),
        ("update", "alias", "fraud@champion"),
        ("create", "alias", "fraud@next"),
        ("create", "webhook", HOOK),
        ("create", "user", "ana"),
        ("create", "user", "ci"),
    ]
    model = stocked.describe_model("fraud")
    assert (model.description, model.owner, model.tags) == ("Flags payments", "risk", {"tier": "gold"})
    assert model.aliases == {"champion": "1.1.0", "next": "1.1.0"}
    before = events(stocked)
    assert stocked.plan(everything) == []
    assert stocked.apply(everything) == []
    assert events(stocked) == before, "what is so already is no event"


@pytest.mark.feature("EXP-19")
def test_a_dump_is_what_is_there(stocked, everything, tmp_path):
    stocked.apply(everything)
    before = events(stocked)
    dumped = stocked.dump_state()
    assert dumped["models"]["fraud"]["aliases"] == {"champion": "1.1.0", "next": "1.1.0"}
    assert dumped["models"]["fraud"]["stages"] == GRAPH
    assert dumped["stages"]["exclusive"] == []
    assert SECRET not in str(dumped)
    file = tmp_path / "state.yaml"
    file.write_text(yaml.safe_dump({**dumped, "prune": dict.fromkeys(("tags", "aliases", "webhooks", "users"), True)}))
    assert stocked.plan(file) == []
    assert stocked.apply(str(file)) == []
    assert events(stocked) == before


@pytest.mark.feature("EXP-19")
@pytest.mark.every_way
def test_only_what_the_file_names_is_touched_unless_it_prunes(stocked, everything):
    stocked.apply(everything)
    stocked.set_alias("fraud", "stray", "1.0.0")
    stocked.update_model("fraud", tags={"stray": "x"})
    assert stocked.plan(everything) == []
    pruning = {**everything, "users": {"ana": None}, "webhooks": []}
    pruning["models"] = {"fraud": {"aliases": {"champion": "1.1.0"}, "tags": {}}}
    pruning["prune"] = dict.fromkeys(("tags", "aliases", "stages", "models", "webhooks", "users"), True)
    steps = stocked.apply(pruning)
    assert told(steps) == [
        ("remove", "model", "neu & ü, on"),
        ("remove", "alias", "fraud@next"),
        ("remove", "alias", "fraud@stray"),
        ("remove", "webhook", HOOK),
        ("update", "model", "fraud"),
        ("remove", "stage graph", "fraud"),
    ], "ci was disabled already"
    assert stocked.describe_model("fraud").tags == {}
    assert stocked.describe_model("fraud").owner == "risk", "what the file does not name stays"
    assert stocked.plan(pruning) == []
    gone = {**pruning, "users": {}}
    assert told(stocked.apply(gone)) == [("remove", "user", "ana")]
    assert stocked.plan(gone) == []
    assert stocked.dump_state()["users"]["ana"]["disabled"] is True


@pytest.mark.feature("EXP-19")
def test_a_change_between_plan_and_apply_is_refused(stocked, everything):
    plan = stocked.plan(everything)
    stocked.set_alias("fraud", "champion", "1.1.0")
    with pytest.raises(_MOVED, match=r"update alias fraud@champion: .*; 4 of 9 steps were made before") as caught:
        stocked.apply(plan)
    assert len(caught.value.details["done"]) == 4
    assert caught.value.details["left"][0] == "update alias fraud@champion"
    assert stocked.describe_model("fraud").owner == "risk", "what was made stays"
    assert told(stocked.apply(everything))[0] == ("create", "alias", "fraud@next"), "applying again does the rest"
    assert stocked.plan(everything) == []


@pytest.mark.parametrize(
    ("meddle", "document", "error"),
    [
        (lambda r: r.update_model("fraud", team="x"), {"models": {"fraud": {"owner": "o"}}}, _MOVED),
        (lambda r: r.create_model("new"), {"models": {"new": {"owner": "o"}}}, ModelExists),
        (lambda r: r.set_alias("fraud", "b", 1), {"models": {"fraud": {"aliases": {"b": 2}}}}, _MOVED),
        (lambda r: r.set_alias("fraud", "champion", 2), {"models": {"fraud": {"aliases": {"champion": None}}}}, _MOVED),
        (lambda r: r.apply({"stages": {**GRAPH, "exclusive": []}}), {"stages": GRAPH}, _MOVED),
        (lambda r: r.apply({"models": {"fraud": {"stages": {**GRAPH, "exclusive": []}}}}),
         {"models": {"fraud": {"stages": GRAPH}}}, _MOVED),
        (lambda r: r.apply({"users": {"ana": {"grants": ["viewer"]}}}), {"users": {"ana": {"grants": []}}}, Conflict),
        (lambda r: r.delete_model("fraud", force=True), {"models": {"fraud": {"owner": "o"}}}, NotFound),
    ],
)  # fmt: skip
def test_whatever_somebody_else_did_in_between(stocked, meddle, document, error):
    plan = stocked.plan(document)
    meddle(stocked)
    before = events(stocked)
    with pytest.raises(error):
        stocked.apply(plan)
    assert events(stocked) == before


def test_what_cannot_be_is_refused_before_anything_is_made(stocked, everything, monkeypatch):
    before = events(stocked)
    for document, error in (
        ({"models": {"fraud": {"owner": "x", "aliases": {"c": "9.9.9"}}}}, VersionNotFound),
        ({"models": {"new": {"aliases": {"c": "1.0.0"}}}}, NotFound),
        ({"models": {"fraud": {"owner": "x", "stages": {"moves": {}}}}}, InvalidConfig),
        ({"webhooks": [{"url": "ftp://x"}], "models": {"fraud": {"owner": "x"}}}, ValueError),
        ({"users": {"ana": {"grants": ["emperor"]}}, "models": {"fraud": {"owner": "x"}}}, ValueError),
        ({"webhooks": [{"url": "https://x.example"}], "models": {"fraud": {"owner": "x"}}}, InvalidConfig),
        ({"models": {"fraud": {"ownr": "x"}}}, InvalidConfig),
    ):
        with pytest.raises(error):
            stocked.apply(document)
    monkeypatch.delenv("HOOK_SECRET")
    with pytest.raises(InvalidConfig, match="HOOK_SECRET is not set"):
        stocked.apply(everything)
    assert stocked.plan(everything), "looking needs no secret"
    assert events(stocked) == before
    with pytest.raises(Conflict, match="remove model fraud: it has 2 versions"):
        stocked.apply({"models": {"first": None}, "prune": {"models": True}})
    assert events(stocked) == before
    with pytest.raises(VersionNotFound, match="'first' has no versions yet"):
        stocked.plan({"models": {"first": {"aliases": {"c": "1.0.0"}}}})


def test_a_model_that_got_a_version_meanwhile_is_not_removed(registry):
    registry.create_model("new")
    plan = registry.plan({"models": {}, "prune": {"models": True}})
    assert [step.blocked for step in plan] == [""]
    registry.register_version("new", "1.0.0")
    with pytest.raises(Conflict) as caught:
        registry.apply(plan)
    assert "pass force" not in caught.value.hint


def test_a_user_stays_what_they_are(stocked, everything):
    stocked.apply(everything)
    with pytest.raises(InvalidConfig, match="ana is a user and cannot become 'service'"):
        stocked.apply({"users": {"ana": {"kind": "service"}}})
    changed = {"users": {"ana": {"grants": ["reviewer"]}, "ci": {"disabled": False}}}
    assert told(stocked.apply(changed)) == [("update", "user", "ana"), ("update", "user", "ci")]
    assert stocked.plan(changed) == []


def test_webhooks_are_changed_where_they_are(stocked, everything):
    stocked.apply(everything)
    changed = {"webhooks": [{"url": HOOK, "active": False, "events": []}]}
    (step,) = stocked.apply(changed)
    assert step.changes == {"active": [True, False], "events": [["version.*"], ["*"]]}
    assert stocked.plan(changed) == []
    assert stocked.dump_state()["webhooks"][0]["models"] == ["fraud-*"]


def test_a_dry_run_and_a_listener(stocked):
    document = {"models": {"fraud": {"owner": "x"}, "new": None}}
    assert told(stocked.apply(document, dry_run=True)) == [("update", "model", "fraud"), ("create", "model", "new")]
    assert stocked.describe_model("fraud").owner == ""
    heard = []
    stocked.apply(document, done=lambda step: heard.append(step.key))
    assert heard == ["fraud", "new"]
