"""What the methods for deployments ask a server for, and what they make of its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from components.scripted import Reply, ScriptedServer, Seen
from modelyard import (
    DeploymentManager,
    DeploymentRecord,
    EndpointRecord,
    EndpointRollback,
    GuardReport,
    InvalidInput,
    InvalidRequest,
    ModelRegistry,
    PredictionFailed,
    RemoteUnavailable,
    RollbackManager,
    SnapshotDiff,
    SnapshotManager,
    SnapshotRecord,
    TimedOut,
    VersionRecord,
)
from modelyard.domain.wire import (
    Arm,
    DeploymentPage,
    EndpointConfiguration,
    EndpointPage,
    Plan,
    RollbackPage,
    RollbackRecord,
    Route,
    RouteHistory,
    SnapshotDocument,
    SnapshotPage,
    Step,
)

VERSION = VersionRecord(id="mv_" + "1" * 26, name="fraud", number=1, version="1.0.0", stage="development")
ARM = Arm(version_id=VERSION.id, version="1.0.0", weight=1.0)
CONFIGURATION = EndpointConfiguration()
ENDPOINT = EndpointRecord(
    id="ep_1", name="fraud", environment="production", kind="cloud", epoch=1, route=Route(), configuration=CONFIGURATION
)
SNAPSHOT = SnapshotRecord(
    id="sn_1", name="fraud", environment="production", epoch=1, digest="d", healthy=True,
    content=SnapshotDocument(route=Route(), configuration=CONFIGURATION),
)  # fmt: skip
BACK = EndpointRollback(name="fraud", environment="production", version="1.0.0", version_id=VERSION.id)


def deployment(state: str = "STAGE", *, live: bool = True) -> DeploymentRecord:
    return DeploymentRecord(
        id="dp_1", name="fraud", environment="production", endpoint_id="ep_1", version="1.0.0", version_id=VERSION.id,
        strategy="direct", state=state, plan=Plan(steps=[Step(arms=[ARM])]), live=live,
    )  # fmt: skip


def asked(*answers: Any, call: Callable[[ModelRegistry], Any]) -> tuple[Any, list[Seen]]:
    """Do something with a registry whose server gives these answers; return what came of it and what was asked."""
    with ScriptedServer(*(_reply(answer) for answer in answers)) as server, ModelRegistry(server.url) as registry:
        return call(registry), server.seen


def _reply(answer: Any) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(body=msgspec.json.encode(answer))


def only(seen: list[Seen]) -> tuple[str, str, Any]:
    (request,) = seen
    return request.method, request.target, msgspec.json.decode(request.body) if request.body else None


CALLS: list[tuple[Callable[[ModelRegistry], Any], Any, tuple[str, str, Any]]] = [
    (lambda r: r.deploy("fraud", "1.0.0", "canary", steps=[10, 100]), deployment(),
     ("POST", "/api/models/fraud/deploy", {"version": "1.0.0", "strategy": "canary", "steps": [10.0, 100.0]})),
    (lambda r: r.deploy("fraud@champion", dry_run=True), deployment(),
     ("POST", "/api/models/fraud/deploy", {"version": "@champion", "dry_run": True})),
    (lambda r: r.list_deployments("fraud", state="live", limit=3), DeploymentPage(deployments=[deployment()]),
     ("GET", "/api/deployments?name=fraud&state=live&limit=3", None)),
    (lambda r: r.get_deployment(deployment()), deployment(), ("GET", "/api/deployments/dp_1", None)),
    (lambda r: r.pause_deployment("dp_1", reason="why"), deployment(),
     ("POST", "/api/deployments/dp_1/pause", {"reason": "why"})),
    (lambda r: r.resume_deployment("dp_1"), deployment(), ("POST", "/api/deployments/dp_1/resume", {})),
    (lambda r: r.promote_deployment("dp_1", full=True, winner="1.0.0"), deployment(),
     ("POST", "/api/deployments/dp_1/promote", {"full": True, "winner": "1.0.0"})),
    (lambda r: r.abort_deployment("dp_1"), deployment(), ("POST", "/api/deployments/dp_1/abort", {})),
    (lambda r: r.list_rollbacks("fraud", environment="eu"), RollbackPage(rollbacks=[BACK]),
     ("GET", "/api/rollbacks?name=fraud&environment=eu&limit=500", None)),
    (lambda r: r.check_guard("fraud", limits={"max_error_rate": 0.2}, keep=True),
     GuardReport(triggered=False, reason="quiet"),
     ("POST", "/api/models/fraud/guard",
      {"limits": {"max_error_rate": 0.2, "max_p95_s": None, "max_p99_s": None, "min_requests": 20}, "keep": True})),
    (lambda r: r.list_endpoints("fraud"), EndpointPage(endpoints=[ENDPOINT]),
     ("GET", "/api/endpoints?name=fraud&limit=500", None)),
    (lambda r: r.get_endpoint("fraud", "edge"), ENDPOINT, ("GET", "/api/models/fraud/endpoint?environment=edge", None)),
    (lambda r: r.configure_endpoint("fraud", timeout_s=5), ENDPOINT,
     ("PATCH", "/api/models/fraud/endpoint", {"configuration": {"timeout_s": 5}})),
    (lambda r: r.route_history("fraud"), RouteHistory(name="fraud", environment="production", routes=[]),
     ("GET", "/api/models/fraud/routes", None)),
    (lambda r: r.set_flag("fraud", "beta", "2.0.0", header="x-a", equals="b"), ENDPOINT,
     ("PUT", "/api/models/fraud/flags/beta", {"version": "2.0.0", "header": "x-a", "equals": "b"})),
    (lambda r: r.delete_flag("fraud", "beta"), ENDPOINT, ("DELETE", "/api/models/fraud/flags/beta", None)),
    (lambda r: r.take_snapshot("fraud", reason="sale"), SNAPSHOT,
     ("POST", "/api/models/fraud/snapshots", {"reason": "sale"})),
    (lambda r: r.list_snapshots("fraud"), SnapshotPage(snapshots=[SNAPSHOT]),
     ("GET", "/api/models/fraud/snapshots?limit=500", None)),
    (lambda r: r.get_snapshot(SNAPSHOT), SNAPSHOT, ("GET", "/api/snapshots/sn_1", None)),
    (lambda r: r.restore_snapshot("sn_1", dry_run=True), BACK,
     ("POST", "/api/snapshots/sn_1/restore", {"dry_run": True})),
    (lambda r: r.compare_snapshots(SNAPSHOT, "sn_2"), SnapshotDiff(id="sn_1", other="sn_2"),
     ("GET", "/api/snapshots/sn_1/diff?other=sn_2", None)),
    (lambda r: r.rollback_model("fraud", snapshot=SNAPSHOT, environment="eu", dry_run=True, force=True),
     RollbackRecord(version=VERSION, replaced=None, stage="", endpoint=BACK),
     ("POST", "/api/models/fraud/rollback", {"snapshot": "sn_1", "environment": "eu", "dry_run": True, "force": True})),
]  # fmt: skip


@pytest.mark.parametrize(("call", "answer", "expected"), CALLS, ids=[expected[1] for _, _, expected in CALLS])
def test_each_method_asks_for_its_operation(call, answer, expected):
    _, seen = asked(answer, call=call)
    assert only(seen) == expected


def test_a_version_without_a_model_is_looked_up_first():
    record, seen = asked(VERSION, deployment(), call=lambda r: r.deploy(VERSION.id))
    assert record.id == "dp_1"
    assert seen[0].target.startswith(f"/api/models/{VERSION.id}")
    assert msgspec.json.decode(seen[1].body) == {"version": VERSION.id}


def test_waiting_ends_with_the_deployment_or_with_the_time():
    ended = deployment("SUCCEEDED", live=False)
    record, seen = asked(deployment(), deployment(), ended, call=lambda r: r.deploy("fraud", "1.0.0", wait=30))
    assert (record.state, len(seen)) == ("SUCCEEDED", 3)
    still, _ = asked(deployment(), call=lambda r: r.deploy("fraud", "1.0.0", wait=0.01))
    assert still.live
    with pytest.raises(TimedOut, match=r"still STAGE after 0\.01 seconds"):
        asked(deployment(), call=lambda r: r.wait_for_deployment("dp_1", 0.01))
    assert asked(ended, call=lambda r: r.wait_for_deployment("dp_1"))[0] == ended


def test_a_prediction_is_asked_for_with_what_routes_look_at():
    answer = {"output": [1], "name": "fraud", "version": "1.0.0", "epoch": 3}
    record, seen = asked(
        answer,
        call=lambda r: r.predict(
            "fraud", np.array([[1.5]]), key="ana", environment="eu", headers={"X-Channel": "beta"}, timeout=2,
            parameters={"method": "predict_proba"},
        ),
    )  # fmt: skip
    assert (record.output, record.version, record.epoch, record.usage) == ([1], "1.0.0", 3, None)
    assert only(seen) == (
        "POST",
        "/api/models/fraud/predict?environment=eu",
        {"input": [[1.5]], "parameters": {"method": "predict_proba"}},
    )
    sent = {name: seen[0].headers[name] for name in ("x-modelyard-key", "x-channel", "x-modelyard-timeout")}
    assert sent == {"x-modelyard-key": "ana", "x-channel": "beta", "x-modelyard-timeout": "2"}


def test_frames_become_columns():
    pandas = pytest.importorskip("pandas")
    _, seen = asked({"output": 1}, call=lambda r: r.predict("fraud", pandas.DataFrame({"a": [1, 2]})))
    assert only(seen)[2] == {"input": {"a": [1, 2]}}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda r: r.predict("fraud"), InvalidRequest),
        (lambda r: r.predict("fraud", object()), InvalidInput),
        (lambda r: r.predict("fraud", 1, headers={"x": "ü"}), InvalidRequest),
        (lambda r: r.predict("fraud", 1, headers={"": "a"}), InvalidRequest),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(call, kind):
    with ScriptedServer(Reply()) as server, ModelRegistry(server.url) as registry:
        with pytest.raises(kind):
            call(registry)
        assert server.seen == []


def test_an_answer_that_is_no_prediction_is_told_apart():
    with pytest.raises(RemoteUnavailable, match="did not answer as modelyard does"):
        asked(["no", "prediction"], call=lambda r: r.predict("fraud", 1))


def test_a_failed_prediction_is_not_asked_for_again():
    problem = msgspec.json.encode({"code": "prediction_failed", "detail": "it broke", "status": 502})
    reply = Reply(502, problem, {"Content-Type": "application/problem+json"})
    with ScriptedServer(reply) as server, ModelRegistry(server.url) as registry:
        with pytest.raises(PredictionFailed):
            registry.predict("fraud", 1)
        assert len(server.seen) == 1


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-04")
def test_the_managers_have_the_names_of_the_documents():
    record = RollbackRecord(version=VERSION, replaced=None, stage="", endpoint=BACK)
    rollbacks = RollbackPage(rollbacks=[BACK])
    guard = GuardReport(triggered=True, reason="too many errors")
    answers = [_reply(answer) for answer in (record, record, guard, rollbacks)]
    with ScriptedServer(*answers) as server, RollbackManager(server.url) as manager:
        assert manager.rollback_to_previous("fraud") == "1.0.0"
        assert manager.rollback_to_version("fraud", "1.0.0") is True
        assert manager.auto_rollback_on_error("fraud", error_threshold=0.2) is True
        assert manager.history("fraud") == [BACK]
        assert msgspec.json.decode(server.seen[2].body)["limits"]["max_error_rate"] == 0.2
        assert repr(manager) == f"RollbackManager({server.url!r})"


def test_the_deployment_manager_answers_with_ids_and_records():
    ended = deployment("SUCCEEDED", live=False)
    page = DeploymentPage(deployments=[ended])
    answers = [deployment(), ended, page, *[deployment()] * 4, ended]
    with ScriptedServer(*(_reply(answer) for answer in answers)) as server, DeploymentManager(server.url) as manager:
        assert manager.deploy("fraud", "1.0.0", "canary", steps=[50, 100]) == "dp_1"
        assert manager.status("dp_1") == ended
        assert manager.list("fraud") == [ended]
        for steer in (manager.pause, manager.resume, manager.promote, manager.abort):
            assert steer("dp_1", reason="so").id == "dp_1"
        assert manager.wait("dp_1", timeout=30) == ended
        steered = [request.target.rpartition("/")[2] for request in server.seen[3:7]]
        assert steered == ["pause", "resume", "promote", "abort"]


def test_a_manager_of_an_open_registry_leaves_it_open():
    page = SnapshotPage(snapshots=[SNAPSHOT])
    answers = (SNAPSHOT, page, BACK, SnapshotDiff(id="sn_1", other="now"), page)
    with ScriptedServer(*map(_reply, answers)) as server, ModelRegistry(server.url) as registry:
        with SnapshotManager(registry) as manager:
            assert manager.create("fraud", "sale") == SNAPSHOT
            assert manager.list("fraud") == [SNAPSHOT]
            assert manager.restore(SNAPSHOT) == BACK
            assert manager.diff("sn_1").changes == []
        assert registry.list_snapshots("fraud") == [SNAPSHOT]
