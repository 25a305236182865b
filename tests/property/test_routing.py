"""Sticky routing, measured on 60,000 keys of each of three families: exact shares, and nobody moves who need not."""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.routing import CompiledRoute, pick
from modelyard.domain.wire.delivery import Arm, Route

COUNT = 60_000
UNLIKELY = 1e-4


def _integers(_random: Random) -> list[bytes]:
    return [b"%d" % number for number in range(COUNT)]


def _addresses(random: Random) -> list[bytes]:
    names = ("ada", "bob", "chen", "dora", "eva", "farid", "gül", "hana")
    return [f"{random.choice(names)}.{number}@example.com".encode() for number in range(COUNT)]


def _uuids(random: Random) -> list[bytes]:
    return [str(uuid.UUID(int=random.getrandbits(128), version=4)).encode() for _ in range(COUNT)]


@pytest.fixture(scope="module", params=[_integers, _addresses, _uuids], ids=["integers", "addresses", "uuids"])
def keys(request: pytest.FixtureRequest) -> list[bytes]:
    """One family of keys, the same in every run."""
    return list(request.param(Random(20_260_301)))


def assigned(keys: Sequence[bytes], salt: str, **weights: float) -> list[str | None]:
    """Return the version of each key."""
    arms = [Arm(version_id=name, version=name, weight=weight) for name, weight in weights.items()]
    route = CompiledRoute(Route(salt=salt, arms=arms))
    return [route.choose(key, lambda _name: None) for key in keys]


def surprise(counts: Sequence[int], expected: Sequence[float]) -> float:
    """Return Pearson's p-value for counts against what was expected; of two or three classes."""
    statistic = sum((count - wanted) ** 2 / wanted for count, wanted in zip(counts, expected, strict=True))
    return math.erfc(math.sqrt(statistic / 2)) if len(counts) == 2 else math.exp(-statistic / 2)


def members(keys: Sequence[bytes], chosen: Sequence[str | None], version: str) -> set[bytes]:
    """Return the keys that a version has."""
    return {key for key, name in zip(keys, chosen, strict=True) if name == version}


def moved(before: Sequence[str | None], after: Sequence[str | None]) -> Counter[tuple[str | None, str | None]]:
    """Return how many keys went from which version to which."""
    return Counter((old, new) for old, new in zip(before, after, strict=True) if old != new)


@pytest.mark.feature("DEP-04", "DEP-12")
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_each_step_splits_the_keys_by_its_weights(keys, share):
    count = assigned(keys, "dp_1", base=1 - share, candidate=share).count("candidate")
    assert surprise([count, COUNT - count], [COUNT * share, COUNT * (1 - share)]) > UNLIKELY


@pytest.mark.feature("DEP-06", "DEP-12")
def test_three_versions_split_the_keys_by_their_weights(keys):
    weights = {"a": 0.6, "b": 0.3, "c": 0.1}
    counts = Counter(assigned(keys, "dp_1", **weights))
    assert surprise([counts[name] for name in weights], [COUNT * share for share in weights.values()]) > UNLIKELY


@pytest.mark.feature("DEP-12")
def test_users_move_one_way_while_the_share_grows_and_the_same_ones_come_back(keys):
    steps = [assigned(keys, "dp_1", base=1 - share, candidate=share) for share in (0.1, 0.5, 1.0)]
    ten, fifty, all_of_them = (members(keys, step, "candidate") for step in steps)
    assert ten < fifty < all_of_them == set(keys)
    twenty = members(keys, assigned(keys, "dp_1", base=0.8, candidate=0.2), "candidate")
    assert ten < twenty < fifty
    assert members(keys, assigned(keys, "dp_1", base=0.5, candidate=0.5), "candidate") == fifty


@pytest.mark.feature("DEP-12")
def test_a_change_of_three_weights_moves_the_least_that_it_can(keys):
    before = assigned(keys, "dp_1", a=0.45, b=0.45, c=0.10)
    changes = moved(before, assigned(keys, "dp_1", a=0.25, b=0.25, c=0.50))
    assert set(changes) == {("a", "c"), ("b", "c")}
    assert abs(sum(changes.values()) / COUNT - 0.40) < 0.01


@pytest.mark.feature("DEP-12")
def test_a_new_version_takes_its_share_and_moves_nobody_else(keys):
    before = assigned(keys, "dp_1", a=0.5, b=0.3, c=0.2)
    changes = moved(before, assigned(keys, "dp_1", a=0.4, b=0.24, c=0.16, d=0.2))
    assert {new for _, new in changes} == {"d"}
    assert abs(sum(changes.values()) / COUNT - 0.20) < 0.01


@pytest.mark.feature("DEP-12")
def test_two_deployments_begin_with_users_independent_of_each_other(keys):
    one = assigned(keys, "dp_1", base=0.7, candidate=0.3)
    other = assigned(keys, "dp_2", base=0.7, candidate=0.3)
    table = Counter(zip(one, other, strict=True))
    rows, columns = Counter(one), Counter(other)
    statistic = sum(
        (table[row, column] - rows[row] * columns[column] / COUNT) ** 2 / (rows[row] * columns[column] / COUNT)
        for row in rows
        for column in columns
    )
    assert math.erfc(math.sqrt(statistic / 2)) > UNLIKELY


@given(
    key=st.binary(max_size=40),
    salt=st.text(st.characters(codec="utf-8"), max_size=20),
    weights=st.lists(st.floats(0.001, 1), min_size=2, max_size=5),
    growth=st.floats(1.0, 1000.0),
)
def test_a_version_whose_weight_grows_loses_no_key(key, salt, weights, growth):
    before = [(f"mv_{number}", weight) for number, weight in enumerate(weights)]
    after = [("mv_0", weights[0] * growth), *before[1:]]
    old, new = pick(salt, before, key), pick(salt, after, key)
    assert new in {old, "mv_0"}


@given(
    key=st.binary(max_size=40), weights=st.lists(st.floats(0.001, 1), min_size=1, max_size=6), factor=st.floats(0.1, 9)
)
def test_a_compiled_route_agrees_with_the_rule_whatever_the_scale(key, weights, factor):
    arms = [Arm(version_id=f"mv_{number}", version="", weight=weight) for number, weight in enumerate(weights)]
    compiled = CompiledRoute(Route(salt="dp", arms=arms[::-1]))
    expected = pick("dp", [(arm.version_id, arm.weight) for arm in arms], key)
    assert compiled.choose(key, lambda _name: None) == expected
    assert pick("dp", [(arm.version_id, arm.weight * 2.0 ** round(factor)) for arm in arms], key) == expected
