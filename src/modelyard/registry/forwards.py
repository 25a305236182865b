"""Forwards: versions put in line for tracking systems, listed, and tried again. `watch.forwarding` sends them.

Rules
1. A version is put in line in the transaction that registers it; so a registration never fails, or waits, because a
   tracking system is away, and one that was rolled back is never sent.
2. A change of what targets are told puts it in line again.
3. Which targets there are, the configuration says (`Yard.forwards`); what waits for another one stays, and waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Row

from modelyard.domain import forwards as rules
from modelyard.domain.names import shown
from modelyard.domain.paging import UNBOUNDED, check_limit, number_of, token_after
from modelyard.domain.references import PREFIX, Reference
from modelyard.domain.wire import ForwardPage, ForwardRecord
from modelyard.errors import Conflict, ForwardNotFound, InvalidRequest
from modelyard.metadata import forwards, models
from modelyard.metadata.database import known
from modelyard.operations import LIST_FORWARDS, RETRY_FORWARD, ListForwards, RetryForward
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find_model, find_reference

_NUMBER: Final = re.compile("[0-9]{1,18}")


def forward(context: Context, *, model_id: str, version_id: str, document: Mapping[str, Any]) -> None:
    """Put a version that was just registered in line for every target."""
    if rules.is_forwarded(document):
        targets = context.yard.forwards
        forwards.queue(context.tx, targets, model_id=model_id, version_id=version_id, at=context.now)


def forward_again(context: Context, version_id: str, changes: Iterable[str]) -> None:
    """Put a version in line again wherever it went, if something changed that targets are told."""
    if not rules.TOLD.isdisjoint(changes):
        forwards.changed(context.tx, version_id, context.now)


@serves(LIST_FORWARDS)
def list_forwards(context: Context, request: ListForwards) -> ForwardPage:
    """Return a page of forwards, the newest first.

    Raises:
        InvalidRequest: there is no such state, or no such target.
    """
    limit = check_limit(request.limit)
    for what, given, known_ones in (("state", request.state, rules.STATES), ("target", request.target, rules.TARGETS)):
        if given and given not in known_ones:
            raise InvalidRequest(f"forwards have no {what} {shown(given)}", hint=f"use one of {', '.join(known_ones)}")
    model_id, version_id = _named(context, request.reference)
    before = number_of(request.page_token)
    rows = forwards.page(
        context.tx,
        seen=context.models,
        chosen={"model_id": model_id, "version_id": version_id, "state": request.state, "target": request.target},
        before=UNBOUNDED if before is None else before,
        limit=limit + 1,
    )
    token = token_after(rows[limit - 1].id) if len(rows) > limit else ""
    return ForwardPage(forwards=[record_of(row) for row in rows[:limit]], next_page_token=token)


@serves(RETRY_FORWARD)
def retry_forward(context: Context, request: RetryForward) -> ForwardRecord:
    """Put a forward that failed back in line.

    Raises:
        ForwardNotFound: there is no such forward, or it is of a model that the caller may not see.
        Conflict: it has not failed.
    """
    number = int(request.forward) if _NUMBER.fullmatch(request.forward) else 0
    row = forwards.one(context.tx, number)
    if row is None or not context.sees(row.name):
        raise ForwardNotFound(f"there is no forward {shown(request.forward)}")
    context.require(RETRY_FORWARD.permission, row.name)
    models.lock_by_id(context.tx, row.model_id)
    if not forwards.again(context.tx, row.id, context.now):
        raise Conflict(f"the forward {row.id} has not failed: it is {row.state}", hint="`modelyard forwards` shows it")
    data = {"forward": row.id, "target": row.target}
    context.tell(model_id=row.model_id, kind="forward.retried", version_id=row.version_id, data=data)
    return record_of(known(forwards.one(context.tx, row.id)))


def record_of(row: Row[Any]) -> ForwardRecord:
    """Return the record of a forward's row."""
    landing = forwards.landing_of(row)
    return ForwardRecord(
        id=row.id,
        target=row.target,
        name=row.name,
        version=row.version,
        version_id=row.version_id,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        last_error=row.last_error,
        run_id=landing.run_id,
        url=landing.url,
        note=landing.note,
    )


def _named(context: Context, text: str) -> tuple[str, str]:
    """The ids of the model and the version that a text names; empty for what it does not name."""
    if not text:
        return "", ""
    reference = Reference.parse(text)
    if reference.model is not None and text.removeprefix(PREFIX) == reference.model:
        return find_model(context, reference.model).id, ""
    return "", find_reference(context, reference).id
