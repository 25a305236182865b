"""Feature flags: keys, contexts, values and reasons."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from modelyard.domain.flags import (
    Evaluation,
    FlagContext,
    FlagKey,
    NoValue,
    context_of,
    evaluate,
    keys_of,
    parse_key,
)
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import Arm, Route, Rule
from modelyard.errors import InvalidRequest

OLD = Arm(version_id="mv_1", version="1.0.0", weight=0.75)
NEW = Arm(version_id="mv_2", version="2.0.0", weight=0.25)
ALONE = Arm(version_id="mv_1", version="1.0.0", weight=1.0)
HEADER = Rule(name="beta", version="3.0.0", version_id="mv_3", header="x-channel", equals="beta")
SOME = Rule(name="some", version="3.0.0", version_id="mv_3", percentage=20)
ALL = Rule(name="all", version="3.0.0", version_id="mv_3")
NONE = Rule(name="none", version="3.0.0", version_id="mv_3", percentage=0)
BOTH = Rule(name="both", version="3.0.0", version_id="mv_3", header="x-channel", percentage=50)


def asked(route: Route, flag: str = "", **context: Any) -> tuple[Any, str]:
    """Return the value of a flag and the reason, or the error's code twice."""
    found = evaluate(route, FlagKey(model="fraud", flag=flag), context_of(context))
    return (found.code, found.code) if isinstance(found, NoValue) else (found.value, found.reason)


@pytest.mark.parametrize(
    ("text", "model", "environment", "flag"),
    [
        ("fraud", "fraud", "production", ""),
        ("fraud@eu", "fraud", "eu", ""),
        ("fraud/beta", "fraud", "production", "beta"),
        ("fraud@eu/beta", "fraud", "eu", "beta"),
        ("my model v1.2@eu-1/new_ui", "my model v1.2", "eu-1", "new_ui"),
    ],
)
def test_a_key_names_a_version_or_a_flag(text, model, environment, flag):
    key = FlagKey(model=model, environment=environment, flag=flag)
    assert parse_key(text) == key
    assert str(key) == text


@pytest.mark.parametrize(
    "text", ["", "/beta", "fraud/", "fraud@", "fraud@/beta", "a\x00", "fraud/a/b", "fraud@a@b", "x" * 300]
)
def test_what_no_flag_can_be_named_is_none(text):
    assert parse_key(text) is None


def test_a_context_is_a_key_and_headers():
    given = {"targetingKey": "ü", "X_Channel": "beta", "age": 7, "share": 0.5, "vip": True, "none": None, "list": [1]}
    found = context_of(given)
    assert found.key == "ü".encode()
    assert found.headers == {"targetingkey": "ü", "x-channel": "beta", "age": "7", "share": "0.5", "vip": "true"}
    assert context_of(None) == context_of({}) == FlagContext()
    assert context_of({"targetingKey": ""}).key is None


@pytest.mark.parametrize("given", [[], "user", 7, {"targetingKey": 7}])
def test_a_context_of_another_form_is_refused(given):
    with pytest.raises(InvalidRequest, match=r"the context is|targetingKey is"):
        context_of(given)


@pytest.mark.feature("DEP-08")
@pytest.mark.parametrize(
    ("route", "context", "expected"),
    [
        (Route(arms=[ALONE]), {}, ("1.0.0", "STATIC")),
        (Route(arms=[ALONE], rules=[ALL]), {}, ("3.0.0", "STATIC")),
        (Route(arms=[ALONE], rules=[HEADER]), {}, ("1.0.0", "DEFAULT")),
        (Route(arms=[ALONE], rules=[HEADER]), {"x_channel": "beta"}, ("3.0.0", "TARGETING_MATCH")),
        (Route(arms=[ALONE], rules=[NONE]), {}, ("1.0.0", "DEFAULT")),
        (Route(arms=[ALONE], rules=[SOME]), {}, ("TARGETING_KEY_MISSING",) * 2),
        (Route(arms=[OLD, NEW]), {}, ("TARGETING_KEY_MISSING",) * 2),
        (Route(), {"targetingKey": "a"}, ("FLAG_NOT_FOUND",) * 2),
        (Route(rules=[HEADER]), {}, ("FLAG_NOT_FOUND",) * 2),
        (Route(rules=[HEADER]), {"x-channel": "beta"}, ("3.0.0", "TARGETING_MATCH")),
    ],
)
def test_the_version_that_a_context_would_get(route, context, expected):
    assert asked(route, **context) == expected


@pytest.mark.feature("DEP-08", "DEP-12")
def test_keys_get_the_version_that_the_gateway_gives_them():
    route = Route(epoch=4, deployment_id="dp_1", salt="dp_1", arms=[OLD, NEW], rules=[SOME])
    compiled = CompiledRoute(route)
    seen: Counter[Any] = Counter()
    for name in map(str, range(400)):
        found = evaluate(route, FlagKey(model="fraud"), context_of({"targetingKey": name}))
        assert isinstance(found, Evaluation)
        assert found.variant == compiled.choose(name.encode(), lambda _: None)
        assert found.value == {"mv_1": "1.0.0", "mv_2": "2.0.0", "mv_3": "3.0.0"}[found.variant]
        assert (found.reason, found.metadata) == ("SPLIT", {"epoch": 4, "deployment": "dp_1"})
        assert asked(route, "some", targetingKey=name) == (found.variant == "mv_3", "SPLIT")
        seen[found.value] += 1
    assert len(seen) == 3


@pytest.mark.feature("DEP-08")
@pytest.mark.parametrize(
    ("flag", "context", "expected"),
    [
        ("beta", {}, (False, "DEFAULT")),
        ("beta", {"x-channel": "stable"}, (False, "DEFAULT")),
        ("beta", {"x-channel": "beta"}, (True, "TARGETING_MATCH")),
        ("all", {}, (True, "STATIC")),
        ("none", {"targetingKey": "a"}, (False, "STATIC")),
        ("some", {}, ("TARGETING_KEY_MISSING",) * 2),
        ("both", {}, (False, "DEFAULT")),
        ("both", {"x-channel": "any"}, ("TARGETING_KEY_MISSING",) * 2),
        ("gone", {}, ("FLAG_NOT_FOUND",) * 2),
    ],
)
def test_a_flag_is_on_for_those_whom_its_rule_concerns(flag, context, expected):
    route = Route(arms=[ALONE], rules=[HEADER, ALL, NONE, SOME, BOTH])
    assert asked(route, flag, **context) == expected


def test_a_flag_is_on_for_its_share_of_the_keys_it_concerns():
    route = Route(arms=[ALONE], rules=[BOTH])
    values = [asked(route, "both", targetingKey=str(number), x_channel="any") for number in range(1000)]
    assert {reason for _, reason in values} == {"SPLIT"}
    assert 440 < sum(value for value, _ in values) < 560


def test_a_flag_tells_its_version_and_its_variant():
    found = evaluate(Route(rules=[ALL]), FlagKey(model="fraud", flag="all"), FlagContext())
    expected = Evaluation(
        value=True, reason="STATIC", variant="on", metadata={"version": "3.0.0", "version_id": "mv_3"}
    )
    assert found == expected


def test_an_endpoint_has_its_version_and_its_flags():
    route = Route(arms=[ALONE], rules=[HEADER, ALL])
    assert [str(key) for key in keys_of(route, "fraud", "eu")] == ["fraud@eu", "fraud@eu/beta", "fraud@eu/all"]
