"""Deploying, steering, rolling back, snapshots, endpoints and predictions: the same in a folder and on a server.

The versions are served by a server elsewhere, so that nothing has to be loaded: each says its own number.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from components.scripted import Reply, ScriptedServer, Seen
from modelyard import (
    Conflict,
    DeploymentClosed,
    DeploymentLive,
    DeploymentManager,
    DeploymentNotFound,
    DeploymentRecord,
    EndpointNotFound,
    InvalidReference,
    InvalidRequest,
    ModelRegistry,
    NotDeployable,
    PreconditionFailed,
    RollbackManager,
    SnapshotManager,
    SnapshotNotFound,
)

PATIENCE = 60.0


def answering(seen: Seen) -> Reply:
    """Say which version was asked, by the last part of its address."""
    return Reply(body=json.dumps({"output": seen.target.rpartition("/")[2]}).encode())


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ScriptedServer]:
    """The server that runs the versions."""
    with ScriptedServer(answering) as server:
        yield server


@pytest.fixture
def fraud(registry: ModelRegistry, elsewhere: ScriptedServer) -> ModelRegistry:
    """A registry with three versions of a model that can be deployed."""
    registry.create_model("fraud")
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        registry.register_version("fraud", version, provider={"kind": "http", "url": f"{elsewhere.url}/{version}"})
    return registry


@pytest.fixture
def served(fraud: ModelRegistry) -> ModelRegistry:
    """The same, with the first version in production."""
    assert deployed(fraud, "1.0.0").state == "SUCCEEDED"
    return fraud


def deployed(registry: ModelRegistry, version: str, strategy: str = "direct", **options) -> DeploymentRecord:
    """Deploy a version and wait for the end."""
    return registry.wait_for_deployment(registry.deploy("fraud", version, strategy, **options), PATIENCE)


def stepping(registry: ModelRegistry, version: str = "1.1.0", **options) -> DeploymentRecord:
    """Begin a canary that holds at its first step, for want of requests; return it when it is there."""
    begun = registry.deploy("fraud", version, "canary", steps=[25, 100], min_requests=1000, **options)
    return reached(registry, begun, "STAGE")


def reached(registry: ModelRegistry, deployment: DeploymentRecord, state: str) -> DeploymentRecord:
    """Wait until a deployment is in a state."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = registry.follow_deployment(deployment)
        if found.state == state:
            return found
        assert found.live, found
        time.sleep(0.05)
    raise AssertionError(f"{deployment.id} is still {found.state}: {found.reason}")


