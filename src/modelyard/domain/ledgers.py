"""What the events say of the rows beside models and versions: promotions, users, tokens, webhooks.

Rules
1. A ledger takes the events of one chain in their order, and then knows what the rows must say: a promotion's version,
   target, state, requester, end and votes; a user's kind, grants and whether it is disabled; whom a token is for, what
   it is narrowed to, when it ends and whether it was revoked; a webhook's origin, choice and whether it is there.
2. A direct promotion has no event of its own where it was applied: the move tells of it.
3. An event that lacks what its kind tells raises, like the fold of `modelyard.domain.history`.
4. What follows from a version's document is computed again: what it is ranked by, its inputs, its signature.
5. A row may be older than its event: whoever waited for a lock writes the time of the event before. Where the event
   has a later time than the one before it, it did not wait, and both are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.domain.audit import short
from modelyard.domain.directions import canonical
from modelyard.domain.durations import later
from modelyard.domain.history import VersionState
from modelyard.domain.inputs import inputs_of
from modelyard.domain.metadata import performance
from modelyard.domain.promotion import APPLIED, APPROVE, EXPIRED, OPEN, PENDING, REFUSED, REJECT, REJECTED, WITHDRAWN
from modelyard.domain.signature import Signature
from modelyard.domain.wire.history import ChainedEvent

READY = "READY"
UNDECIDED = "open"
"""The state of a promotion that an event without a state leaves: pending or approved."""

_ENDS = {
    "promotion.applied": APPLIED,
    "promotion.expired": EXPIRED,
    "promotion.rejected": REJECTED,
    "promotion.withdrawn": WITHDRAWN,
}
_DECISIONS = {"promotion.approved": APPROVE, "promotion.rejected": REJECT}

Facts = dict[str, Any]


class PromotionLedger:
    """The promotions of one model, by their ids."""

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}

    def take(self, event: ChainedEvent) -> None:
        """Take in the next event of the model's chain."""
        data = event.data
        key = data.get("promotion")
        if not key:
            return
        match event.type:
            case "promotion.requested":
                self.facts[key] = _promotion(event, PENDING, data["requester"], data.get("expires_at"))
            case "promotion.refused":
                self.facts[key] = _promotion(event, REFUSED, event.actor, None)
            case "version.stage_moved":
                self.facts.setdefault(key, _promotion(event, APPLIED, event.actor, None))
            case "promotion.approved" | "promotion.evaluated":
                self.facts[key]["state"] = data.get("state", UNDECIDED)
            case kind if kind in _ENDS:
                self.facts[key]["state"] = _ENDS[kind]
        if event.type in _DECISIONS:
            vote = [data["by"], _DECISIONS[event.type], data.get("comment", "")]
            self.facts[key]["votes"].append(vote)

    def present(self, rows: Mapping[str, Facts]) -> dict[str, Facts]:
        """Return rows as they compare: where the events leave open which open state it is, either will do."""
        undecided = {key for key, facts in self.facts.items() if facts["state"] == UNDECIDED}
        return {
            key: {**row, "state": UNDECIDED} if key in undecided and row["state"] in OPEN else row
            for key, row in rows.items()
        }


class PeopleLedger:
    """Users, tokens and webhooks by their names or ids, as the registry's own chain tells of them."""

    def __init__(self) -> None:
        self.users: dict[str, Facts] = {}
        self.tokens: dict[str, Facts] = {}
        self.webhooks: dict[str, Facts] = {}

    def take(self, event: ChainedEvent) -> None:
        """Take in the next event of the registry's chain."""
        step = _STEPS.get(event.type)
        if step is not None:
            step(self, event)

    def present_tokens(self, rows: Mapping[str, Facts]) -> dict[str, Facts]:
        """Return rows as they compare: a token that was replaced may end before its event says, but not after."""
        return {
            key: {**row, "expires_at": self.tokens[key]["expires_at"]} if self._ends_in_time(key, row) else row
            for key, row in rows.items()
        }

    def _ends_in_time(self, key: str, row: Facts) -> bool:
        told = self.tokens.get(key, {})
        return bool(told.get("replaced") and row["expires_at"] and row["expires_at"] <= told["expires_at"])


def row_differences(what: str, expected: Mapping[str, Facts], present: Mapping[str, Facts]) -> Iterator[str]:
    """Yield where the rows of a table say something else than the events, field by field."""
    for key in sorted({*expected, *present}):
        if key not in present:
            yield f"{what} {key} is missing in its table"
        elif key not in expected:
            yield f"{what} {key} stands in its table, and no event tells of it"
        else:
            for name, value in present[key].items():
                if value != (told := expected[key].get(name)):
                    yield f"{what} {key}: {name} is {short(value)} in its table, and {short(told)} by the events"


