"""How deployments, endpoints and snapshots look to people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cli import deployment_view, endpoint_view, status
from modelyard.cli.tables import render
from modelyard.domain.wire import (
    Arm,
    DeploymentChange,
    DeploymentOptions,
    DeploymentRecord,
    DeploymentVerdict,
    EndpointConfiguration,
    EndpointRecord,
    EndpointRollback,
    Observation,
    Plan,
    Route,
    RouteEntry,
    Rule,
    SnapshotChange,
    SnapshotDocument,
    SnapshotRecord,
    Step,
    Window,
)

NOW = "2026-03-01T12:00:00.000000Z"
NEW, OLD = "mv_new", "mv_old"


def arms(new: float) -> list[Arm]:
    pairs = ((NEW, "1.1.0", new), (OLD, "1.0.0", 1 - new))
    return [Arm(version_id=identifier, version=version, weight=weight) for identifier, version, weight in pairs]


CANARY = DeploymentRecord(
    id="dp_1",
    name="fraud",
    environment="production",
    endpoint_id="ep_1",
    version="1.1.0",
    version_id=NEW,
    base="1.0.0",
    base_id=OLD,
    strategy="canary",
    state="STAGE",
    step=0,
    weight=0.1,
    verdict=DeploymentVerdict(state="HEALTHY", reason="within its limits on 120 requests"),
    plan=Plan(
        steps=[Step(arms=arms(weight), min_seconds=60, min_requests=50) for weight in (0.1, 0.5, 1.0)],
        bake_seconds=30,
        final=arms(1.0),
    ),
    due_at="2026-03-01T12:00:42.000000Z",
    created_at=NOW,
    observed=[
        Observation(version_id=NEW, version="1.1.0", requests=120, errors=3, error_rate=0.025, p50_s=0.002, p95_s=1.5),
        Observation(version_id=OLD, version="1.0.0", requests=1080),
    ],
    history=[
        DeploymentChange(
            position=place, event=event, from_state="", to_state="STAGE", step=0, epoch=1, actor="ana", at=NOW,
            reason=f"reason {place}",
        )
        for place, event in enumerate(["created", *["advanced"] * 9])
    ],
)  # fmt: skip


def drawn(what: Any, capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed."""
    render(what)
    return capsys.readouterr().out


@pytest.mark.feature("DEP-04", "DEP-11")
def test_the_picture_tells_traffic_state_verdict_time_and_what_versions_did(capsys):
    text = drawn(deployment_view.picture(CANARY, NOW), capsys)
    lines = text.splitlines()
    assert "fraud in production" in text
    assert "1.1.0, instead of 1.0.0" in text
    assert "1 of 3" in text
    assert "HEALTHY: within its limits on 120 requests" in text
    assert "in 42s at the earliest, after 50 requests" in text
    assert f"1.1.0  {'█' * 3}{'░' * 27}  10 %" in lines
    assert f"1.0.0  {'█' * 27}{'░' * 3}  90 %" in lines
    (new,) = [line.split() for line in lines if line.startswith("1.1.0") and "new" in line]
    assert new == ["1.1.0", "new", "120", "3", "2.50%", "2", "ms", "1.5", "s"]
    assert "reason 9" in text
    assert "reason 1\n" not in text
    assert max(len(line) for line in lines) <= 80


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": "PAUSED"}, "by hand: modelyard resume dp_1"),
        ({"plan": Plan(steps=[Step(arms=arms(0.1), hold=True)])}, "by hand: modelyard advance dp_1"),
        ({"due_at": NOW}, "any moment"),
        ({"due_at": None}, ""),
        ({"state": "BAKE", "due_at": "2026-03-01T12:00:30.000000Z"}, "in 30s at the earliest"),
        ({"live": False, "state": "SUCCEEDED"}, ""),
    ],
)
def test_the_picture_tells_what_a_deployment_waits_for(changes, expected, capsys):
    lines = drawn(deployment_view.picture(replace(CANARY, **changes), NOW), capsys).splitlines()
    told = [line.removeprefix("goes on").strip() for line in lines if line.startswith("goes on")]
    assert "".join(told).startswith(expected)
    assert bool(told) == bool(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [("1.1.0", 0.1), ("1.0.0", 0.9)]),
        ({"step": 2, "weight": 1.0}, [("1.1.0", 1.0)]),
        ({"weight": 0.0, "state": "PREFLIGHT"}, [("1.0.0", 1.0)]),
        ({"weight": 0.0, "state": "PREFLIGHT", "base": None, "base_id": None}, []),
        ({"weight": 0.25}, [("1.1.0", 0.25), ("1.0.0", 0.75)]),
    ],
)
def test_the_traffic_is_what_the_weight_says(changes, expected, capsys):
    record = replace(CANARY, **changes)
    assert [(arm.version, arm.weight) for arm in deployment_view.traffic(record)] == expected
    if not expected:
        assert "no traffic is served" in drawn(deployment_view.picture(record, NOW), capsys)


def test_a_line_tells_a_change():
    assert deployment_view.line(replace(CANARY, reason="so"), NOW) == (
        "2026-03-01 12:00:00  STAGE  1 of 3  1.1.0 10 %, 1.0.0 90 %  HEALTHY  120 requests, 3 errors  so"
    )
    ended = replace(CANARY, state="SUCCEEDED", live=False, weight=1.0, step=2, observed=[])
    assert deployment_view.line(ended, NOW) == "2026-03-01 12:00:00  SUCCEEDED  1.1.0 100 %"