def answered_by(registry: ModelRegistry, version: str, **asking) -> bool:
    """Whether predictions come from a version, after the moment that gateways take to follow a route."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if registry.predict("fraud", 1, **asking).version == version:
            return True
        time.sleep(0.02)
    return False


def traffic(registry: ModelRegistry) -> dict[str, float]:
    return {arm.version: arm.weight for arm in registry.get_endpoint("fraud").route.arms}


@pytest.mark.feature("DEP-01", "DEP-02", "DEP-09", "DEP-14", "DEP-16")
@pytest.mark.every_way
def test_a_first_deployment_serves(fraud):
    with pytest.raises(EndpointNotFound):
        fraud.predict("fraud", 1)
    assert fraud.list_endpoints() == []
    record = deployed(fraud, "1.0.0", reason="the first")
    assert (record.state, record.live, record.base, record.version) == ("SUCCEEDED", False, None, "1.0.0")
    assert [change.event for change in record.history][:1] == ["created"]
    assert [one.id for one in fraud.list_deployments("fraud")] == [record.id]
    assert fraud.list_deployments(state="live") == []
    endpoint = fraud.get_endpoint("fraud")
    assert (endpoint.version, endpoint.deployment, endpoint.route.deployment_id) == ("1.0.0", None, record.id)
    assert [one.id for one in fraud.list_endpoints("fraud")] == [endpoint.id]
    answer = fraud.predict("fraud", 1, key="ana")
    assert (answer.output, answer.version, answer.epoch) == ({"output": "1.0.0"}, "1.0.0", endpoint.epoch)
    assert answer.deployment_id == record.id


@pytest.mark.feature("DEP-03", "DEP-13")
def test_blue_green_takes_over_and_keeps_the_old_version_warm(served):
    assert deployed(served, "1.1.0", "blue-green").state == "SUCCEEDED"
    route = served.get_endpoint("fraud").route
    assert traffic(served) == {"1.1.0": 1.0}
    assert route.warm == [served.get_model("fraud/1.0.0").id]
    assert answered_by(served, "1.1.0")


@pytest.mark.feature("DEP-04", "DEP-12", "DEP-20")
@pytest.mark.every_way
def test_a_canary_is_paused_resumed_and_taken_on(served):
    record = stepping(served)
    assert traffic(served) == {"1.0.0": 0.75, "1.1.0": 0.25}
    paused = served.pause_deployment(record, reason="looking")
    assert (paused.state, served.pause_deployment(record).state) == ("PAUSED", "PAUSED")
    assert served.resume_deployment(record.id).state == "STAGE"
    by_key = {str(key): served.predict("fraud", 1, key=str(key)).version for key in range(40)}
    assert set(by_key.values()) == {"1.0.0", "1.1.0"}
    assert served.promote_deployment(record).step == 1
    assert traffic(served) == {"1.1.0": 1.0}
    done = served.promote_deployment(record, full=True, reason="enough")
    assert (done.state, done.live) == ("SUCCEEDED", False)
    assert served.get_deployment(record).history[-1].event == "succeeded"
    with pytest.raises(DeploymentClosed):
        served.promote_deployment(record)


@pytest.mark.feature("DEP-15")
def test_an_endpoint_has_one_live_deployment(served):
    first = stepping(served)
    with pytest.raises(DeploymentLive) as caught:
        served.deploy("fraud", "2.0.0")
    assert first.id in str(caught.value.details)
    assert deployed(served, "2.0.0", supersede=True).state == "SUCCEEDED"
    assert served.get_deployment(first).state == "SUPERSEDED"


@pytest.mark.feature("RBK-01", "DEP-19")
@pytest.mark.every_way
def test_an_aborted_deployment_gives_everything_back(served):
    before = served.get_endpoint("fraud").route
    record = stepping(served)
    ended = served.abort_deployment(record, reason="wrong version")
    assert (ended.state, ended.reason) == ("ROLLED_BACK", "wrong version")
    after = served.get_endpoint("fraud").route
    assert (after.arms, after.salt, after.epoch > before.epoch) == (before.arms, before.salt, True)
    assert served.list_rollbacks("fraud")[0].cause == "abort"


@pytest.mark.feature("DEP-06", "DEP-22")
def test_the_winner_of_a_test_is_promoted(served):
    begun = served.deploy("fraud", "1.1.0", "ab-test", split={"1.0.0": 50})
    reached(served, begun, "STAGE")
    assert traffic(served) == {"1.0.0": 0.5, "1.1.0": 0.5}
    assert served.promote_deployment(begun, winner="1.1.0").state == "SUCCEEDED"
    assert traffic(served) == {"1.1.0": 1.0}


def test_a_plan_can_be_looked_at_first(served):
    record = served.deploy("fraud", "1.1.0", "canary", steps=[20, 100], dry_run=True)
    assert [[arm.weight for arm in step.arms if arm.version == "1.1.0"] for step in record.plan.steps] == [[0.2], [1.0]]
    assert len(served.list_deployments()) == 1
    assert traffic(served) == {"1.0.0": 1.0}


@pytest.mark.feature("DEP-21")
def test_what_cannot_be_deployed_is_refused(served, weights):
    with pytest.raises(PreconditionFailed):
        served.deploy("fraud", "1.1.0", expected_version="2.0.0")
    with pytest.raises(Conflict):
        served.deploy("fraud", "1.0.0")
    with pytest.raises(InvalidRequest, match="strategy"):
        served.deploy("fraud", "1.1.0", "magic")
    served.deprecate_model("fraud/2.0.0", "leaks labels")
    with pytest.raises(NotDeployable, match="deprecated"):
        served.deploy("fraud", "2.0.0")
    with pytest.raises(InvalidReference):
        served.deploy("fraud/")
    with pytest.raises(DeploymentNotFound):
        served.get_deployment("dp_none")
    assert len(served.list_deployments()) == 1


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-08", "RBK-10")
def test_one_call_brings_back_what_was_served(served):
    deployed(served, "1.1.0")
    rehearsed = served.rollback_model("fraud", dry_run=True).endpoint
    assert rehearsed is not None
    assert (rehearsed.version, rehearsed.left, rehearsed.dry_run) == ("1.0.0", "1.1.0", True)
    assert rehearsed.changes
    assert traffic(served) == {"1.1.0": 1.0}
    record = served.rollback_model("fraud", reason="errors doubled")
    assert record.endpoint is not None
    assert (record.version.version, record.endpoint.version, record.endpoint.left) == ("1.0.0", "1.0.0", "1.1.0")
    assert record.endpoint.seconds >= 0
    assert answered_by(served, "1.0.0")
    assert served.get_model("fraud/1.1.0").deprecated
    assert [one.version for one in served.list_rollbacks("fraud", environment="production")] == ["1.0.0"]
    served.rollback_model("fraud", "2.0.0", deprecate=False)
    assert traffic(served) == {"2.0.0": 1.0}
    assert not served.get_model("fraud/1.0.0").deprecated


@pytest.mark.feature("RBK-06", "RBK-07")
@pytest.mark.every_way
def test_a_snapshot_is_kept_compared_and_restored(served):
    served.configure_endpoint("fraud", timeout_s=7)
    served.set_alias("fraud", "champion", "1.0.0")
    kept = served.take_snapshot("fraud", reason="before the sale")
    deployed(served, "1.1.0")
    served.configure_endpoint("fraud", timeout_s=9)
    served.set_alias("fraud", "champion", "1.1.0")
    changed = {change.path for change in served.compare_snapshots(kept).changes}
    assert {"aliases.champion", "configuration.timeout_s"} <= changed
    assert [one.id for one in served.list_snapshots("fraud")].index(kept.id) > 0
    assert served.get_snapshot(kept).reason == "before the sale"
    assert served.restore_snapshot(kept, dry_run=True).dry_run
    assert served.restore_snapshot(kept, reason="sale").version == "1.0.0"
    assert served.compare_snapshots(kept, "now").changes == []
    assert served.get_model("fraud@champion").version == "1.0.0"
    assert served.get_endpoint("fraud").configuration.timeout_s == 7
    with pytest.raises(SnapshotNotFound):
        served.get_snapshot("sn_none")


@pytest.mark.feature("DEP-08")
@pytest.mark.every_way
def test_flags_give_some_requests_one_version(served):
    served.set_flag("fraud", "beta", "2.0.0", header="X-Channel", equals="beta")
    assert answered_by(served, "2.0.0", headers={"x-channel": "beta"})
    assert answered_by(served, "1.0.0", headers={"x-channel": "other"})
    assert [rule.name for rule in served.get_endpoint("fraud").configuration.rules] == ["beta"]
    served.delete_flag("fraud", "beta")
    assert answered_by(served, "1.0.0", headers={"x-channel": "beta"})
    epochs = [entry.epoch for entry in served.route_history("fraud")]
    assert epochs == sorted(epochs, reverse=True)
    assert len(epochs) == 3


@pytest.mark.feature("DEP-18")
def test_environments_are_apart(served):
    record = deployed(served, "2.0.0", environment="edge", kind="edge")
    assert (record.state, served.get_endpoint("fraud", "edge").kind) == ("SUCCEEDED", "edge")
    assert answered_by(served, "2.0.0", environment="edge")
    assert answered_by(served, "1.0.0")
    with pytest.raises(InvalidRequest, match="nope"):
        served.configure_endpoint("fraud", nope=1)


def test_a_guard_that_saw_too_little_stays_quiet(served):
    report = served.check_guard("fraud", limits={"max_error_rate": 0.1}, window_s=60, keep=True)
    assert not report.triggered
    guard = served.get_endpoint("fraud").configuration.guard
    assert guard is not None
    assert guard.max_error_rate == 0.1


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-04", "RBK-08")
@pytest.mark.every_way
def test_the_managers_do_the_same_by_the_documents_names(fraud):
    deployments, rollbacks, snapshots = (
        DeploymentManager(fraud),
        RollbackManager(fraud),
        SnapshotManager(fraud),
    )
    for version in ("1.0.0", "1.1.0"):
        assert deployments.wait(deployments.deploy("fraud", version), PATIENCE).state == "SUCCEEDED"
    kept = snapshots.create("fraud", "by hand")
    assert rollbacks.rollback_to_previous("fraud") == "1.0.0"
    assert rollbacks.rollback_to_version("fraud", "2.0.0") is True
    assert rollbacks.auto_rollback_on_error("fraud", error_threshold=0.1) is False
    assert len(rollbacks.history("fraud")) == 2
    assert kept.id in [one.id for one in snapshots.list("fraud")]
    assert snapshots.diff(kept).changes != []
