"""How things stand in the database, as gauges: routes, deployments with the judge's evidence, alerts that fire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert

from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.wire import ChallengerEvidence, Judgement
from modelyard.domain.wire.delivery import (
    Arm,
    DeploymentRecord,
    DeploymentVerdict,
    EndpointConfiguration,
    Plan,
    Route,
    Step,
)
from modelyard.metadata import deployments, endpoints, evidence, models
from modelyard.metadata.database import known
from modelyard.metadata.tables import alerts
from modelyard.watch import exposition as of
from modelyard.watch.standing import standing

AT = "2026-03-01T12:00:00.000000Z"
PLACE = ("fraud", "production", "2.0.0")


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """A registry in which a canary of fraud is paused, judged, and an alert fires twice."""
    with open_caller(tmp_path / "registry") as opened:
        old, new = (register(opened, "fraud", content=name.encode(), version=name) for name in ("1.0.0", "2.0.0"))
        arms = [
            Arm(version_id=old.id, version="1.0.0", weight=0.9),
            Arm(version_id=new.id, version="2.0.0", weight=0.1),
        ]
        with opened.yard.database.write() as tx:
            model = known(models.by_name(tx, "fraud"))
            place = {"id": "ep_1", "model_id": model.id, "environment": "production", "kind": "cloud", "at": AT}
            endpoints.add(tx, place, EndpointConfiguration())
            row = known(endpoints.by_id(tx, "ep_1"))
            route = Route(epoch=row.epoch + 1, deployment_id="dp_1", salt="salt", arms=arms)
            assert endpoints.reroute(tx, row, route, cause="test", at=AT)
            canary = DeploymentRecord(
                id="dp_1", name="fraud", environment="production", endpoint_id="ep_1", version="2.0.0",
                version_id=new.id, strategy="canary", state="PAUSED", weight=0.1, plan=Plan(steps=[Step(arms=arms)]),
                verdict=DeploymentVerdict(state="INCONCLUSIVE"), created_at=AT, updated_at=AT,
            )  # fmt: skip
            deployments.add(tx, canary, model.id)
            for number in (1, 2):
                tx.run(
                    insert(alerts),
                    {
                        "id": f"al_{number}", "rule": "slow", "model": "fraud", "environment": "production",
                        "version": f"{number}.0.0", "live": f"{number}", "revision": 1,
                        "state": "firing", "severity": "critical", "document": "{}", "started_at": AT, "updated_at": AT,
                    },
                )  # fmt: skip
        yield opened


def judged(caller: EmbeddedCaller, version_id: str) -> None:
    """Let the judge have said something."""
    challenger = ChallengerEvidence(version_id=version_id, version="2.0.0", e_value=7.5, harm=3.25)
    document = msgspec.json.encode(Judgement(limit=20.0, challengers=[challenger])).decode()
    with caller.yard.database.write() as tx:
        evidence.add_judgement(
            tx,
            {
                "deployment_id": "dp_1", "position": 1, "terms": "{}", "checkpoint_position": 0, "checkpoint": b"",
                "document": document, "updated_at": AT,
            },
        )  # fmt: skip


@pytest.mark.feature("OBS-01")
def test_routes_live_deployments_and_firing_alerts_are_told(caller):
    gauges = standing(caller.yard.database, 100)
    assert gauges is not None
    assert gauges[of.ROUTE_WEIGHT, "fraud", "production", "1.0.0"] == 0.9
    assert gauges[of.ROUTE_WEIGHT, *PLACE] == 0.1
    assert gauges[of.LIVE_WEIGHT, *PLACE, "canary", "PAUSED", "INCONCLUSIVE"] == 0.1
    assert (gauges[of.DEPLOYMENTS, "PAUSED"], gauges[of.DEPLOYMENTS, "ROLLED_BACK"]) == (1, 0)
    assert gauges[of.ALERTS, "slow", "critical"] == 2
    assert not any(series[0] == of.EVIDENCE for series in gauges), "the judge has said nothing"


def test_the_judges_evidence_is_told_with_its_limit(caller):
    with caller.yard.database.read() as tx:
        version_id = deployments.record(known(deployments.by_id(tx, "dp_1"))).version_id
    judged(caller, version_id)
    gauges = standing(caller.yard.database, 100)
    assert gauges is not None
    assert (gauges[of.EVIDENCE, *PLACE], gauges[of.EVIDENCE_LIMIT, *PLACE]) == (7.5, 20.0)
    assert gauges[of.HARM, *PLACE] == 3.25


def test_beyond_the_bound_weights_are_added_up(caller):
    gauges = standing(caller.yard.database, 1)
    assert gauges is not None
    assert gauges[of.ROUTE_WEIGHT, "other", "other", "other"] == 0.1
