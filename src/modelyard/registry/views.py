"""Keep the readable trees in step with the database, also after a crash.

A change notes the trees that it makes stale in its own transaction. After the commit the trees are refreshed and the
notes taken away; notes left by a process that died are worked off by the next one that opens the registry.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.errors import ModelyardError, RegistryUnusable
from modelyard.metadata import views
from modelyard.registry.context import Context, Yard

logger = logging.getLogger(__name__)


def mark_stale(context: Context, row: Row[Any] | Any) -> None:
    """Note that a version's tree must be refreshed; `row` needs `id`, `name` and `version`.

    What another system keeps has no files here, and so no tree to find them in.
    """
    is_elsewhere = bool(getattr(row, "source", "")) and not row.digest
    if context.yard.views.writes and not is_elsewhere:
        note = views.request(context.tx, version_id=row.id, model=row.name, version=row.version)
        context.stale_views.append(note)


def settle(yard: Yard, notes: Sequence[int]) -> set[int]:
    """Refresh the trees behind some notes, each for itself; return the notes that must stay.

    The change that made them stale has been committed, so trouble here is logged and not raised: the notes stay, and
    the next process that opens the registry tries again.
    """
    if not notes or not yard.views.writes:
        return set()
    try:
        with yard.database.read() as tx:
            rows = views.some(tx, notes)
        done = [row.id for row in rows if _refresh(yard, row)]
        if done:
            with yard.database.write() as tx:
                views.done(tx, done)
    except RegistryUnusable as error:
        logger.warning("the readable tree is not up to date: %s", error)
        return set(notes)
    return {row.id for row in rows}.difference(done)


def _refresh(yard: Yard, row: Row[Any]) -> bool:
    try:
        yard.views.refresh(row.model, row.version)
    except ModelyardError as error:
        logger.warning("the readable tree of %s/%s is not up to date: %s", row.model, row.version, error)
        return False
    return True


def settle_all(yard: Yard) -> int:
    """Refresh the trees behind all notes that wait, as a process that died may have left them; return how many.

    Each note is tried once: those whose tree cannot be written stay for the next time.
    """
    settled, failed = 0, set[int]()
    while yard.views.writes:
        with yard.database.read() as tx:
            waiting = [row.id for row in views.waiting(tx) if row.id not in failed]
        if not waiting:
            break
        stayed = settle(yard, waiting)
        settled += len(waiting) - len(stayed)
        failed |= stayed
    return settled
