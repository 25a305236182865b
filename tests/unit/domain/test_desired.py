"""A file of a desired state: what it may say, and how a mistake in it is told."""

from __future__ import annotations

import pytest

from modelyard.domain.desired import ALIAS, GRAPH, MODEL, USER, WEBHOOK, Path, Wish, read_desired
from modelyard.errors import InvalidConfig

GRAPH_DOCUMENT = {"initial": "development", "moves": {"development": []}}


def wishes(document):
    return {(wish.kind, wish.key): wish for wish in read_desired(document).wishes}


@pytest.mark.parametrize("nothing", [None, {}, {"modelyard": 1}, {"models": None, "webhooks": None, "users": None}])
def test_a_file_that_says_nothing_wishes_nothing(nothing):
    desired = read_desired(nothing)
    assert (desired.wishes, desired.models, desired.pruned) == ((), (), frozenset())


@pytest.mark.feature("EXP-19")
def test_every_section_becomes_wishes():
    found = wishes(
        {
            "stages": GRAPH_DOCUMENT,
            "models": {
                "fraud": {
                    "description": "Flags payments",
                    "tags": {"tier": 1, "old": None},
                    "aliases": {"champion": "1.4.2", "third": 3, "gone": None},
                    "stages": None,
                },
                "bare": None,
            },
            "webhooks": [
                {"url": "https://a", "events": ["version.*"], "models": [], "description": "x", "active": False,
                 "secret_env": "SECRET"},
                {"url": "https://b"},
            ],
            "users": {"ana": {"kind": "user", "grants": ["viewer"], "disabled": True}, "bob": None},
        }
    )  # fmt: skip
    assert found[GRAPH, ""].fields == {"document": GRAPH_DOCUMENT}
    assert found[MODEL, "fraud"].fields == {"description": "Flags payments", "tags.tier": "1", "tags.old": None}
    assert found[MODEL, "bare"] == Wish(kind=MODEL, key="bare")
    assert found[GRAPH, "fraud"].absent
    assert found[ALIAS, "fraud@champion"].fields == {"version": "1.4.2"}
    assert found[ALIAS, "fraud@third"].fields == {"version": "3"}
    assert found[ALIAS, "fraud@gone"].absent
    assert found[WEBHOOK, "https://a"].fields == {
        "events": ["version.*"], "models": [], "description": "x", "active": False
    }  # fmt: skip
    assert found[WEBHOOK, "https://a"].secret_env == "SECRET"
    assert found[WEBHOOK, "https://b"].fields == {}
    assert found[USER, "ana"].fields == {"kind": "user", "grants": ["viewer"], "disabled": True}
    assert found[USER, "bob"].fields == {}


def test_pruning_reaches_as_far_as_the_sections_that_are_there():
    models = {"a": {"aliases": {}, "tags": {}}, "b": {"stages": GRAPH_DOCUMENT}, "c": None}
    desired = read_desired(
        {"models": models, "prune": {"aliases": True, "tags": True, "stages": True, "users": True, "webhooks": False}}
    )
    assert desired.pruned == {USER}
    assert desired.pruned_aliases == {"a"}
    assert desired.pruned_graphs == {"a", "c"}
    assert [wish.prune_tags for wish in desired.wishes if wish.kind == MODEL] == [True, False, False]
    assert read_desired({"prune": {"models": True, "webhooks": True}}).pruned == {MODEL, WEBHOOK}


