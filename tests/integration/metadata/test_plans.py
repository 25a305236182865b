"""Queries that everybody waits for walk along an index: nothing is scanned whole, nothing is sorted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.dialects import sqlite

from components.yards import open_caller
from modelyard.domain.selection import Selection
from modelyard.metadata import feed, models, versions
from modelyard.metadata.database import Transaction


@pytest.mark.feature("STO-16")
def test_the_highest_version_is_one_step_down_an_index(tmp_path: Path) -> None:
    wanted = versions._HIGHEST.params(model_id="md_1")
    query = str(wanted.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with open_caller(tmp_path / "registry") as caller, caller.yard.database.read() as tx:
        plan = [row.detail for row in tx.all(text(f"EXPLAIN QUERY PLAN {query}"))]
    assert any("ix_versions_precedence" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in plan), plan


@pytest.mark.feature("OBS-04", "EXP-06")
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda tx: models.page(tx, after="", limit=9, wanted=Selection(owner="ana")), "ix_models_owner"),
        (lambda tx: models.page(tx, after="m", limit=9, wanted=Selection(team="risk")), "ix_models_team"),
        (lambda tx: feed.page(tx, feed.Which(actor="ana"), after=(0, 0), limit=9, back=True), "ix_events_actor"),
        (lambda tx: feed.page(tx, feed.Which(actor="ana"), after=(0, 5), before=(0, 9), limit=9), "ix_events_actor"),
        (lambda tx: feed.page(tx, after=feed.BEGINNING, limit=9, back=True), "INTEGER PRIMARY KEY"),
        (lambda tx: tx.all(feed._NEWEST_AT, {"until": "2026"}), "ix_events_at"),
    ],
)  # fmt: skip
def test_narrowed_lists_go_along_an_index(tmp_path: Path, ask: Callable[[Transaction], object], index: str) -> None:
    with open_caller(tmp_path / "registry") as caller, caller.yard.database.read() as tx:
        asked: list[tuple[str, Any]] = []
        event.listen(
            caller.yard.database.engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3]))
        )
        ask(tx)
        query, values = asked[-1]
        plan = [row[3] for row in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]
    assert any(index in step for step in plan), plan
    assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in plan), plan
