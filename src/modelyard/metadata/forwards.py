"""Rows of forwards: versions that are sent on to a tracking system, one row for each version and target.

Rules
1. A row is written in the transaction that registers the version, or that changes what a target is told.
2. Whoever sends claims the row before, until a moment: the lease. A claim is a conditional update, so of many senders
   one gets it, on SQLite and on PostgreSQL alike. The claim is renewed while the attempt goes on; when it has run out,
   another sender may claim the row.
3. An outcome counts only if the claim is still the one that was made. Where there was more to send meanwhile, the row
   stays pending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, case, delete, insert, or_, select, update

from modelyard.domain.forwards import FAILED, PENDING, Landing
from modelyard.metadata.database import Transaction
from modelyard.metadata.scopes import limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, forwards, models, versions

MOST = 1_000
"""Rows that are looked at in one go."""

_pending = forwards.c.state == PENDING
_mine = (forwards.c.id == bindparam("key")) & _pending & (forwards.c.claimed_until == bindparam("until"))
_free = or_(forwards.c.claimed_until.is_(None), forwards.c.claimed_until <= bindparam("now"))

_INSERT = insert(forwards)
_ANEW = {
    "state": PENDING,
    "attempts": 0,
    "due_at": bindparam("at"),
    "created_at": bindparam("at"),
    "finished_at": None,
    "last_error": None,
}
# A claim stays: who sends now goes on, and sees at the end that there is more.
_CHANGED = (
    update(forwards)
    .where(forwards.c.version_id == bindparam("version"))
    .values({**_ANEW, "wanted": forwards.c.wanted + 1})
)
_HEADS = (
    select(forwards)
    .where(_pending, forwards.c.target.in_(bindparam("targets", expanding=True)))
    .order_by(forwards.c.due_at, forwards.c.id)
    .limit(MOST)
)
_CLAIM = (
    update(forwards)
    .where(forwards.c.id == bindparam("key"), _pending, forwards.c.due_at <= bindparam("now"), _free)
    .values(claimed_until=bindparam("ending"), attempts=forwards.c.attempts + 1)
)
_RENEW = update(forwards).where(_mine).values(claimed_until=bindparam("ending"))
_RELEASE = update(forwards).where(_mine).values(claimed_until=None, attempts=forwards.c.attempts - 1)
_done = forwards.c.wanted == bindparam("seen")
_FINISH = (
    update(forwards)
    .where(_mine)
    .values(
        {
            "state": case((_done, bindparam("new_state")), else_=PENDING),
            "due_at": case((_done, bindparam("due")), else_=bindparam("at")),
            "claimed_until": None,
            "last_error": bindparam("error"),
            "remote": bindparam("landing"),
            "finished_at": case((_done, bindparam("finished")), else_=None),
        }
    )
)
_DROP = delete(forwards).where(forwards.c.id == bindparam("key"))
_FULL = (
    select(forwards, models.c.name, versions.c.version)
    .join(models, models.c.id == forwards.c.model_id)
    .join(versions, versions.c.id == forwards.c.version_id)
    .where(forwards.c.workspace == DEFAULT_WORKSPACE)
)
_ONE = _FULL.where(forwards.c.id == bindparam("key"))
_AGAIN = update(forwards).where(forwards.c.id == bindparam("key"), forwards.c.state == FAILED).values(_ANEW)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What becomes of a forward after an attempt.

    Attributes:
        wanted: the row's count of what there was to send, as the attempt saw it.
        state: the state, if nothing more is to be sent by now.
        due_at: when it is tried again.
        error: why it failed.
        landing: where the version is.
        at: the present moment.
    """

    wanted: int
    state: str
    due_at: str
    error: str | None
    landing: Landing
    at: str


_landings = msgspec.json.Decoder(Landing)


def queue(tx: Transaction, targets: Sequence[str], *, model_id: str, version_id: str, at: str) -> None:
    """Queue a version that was just registered."""
    rows = [
        {
            "target": target,
            "model_id": model_id,
            "version_id": version_id,
            "state": PENDING,
            "attempts": 0,
            "due_at": at,
            "wanted": 1,
            "remote": "{}",
            "created_at": at,
        }
        for target in targets
    ]
    if rows:
        tx.run(_INSERT, rows)


def changed(tx: Transaction, version_id: str, at: str) -> None:
    """Queue a version again wherever it was queued before."""
    tx.run(_CHANGED, {"version": version_id, "at": at})


def heads(tx: Transaction, targets: Sequence[str]) -> Sequence[Row[Any]]:
    """Return what is to be sent to some targets, whatever has been due for the longest time first."""
    return tx.all(_HEADS, {"targets": list(targets)})


def claim(tx: Transaction, forward_id: int, *, now: str, until: str) -> Row[Any] | None:
    """Claim a forward that is due, and return it; None where another sender was faster."""
    if tx.run(_CLAIM, {"key": forward_id, "now": now, "ending": until}).rowcount != 1:
        return None
    return one(tx, forward_id)


def renew(tx: Transaction, forward_id: int, *, until: str, ending: str) -> bool:
    """Make a claim hold longer; False where it has passed to somebody else."""
    return tx.run(_RENEW, {"key": forward_id, "until": until, "ending": ending}).rowcount == 1


def release(tx: Transaction, forward_id: int, *, until: str) -> None:
    """Take back a claim without an attempt."""
    tx.run(_RELEASE, {"key": forward_id, "until": until})


def finish(tx: Transaction, forward_id: int, *, until: str, outcome: Outcome) -> bool:
    """Record the outcome of an attempt; False where the claim has passed to somebody else."""
    values = {
        "key": forward_id,
        "until": until,
        "seen": outcome.wanted,
        "new_state": outcome.state,
        "due": outcome.due_at,
        "error": outcome.error,
        "landing": msgspec.json.encode(outcome.landing).decode(),
        "finished": None if outcome.state == PENDING else outcome.at,
        "at": outcome.at,
    }
    return tx.run(_FINISH, values).rowcount == 1


def drop(tx: Transaction, forward_id: int) -> None:
    """Forget a forward, because its version is not there any more."""
    tx.run(_DROP, {"key": forward_id})


def one(tx: Transaction, forward_id: int) -> Row[Any] | None:
    """Return a forward with the name and the number of its version, deleted or not."""
    return tx.first(_ONE, {"key": forward_id})


def again(tx: Transaction, forward_id: int, at: str) -> bool:
    """Put a forward that failed back in line; False where it had not failed."""
    return tx.run(_AGAIN, {"key": forward_id, "at": at}).rowcount == 1


def page(
    tx: Transaction, *, seen: Sequence[str], chosen: Mapping[str, str], before: int, limit: int
) -> Sequence[Row[Any]]:  # fmt: skip
    """Return forwards, the newest first, from before a number on.

    Args:
        tx: the transaction.
        seen: patterns of the models that may be seen.
        chosen: column → the value that it has, of `model_id`, `version_id`, `state` and `target`; empty for all.
        before: the number.
        limit: the most to return.
    """
    query = limited(_FULL.where(forwards.c.id < bindparam("before")), models.c.name, seen)
    given = {name: value for name, value in chosen.items() if value}
    for name in given:
        query = query.where(forwards.c[name] == bindparam(f"wanted_{name}"))
    values = {f"wanted_{name}": value for name, value in given.items()}
    query = query.order_by(forwards.c.id.desc()).limit(bindparam("limit"))
    return tx.all(query, {"before": before, "limit": limit, **values})


def landing_of(row: Row[Any]) -> Landing:
    """Return where a version went, as far as it is known."""
    return _landings.decode(row.remote)
