"""Where requests go: golden vectors of the hash, rules, shadows, and routes that are refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from modelyard.domain.routing import CompiledRoute, canonical, check_route, check_rule, pick, unit
from modelyard.domain.wire.delivery import Arm, Route, Rule
from modelyard.errors import InvalidName, InvalidRequest

GOLDEN = [
    # key, first 8 bytes of BLAKE2b for (dp_1, mv_a), of mv_a .9 and mv_b .1, of mv_a .6, mv_b .3 and mv_c .1
    ("", 0x5760E620C83F4EB8, "mv_a", "mv_b"),
    ("0", 0xC3BA05EE7B9B4875, "mv_b", "mv_b"),
    ("1", 0xA208F30F88F39019, "mv_a", "mv_a"),
    ("42", 0x9D614CBDA897A326, "mv_a", "mv_c"),
    ("user-1", 0xE094EC781B99B03B, "mv_a", "mv_a"),
    ("user-2", 0x2A14E6D3F481950A, "mv_b", "mv_b"),
    ("ada@example.com", 0x0765C0E100F29F89, "mv_a", "mv_c"),
    ("bob@example.org", 0x9066E3C63328BDE8, "mv_a", "mv_a"),
    ("550e8400-e29b-41d4-a716-446655440000", 0xA23326659F33ACC2, "mv_a", "mv_a"),
    ("00000000-0000-0000-0000-000000000000", 0x21E0F8635DD7AA28, "mv_a", "mv_c"),
    ("\xe9", 0xDE65D4A3A39C43E2, "mv_a", "mv_a"),
    ("e\u0301", 0xBFB82F6CFA550ACF, "mv_a", "mv_a"),
    ("\u65e5\u672c\u8a9e", 0x5CDA389081E7639F, "mv_a", "mv_a"),
    ("\U0001f600", 0xF5C403D8B1AE7281, "mv_a", "mv_a"),
    (" ", 0xAF581D197A164078, "mv_a", "mv_a"),
    ("a b", 0x2EADACEF3EB04492, "mv_b", "mv_b"),
    ("\x1f", 0xEE450B480D518519, "mv_a", "mv_a"),
    ("\x00", 0x3D4F0E2B508BD5A3, "mv_a", "mv_b"),
    ("A" * 1000, 0xCDEA50C027590BE8, "mv_a", "mv_a"),
    ("Kunde:4711", 0x4B48CFA49304F130, "mv_a", "mv_b"),
]
"""Frozen: if one of these changes, users of every installation change versions at the upgrade."""

FLAGS = [
    ("ada", False),
    ("eva", False),
    ("user-1", False),
    ("42", True),
    ("7", True),
    ("9", True),
    ("user-3", True),
    ("user-9", True),
]
"""Frozen too: who is in 30 % of the flag `beta`."""


def arms(**weights: float) -> list[Arm]:
    """Make arms of version ids with their weights."""
    return [Arm(version_id=name, version=f"{name} 1.0.0", weight=weight) for name, weight in weights.items()]


def rule(name: str, **fields: Any) -> Rule:
    """Make a rule for the version `special`."""
    return Rule(**{"name": name, "version": "2.0.0", "version_id": "special", **fields})


def nothing(_name: str) -> str | None:
    """Stand for a request without headers."""
    return None


@pytest.mark.feature("DEP-12")
@pytest.mark.parametrize(("key", "number", "of_two", "of_three"), GOLDEN)
def test_golden_keys_go_where_they_always_went(key, number, of_two, of_three):
    two, three = {"mv_a": 0.9, "mv_b": 0.1}, {"mv_a": 0.6, "mv_b": 0.3, "mv_c": 0.1}
    assert unit("dp_1", "mv_a", key.encode()) == (number + 0.5) / 2**64
    for weights, expected in ((two, of_two), (three, of_three)):
        assert pick("dp_1", list(weights.items()), key.encode()) == expected
        route = CompiledRoute(Route(salt="dp_1", arms=arms(**weights)))
        assert route.choose(key.encode(), nothing) == expected


@pytest.mark.parametrize(("key", "inside"), FLAGS)
def test_golden_keys_are_in_the_flags_that_they_always_were_in(key, inside):
    route = CompiledRoute(Route(salt="dp_1", arms=arms(mv_a=1.0), rules=[rule("beta", percentage=30)]))
    assert route.choose(key.encode(), nothing) == ("special" if inside else "mv_a")


@pytest.mark.parametrize("key", [b"", "🦉 ü".encode(), b"\xff\xfe\x00", b"k" * (1 << 20)])
def test_any_bytes_are_a_key(key):
    weights = [("a", 0.5), ("b", 0.5)]
    assert pick("s", weights, key) == pick("s", weights, key) in {"a", "b"}
    assert 0 < unit("s", "a", key) < 1


def test_the_end_of_a_long_key_counts():
    places = {unit("s", "a", b"k" * (1 << 20) + tail) for tail in (b"", b"1", b"2")}
    assert len(places) == 3


def test_the_order_of_the_versions_does_not_matter():
    weights = [("a", 0.2), ("b", 0.3), ("c", 0.5)]
    for key in (b"%d" % number for number in range(500)):
        assert pick("s", weights, key) == pick("s", weights[::-1], key)


def test_versions_without_weight_get_nothing():
    assert {pick("s", [("a", 0.0), ("b", 1.0), ("c", -1.0)], b"%d" % number) for number in range(100)} == {"b"}
    route = CompiledRoute(Route(arms=arms(a=0.0, b=1.0)))
    assert {route.choose(b"%d" % number, nothing) for number in range(100)} == {"b"}
    with pytest.raises(ValueError, match="empty"):
        pick("s", [("a", 0.0)], b"")


def test_a_route_knows_its_epoch_its_weights_and_what_has_to_be_loaded():
    route = Route(
        epoch=7,
        arms=arms(a=0.9, b=0.1, gone=0.0),
        rules=[rule("beta")],
        shadow=[*arms(dark=0.5, idle=0.0)],
        warm=["blue", "a"],
    )
    compiled = CompiledRoute(route)
    assert (compiled.epoch, compiled.route) == (7, route)
    assert compiled.versions == ("a", "b", "special", "dark", "blue")
    assert [compiled.weight_of(name) for name in ("a", "b", "gone", "special")] == [0.9, 0.1, 0.0, 0.0]


def test_an_empty_route_serves_nothing():
    compiled = CompiledRoute(Route())
    assert compiled.choose(b"key", nothing) is None
    assert (compiled.versions, compiled.shadows(b"key")) == ((), ())


@pytest.mark.feature("DEP-08")
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "a"),
        ({"x-channel": "beta"}, "special"),
        ({"x-channel": "stable"}, "a"),
        ({"x-tester": ""}, "other"),
        ({"x-tester": "anything"}, "other"),
        ({"x-channel": "beta", "x-tester": "1"}, "special"),
    ],
)
def test_the_first_rule_that_matches_decides(headers, expected):
    rules = [rule("channel", header="x-channel", equals="beta"), rule("tester", header="x-tester", version_id="other")]
    compiled = CompiledRoute(Route(arms=arms(a=1.0), rules=rules))
    assert compiled.choose(b"key", headers.get) == expected


@pytest.mark.feature("DEP-08")
def test_a_rule_serves_a_version_that_has_no_weight_even_where_nothing_else_is_served():
    compiled = CompiledRoute(Route(rules=[rule("beta", header="x-beta")]))
    assert compiled.choose(b"key", {"x-beta": "1"}.get) == "special"
    assert compiled.choose(b"key", nothing) is None


@pytest.mark.feature("DEP-08")
def test_keys_stay_in_a_flag_while_its_percentage_grows_and_whatever_is_deployed():
    keys = [b"user-%d" % number for number in range(2000)]
    before: set[bytes] = set()
    for percentage, salt in ((0, "dp_1"), (1, "dp_1"), (10, "dp_2"), (50, "dp_3"), (99.9, "dp_4"), (100, "dp_5")):
        route = Route(salt=salt, arms=arms(a=0.5, b=0.5), rules=[rule("beta", percentage=percentage)])
        compiled = CompiledRoute(route)
        inside = {key for key in keys if compiled.choose(key, nothing) == "special"}
        assert before <= inside
        assert abs(len(inside) / len(keys) - percentage / 100) < 0.05
        before = inside
    assert before == set(keys)


def test_flags_of_two_names_take_different_keys():
    keys = [b"user-%d" % number for number in range(2000)]
    one, other = (CompiledRoute(Route(rules=[rule(name, percentage=50)])) for name in ("beta", "gamma"))
    both = sum(one.choose(key, nothing) == other.choose(key, nothing) for key in keys)
    assert 900 < both < 1100


@pytest.mark.feature("EXP-21")
def test_a_shadow_gets_copies_of_its_share_whoever_answers():
    route = Route(salt="dp_1", arms=arms(a=0.5, b=0.5), shadow=arms(full=1.0, b=0.2, c=0.2))
    compiled = CompiledRoute(route)
    keys = [b"user-%d" % number for number in range(4000)]
    for answering in ("a", "b"):
        copied = [compiled.shadows(key) for key in keys if compiled.choose(key, nothing) == answering]
        assert all("full" in names for names in copied)
        for name in ("b", "c"):
            assert abs(sum(name in names for names in copied) / len(copied) - 0.2) < 0.04
    assert {len(compiled.shadows(key)) for key in keys} == {1, 2, 3}


@pytest.mark.parametrize(
    "route",
    [
        Route(),
        Route(arms=arms(a=1.0)),
        Route(arms=arms(a=1.0, b=0.0)),
        Route(arms=arms(**{f"v{number}": 1 / 3 for number in range(3)})),
        Route(arms=arms(**{f"v{number}": 0.1 for number in range(10)})),
        Route(arms=arms(a=1.0), rules=[rule("beta", header="x-a", equals="1", percentage=0.5)], shadow=arms(b=1.0)),
    ],
)
def test_a_right_route_passes(route):
    check_route(route)


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        (Route(arms=arms(a=0.5)), "add up to 0.5"),
        (Route(arms=arms(a=0.5, b=0.500001)), "add up to 1.000001"),
        (Route(arms=arms(a=0.0)), "add up to 0"),
        (Route(arms=arms(a=1.5, b=-0.5)), "b 1.0.0 has the weight -0.5"),
        (Route(arms=arms(a=math.nan, b=1.0)), "weight nan"),
        (Route(arms=arms(a=math.inf)), "weight inf"),
        (Route(arms=[*arms(a=0.5), *arms(a=0.5)]), "'a' twice"),
        (Route(shadow=arms(a=1.1)), "share 1.1"),
        (Route(shadow=arms(a=-0.1)), "share -0.1"),
        (Route(shadow=arms(a=math.nan)), "share nan"),
        (Route(shadow=[*arms(a=1), *arms(a=1)]), "shadow has the version 'a' twice"),
        (Route(rules=[rule("beta"), rule("beta")]), "rules named 'beta' twice"),
    ],
)
def test_a_route_that_cannot_be_followed_is_refused(route, problem):
    with pytest.raises(InvalidRequest, match=problem):
        check_route(route)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "has no name"),
        ({"version_id": ""}, "'beta' has no version"),
        ({"header": "X-Beta"}, "header 'X-Beta'"),
        ({"header": " x"}, "header ' x'"),
        ({"equals": "1"}, "header ''"),
        ({"percentage": -1}, "percentage -1"),
        ({"percentage": 100.1}, r"percentage 100\.1"),
        ({"percentage": math.nan}, "percentage nan"),
    ],
)
def test_a_rule_that_nothing_can_be_held_against_is_refused(fields, problem):
    with pytest.raises(InvalidRequest, match=problem):
        check_rule(rule("beta", **fields) if "name" not in fields else rule(**fields))


@pytest.mark.parametrize("fields", [{"name": "be\nta"}, {"header": "x\ud800"}, {"equals": "\x00"}])
def test_a_rule_has_only_text_that_can_be_printed(fields):
    with pytest.raises(InvalidName):
        check_rule(rule(**{"name": "beta", **fields}))


def test_equal_routes_are_equal_byte_for_byte_and_read_back():
    one = Route(epoch=3, salt="dp", arms=arms(a=1.0), rules=[rule("ü", percentage=50)], shadow=arms(b=0.25), warm=["c"])
    other = replace(one, arms=arms(a=1), rules=[rule("ü", percentage=50.0)])
    assert one == other
    assert canonical(one) == canonical(other)
    assert msgspec.json.decode(canonical(one), type=Route) == one
    assert canonical(replace(one, epoch=4)) != canonical(one)
    assert canonical(Route()) == (
        b'{"arms":[],"deployment_id":"","epoch":0,"rules":[],"salt":"","shadow":[],"warm":[]}'
    )