@pytest.mark.feature("EXP-19")
@pytest.mark.parametrize(
    ("document", "message", "hint"),
    [
        ([], "the file: [] is no mapping", "indent"),
        ({"model": {}}, "model: nobody knows this key", "did you mean models?"),
        ({"xyz": {}}, "xyz: nobody knows this key", "the keys are modelyard"),
        ({"modelyard": 2}, "modelyard: the form is 2", "modelyard: 1"),
        ({1: 2}, "1: the key 1 is no text", "quotes"),
        ({"prune": {"versions": True}}, "prune.versions: nobody knows", "the keys are models"),
        ({"prune": {"tags": "yes"}}, "prune.tags: 'yes' is neither true nor false", ""),
        ({"stages": None}, "stages: the registry always has a stage graph", "write it out"),
        ({"stages": []}, "stages: [] is no mapping", ""),
        ({"models": ["fraud"]}, "models: ['fraud'] is no mapping", ""),
        ({"models": {"a/b": None}}, "models.a/b: a model name cannot have '/'", ""),
        ({"models": {"a": {"ownr": "x"}}}, "models.a.ownr: nobody knows", "did you mean owner?"),
        ({"models": {"a": {"owner": None}}}, "models.a.owner: None is no text", 'write ""'),
        ({"models": {"a": {"owner": 5}}}, "models.a.owner: 5 is no text", "quotes"),
        ({"models": {"a": {"owner": "x" * 251}}}, "models.a.owner: ", ""),
        ({"models": {"a": {"tags": {"k": []}}}}, "models.a.tags.k: the tag 'k' is []", ""),
        ({"models": {"a": {"aliases": {"latest": "1.0.0"}}}}, "models.a.aliases.latest: the alias", ""),
        ({"models": {"a": {"aliases": {"c": 1.4}}}}, "models.a.aliases.c: 1.4 names no version", 'as in "1.4.2"'),
        ({"models": {"a": {"aliases": {"c": True}}}}, "models.a.aliases.c: True names no version", ""),
        ({"models": {"a": {"aliases": {"c": "@b"}}}}, "models.a.aliases.c: '@b' names no version", ""),
        ({"models": {"a": {"aliases": {"c": ""}}}}, "models.a.aliases.c: '' names no version", ""),
        *[
            (
                {"models": {"a": {"aliases": {"c": moving}}}},
                f"models.a.aliases.c: {moving!r} names now",
                "exact version",
            )
            for moving in ("latest", "^1.4", "production", "1.x")
        ],
        ({"models": {"a": {"aliases": {"c": "1.4"}}}}, "models.a.aliases.c: '1.4' names no", ""),
        ({"modelyard": True}, "modelyard: the form is True", "modelyard: 1"),
        ({"modelyard": 1.0}, "modelyard: the form is 1.0", "modelyard: 1"),
        ({"webhooks": {}}, "webhooks: {} is no list", "[one, two]"),
        ({"webhooks": [{}]}, "webhooks.0: the webhook has no url", "https"),
        ({"webhooks": [{"url": "u"}, {"url": "u"}]}, "webhooks.1.url: the url stands in two", ""),
        ({"webhooks": [{"url": "u", "events": "x"}]}, "webhooks.0.events: 'x' is no list", ""),
        ({"webhooks": [{"url": "u", "events": [1]}]}, "webhooks.0.events.0: 1 is no text", ""),
        ({"users": {"a b": None}}, "users.a b: 'a b' cannot be the name of a user", ""),
        ({"users": {"ana": {"grants": "viewer"}}}, "users.ana.grants: 'viewer' is no list", ""),
        ({"users": {"ana": {"disabled": 1}}}, "users.ana.disabled: 1 is neither", ""),
    ],
)
def test_a_mistake_is_told_with_its_place(document, message, hint):
    with pytest.raises(InvalidConfig) as caught:
        read_desired(document)
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


def test_a_mistake_is_told_with_its_line():
    lines: dict[Path, int] = {(): 1, ("models",): 2, ("models", "a"): 3, ("models", "a", "owner"): 4}
    with pytest.raises(InvalidConfig, match=r"line 4: models\.a\.owner") as caught:
        read_desired({"models": {"a": {"owner": 5}}}, lines)
    assert caught.value.details == {"line": 4, "path": "models.a.owner"}
    with pytest.raises(InvalidConfig, match=r"line 3: models\.a\.tags: "):
        read_desired({"models": {"a": {"tags": 5}}}, lines)
    assert [wish.where for wish in read_desired({"models": {"a": {"aliases": {"c": 1}}}}, lines).wishes] == [3, 3]
