"""Readable trees after trouble: one that cannot be written holds no other up, and is made once it can be."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.metadata import views
from modelyard.registry.views import settle, settle_all


def tree_of(caller: EmbeddedCaller, model: str) -> Path:
    """Return the folder of a model's trees."""
    assert caller.yard.store.root is not None
    return caller.yard.store.root / "view" / model


def ask_for(caller: EmbeddedCaller, *models: str) -> list[int]:
    """Leave notes on the only versions of some models, as a process that died after its commit."""
    made = [register(caller, model, model.encode(), version="1.0.0") for model in models]
    for model in models:
        shutil.rmtree(tree_of(caller, model))
    with caller.yard.database.write() as tx:
        return [views.request(tx, version_id=row.id, model=row.name, version="1.0.0") for row in made]


def left(caller: EmbeddedCaller) -> list[int]:
    """Return the notes that wait."""
    with caller.yard.database.read() as tx:
        return [row.id for row in views.waiting(tx)]


def test_a_tree_that_cannot_be_written_holds_no_other_up(
    caller: EmbeddedCaller, caplog: pytest.LogCaptureFixture
) -> None:
    notes = ask_for(caller, "before", "blocked", "after")
    tree_of(caller, "blocked").write_text("somebody's own file where the folder belongs")
    with caplog.at_level(logging.WARNING):
        assert settle(caller.yard, notes) == {notes[1]}
    assert "the readable tree of blocked/1.0.0 is not up to date" in caplog.text
    assert left(caller) == [notes[1]]
    for model in ("before", "after"):
        assert (tree_of(caller, model) / "1.0.0" / "model.bin").read_bytes() == model.encode()


def test_working_off_all_notes_passes_over_the_failed_ones_and_ends(caller: EmbeddedCaller) -> None:
    notes = ask_for(caller, "blocked", "after")
    tree_of(caller, "blocked").write_text("somebody's own file where the folder belongs")
    assert settle_all(caller.yard) == 1
    assert left(caller) == [notes[0]]
    assert (tree_of(caller, "after") / "1.0.0" / "model.bin").exists()
    tree_of(caller, "blocked").unlink()
    assert settle_all(caller.yard) == 1
    assert left(caller) == []
    assert (tree_of(caller, "blocked") / "1.0.0" / "model.bin").read_bytes() == b"blocked"


def test_notes_that_another_process_worked_off_have_not_failed(caller: EmbeddedCaller) -> None:
    notes = ask_for(caller, "model")
    assert settle(caller.yard, notes) == set()
    assert settle(caller.yard, notes) == set()
    assert settle_all(caller.yard) == 0
