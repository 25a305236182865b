"""What the events of delivery add up to, and how rows are compared with it."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from components.served import configured, deployed, kept, made, rerouted, route
from modelyard.domain.delivery_ledger import DeliveryLedger
from modelyard.domain.ledgers import row_differences
from modelyard.domain.wire import EndpointConfiguration, EventRecord, Route
from modelyard.errors import DeploymentClosed


def at(place: int) -> str:
    return f"2026-03-01T00:00:{place:02d}.000000Z"


def ledger_of(*told, same_moment: bool = False) -> DeliveryLedger:
    """A ledger that took these events, a second apart or all at once."""
    ledger = DeliveryLedger()
    for place, (kind, version, data) in enumerate(told, 1):
        ledger.take(
            EventRecord(
                sequence=place, model="fraud", position=place, type=kind, at=at(1 if same_moment else place),
                actor="ana", version_id=version, data=data, previous="", hash="",
            )
        )  # fmt: skip
    return ledger


def test_a_deployment_is_where_its_last_event_left_it():
    ledger = ledger_of(
        made(),
        deployed("created", "", "PENDING"),
        deployed("preflight_started", "PENDING", "PREFLIGHT"),
        deployed("preflight_passed", "PREFLIGHT", "STAGE"),
        deployed("advanced", "STAGE", "STAGE", step=1, reason="time", evidence={"requests": 50}),
    )
    told = ledger.deployments["dp_1"]
    assert (told["state"], told["step"], told["live"], told["ended"]) == ("STAGE", 1, "ep_1", False)
    assert (told["strategy"], told["version_id"], told["snapshot"], told["at"]) == ("direct", "mv_2", "sn_1", at(2))
    assert list(ledger.history) == [f"dp_1, line {number}" for number in range(1, 5)]
    assert ledger.history["dp_1, line 4"] == {
        "event": "advanced", "from": "STAGE", "to": "STAGE", "step": 1, "epoch": 0, "reason": "time",
        "evidence": {"requests": 50}, "by": "ana", "at": at(5),
    }  # fmt: skip


def test_a_deployment_that_has_ended_holds_its_endpoint_no_more():
    told = ledger_of(made(), deployed("created", "", "SUCCEEDED")).deployments["dp_1"]
    assert (told["live"], told["ended"]) == (None, True)


def test_each_epoch_keeps_its_route():
    one, two = route(1, ("mv_1", 1.0)), route(2, ("mv_2", 1.0), deployment="")
    ledger = ledger_of(made(), rerouted(one), rerouted(two, cause="rollback"))
    assert (ledger.endpoints["ep_1"]["epoch"], ledger.endpoints["ep_1"]["route"]) == (2, two)
    assert ledger.routes == {
        "ep_1 at epoch 1": {"route": one, "cause": "deployment.advanced", "deployment": "dp_1", "at": at(2)},
        "ep_1 at epoch 2": {"route": two, "cause": "rollback", "deployment": None, "at": at(3)},
    }


def test_a_snapshot_keeps_its_digest_and_may_be_judged_anew():
    ledger = ledger_of(made(), kept(reason="before the sale", content={"route": {}}))
    told = ledger.snapshots["sn_1"]
    assert (told["digest"], told["healthy"], told["position"], told["by"]) == ("d1", True, 1, "ana")
    assert (told["reason"], told["content"]) == ("before the sale", {"route": {}})
    judged = ledger_of(made(), kept(), ("snapshot.judged", None, {"snapshot": "sn_1", "healthy": False}))
    assert judged.snapshots["sn_1"]["healthy"] is False
    assert judged.snapshots["sn_1"].keys() & {"reason", "content"} == set()


@pytest.mark.parametrize(
    "told",
    [
        (rerouted(route(1)),),
        (made(), rerouted(route(3))),
        (made(), made()),
        (made(), deployed("advanced", "STAGE", "STAGE")),
        (made(), deployed("created", "", "PENDING"), deployed("created", "", "PENDING")),
        (made(), deployed("created", "", "PENDING"), deployed("rejected", "PREFLIGHT", "REJECTED")),
        (made(), deployed("created", "", "PENDING"), deployed("cancelled", "PENDING", "CANCELLED", endpoint="ep_2")),
        (("snapshot.judged", None, {"snapshot": "sn_1", "healthy": False}),),
        (configured(),),
    ],
    ids=str,
)
def test_what_does_not_fit_raises(told):
    with pytest.raises((KeyError, ValueError)):
        ledger_of(*told)


def test_a_move_that_no_deployment_can_make_raises():
    with pytest.raises(DeploymentClosed):
        ledger_of(made(), deployed("created", "", "PENDING"), deployed("advanced", "PENDING", "STAGE"))


def differences(ledger: DeliveryLedger, **row) -> list[str]:
    """What is found where the endpoint's row differs from the events by these fields."""
    fresh = {
        "environment": "production", "kind": "cloud", "epoch": 0, "route": asdict(Route()),
        "configuration": asdict(EndpointConfiguration()), "at": at(1),
    }  # fmt: skip
    rows = {"ep_1": {**fresh, **row}}
    return list(row_differences("the endpoint", ledger.endpoints, ledger.present(rows, ledger.endpoints)))


def test_an_endpoint_that_was_never_touched_is_as_it_was_made():
    ledger = ledger_of(made())
    assert differences(ledger) == []
    # Written by an older modelyard, whose records had fewer fields.
    assert differences(ledger, route={"epoch": 0, "arms": []}, configuration={"replicas": 1}) == []
    assert "route is" in differences(ledger, route=route(0, ("mv_1", 1.0)))[0]
    assert "configuration is" in differences(ledger, configuration={"timeout_s": 1.0})[0]
    assert "configuration is" in differences(ledger, configuration=[])[0]
    assert differences(ledger, kind="edge") == [
        "the endpoint ep_1: kind is 'edge' in its table, and 'cloud' by the events"
    ]
    assert "workspace" in differences(ledger, workspace="other")[0]


def test_a_configuration_that_was_set_is_compared_whole():
    ledger = ledger_of(made(), configured(timeout_s=5.0))
    assert differences(ledger, configuration=asdict(EndpointConfiguration(timeout_s=5.0))) == []
    assert "configuration is" in differences(ledger)[0]


def test_a_row_may_be_older_than_its_event_only_where_the_writer_waited():
    alone, waited = ledger_of(made()), ledger_of(("model.created", None, {}), made(), same_moment=True)
    assert differences(alone, at=at(1)) == []
    assert "at is" in differences(alone, at=at(0))[0]
    assert differences(waited, at=at(0)) == []
    assert "at is" in differences(waited, at=at(2))[0]


def test_rows_that_no_event_told_of_and_events_without_rows_are_found():
    ledger = ledger_of(made())
    assert list(row_differences("the endpoint", ledger.endpoints, ledger.present({}, ledger.endpoints))) == [
        "the endpoint ep_1 is missing in its table"
    ]
    rows = {"ep_9": {"environment": "eu"}}
    assert list(row_differences("the endpoint", {}, ledger.present(rows, {}))) == [
        "the endpoint ep_9 stands in its table, and no event tells of it"
    ]
