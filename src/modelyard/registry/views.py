"""Keep the readable trees in step with the database, also after a crash.

A change notes the trees that it makes stale in its own transaction. After the commit the trees are refreshed and the
notes taken away; notes left by a process that died are worked off by the next one that opens the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.metadata import views
from modelyard.registry.context import Context, Yard


def mark_stale(context: Context, row: Row[Any] | Any) -> None:
    """Note that a version's tree must be refreshed; `row` needs `id`, `name` and `version`."""
    if context.yard.views.writes:
        note = views.request(context.tx, version_id=row.id, model=row.name, version=row.version)
        context.stale_views.append(note)


def settle(yard: Yard, notes: Sequence[int] = ()) -> int:
    """Refresh the trees behind some notes, or behind all that wait; return how many there were."""
    if not yard.views.writes or (not notes and not _any_waiting(yard)):
        return 0
    with yard.database.read() as tx:
        rows = [row for row in views.waiting(tx) if not notes or row.id in set(notes)]
    for row in rows:
        yard.views.refresh(row.model, row.version)
    if rows:
        with yard.database.write() as tx:
            views.done(tx, [row.id for row in rows])
    return len(rows)


def _any_waiting(yard: Yard) -> bool:
    with yard.database.read() as tx:
        return bool(views.waiting(tx))
