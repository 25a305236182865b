"""Checkpoints: the ends of all chains, written into the registry's own chain, whose hash then commits to everything.

Rules
- One is made after the commit with which another thousand events are full, every hour by a server, and when somebody
  asks for it. Where nothing has happened since the last one, that one stands.
- It holds the ends that changed since the one before. What an open transaction does meanwhile comes into the next.
- A checkpoint that could not be made fails nobody's request: the next one covers the same events.
"""

from __future__ import annotations

import logging
from typing import Any

from modelyard.domain.audit import CHECKPOINT, CHECKPOINT_CHAINS, root_of
from modelyard.domain.wire import ChainedEvent, CheckpointRecord
from modelyard.errors import ModelyardError
from modelyard.metadata import audit, journal, models
from modelyard.metadata.database import Transaction, known
from modelyard.metadata.tables import REGISTRY
from modelyard.registry.context import Yard

_log = logging.getLogger("modelyard.registry")
MODELYARD = "modelyard"
"""The actor of checkpoints that nobody asked for."""


def make(tx: Transaction, *, now: str, actor: str) -> CheckpointRecord:
    """Make a checkpoint unless nothing has happened since the last one."""
    row = known(models.lock_by_id(tx, REGISTRY))
    ends = sorted(audit.ends(tx))
    changed = [end for end in ends if end.marked != end.position]
    newest = audit.last_of(tx, REGISTRY, CHECKPOINT)
    if newest is not None and not changed and newest.position == row.events:
        return _record(newest, made=False)
    listed = [[end.model_id, end.position, end.hash] for end in changed]
    parts = [listed[start : start + CHECKPOINT_CHAINS] for start in range(0, len(listed), CHECKPOINT_CHAINS)] or [[]]
    root = root_of((end.model_id, end.position, end.hash) for end in ends)
    totals = {"chains": len(ends), "events": sum(end.position for end in ends)}
    for part in parts[:-1]:
        _append(tx, now, actor, {"chains": part})
    _append(tx, now, actor, {"chains": parts[-1], "root": root, "totals": totals})
    audit.mark(tx, changed)
    return _record(known(audit.last_of(tx, REGISTRY, CHECKPOINT)), made=True)


def make_in_passing(yard: Yard) -> None:
    """Make a checkpoint in a transaction of its own; a failure is logged."""
    try:
        with yard.database.write() as tx:
            make(tx, now=yard.clock(), actor=MODELYARD)
    except ModelyardError as error:
        _log.warning("no checkpoint was made: %s", error.message)


def _append(tx: Transaction, now: str, actor: str, data: dict[str, Any]) -> None:
    journal.append(tx, model_id=REGISTRY, kind=CHECKPOINT, at=now, actor=actor, data=data)


def _record(event: ChainedEvent, *, made: bool) -> CheckpointRecord:
    totals = event.data.get("totals", {})
    return CheckpointRecord(
        position=event.position,
        at=event.at,
        hash=event.hash,
        root=event.data.get("root", ""),
        chains=totals.get("chains", 0),
        events=totals.get("events", 0),
        made=made,
    )