def kept_differences(state: VersionState, row: Mapping[str, Any], *, waited: bool) -> Iterator[str]:
    """Yield where a version's row says something else of its time, its status and its signature.

    Args:
        state: the version by the events.
        row: its row; a signature that is None or absent is not compared.
        waited: whether the event may be younger than the row.
    """
    if row["status"] != READY:
        yield f"status is {short(row['status'])} in its table, and {READY!r} by the events"
    made = row["created_at"]
    if made > state.created_at or (made < state.created_at and not waited):
        yield f"created_at is {short(made)} in its table, and {short(state.created_at)} by the events"
    signature = row.get("signature")
    if signature is not None and signature != Signature.of(state.document).fingerprint:
        yield "the digest of the signature in its table is not that of its metadata"


def ranking(state: VersionState) -> dict[str, float]:
    """Return what a version is ranked by; a deleted one by nothing."""
    if state.deleted:
        return {}
    return {canonical(name): float(value) for name, value in performance(state.document).items()}


def inputs(state: VersionState) -> set[tuple[str, str]]:
    """Return kind and name of what a version names as its inputs."""
    return set(inputs_of(state.document).found)


def _promotion(event: ChainedEvent, state: str, requester: str, expires_at: str | None) -> Facts:
    return {
        "version": event.version_id,
        "target": event.data["to"],
        "state": state,
        "requester": requester,
        "direct": event.type != "promotion.requested",
        "expires_at": expires_at,
        "votes": [],
    }


def _user_created(ledger: PeopleLedger, event: ChainedEvent) -> None:
    data = event.data
    ledger.users[data["name"]] = {"kind": data["kind"], "grants": data["grants"], "disabled": False}


def _user_updated(ledger: PeopleLedger, event: ChainedEvent) -> None:
    ledger.users[event.data["name"]]["grants"] = event.data["changes"]["grants"][1]


def _user_turned(ledger: PeopleLedger, event: ChainedEvent) -> None:
    ledger.users[event.data["name"]]["disabled"] = event.type == "user.disabled"


def _token_created(ledger: PeopleLedger, event: ChainedEvent) -> None:
    data = event.data
    ledger.tokens[data["id"]] = {
        "principal": data["principal"],
        "grants": data.get("grants"),
        "expires_at": data.get("expires_at"),
        "revoked": False,
        "replaced": False,
    }


def _token_rotated(ledger: PeopleLedger, event: ChainedEvent) -> None:
    token, overlap = ledger.tokens[event.data["id"]], event.data["overlap_seconds"]
    if not overlap:
        token["revoked"] = True
        return
    end = later(event.at, overlap)
    token["expires_at"], token["replaced"] = min(end, token["expires_at"] or end), True


def _token_revoked(ledger: PeopleLedger, event: ChainedEvent) -> None:
    ledger.tokens[event.data["id"]]["revoked"] = True


def _webhook_created(ledger: PeopleLedger, event: ChainedEvent) -> None:
    told = {name: event.data[name] for name in ("to", "events", "models", "active")}
    ledger.webhooks[event.data["webhook"]] = {**told, "deleted": False}


def _webhook_updated(ledger: PeopleLedger, event: ChainedEvent) -> None:
    for name, (_old, new) in event.data["changes"].items():
        ledger.webhooks[event.data["webhook"]][name] = new


def _webhook_deleted(ledger: PeopleLedger, event: ChainedEvent) -> None:
    ledger.webhooks[event.data["webhook"]] |= {"deleted": True, "active": False}


def _webhook_disabled(ledger: PeopleLedger, event: ChainedEvent) -> None:
    ledger.webhooks[event.data["webhook"]]["active"] = False


_STEPS: dict[str, Callable[[PeopleLedger, ChainedEvent], None]] = {
    "user.created": _user_created,
    "user.updated": _user_updated,
    "user.disabled": _user_turned,
    "user.enabled": _user_turned,
    "token.created": _token_created,
    "token.rotated": _token_rotated,
    "token.revoked": _token_revoked,
    "webhook.created": _webhook_created,
    "webhook.updated": _webhook_updated,
    "webhook.deleted": _webhook_deleted,
    "webhook.disabled": _webhook_disabled,
}
