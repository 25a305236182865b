"""The content of snapshots: digests, and differences by path."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.snapshots import differences, digest_of
from modelyard.domain.wire.delivery import Arm, EndpointConfiguration, Limits, Route, Rule
from modelyard.domain.wire.snapshots import SnapshotDocument

A = Arm(version_id="mv_a", version="1.0.0", weight=0.9)
B = Arm(version_id="mv_b", version="2.0.0", weight=0.1)
BETA = Rule(name="beta", version="2.0.0", version_id="mv_b", header="x-beta")
LATE = Rule(name="late", version="2.0.0", version_id="mv_b", percentage=5)
ROUTE = Route(epoch=3, deployment_id="dp_1", salt="dp_1", arms=[A, B], rules=[BETA, LATE])
BEFORE = SnapshotDocument(
    route=ROUTE,
    configuration=EndpointConfiguration(),
    aliases={"champion": "mv_a"},
    stages={"mv_a": {"": "production", "eu": "staging"}},
)


def changes(after: SnapshotDocument, before: SnapshotDocument = BEFORE) -> dict[str, tuple[Any, Any]]:
    """Return the differences as path → before and after."""
    return {change.path: (change.before, change.after) for change in differences(before, after)}


@pytest.mark.feature("RBK-07")
def test_only_the_epoch_does_not_count():
    later = replace(BEFORE, route=replace(ROUTE, epoch=9))
    assert digest_of(later) == digest_of(BEFORE)
    assert differences(BEFORE, later) == []
    assert len(digest_of(BEFORE)) == 64
    assert digest_of(SnapshotDocument(route=Route(), configuration=EndpointConfiguration())) != digest_of(BEFORE)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (replace(BEFORE, aliases={}), {"aliases.champion": ("mv_a", None)}),
        (replace(BEFORE, aliases={"champion": "mv_b"}), {"aliases.champion": ("mv_a", "mv_b")}),
        (
            replace(BEFORE, stages={"mv_a": {"": "archived", "eu": "staging"}}),
            {"stages.mv_a": ("production", "archived")},
        ),
        (replace(BEFORE, stages={"mv_a": {"": "production"}}), {"stages.mv_a.eu": ("staging", None)}),
        (replace(BEFORE, stages={**BEFORE.stages, "mv_b": {}}), {"stages.mv_b": (None, {})}),
        (
            replace(BEFORE, configuration=EndpointConfiguration(timeout_s=5, guard=Limits(max_error_rate=0.1))),
            {
                "configuration.timeout_s": (30, 5),
                "configuration.guard.max_error_rate": (None, 0.1),
                "configuration.guard.min_requests": (None, 20),
            },
        ),
        (
            replace(BEFORE, route=replace(ROUTE, arms=[replace(A, weight=1.0)])),
            {
                "route.arms.mv_a.weight": (0.9, 1),
                "route.arms.mv_b.version": ("2.0.0", None),
                "route.arms.mv_b.version_id": ("mv_b", None),
                "route.arms.mv_b.weight": (0.1, None),
            },
        ),
        (
            replace(BEFORE, route=replace(ROUTE, rules=[LATE, BETA])),
            {"route.rules.order": (["beta", "late"], ["late", "beta"])},
        ),
        (replace(BEFORE, route=replace(ROUTE, warm=["mv_c"])), {"route.warm": ([], ["mv_c"])}),
        (
            replace(BEFORE, route=replace(ROUTE, arms=[A, A])),
            {"route.arms": ([asdict(A), asdict(B)], [asdict(A), asdict(A)])},
        ),
    ],
)
def test_differences_are_told_by_path(after, expected):
    assert changes(after) == expected
    assert changes(BEFORE, before=after) == {path: (new, old) for path, (old, new) in expected.items()}
    assert digest_of(after) != digest_of(BEFORE)


def test_paths_are_sorted():
    after = replace(BEFORE, aliases={"a": "1", "z": "2"}, route=Route())
    paths = [change.path for change in differences(BEFORE, after)]
    assert paths == sorted(paths)
    assert {"aliases.a", "aliases.champion", "aliases.z", "route.salt"} <= set(paths)


ARMS = st.lists(
    st.builds(Arm, version_id=st.sampled_from("abc"), version=st.just("1"), weight=st.sampled_from([0, 0.5, 1, 1.0])),
    max_size=3,
)
DOCUMENTS = st.builds(
    SnapshotDocument,
    route=st.builds(Route, epoch=st.integers(0, 2), arms=ARMS, warm=st.lists(st.sampled_from("ab"), max_size=2)),
    configuration=st.builds(EndpointConfiguration, replicas=st.integers(1, 2)),
    aliases=st.dictionaries(st.sampled_from("ab"), st.sampled_from("ab"), max_size=2),
    stages=st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.just(""), st.just("x"), max_size=1), max_size=2),
)


@given(one=DOCUMENTS, other=DOCUMENTS)
def test_contents_without_a_difference_have_one_digest_and_others_do_not(one, other):
    assert (differences(one, other) == []) == (digest_of(one) == digest_of(other))
