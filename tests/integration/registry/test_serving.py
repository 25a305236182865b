"""Records tell what takes traffic: now, in the past, along lineage, and in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from components.delivering import deploy, open_idle
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.lineage_text import tree
from modelyard.domain.wire import LineageUse
from modelyard.operations import (
    CONFIGURE_ENDPOINT,
    DESCRIBE_MODEL,
    GET_VERSION,
    LINEAGE_GRAPH,
    LIST_MODELS,
    LIST_VERSIONS,
    ROLLBACK,
    STATS,
    USED_BY,
    WHO_WAS_LIVE,
    ConfigureEndpoint,
    Empty,
    ListModels,
    ListVersions,
    NamedModelThen,
    NamedThen,
    Rollback,
    UsedBy,
    WalkLineage,
    WhoWasLive,
)

CANARY: dict[str, Any] = {"strategy": "canary", "steps": [25.0, 100.0]}


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry that runs no models."""
    with open_idle(tmp_path / "registry", database_url) as opened:
        yield opened


@pytest.fixture
def yard(caller: EmbeddedCaller) -> EmbeddedCaller:
    """Three versions made from data, of which two share the traffic in production, and one serves at the edge."""
    for number in (1, 2, 3):
        register(caller, "fraud", version=f"{number}.0.0", data_version=f"payments@{number}")
    deploy(caller, "1.0.0")
    deploy(caller, "2.0.0", **CANARY)
    deploy(caller, "1.0.0", environment="eu", kind="edge")
    return caller


@contextmanager
def statements(caller: EmbeddedCaller) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = caller.yard.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.feature("DEP-16")
def test_a_version_tells_its_share_in_each_environment(yard: EmbeddedCaller):
    listed = yard.call(LIST_VERSIONS, ListVersions(name="fraud")).versions
    assert [(one.version, one.serving, one.deployed) for one in listed] == [
        ("3.0.0", {}, False),
        ("2.0.0", {"production": 0.25}, True),
        ("1.0.0", {"eu": 1.0, "production": 0.75}, True),
    ]
    assert yard.call(GET_VERSION, NamedThen(reference="fraud/2.0.0")).serving == {"production": 0.25}


@pytest.mark.feature("DEP-16")
def test_a_model_tells_which_version_is_active(yard: EmbeddedCaller):
    register(yard, "quiet")
    active = {one.name: one.serving for one in yard.call(LIST_MODELS, ListModels()).models}
    assert active == {"fraud": {"eu": "1.0.0", "production": "1.0.0"}, "quiet": {}}
    assert yard.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).serving == active["fraud"]


@pytest.mark.feature("DEP-16")
def test_any_number_of_records_takes_one_more_query_and_none_without_endpoints(caller: EmbeddedCaller):
    for number in range(3):
        register(caller, f"m{number}", version="1.0.0")
    requests: tuple[tuple[Any, Any], ...] = ((LIST_VERSIONS, ListVersions(name="m1")), (LIST_MODELS, ListModels()))
    before = []
    for row, request in requests:
        with statements(caller) as seen:
            caller.call(row, request)
        before.append(len(seen))
        assert not [one for one in seen if "endpoints.route" in one]
    for number in range(3):
        deploy(caller, "1.0.0", name=f"m{number}")
        caller.call(CONFIGURE_ENDPOINT, ConfigureEndpoint(name=f"m{number}", environment="eu"))
    for (row, request), known in zip(requests, before, strict=True):
        with statements(caller) as seen:
            caller.call(row, request)
        assert len(seen) == known + 1
        assert len([one for one in seen if "endpoints.route" in one]) == 1


