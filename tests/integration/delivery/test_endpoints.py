"""Endpoints: how they take requests, their flags, what they served, and who may see and change that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from components.rollouts import Rollouts
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.wire import EndpointConfiguration, Limits
from modelyard.errors import (
    EndpointNotFound,
    InvalidName,
    InvalidRequest,
    ModelNotFound,
    ModelyardError,
    NotDeployable,
    PreconditionFailed,
)
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    CHECK_GUARD,
    COMPARE_SNAPSHOTS,
    CONFIGURE_ENDPOINT,
    DELETE_FLAG,
    DEPLOY,
    DEPRECATE,
    GET_DEPLOYMENT,
    GET_ENDPOINT,
    GET_SNAPSHOT,
    LIST_DEPLOYMENTS,
    LIST_ENDPOINTS,
    LIST_ROLLBACKS,
    LIST_SNAPSHOTS,
    PAUSE_DEPLOYMENT,
    PROMOTE_DEPLOYMENT,
    RESTORE_SNAPSHOT,
    RESUME_DEPLOYMENT,
    ROLLBACK,
    ROUTE_HISTORY,
    SET_FLAG,
    TAKE_SNAPSHOT,
    Advance,
    CheckGuard,
    CompareSnapshots,
    ConfigureEndpoint,
    Deploy,
    Deprecate,
    ListDeployments,
    ListEndpoints,
    ListRollbacks,
    ListSnapshots,
    NamedDeployment,
    NamedEndpoint,
    NamedFlag,
    NamedSnapshot,
    RestoreSnapshot,
    Rollback,
    SetFlag,
    Steer,
    TakeSnapshot,
)


def flag(yard: Rollouts, name: str = "beta", version: str = "2.0.0", **fields: Any) -> list[str]:
    """Set a flag; return the names of all flags that requests meet then."""
    made = yard.call(SET_FLAG, SetFlag(name="fraud", flag=name, version=version, **fields))
    assert made.route.rules == made.configuration.rules
    return [rule.name for rule in made.route.rules]


# How an endpoint takes requests


def test_a_configuration_changes_field_by_field(served: Rollouts):
    first = served.endpoint()
    assert first.configuration == EndpointConfiguration()
    made = served.configure(timeout_s=5, key_header="X-User", guard={"max_p95_s": 1})
    assert (made.configuration.timeout_s, made.configuration.key_header) == (5.0, "x-user")
    assert made.configuration.guard == Limits(max_p95_s=1.0)
    assert (made.epoch, made.revision) == (first.epoch, first.revision + 1), "the route is the same"
    assert served.configure(timeout_s=5.0).revision == made.revision, "nothing is new"
    assert served.configure(guard=None).configuration.guard is None


def test_an_endpoint_is_made_by_its_configuration(yard: Rollouts):
    made = yard.call(
        CONFIGURE_ENDPOINT,
        ConfigureEndpoint(name="fraud", environment="plant-7", kind="edge", configuration={"replicas": 2}),
    )
    assert (made.kind, made.epoch, made.version, made.route.arms) == ("edge", 0, None, [])
    yard.serve("1.0.0", environment="plant-7")
    assert yard.endpoint("plant-7").configuration.replicas == 2
    with pytest.raises(EndpointNotFound):
        yard.endpoint()


NONSENSE: list[dict[str, Any]] = [
    {"nope": 1},
    {"timeout": 1},
    {"timeout_s": 0},
    {"timeout_s": -1},
    {"timeout_s": math.nan},
    {"timeout_s": math.inf},
    {"timeout_s": 10**400},
    {"timeout_s": "5"},
    {"timeout_s": None},
    {"timeout_s": True},
    {"replicas": 0},
    {"replicas": 65},
    {"replicas": 1.5},
    {"replicas": 10**400},
    {"max_concurrency": 0},
    {"max_queue": -1},
    {"max_batch": 0},
    {"batch_delay_ms": -0.1},
    {"memory_mb": -1},
    {"probe_s": -1},
    {"key_header": 7},
    {"key_header": "x y"},
    {"key_header": "x\ny"},
    {"key_header": "schlüssel"},
    {"key_header": "x" * 300},
    {"key_field": "a\0b"},
    {"key_field": "x" * 2000},
    {"guard": {}},
    {"guard": {"max_error_rate": 2}},
    {"guard": {"max_error_rate": math.nan}},
    {"guard": {"max_p95_s": 10**400}},
    {"guard": {"max_error_rate": 0.1, "min_requests": 0}},
    {"guard": {"max_error_rate": 0.1, "nope": 1}},
    {"guard": 7},
    {"rules": []},
    {"rules": [{"name": "x", "version": "1.0.0"}]},
    {"rules": 7},
]


def test_a_configuration_that_makes_no_sense_is_refused(served: Rollouts):
    before = served.endpoint()
    for given in NONSENSE:
        with pytest.raises((InvalidRequest, InvalidName)) as refusal:
            served.configure(**given)
        assert refusal.value.status in {400, 422}, given
    with pytest.raises(InvalidRequest) as meant:
        served.configure(timout_s=5)
    assert "did you mean timeout_s" in meant.value.hint
    assert served.endpoint() == before


def test_who_looked_at_another_revision_changes_nothing(served: Rollouts):
    seen = served.endpoint().revision
    request = ConfigureEndpoint(name="fraud", configuration={"timeout_s": 5}, if_match=seen)
    made = served.call(CONFIGURE_ENDPOINT, request)
    with pytest.raises(PreconditionFailed) as refusal:
        served.call(CONFIGURE_ENDPOINT, request)
    assert refusal.value.details == {"revision": made.revision, "if_match": seen}
    begun = served.deploy("2.0.0", "canary")
    for operation in (PAUSE_DEPLOYMENT, ABORT_DEPLOYMENT, RESUME_DEPLOYMENT):
        with pytest.raises(PreconditionFailed):
            served.call(operation, Steer(id=begun.id, if_match=begun.revision - 1))
    with pytest.raises(PreconditionFailed):
        served.promote(begun, if_match=begun.revision + 1)
    assert served.call(PAUSE_DEPLOYMENT, Steer(id=begun.id, if_match=begun.revision)).state == "PAUSED"


# Flags


@pytest.mark.feature("DEP-08")
def test_flags_are_a_change_of_the_route_without_a_deployment(served: Rollouts):
    before = served.route()
    assert flag(served, header="X-Channel", equals="beta") == ["beta"]
    assert flag(served, "few", "3.0.0", percentage=5) == ["beta", "few"]
    assert flag(served, "beta", "1.1.0", header="x-channel") == ["beta", "few"], "it keeps its place"
    after = served.route()
    assert (after.epoch, after.arms, after.salt) == (before.epoch + 3, before.arms, before.salt)
    rule = after.rules[0]
    assert (rule.version_id, rule.header, rule.equals) == (served.ids["1.1.0"], "x-channel", "")
    epoch = after.epoch
    flag(served, "few", "3.0.0", percentage=5)
    assert served.route().epoch == epoch, "nothing is new"
    gone = served.call(DELETE_FLAG, NamedFlag(name="fraud", flag="beta"))
    assert [rule.name for rule in gone.route.rules] == ["few"]
    with pytest.raises(EndpointNotFound, match="no flag 'beta'"):
        served.call(DELETE_FLAG, NamedFlag(name="fraud", flag="beta"))


@pytest.mark.feature("DEP-08")
def test_flags_stay_while_a_deployment_goes_on(served: Rollouts):
    begun = served.deploy("2.0.0", "canary", step_seconds=0, min_requests=50)
    flag(served, "few", "3.0.0", percentage=5)
    assert served.route().deployment_id == begun.id
    served.observe("2.0.0", 20, epoch=served.route().epoch - 1)
    served.observe("2.0.0", 30)
    found = served.drive(begun)
    assert found.step == 1, "requests from before and behind the flag count together"
    assert [rule.name for rule in served.route().rules] == ["few"]
    served.promote(begun, full=True)
    assert [rule.name for rule in served.route().rules] == ["few"]


@pytest.mark.parametrize(
    "given",
    [
        {"flag": ""},
        {"flag": "a b"},
        {"flag": "latest"},
        {"flag": "x" * 300},
        {"version": "9.9.9"},
        {"percentage": -1},
        {"percentage": 101},
        {"percentage": math.nan},
        {"percentage": math.inf},
        {"header": "", "equals": "beta"},
        {"header": "", "equals": "beta", "percentage": 100},
        {"header": "x\ny"},
        {"header": "x-a", "equals": "a\0b"},
    ],
)
def test_a_flag_that_makes_no_sense_is_refused(served: Rollouts, given: dict[str, Any]):
    before = served.endpoint()
    with pytest.raises(ModelyardError) as refusal:
        served.call(
            SET_FLAG, SetFlag(**{"name": "fraud", "flag": "beta", "version": "2.0.0", "header": "x-a", **given})
        )
    assert 400 <= refusal.value.status < 500
    assert served.endpoint() == before


@pytest.mark.parametrize("name", ["latest", "../x", "h\u00e4user", "e" * 300])
def test_a_name_that_no_environment_can_have_is_refused_as_that(served: Rollouts, name: str):
    with pytest.raises(InvalidName, match="environment") as refusal:
        flag(served, environment=name, percentage=5)
    assert "alias" not in f"{refusal.value} {refusal.value.hint}"


def test_a_flag_that_names_no_requests_does_not_take_them_all(served: Rollouts):
    before = served.endpoint()
    with pytest.raises(InvalidRequest, match="which requests it is for") as refusal:
        flag(served)
    assert "deploy the version" in refusal.value.hint
    assert served.endpoint() == before
    assert flag(served, percentage=100) == ["beta"], "whoever asks for all of them gets them"


@pytest.mark.feature("DEP-21")
def test_a_flag_names_a_version_that_may_serve(served: Rollouts):
    served.call(DEPRECATE, Deprecate(reference="fraud/2.0.0", reason="leaks labels"))
    with pytest.raises(NotDeployable):
        flag(served)
    with pytest.raises(EndpointNotFound):
        served.call(SET_FLAG, SetFlag(name="fraud", flag="beta", version="1.1.0", environment="edge"))


@pytest.mark.feature("DEP-16")
def test_what_an_endpoint_served_is_told_epoch_by_epoch(served: Rollouts):
    begun = served.deploy("3.0.0", "canary")
    flag(served, "few", "1.1.0", percentage=5)
    served.abort(begun)
    served.serve("2.0.0")
    history = served.call(ROUTE_HISTORY, NamedEndpoint(name="fraud"))
    assert [entry.epoch for entry in history.routes] == [6, 5, 4, 3, 2, 1]
    assert history.routes[0].route == served.route()
    assert [entry.cause for entry in history.routes] == [
        "deployment.succeeded",
        "deployment.preflight_passed",
        "deployment.rolling_back",
        "endpoint.configured",
        "deployment.preflight_passed",
        "deployment.preflight_passed",
    ]
    assert history.routes[4].deployment_id == begun.id


@pytest.mark.feature("DEP-16", "DEP-18")
def test_endpoints_are_listed_in_pages(served: Rollouts):
    for number in range(3):
        served.serve("2.0.0", environment=f"edge-{number}", kind="edge")
    page = served.call(LIST_ENDPOINTS, ListEndpoints(limit=3))
    rest = served.call(LIST_ENDPOINTS, ListEndpoints(limit=3, page_token=page.next_page_token))
    found = [*page.endpoints, *rest.endpoints]
    assert {one.environment: one.version for one in found} == {
        "production": "1.0.0", "edge-0": "2.0.0", "edge-1": "2.0.0", "edge-2": "2.0.0",
    }  # fmt: skip
    assert rest.next_page_token == ""
    with pytest.raises(ModelNotFound):
        served.call(LIST_ENDPOINTS, ListEndpoints(name="nobody"))


# Who may


def status(caller: EmbeddedCaller, operation: Any, request: Any) -> int:
    """Ask for something; return the status of the refusal, or 0 where it was done."""
    try:
        caller.call(operation, request)
    except ModelyardError as refusal:
        return refusal.status
    return 0


@pytest.fixture
def asked(served: Rollouts) -> list[tuple[Any, Any]]:
    """Every operation of delivery on things that are there, and its request."""
    begun = served.deploy("2.0.0", "canary")
    kept = served.keep()
    return [
        (GET_DEPLOYMENT, NamedDeployment(id=begun.id)),
        (GET_ENDPOINT, NamedEndpoint(name="fraud")),
        (ROUTE_HISTORY, NamedEndpoint(name="fraud")),
        (GET_SNAPSHOT, NamedSnapshot(id=kept.id)),
        (LIST_SNAPSHOTS, ListSnapshots(name="fraud")),
        (COMPARE_SNAPSHOTS, CompareSnapshots(id=kept.id)),
        (LIST_DEPLOYMENTS, ListDeployments(name="fraud")),
        (LIST_ENDPOINTS, ListEndpoints(name="fraud")),
        (LIST_ROLLBACKS, ListRollbacks(name="fraud")),
        (DEPLOY, Deploy(name="fraud", version="3.0.0", supersede=True)),
        (PAUSE_DEPLOYMENT, Steer(id=begun.id)),
        (RESUME_DEPLOYMENT, Steer(id=begun.id)),
        (PROMOTE_DEPLOYMENT, Advance(id=begun.id)),
        (ABORT_DEPLOYMENT, Steer(id=begun.id)),
        (CONFIGURE_ENDPOINT, ConfigureEndpoint(name="fraud", configuration={"replicas": 2})),
        (SET_FLAG, SetFlag(name="fraud", flag="beta", version="3.0.0", header="x-a")),
        (DELETE_FLAG, NamedFlag(name="fraud", flag="beta")),
        (TAKE_SNAPSHOT, TakeSnapshot(name="fraud")),
        (RESTORE_SNAPSHOT, RestoreSnapshot(id=kept.id)),
        (RESTORE_SNAPSHOT, RestoreSnapshot(id=kept.id, force=True)),
        (ROLLBACK, Rollback(reference="fraud")),
        (ROLLBACK, Rollback(reference="fraud", force=True)),
        (CHECK_GUARD, CheckGuard(name="fraud")),
    ]


def test_who_may_do_everything_on_another_model_finds_nothing_of_this_one(
    served: Rollouts, asked: list[tuple[Any, Any]]
):
    stranger = served.asked_by(Principal(name="eve", proven=True, grants=(Grant(allow="admin", model="churn"),)))
    before = served.endpoint()
    started = list(served.engine.started)
    for operation, request in asked:
        with pytest.raises(ModelyardError) as refusal:
            stranger.call(operation, request)
        assert refusal.value.status in {403, 404}, operation.name
        assert "1.0.0" not in str(refusal.value)
    assert stranger.call(LIST_DEPLOYMENTS, ListDeployments()).deployments == []
    assert stranger.call(LIST_ENDPOINTS, ListEndpoints()).endpoints == []
    assert stranger.call(LIST_ROLLBACKS, ListRollbacks()).rollbacks == []
    assert (served.endpoint(), served.engine.started) == (before, started)


def test_who_may_only_look_changes_nothing(served: Rollouts, asked: list[tuple[Any, Any]]):
    viewer = served.asked_by(Principal(name="vi", proven=True, grants=(Grant(allow="viewer"),)))
    before = served.endpoint()
    for operation, request in asked:
        assert status(viewer, operation, request) == (403 if operation.mutates else 0), operation.name
    assert served.endpoint() == before


def test_who_deploys_may_do_all_of_it_on_his_model(served: Rollouts, asked: list[tuple[Any, Any]]):
    deployer = served.asked_by(Principal(name="dee", proven=True, grants=(Grant(allow="deployer", model="fraud"),)))
    statuses = {operation.name: status(deployer, operation, request) for operation, request in asked}
    assert set(statuses.values()) <= {0, 404, 409}, statuses
    done = {name for name, answer in statuses.items() if answer == 0}
    assert {DEPLOY.name, CONFIGURE_ENDPOINT.name, SET_FLAG.name, TAKE_SNAPSHOT.name, CHECK_GUARD.name} <= done