def test_only_what_people_see_is_a_change():
    assert deployment_view.changed(None, CANARY)
    assert not deployment_view.changed(CANARY, replace(CANARY, observed=[], revision=9))
    assert deployment_view.changed(CANARY, replace(CANARY, weight=0.5))
    assert deployment_view.changed(CANARY, replace(CANARY, verdict=DeploymentVerdict(state="REGRESSED")))


def test_a_plan_is_told_step_by_step(capsys):
    window = Window(days=["sat"], start="02:00", end="05:00", timezone="Europe/Berlin")
    steps = [Step(arms=[], shadow=arms(1.0)[:1]), Step(arms=arms(0.5), hold=True), *CANARY.plan.steps[2:]]
    planned = replace(CANARY, plan=replace(CANARY.plan, steps=steps), options=DeploymentOptions(window=window))
    text = drawn(deployment_view.plan(planned), capsys)
    for expected in (
        "none",
        "1.1.0 50 %, 1.0.0 50 %",
        "at once",
        "when somebody says so",
        "after 60 s and 50 requests",
        "then 30 s under watch",
        "sat 02:00-05:00 Europe/Berlin",
    ):
        assert expected in text


def test_deployments_and_rollbacks_are_listed(capsys):
    text = drawn(deployment_view.deployments([CANARY, replace(CANARY, id="dp_2", live=False)]), capsys)
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["dp_1", "dp_2"]
    back = EndpointRollback(
        name="fraud", environment="production", version="1.0.0", left="1.1.0", seconds=0.0421, cause="verdict", at=NOW,
        reason="errors", actor="controller",
    )  # fmt: skip
    text = drawn(deployment_view.rollbacks([back, replace(back, version=None, left=None)]), capsys)
    assert "1.1.0 -> 1.0.0" in text
    assert "nothing -> nothing" in text
    assert "0.042 s" in text
    assert drawn(deployment_view.deployments([]), capsys) == "no deployments\n"


ROUTE = Route(epoch=7, arms=arms(0.1), shadow=[Arm(version_id="mv_next", version="2.0.0", weight=0.05)])
FLAG = Rule(name="beta", version="2.0.0", header="x-channel", equals="beta", percentage=50)
ENDPOINT = EndpointRecord(
    id="ep_1", name="fraud", environment="production", kind="cloud", epoch=7, version="1.0.0", route=ROUTE,
    configuration=EndpointConfiguration(rules=[FLAG]), deployment=CANARY,
)  # fmt: skip


@pytest.mark.feature("DEP-16")
def test_endpoints_tell_what_they_serve(capsys):
    empty = replace(ENDPOINT, environment="edge", route=Route(), deployment=None)
    text = drawn(endpoint_view.endpoints([ENDPOINT, empty]), capsys)
    assert "1.1.0 10 %, 1.0.0 90 %" in text
    assert "dp_1" in text
    assert "nothing" in text.splitlines()[3]
    assert "modelyard deploy" in drawn(endpoint_view.endpoints([]), capsys)
    whole = drawn(endpoint_view.endpoint(ENDPOINT), capsys)
    for expected in ("2.0.0 5 %", "dp_1, canary, STAGE", "timeout_s", "x-channel=beta", "50 %"):
        assert expected in whole
    assert "timeout_s" not in drawn(endpoint_view.brief(ENDPOINT), capsys)


@pytest.mark.parametrize(("place", "told"), [("ep_1", True), ("ep_2", False)])
def test_the_status_of_a_model_tells_why_its_last_deployment_came_to_nothing(place: str, *, told: bool, capsys):
    older = replace(CANARY, id="dp_0", state="ROLLED_BACK", reason="too slow")
    last = replace(CANARY, state="REJECTED", reason="GEMINI_API_KEY is not set", endpoint_id=place)
    text = drawn(status._model([replace(ENDPOINT, deployment=None)], [], [last, older]), capsys)
    assert ("1.1.0 is REJECTED: GEMINI_API_KEY is not set" in text) == told
    assert ("modelyard status dp_1" in text) == told
    assert ("too slow" in text) != told, "only the newest deployment of an endpoint is told"
    done = replace(CANARY, state="SUCCEEDED", reason="enough")
    assert "enough" not in drawn(endpoint_view.brief(ENDPOINT, done), capsys)


def test_routes_and_snapshots_are_listed(capsys):
    entries = [RouteEntry(epoch=7, at=NOW, cause="deployment.advanced", deployment_id="dp_1", route=ROUTE)]
    assert "deployment.advanced" in drawn(endpoint_view.routes(entries), capsys)
    content = SnapshotDocument(
        route=ROUTE, configuration=EndpointConfiguration(), aliases={"champion": OLD},
        stages={OLD: {"": "production", "eu": "staging"}},
    )  # fmt: skip
    kept = SnapshotRecord(
        id="sn_1", name="fraud", environment="production", epoch=7, digest="d" * 64, healthy=True, content=content,
        created_by="ana", created_at=NOW, reason="sale",
    )  # fmt: skip
    assert "sale" in drawn(endpoint_view.snapshots([kept]), capsys)
    text = drawn(endpoint_view.snapshot(kept), capsys)
    assert "champion=mv_old" in text
    assert "itself: production, eu: staging" in text
    assert "STAGES" not in drawn(endpoint_view.snapshot(replace(kept, content=replace(content, stages={}))), capsys)


def test_differences_are_shortened(capsys):
    found = [SnapshotChange(path="route.arms", before=None, after=["x" * 100]), SnapshotChange(path="a", before="b")]
    text = drawn(endpoint_view.changes(found, empty="nothing differs"), capsys)
    assert "…" in text
    assert drawn(endpoint_view.changes([], empty="nothing differs"), capsys) == "nothing differs\n"
