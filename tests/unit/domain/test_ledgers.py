"""What the events of promotions, users, tokens and webhooks add up to, and how rows are compared with it."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.events import GENESIS, event_hash
from modelyard.domain.history import fold
from modelyard.domain.ledgers import (
    UNDECIDED,
    PeopleLedger,
    PromotionLedger,
    inputs,
    kept_differences,
    ranking,
    row_differences,
)
from modelyard.domain.signature import Signature
from modelyard.domain.wire import ChainedEvent

AT = "2026-03-01T00:00:00.000000Z"


def event(kind: str, data: dict[str, Any], position: int = 1, version_id: str | None = "mv_1") -> ChainedEvent:
    fact: dict[str, Any] = {
        "model": "fraud", "position": position, "type": kind, "at": AT, "actor": "ana", "version_id": version_id,
        "data": data, "previous": GENESIS,
    }  # fmt: skip
    return ChainedEvent(**fact, sequence=position, model_id="md_1", hash=event_hash(fact))


def promoted(*events: tuple[str, dict[str, Any]]) -> PromotionLedger:
    ledger = PromotionLedger()
    for kind, data in events:
        ledger.take(event(kind, {"promotion": "pr_1", **data}))
    return ledger


REQUEST = ("promotion.requested", {"to": "production", "requester": "bo", "expires_at": "2026-03-02"})


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    ("kind", "data", "state", "votes"),
    [
        ("promotion.commented", {"by": "cy"}, "pending", []),
        ("promotion.approved", {"by": "cy", "state": "approved"}, "approved", [["cy", "approve", ""]]),
        ("promotion.rejected", {"by": "cy", "comment": "no"}, "rejected", [["cy", "reject", "no"]]),
        ("promotion.withdrawn", {"by": "bo"}, "withdrawn", []),
        ("promotion.expired", {}, "expired", []),
        ("promotion.applied", {"to": "production"}, "applied", []),
        ("promotion.evaluated", {"state": "approved"}, "approved", []),
        ("promotion.evaluated", {}, UNDECIDED, []),
        ("version.stage_moved", {"to": "production"}, "pending", []),
    ],
)
def test_a_request_is_what_its_events_made_it(kind: str, data: dict[str, Any], state: str, votes: list[Any]):
    facts = promoted(REQUEST, (kind, data)).facts["pr_1"]
    assert facts == {
        "version": "mv_1", "target": "production", "state": state, "requester": "bo", "direct": False,
        "expires_at": "2026-03-02", "votes": votes,
    }  # fmt: skip


@pytest.mark.feature("SEC-04")
def test_a_direct_promotion_is_told_by_the_move_or_by_the_refusal():
    for kind, state in (("version.stage_moved", "applied"), ("promotion.refused", "refused")):
        facts = promoted((kind, {"to": "staging"})).facts["pr_1"]
        assert (facts["state"], facts["requester"], facts["direct"]) == (state, "ana", True)
    ledger = PromotionLedger()
    ledger.take(event("version.stage_moved", {"to": "staging"}))
    assert ledger.facts == {}
    with pytest.raises(KeyError):
        promoted(("promotion.approved", {"by": "cy"}))


def test_either_open_state_will_do_where_the_events_leave_it_open():
    ledger = promoted(REQUEST, ("promotion.evaluated", {}))
    row = {**ledger.facts["pr_1"], "state": "approved"}
    assert ledger.present({"pr_1": row})["pr_1"]["state"] == UNDECIDED
    assert ledger.present({"pr_1": {**row, "state": "applied"}})["pr_1"]["state"] == "applied"


def people(*events: tuple[str, dict[str, Any]]) -> PeopleLedger:
    ledger = PeopleLedger()
    for kind, data in events:
        ledger.take(event(kind, data))
    return ledger


@pytest.mark.feature("SEC-04")
def test_users_are_what_their_events_made_them():
    made = ("user.created", {"name": "eve", "kind": "user", "grants": [{"allow": "viewer"}]})
    grown = ("user.updated", {"name": "eve", "changes": {"grants": [[], [{"allow": "admin"}]]}})
    disabled, enabled = (("user.disabled", {"name": "eve"}), ("user.enabled", {"name": "eve"}))
    assert people(made, grown, disabled, ("model.thing", {})).users == {
        "eve": {"kind": "user", "grants": [{"allow": "admin"}], "disabled": True}
    }
    assert people(made, disabled, enabled).users["eve"]["disabled"] is False


@pytest.mark.feature("SEC-04")
def test_tokens_end_when_their_events_say():
    made = ("token.created", {"id": "tk_1", "principal": "eve", "expires_at": "2027-01-01T00:00:00.000000Z"})
    assert people(made, ("token.revoked", {"id": "tk_1"})).tokens["tk_1"]["revoked"]
    assert people(made, ("token.rotated", {"id": "tk_1", "overlap_seconds": 0.0})).tokens["tk_1"]["revoked"]
    ledger = people(made, ("token.rotated", {"id": "tk_1", "overlap_seconds": 60.0}))
    end = "2026-03-01T00:01:00.000000Z"
    assert (ledger.tokens["tk_1"]["revoked"], ledger.tokens["tk_1"]["expires_at"]) == (False, end)

    def present(expires_at: str | None) -> object:
        return ledger.present_tokens({"tk_1": {"expires_at": expires_at}})["tk_1"]["expires_at"]

    assert present("2026-03-01T00:00:30.000000Z") == end
    assert present("2026-04-01T00:00:00.000000Z") != end
    assert present(None) is None
    assert ledger.present_tokens({"tk_2": {"expires_at": "x"}}) == {"tk_2": {"expires_at": "x"}}


@pytest.mark.feature("SEC-04")
def test_webhooks_are_what_their_events_made_them():
    made = ("webhook.created", {"webhook": "wh_1", "to": "https://a", "events": ["*"], "models": [], "active": True})
    changed = ("webhook.updated", {"webhook": "wh_1", "changes": {"active": [True, False]}})
    assert people(made, changed).webhooks["wh_1"] == {
        "to": "https://a", "events": ["*"], "models": [], "active": False, "deleted": False
    }  # fmt: skip
    assert people(made, ("webhook.deleted", {"webhook": "wh_1"})).webhooks["wh_1"]["deleted"]


def test_rows_are_compared_both_ways_and_field_by_field():
    told = {"a": {"x": 1, "more": 2}, "b": {"x": 1}}
    assert list(row_differences("the user", told, {"a": {"x": 2}, "c": {"x": 1}})) == [
        "the user a: x is 2 in its table, and 1 by the events",
        "the user b is missing in its table",
        "the user c stands in its table, and no event tells of it",
    ]
    # What a row has beyond the events, such as another workspace, is told too.
    assert list(row_differences("the user", {"b": {"x": 1}}, {"b": {"x": 1, "workspace": "hidden"}})) == [
        "the user b: workspace is 'hidden' in its table, and None by the events"
    ]


@pytest.mark.feature("SEC-04")
def test_what_follows_from_a_versions_document_is_computed_again():
    document = {
        "metrics": {"accuracy": 1}, "input_schema": {"age": "int64"}, "training_run_id": "run-7",
    }  # fmt: skip
    registered = {"number": 1, "version": "1.0.0", "stage": "staging", "metadata": document}
    state = fold(
        [
            event("model.created", {"id": "md_1"}, version_id=None),
            event("version.registered", registered, 2),
        ]
    ).versions["mv_1"]
    assert ranking(state) == {"accuracy": 1.0}
    assert ("run", "run-7") in inputs(state)
    row = {"status": "READY", "created_at": AT, "signature": Signature.of(document).fingerprint}
    assert list(kept_differences(state, row, waited=False)) == []
    assert list(kept_differences(state, {**row, "signature": None}, waited=False)) == []
    assert "signature" in next(kept_differences(state, {**row, "signature": "x"}, waited=False))
    assert "status is 'GONE'" in next(kept_differences(state, {**row, "status": "GONE"}, waited=False))
    older, younger = "2025-01-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z"
    assert list(kept_differences(state, {**row, "created_at": older}, waited=True)) == []
    for moment, waited in ((older, False), (younger, False), (younger, True)):
        assert "created_at" in next(kept_differences(state, {**row, "created_at": moment}, waited=waited))
    state.deleted = True
    assert ranking(state) == {}
