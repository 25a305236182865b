"""Starting deployments: what is refused and why, what is planned, and who of several is first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from components.crowd import together
from components.delivering import open_idle
from components.rollouts import Rollouts
from components.yards import register
from modelyard.domain.wire import Limits, Window
from modelyard.errors import (
    Conflict,
    DeploymentLive,
    InvalidName,
    InvalidRequest,
    ModelNotFound,
    ModelyardError,
    NotDeployable,
    PreconditionFailed,
    VersionNotFound,
)
from modelyard.operations import (
    DEPLOY,
    DEPRECATE,
    DESCRIBE_MODEL,
    LIST_DEPLOYMENTS,
    LIST_ENDPOINTS,
    LIST_EVENTS,
    PROMOTE,
    REGISTER_VERSION,
    Deploy,
    Deprecate,
    ListDeployments,
    ListEndpoints,
    ListEvents,
    NamedModelThen,
    Promote,
    RegisterVersion,
)

NAN, ENDLESS = math.nan, math.inf
CROWD = 8


def traces(yard: Rollouts) -> tuple[Any, ...]:
    """All that a deployment would leave on record."""
    return (
        yard.call(LIST_DEPLOYMENTS, ListDeployments()),
        yard.call(LIST_ENDPOINTS, ListEndpoints()),
        len(yard.call(LIST_EVENTS, ListEvents(limit=1000)).events),
        yard.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")),
    )


@pytest.mark.feature("DEP-01", "DEP-02", "DEP-16", "DEP-19")
def test_a_deployment_keeps_what_was_before_and_says_what_it_does(served: Rollouts):
    before = served.endpoint()
    begun = served.begin("2.0.0", "canary", reason="fewer misses", environment="")
    assert (begun.state, begun.base, begun.base_id) == ("PENDING", "1.0.0", served.ids["1.0.0"])
    assert (begun.actor, begun.reason, begun.strategy, begun.live) == ("ana", "fewer misses", "canary", True)
    assert served.endpoint().route == before.route, "nothing has moved yet"
    kept = served.snapshots()[0]
    assert (kept.id, kept.content.route, kept.healthy) == (begun.snapshot_id, before.route, True)
    served.drive(begun)
    assert served.endpoint().deployment == served.drive(begun)


@pytest.mark.feature("DEP-09")
def test_deployments_are_listed_by_state_model_and_page(served: Rollouts):
    done = [served.serve(version) for version in ("1.1.0", "2.0.0")]
    live = served.begin("3.0.0", environment="staging")

    def listed(**fields: Any) -> list[str]:
        return [one.id for one in served.call(LIST_DEPLOYMENTS, ListDeployments(**fields)).deployments]

    assert listed(state="live") == [live.id]
    assert listed(state="Pending", name="fraud") == [live.id]
    assert listed(environment="production", limit=2) == [done[1].id, done[0].id]
    page = served.call(LIST_DEPLOYMENTS, ListDeployments(limit=1))
    assert listed(limit=2, page_token=page.next_page_token) == [done[1].id, done[0].id]
    with pytest.raises(InvalidRequest, match="no state"):
        listed(state="nearly")
    with pytest.raises(ModelNotFound):
        listed(name="nobody")


@pytest.mark.feature("DEP-21")
def test_a_version_that_may_not_serve_is_refused_with_the_reason(served: Rollouts):
    call = served.call
    call(DEPRECATE, Deprecate(reference="fraud/2.0.0", reason="leaks labels", successor="fraud/3.0.0"))
    with pytest.raises(NotDeployable, match="deprecated: leaks labels") as refusal:
        served.begin("2.0.0")
    assert refusal.value.hint == "deploy fraud/3.0.0"
    call(PROMOTE, Promote(reference="fraud/3.0.0", target_stage="rejected"))
    with pytest.raises(NotDeployable, match="was rejected"):
        served.begin("3.0.0")
    call(REGISTER_VERSION, RegisterVersion(name="fraud", version="4.0.0"))
    with pytest.raises(NotDeployable, match="nothing to run"):
        served.begin("4.0.0")
    with pytest.raises(NotDeployable, match="nothing to run"):
        served.begin("1.1.0", "ab", split={"1.0.0": 50, "4.0.0": 10})
    reasons = {"deprecated", "rejected", "nothing_to_run"}
    assert refusal.value.details["reason"] in reasons
    assert len(call(LIST_DEPLOYMENTS, ListDeployments()).deployments) == 1


@pytest.mark.feature("DEP-21")
def test_a_version_whose_file_is_lost_is_refused(served: Rollouts):
    made = register(served.caller, "fraud", b"to be lost", version="4.0.0")
    store = served.yard.store
    (file,) = made.files
    assert store.root is not None
    found = [path for path in store.root.rglob("*") if path.is_file() and file.blake3[2:] in path.name]
    for path in found:
        path.unlink()
    assert found
    with pytest.raises(NotDeployable, match="is missing in the store") as refusal:
        served.begin("4.0.0")
    assert (refusal.value.details["reason"], "modelyard verify" in refusal.value.hint) == ("unverified", True)


NONSENSE: list[tuple[dict[str, Any], type[ModelyardError]]] = [
    ({"version": "9.9.9"}, VersionNotFound),
    ({"name": "nobody"}, ModelNotFound),
    ({"strategy": "magic"}, InvalidRequest),
    ({"strategy": ""}, InvalidRequest),
    ({"version": "1.0.0"}, Conflict),
    ({"expected_version": "2.0.0"}, PreconditionFailed),
    ({"kind": "edge"}, InvalidRequest),
    ({"kind": "moon", "environment": "x"}, InvalidRequest),
    ({"environment": "prod\N{ZERO WIDTH SPACE}uction"}, InvalidName),
    ({"environment": "häuser"}, InvalidName),
    ({"environment": "e" * 65}, InvalidName),
    ({"environment": "latest"}, InvalidName),
    ({"reason": "x" * 10_001}, InvalidRequest),
    ({"reason": "a\0b"}, InvalidRequest),
    ({"strategy": "canary", "steps": []}, InvalidRequest),
    ({"strategy": "canary", "steps": [50, 10]}, InvalidRequest),
    ({"strategy": "canary", "steps": [0, 100]}, InvalidRequest),
    ({"strategy": "canary", "steps": [NAN]}, InvalidRequest),
    ({"strategy": "canary", "steps": [101]}, InvalidRequest),
    ({"strategy": "canary", "steps": [*(1 + number / 100 for number in range(200))]}, InvalidRequest),
    ({"strategy": "direct", "steps": [10]}, InvalidRequest),
    ({"step_seconds": -1}, InvalidRequest),
    ({"step_seconds": NAN}, InvalidRequest),
    ({"step_seconds": 1e300}, InvalidRequest),
    ({"step_seconds": 60, "max_step_seconds": 59}, InvalidRequest),
    ({"max_step_seconds": 0}, InvalidRequest),
    ({"min_requests": -1}, InvalidRequest),
    ({"min_requests": 10**400}, InvalidRequest),
    ({"bake_seconds": ENDLESS}, InvalidRequest),
    ({"strategy": "canary", "holdback": 100}, InvalidRequest),
    ({"keep_warm_seconds": NAN}, InvalidRequest),
    ({"replicas": 0}, InvalidRequest),
    ({"replicas": 65}, InvalidRequest),
    ({"on_inconclusive": "shrug"}, InvalidRequest),
    ({"probes": -1}, InvalidRequest),
    ({"probes": 1001}, InvalidRequest),
    ({"probes": NAN}, InvalidRequest),
    ({"probes": "3"}, InvalidRequest),
    ({"probes": 2.5}, InvalidRequest),
    ({"options": {"a": object()}}, InvalidRequest),
    ({"max_probe_s": 0}, InvalidRequest),
    ({"max_probe_s": NAN}, InvalidRequest),
    ({"max_probe_s": 10**400}, InvalidRequest),
    ({"start_at": "tomorrow"}, InvalidRequest),
    ({"start_at": "0001-01-01T00:00:00+14:00"}, InvalidRequest),
    ({"window": Window(days=["today"])}, InvalidRequest),
    ({"window": Window(timezone="Mars/Olympus")}, InvalidRequest),
    ({"limits": Limits()}, InvalidRequest),
    ({"limits": Limits(max_error_rate=NAN)}, InvalidRequest),
    ({"limits": Limits(max_error_rate=1.5)}, InvalidRequest),
    ({"limits": Limits(max_p95_s=-1.0)}, InvalidRequest),
    ({"limits": Limits(max_p99_s=10**400)}, InvalidRequest),
    ({"limits": Limits(max_error_rate=0.1, min_requests=0)}, InvalidRequest),
    ({"strategy": "ab", "split": {"1.0.0": 100}}, InvalidRequest),
    ({"strategy": "ab", "split": {"1.0.0": NAN}}, InvalidRequest),
    ({"strategy": "ab", "split": {"9.9.9": 10}}, VersionNotFound),
    ({"strategy": "canary", "split": {"1.0.0": 10}}, InvalidRequest),
    ({"strategy": "ab", "version": "1.0.0"}, Conflict),
]


def test_what_makes_no_sense_is_refused_and_leaves_no_trace(served: Rollouts):
    before = traces(served)
    for given, error in NONSENSE:
        with pytest.raises(error) as refusal:
            served.call(DEPLOY, Deploy(**{"name": "fraud", "version": "2.0.0", **given}))
        assert 400 <= refusal.value.status < 500, given
    assert traces(served) == before


def test_who_believes_the_right_version_to_be_served_may_deploy(served: Rollouts):
    for believed in ("1.0.0", served.ids["1.0.0"]):
        assert served.begin("2.0.0", expected_version=believed, dry_run=True).base == "1.0.0"
    with pytest.raises(PreconditionFailed, match="serves nothing, not") as refusal:
        served.begin("2.0.0", expected_version="1.0.0", environment="edge")
    assert refusal.value.details == {"version": None}


@pytest.mark.feature("DEP-01")
def test_a_dry_run_tells_the_plan_and_leaves_no_trace(served: Rollouts):
    before = traces(served)
    told = served.begin("2.0.0", "canary", steps=[20], dry_run=True, environment="production")
    assert (told.id, told.base, len(told.plan.steps)) == ("", "1.0.0", 2)
    elsewhere = served.begin("2.0.0", dry_run=True, environment="edge")
    assert (elsewhere.base, elsewhere.endpoint_id) == (None, "")
    with pytest.raises(Conflict):
        served.begin("1.0.0", dry_run=True)
    with pytest.raises(PreconditionFailed):
        served.begin("2.0.0", dry_run=True, expected_version="3.0.0")
    assert traces(served) == before


@pytest.mark.feature("DEP-15")
@pytest.mark.parametrize("driven", [False, True])
def test_a_second_deployment_is_told_of_the_first(served: Rollouts, *, driven: bool):
    first = served.deploy("2.0.0", "canary") if driven else served.begin("2.0.0")
    with pytest.raises(DeploymentLive, match=first.id) as refusal:
        served.begin("3.0.0")
    assert (refusal.value.status, refusal.value.details["deployment"]) == (409, first.id)
    assert served.begin("3.0.0", environment="edge").live, "other endpoints are free"


@pytest.mark.feature("DEP-15")
@pytest.mark.parametrize("driven", [False, True])
def test_a_deployment_supersedes_the_live_one_and_begins_where_that_began(served: Rollouts, *, driven: bool):
    before = served.route()
    first = served.deploy("2.0.0", "canary") if driven else served.begin("2.0.0")
    second = served.begin("3.0.0", "canary", supersede=True)
    after = served.route()
    assert (after.arms, after.salt, after.epoch) == (before.arms, before.salt, before.epoch + 2 * driven)
    assert (second.base, served.get(first).state, served.get(first).live) == ("1.0.0", "SUPERSEDED", False)
    assert served.snapshots()[0].content.route == after
    served.drive(second)
    assert served.shares() == {"1.0.0": 0.9, "3.0.0": 0.1}


def test_superseding_with_what_serves_already_is_refused_and_leaves_the_live_one(served: Rollouts):
    first = served.deploy("2.0.0", "canary")
    with pytest.raises(Conflict, match=r"serves 1\.0\.0 already"):
        served.begin("1.0.0", supersede=True)
    assert served.get(first).state == "STAGE"


@pytest.mark.feature("DEP-07")
def test_a_scheduled_deployment_starts_in_its_time_and_in_its_window(served: Rollouts):
    window = Window(days=["tue"], start="02:00", end="04:00", timezone="Europe/Berlin")
    begun = served.begin("2.0.0", start_at="2026-03-02T13:00:00", window=window)
    assert begun.due_at == "2026-03-02T13:00:00.000000Z"
    assert served.after(begun, 2 * 3600).state == "PENDING", "it is not Tuesday night"
    assert served.after(begun, 11 * 3600 - 1).state == "PENDING"
    assert served.after(begun, 1).state == "SUCCEEDED"


@pytest.mark.feature("DEP-18")
def test_environments_and_their_kinds_are_apart(served: Rollouts):
    served.serve("2.0.0", environment="plant-7", kind="edge")
    assert (served.shares("plant-7"), served.shares()) == ({"2.0.0": 1.0}, {"1.0.0": 1.0})
    assert (served.endpoint("plant-7").kind, served.endpoint().kind) == ("edge", "cloud")
    with pytest.raises(InvalidRequest, match="of the kind edge, and stays so"):
        served.begin("1.0.0", environment="plant-7", kind="cloud")


@pytest.mark.feature("DEP-17")
def test_a_strategy_is_named_in_any_spelling(served: Rollouts):
    assert served.begin("2.0.0", "Blue_Green", dry_run=True).strategy == "blue-green"
    with pytest.raises(InvalidRequest) as refusal:
        served.begin("2.0.0", "canry", dry_run=True)
    assert "did you mean canary" in refusal.value.hint


def deploying(folder: str, database_url: str, number: int) -> tuple[str, str]:
    """Deploy a version of one's own; say whether it is live, or which one was first."""
    with open_idle(Path(folder), database_url) as caller:
        try:
            return "live", caller.call(DEPLOY, Deploy(name="fraud", version=f"{number}.0.0", strategy="canary")).id
        except DeploymentLive as refusal:
            return "refused", str(refusal.details["deployment"])


@pytest.mark.slow
@pytest.mark.feature("DEP-15")
def test_of_eight_processes_that_deploy_at_once_one_wins_and_the_others_are_told(database_url: str, tmp_path: Path):
    folder = tmp_path / "registry"
    with open_idle(folder, database_url) as caller:
        for number in range(1, CROWD + 1):
            register(caller, "fraud", b"%d" % number, version=f"{number}.0.0")
    answers = together(deploying, [(str(folder), database_url, number) for number in range(1, CROWD + 1)])
    assert sorted(kind for kind, _ in answers) == ["live"] + ["refused"] * (CROWD - 1)
    assert len({name for _, name in answers}) == 1, "all of them name the one that won"
    with open_idle(folder, database_url) as caller:
        assert len(caller.call(LIST_DEPLOYMENTS, ListDeployments()).deployments) == 1
        assert len(caller.call(LIST_ENDPOINTS, ListEndpoints()).endpoints) == 1
