"""Rolling back: to what was healthy, to a version, to a snapshot; byte for byte, and never onto what cannot serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from components.asking import Asking
from components.rollouts import Rollouts
from modelyard.domain.wire import Limits, SnapshotRecord
from modelyard.errors import (
    Conflict,
    EndpointNotFound,
    InvalidRequest,
    ModelyardError,
    NotDeployable,
    SnapshotNotFound,
    VersionNotFound,
)
from modelyard.operations import (
    COMPARE_SNAPSHOTS,
    DELETE,
    DELETE_ALIAS,
    DELETE_FLAG,
    DEPRECATE,
    GET_SNAPSHOT,
    GET_VERSION,
    LIST_ROLLBACKS,
    LIST_SNAPSHOTS,
    PROMOTE,
    ROUTE_HISTORY,
    SET_ALIAS,
    SET_FLAG,
    CompareSnapshots,
    Delete,
    Deprecate,
    ListRollbacks,
    ListSnapshots,
    NamedAlias,
    NamedEndpoint,
    NamedFlag,
    NamedSnapshot,
    NamedThen,
    Promote,
    SetAlias,
    SetFlag,
)

GRAPH = {
    "initial": "development",
    "exclusive": ["production", "eu-production"],
    "environments": {"eu": ["eu-production"]},
    "moves": {
        "development": ["staging", "production", "rejected", "archived"],
        "staging": ["production", "eu-production", "rejected", "archived"],
        "production": ["staging", "eu-production", "archived"],
        "eu-production": [],
        "rejected": ["development", "archived"],
        "archived": ["development", "staging"],
    },
}


@pytest.fixture
def two(served: Rollouts) -> Rollouts:
    """1.0.0 was served, and 2.0.0 is."""
    served.clock.move(60)
    served.serve("2.0.0")
    served.clock.move(60)
    return served


def promote(yard: Rollouts, version: str, stage: str) -> None:
    yard.call(PROMOTE, Promote(reference=f"fraud/{version}", target_stage=stage))


def alias(yard: Rollouts, name: str, version: str) -> None:
    yard.call(SET_ALIAS, SetAlias(name="fraud", alias=name, version=version))


def flag(yard: Rollouts, name: str, version: str, **fields: Any) -> None:
    yard.call(SET_FLAG, SetFlag(name="fraud", flag=name, version=version, **fields))


def digest(yard: Rollouts) -> str:
    """The digest of what a snapshot would hold now."""
    return yard.keep("to compare").digest


def is_deprecated(yard: Rollouts, version: str) -> bool:
    return yard.call(GET_VERSION, NamedThen(reference=f"fraud/{version}")).deprecated


def is_sound(yard: Rollouts) -> bool:
    """Whether the chain of events, and what the tables hold, agree."""
    found = Asking(yard.caller).verify_record()
    assert found.findings == []
    return found.sound


@pytest.mark.feature("RBK-01", "RBK-08", "RBK-10")
def test_it_goes_back_to_the_last_healthy_version_and_tells_so(two: Rollouts):
    first = next(snapshot for snapshot in two.snapshots() if snapshot.version == "1.0.0")
    record = two.roll_back(reason="errors doubled")
    done = record.endpoint
    assert done is not None
    assert (done.version, done.left, done.snapshot_id, done.cause) == ("1.0.0", "2.0.0", first.id, "manual")
    assert (record.version.version, record.replaced, record.stage) == ("1.0.0", two.ids["2.0.0"], "")
    assert (done.seconds, done.dry_run, done.actor, done.reason) == (0.0, False, "ana", "errors doubled")
    assert (two.shares(), two.route().epoch) == ({"1.0.0": 1.0}, done.epoch)
    assert {"route.arms.", "route.arms"} & {change.path[:11] for change in done.changes}
    assert (is_deprecated(two, "2.0.0"), is_deprecated(two, "1.0.0")) == (True, False)
    (listed,) = two.call(LIST_ROLLBACKS, ListRollbacks(name="fraud")).rollbacks
    assert (listed.deployment_id, listed.reason) == (done.deployment_id, "errors doubled")
    assert two.call(ROUTE_HISTORY, NamedEndpoint(name="fraud")).routes[0].cause == "rollback"
    assert is_sound(two)


@pytest.mark.feature("RBK-01", "RBK-03")
def test_a_rehearsal_tells_everything_and_changes_nothing(two: Rollouts):
    two.configure(timeout_s=3)
    before, events = digest(two), len(two.snapshots())
    told = two.rolled_back(dry_run=True)
    assert (told.version, told.left, told.dry_run, told.deployment_id) == ("1.0.0", "2.0.0", True, "")
    assert "configuration.timeout_s" in {change.path for change in told.changes}
    assert len(two.snapshots()) == events
    assert (digest(two), is_deprecated(two, "2.0.0")) == (before, False)
    assert two.call(LIST_ROLLBACKS, ListRollbacks()).rollbacks == []
    done = two.rolled_back()
    assert done.changes == told.changes


def filled(yard: Rollouts) -> SnapshotRecord:
    """Give the model stages, places, aliases, flags and settings of its own, and keep them."""
    Asking(yard.caller).set_stage_graph(GRAPH)
    promote(yard, "1.0.0", "production")
    promote(yard, "1.1.0", "staging")
    promote(yard, "1.1.0", "eu-production")
    alias(yard, "champion", "1.0.0")
    alias(yard, "Challenger", "1.1.0")
    flag(yard, "beta", "1.1.0", header="X-Channel", equals="beta")
    flag(yard, "few", "1.0.0", percentage=2.5)
    yard.configure(timeout_s=4.5, guard={"max_error_rate": 0.25}, key_field="user.id")
    return yard.keep("before the sale")


def turned_over(yard: Rollouts) -> None:
    """Change all of that."""
    yard.serve("2.0.0")
    promote(yard, "1.1.0", "production")
    promote(yard, "2.0.0", "staging")
    promote(yard, "2.0.0", "eu-production")
    promote(yard, "3.0.0", "staging")
    promote(yard, "3.0.0", "production")
    promote(yard, "1.0.0", "development")
    alias(yard, "champion", "2.0.0")
    alias(yard, "new", "3.0.0")
    yard.call(DELETE_ALIAS, NamedAlias(name="fraud", alias="Challenger"))
    yard.call(DELETE_FLAG, NamedFlag(name="fraud", flag="beta"))
    flag(yard, "few", "3.0.0", percentage=50)
    yard.configure(timeout_s=9, guard=None, replicas=3)


@pytest.mark.feature("RBK-02", "RBK-06", "RBK-07")
@pytest.mark.parametrize("way", ["restore", "rollback"])
def test_a_snapshot_comes_back_byte_for_byte(served: Rollouts, way: str):
    kept = filled(served)
    turned_over(served)
    assert digest(served) != kept.digest
    done = served.restore(kept, reason="sale") if way == "restore" else served.rolled_back(snapshot=kept.id)
    assert (done.version, done.left, done.snapshot_id) == ("1.0.0", "2.0.0", kept.id)
    assert served.call(COMPARE_SNAPSHOTS, CompareSnapshots(id=kept.id)).changes == []
    assert digest(served) == kept.digest
    content, now = kept.content, served.endpoint()
    assert now.configuration == content.configuration
    assert (now.route.rules, now.route.salt, now.route.arms) == (
        content.route.rules, content.route.salt, content.route.arms,
    )  # fmt: skip
    found = {name: served.call(GET_VERSION, NamedThen(reference=f"fraud/{name}")) for name in served.ids}
    stages = {name: (str(one.stage), dict(one.environments)) for name, one in found.items()}
    assert stages == {
        "1.0.0": ("production", {}),
        "1.1.0": ("staging", {"eu": "eu-production"}),
        "2.0.0": ("development", {}),
        "3.0.0": ("development", {}),
    }
    assert is_sound(served)


@pytest.mark.feature("RBK-06")
def test_snapshots_are_listed_shown_and_compared(two: Rollouts):
    kept = two.keep("first")
    two.configure(timeout_s=3)
    other = two.keep("second")
    assert kept.digest != other.digest
    listed = two.call(LIST_SNAPSHOTS, ListSnapshots(name="fraud", limit=1))
    assert [one.id for one in listed.snapshots] == [other.id]
    rest = two.call(LIST_SNAPSHOTS, ListSnapshots(name="fraud", page_token=listed.next_page_token)).snapshots
    assert rest[0].id == kept.id
    assert two.call(GET_SNAPSHOT, NamedSnapshot(id=kept.id)) == kept
    changes = two.call(COMPARE_SNAPSHOTS, CompareSnapshots(id=kept.id, other=other.id)).changes
    assert [(change.path, change.before, change.after) for change in changes] == [
        ("configuration.timeout_s", 30.0, 3.0)
    ]
    for unknown in ("sn_none", "sn_\N{SNOWMAN}", "sn_\0", ""):
        with pytest.raises(ModelyardError) as refusal:
            two.call(GET_SNAPSHOT, NamedSnapshot(id=unknown))
        assert refusal.value.status == 404


@pytest.mark.feature("RBK-02")
def test_going_back_to_a_version_changes_the_route_alone(two: Rollouts):
    two.configure(timeout_s=3)
    alias(two, "champion", "2.0.0")
    done = two.rolled_back(version="1.1.0", deprecate=False)
    assert (done.version, done.left, two.shares()) == ("1.1.0", "2.0.0", {"1.1.0": 1.0})
    assert {change.path.partition(".")[0] for change in done.changes} == {"route"}
    assert two.endpoint().configuration.timeout_s == 3
    assert two.call(GET_VERSION, NamedThen(reference="fraud@champion")).version == "2.0.0"
    assert not is_deprecated(two, "2.0.0")
    with pytest.raises(Conflict, match="what it would be rolled back to"):
        two.roll_back(version="1.1.0")
    with pytest.raises(VersionNotFound):
        two.roll_back(version="9.9.9")
    with pytest.raises(InvalidRequest, match="both named"):
        two.roll_back(version="1.0.0", snapshot="sn_1")


@pytest.mark.feature("RBK-09", "RBK-01")
@pytest.mark.parametrize("fault", ["broken", "dead"])
def test_it_does_not_go_back_to_what_does_not_answer_unless_it_is_forced(two: Rollouts, fault: str):
    getattr(two.engine, fault).add(two.ids["1.0.0"])
    before = digest(two)
    kept = next(snapshot for snapshot in two.snapshots() if snapshot.version == "1.0.0")
    for way in (two.roll_back, lambda: two.roll_back(version="1.0.0"), lambda: two.restore(kept)):
        with pytest.raises(NotDeployable, match="does not answer") as refusal:
            way()
        assert refusal.value.details["reason"] == "unhealthy"
    assert (digest(two), is_deprecated(two, "2.0.0")) == (before, False)
    assert two.rolled_back(force=True).version == "1.0.0"
    assert two.shares() == {"1.0.0": 1.0}


def test_it_does_not_go_back_to_a_deprecated_version_unless_it_is_forced(two: Rollouts):
    two.call(DEPRECATE, Deprecate(reference="fraud/1.0.0", reason="leaks labels"))
    with pytest.raises(NotDeployable, match="deprecated: leaks labels"):
        two.roll_back()
    assert two.shares() == {"2.0.0": 1.0}
    assert two.rolled_back(force=True).version == "1.0.0"


def test_there_is_no_way_back_to_a_deleted_version(two: Rollouts):
    kept = next(snapshot for snapshot in two.snapshots() if snapshot.version == "1.0.0")
    two.call(DELETE, Delete(reference="fraud/1.0.0", force=True))
    for force in (False, True):
        with pytest.raises(NotDeployable, match=r"1\.0\.0 was deleted"):
            two.restore(kept, force=force)
    with pytest.raises(NotDeployable, match=r"1\.0\.0 was deleted"):
        two.roll_back()
    assert two.shares() == {"2.0.0": 1.0}


def test_a_flag_of_a_deleted_version_does_not_come_back(served: Rollouts):
    flag(served, "beta", "3.0.0", header="x-beta")
    kept = served.keep()
    served.call(DELETE_FLAG, NamedFlag(name="fraud", flag="beta"))
    served.serve("2.0.0")
    served.serve("1.1.0")
    served.call(DELETE, Delete(reference="fraud/3.0.0", force=True))
    with pytest.raises(NotDeployable, match=r"3\.0\.0 was deleted"):
        served.restore(kept)


def test_what_was_only_kept_warm_may_be_gone_by_then(served: Rollouts):
    served.deploy("2.0.0", "blue-green")
    kept = served.keep()
    assert kept.content.route.warm == [served.ids["1.0.0"]]
    served.serve("3.0.0")
    served.call(DELETE, Delete(reference="fraud/1.0.0", force=True))
    assert served.restore(kept).version == "2.0.0"
    assert served.route().warm == []


@pytest.mark.feature("RBK-01")
def test_what_was_rolled_back_from_is_not_gone_back_to(two: Rollouts):
    two.keep("of the faulty one")
    two.serve("3.0.0")
    assert two.rolled_back(deprecate=False).version == "2.0.0"
    assert two.rolled_back(deprecate=False).version == "1.0.0"
    with pytest.raises(SnapshotNotFound):
        two.roll_back()
    two.serve("2.0.0")
    two.serve("3.0.0")
    assert two.rolled_back().version == "2.0.0", "it has passed a deployment since"


@pytest.mark.feature("RBK-01")
def test_it_finds_what_was_healthy_behind_any_number_of_snapshots(two: Rollouts):
    for _ in range(130):
        two.keep("every hour")
    assert two.rolled_back().version == "1.0.0"


@pytest.mark.feature("RBK-06")
def test_a_snapshot_of_a_deployment_under_way_is_not_gone_back_to(served: Rollouts):
    begun = served.deploy("2.0.0", "canary")
    assert not served.keep("in the middle").healthy
    served.promote(begun, full=True)
    assert served.rolled_back().version == "1.0.0"
    assert served.shares() == {"1.0.0": 1.0}


@pytest.mark.feature("RBK-01", "DEP-19")
@pytest.mark.parametrize("changed", [{}, {"timeout_s": 3}])
def test_a_rollback_of_a_live_canary_is_its_end(served: Rollouts, changed: Mapping[str, Any]):
    before = served.route()
    begun = served.deploy("2.0.0", "canary")
    if changed:
        served.configure(**changed)
    told = served.rolled_back(dry_run=True)
    assert (told.version, told.left) == ("1.0.0", "2.0.0")
    done = served.rolled_back(reason="errors")
    assert (done.deployment_id, done.version, done.left, done.cause) == (begun.id, "1.0.0", "2.0.0", "manual")
    assert served.get(begun).state == "ROLLED_BACK"
    after = served.route()
    assert (after.arms, after.salt, after.epoch) == (before.arms, before.salt, before.epoch + 2)
    assert len(served.call(LIST_ROLLBACKS, ListRollbacks()).rollbacks) == 1
    assert is_deprecated(served, "2.0.0")
    assert served.endpoint().configuration.timeout_s == changed.get("timeout_s", 30)


def test_a_version_that_is_named_is_restored_behind_the_end_of_a_live_deployment(served: Rollouts):
    begun = served.deploy("2.0.0", "canary")
    done = served.rolled_back(version="1.1.0")
    assert (done.version, served.shares(), served.get(begun).state) == ("1.1.0", {"1.1.0": 1.0}, "ROLLED_BACK")
    assert done.deployment_id != begun.id


def test_a_rollback_cancels_what_has_not_begun(two: Rollouts):
    begun = two.begin("3.0.0")
    done = two.rolled_back()
    assert (done.version, done.left, two.get(begun).state) == ("1.0.0", "2.0.0", "CANCELLED")


def test_flags_that_were_changed_meanwhile_are_as_in_the_route_afterwards(served: Rollouts):
    flag(served, "old", "1.1.0", header="x-old")
    before = served.route()
    begun = served.deploy("2.0.0", "canary")
    served.call(DELETE_FLAG, NamedFlag(name="fraud", flag="old"))
    flag(served, "new", "3.0.0", header="x-new")
    served.abort(begun)
    after = served.endpoint()
    assert after.route.rules == after.configuration.rules == before.rules
    flag(served, "new", "3.0.0", header="x-new")
    assert [rule.name for rule in served.route().rules] == ["old", "new"], "it can be set again"


def test_flags_of_an_endpoint_that_served_nothing_outlive_its_first_deployment(yard: Rollouts):
    yard.configure(timeout_s=3)
    flag(yard, "beta", "3.0.0", header="x-beta")
    begun = yard.deploy("2.0.0", step_seconds=60)
    assert [rule.name for rule in yard.route().rules] == ["beta"]
    yard.abort(begun)
    assert [rule.name for rule in yard.endpoint().configuration.rules] == ["beta"]


@pytest.mark.feature("RBK-07")
def test_the_time_before_the_first_deployment_is_restored_by_name_only(served: Rollouts):
    first = served.snapshots()[-1]
    assert (first.version, first.healthy) == (None, False)
    with pytest.raises(SnapshotNotFound):
        served.roll_back()
    with pytest.raises(InvalidRequest, match="nothing was served"):
        served.roll_back(snapshot=first.id)
    with pytest.raises(InvalidRequest, match="would switch the endpoint off"):
        served.restore(first)
    done = served.restore(first, force=True)
    assert (done.version, done.left, done.deployment_id, served.route().arms) == (None, "1.0.0", "", [])
    assert is_sound(served)


def test_a_snapshot_of_another_endpoint_is_refused(two: Rollouts):
    two.serve("3.0.0", environment="edge")
    kept = two.keep(environment="edge")
    with pytest.raises(InvalidRequest, match="is of fraud in edge"):
        two.roll_back(snapshot=kept.id)


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-10")
def test_stages_are_given_back_as_ever(yard: Rollouts):
    for version in ("1.0.0", "2.0.0", "1.1.0"):
        promote(yard, version, "staging")
    promote(yard, "1.0.0", "production")
    promote(yard, "2.0.0", "production")
    record = yard.roll_back(reason="no endpoint here")
    assert (record.version.version, record.stage, record.endpoint) == ("1.0.0", "production", None)
    yard.serve("3.0.0")
    yard.serve("1.0.0")
    promote(yard, "1.1.0", "production")
    by_stage = yard.roll_back(stage="production")
    assert (by_stage.stage, by_stage.endpoint) == ("production", None)
    assert yard.shares() == {"1.0.0": 1.0}
    assert yard.rolled_back().version == "3.0.0"


def test_a_stage_has_no_rehearsal(yard: Rollouts):
    with pytest.raises(InvalidRequest, match="no endpoint"):
        yard.roll_back(dry_run=True)
    with pytest.raises(EndpointNotFound):
        yard.roll_back(environment="nowhere")


@pytest.mark.feature("RBK-05", "RBK-08")
def test_past_rollbacks_are_listed_with_their_evidence(two: Rollouts):
    two.rolled_back(reason="by hand")
    begun = two.deploy("3.0.0", "canary", limits=Limits(max_error_rate=0.1))
    two.observe("3.0.0", 50, errors=50)
    two.drive(begun)
    begun = two.deploy("3.0.0", "canary")
    two.abort(begun, "enough")
    listed = two.call(LIST_ROLLBACKS, ListRollbacks(name="fraud", environment="production")).rollbacks
    assert [one.cause for one in listed] == ["abort", "verdict", "manual"]
    assert (listed[1].evidence["metric"], listed[1].version, listed[1].left) == ("error_rate", "1.0.0", "3.0.0")
    page = two.call(LIST_ROLLBACKS, ListRollbacks(limit=1))
    rest = two.call(LIST_ROLLBACKS, ListRollbacks(limit=5, page_token=page.next_page_token)).rollbacks
    assert [*page.rollbacks, *rest] == listed
    assert two.call(LIST_ROLLBACKS, ListRollbacks(environment="edge")).rollbacks == []


@pytest.mark.feature("RBK-01")
def test_it_goes_further_back_where_the_newest_target_is_deprecated(two: Rollouts):
    two.serve("3.0.0")
    two.call(DEPRECATE, Deprecate(reference="fraud/2.0.0", reason="leaks labels"))
    assert two.rolled_back().version == "1.0.0"