@pytest.mark.feature("RBK-07", "EXP-31")
def test_the_past_tells_what_took_traffic_and_who_did_that(yard: EmbeddedCaller):
    split = yard.yard.clock()
    yard.call(ROLLBACK, Rollback(reference="fraud", deprecate=False))
    then = yard.call(WHO_WAS_LIVE, WhoWasLive(name="fraud", at=split))
    now = yard.call(WHO_WAS_LIVE, WhoWasLive(name="fraud"))
    eu, production = then.endpoints
    assert (then.version, eu.environment, eu.kind, eu.version, eu.until) == (None, "eu", "edge", "1.0.0", None)
    assert [(arm.version, arm.weight) for arm in production.route.arms] == [("1.0.0", 0.75), ("2.0.0", 0.25)]
    assert (production.version, production.epoch, production.by) == ("1.0.0", 2, "controller")
    assert (production.cause, production.until) == ("deployment.preflight_passed", now.endpoints[1].since)
    assert production.deployment_id.startswith("dp_")
    assert production.configuration.timeout_s == 30.0
    assert [arm.version for arm in now.endpoints[1].route.arms] == ["1.0.0"]
    assert now.endpoints[1].deployment_id == ""
    old = yard.call(LIST_VERSIONS, ListVersions(name="fraud", as_of=split)).versions
    assert [(one.serving, one.deployed) for one in old[1:]] == [
        ({"production": 0.25}, True),
        ({"eu": 1.0, "production": 0.75}, True),
    ]
    assert yard.call(GET_VERSION, NamedThen(reference="fraud/2.0.0")).serving == {}
    model = yard.call(DESCRIBE_MODEL, NamedModelThen(name="fraud", as_of=split))
    assert model.serving == {"eu": "1.0.0", "production": "1.0.0"}


def test_an_endpoint_that_serves_nothing_is_there_all_the_same(caller: EmbeddedCaller):
    register(caller, "fraud")
    caller.call(CONFIGURE_ENDPOINT, ConfigureEndpoint(name="fraud", configuration={"timeout_s": 5.0}))
    (endpoint,) = caller.call(WHO_WAS_LIVE, WhoWasLive(name="fraud")).endpoints
    assert (endpoint.version, endpoint.route.arms, endpoint.configuration.timeout_s) == (None, [], 5.0)
    assert caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).serving == {}


def used(caller: EmbeddedCaller, *, live: bool) -> dict[str, LineageUse]:
    """The versions that name the payments, by their numbers."""
    found = caller.call(USED_BY, UsedBy(kind="dataset", name="payments", live=live)).uses
    return {use.version: use for use in found}


@pytest.mark.feature("LIN-06")
def test_what_takes_traffic_is_live(yard: EmbeddedCaller):
    live = used(yard, live=True)
    assert {version: use.live_as for version, use in live.items()} == {
        "1.0.0": ["100 % of eu", "75 % of production"],
        "2.0.0": ["25 % of production"],
    }
    assert live["2.0.0"].serving == {"production": 0.25}
    assert {version: use.live for version, use in used(yard, live=False).items()} == {
        "1.0.0": True, "2.0.0": True, "3.0.0": False,
    }  # fmt: skip


@pytest.mark.feature("LIN-06")
def test_lineage_shows_what_takes_traffic(yard: EmbeddedCaller):
    register(yard, "fraud", version="4.0.0", parent="fraud/2.0.0")
    graph = yard.call(LINEAGE_GRAPH, WalkLineage(reference="fraud/4.0.0"))
    served = {node.version: node.serving for node in graph.nodes if node.kind == "version"}
    assert served == {"4.0.0": {}, "2.0.0": {"production": 0.25}}
    assert any("[25 % of production]" in line for line in tree(graph))


def test_statistics_count_endpoints_and_deployments(yard: EmbeddedCaller):
    yard.call(CONFIGURE_ENDPOINT, ConfigureEndpoint(name="fraud", environment="asia"))
    numbers = yard.call(STATS, Empty())
    assert (numbers.total_endpoints, numbers.serving_endpoints, numbers.live_deployments) == (3, 2, 1)
    assert numbers.deployments_by_state == {"STAGE": 1, "SUCCEEDED": 2}
