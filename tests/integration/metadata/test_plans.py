"""Queries that everybody waits for walk along an index: nothing is scanned whole, nothing is sorted."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from components.yards import open_caller
from modelyard.metadata import versions


@pytest.mark.feature("STO-16")
def test_the_highest_version_is_one_step_down_an_index(tmp_path: Path) -> None:
    wanted = versions._HIGHEST.params(model_id="md_1")
    query = str(wanted.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with open_caller(tmp_path / "registry") as caller, caller.yard.database.read() as tx:
        plan = [row.detail for row in tx.all(text(f"EXPLAIN QUERY PLAN {query}"))]
    assert any("ix_versions_precedence" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in plan), plan
