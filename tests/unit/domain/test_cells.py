"""Cells of counts: they add up exactly, in any order and in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.cells import NANO, Cell
from modelyard.domain.sketch import Sketch

CODES = st.sampled_from(["", "prediction_failed", "timed_out"])
TOLD = st.tuples(
    st.floats(1e-6, 100), CODES, st.integers(0, 10_000), st.floats(0, 10, allow_subnormal=False)
)  # fmt: skip


def cell_of(told: list[tuple[float, str, int, float]]) -> Cell:
    """A cell of predictions."""
    cell = Cell()
    for one in told:
        cell.add(*one)
    return cell


def facts(cell: Cell) -> dict[str, object]:
    """All that a cell has counted."""
    return {name: getattr(cell, name) for name in Cell.__slots__}


def test_a_new_cell_has_seen_nothing():
    assert all(not value for value in facts(Cell()).values())


def test_a_prediction_is_counted_with_all_that_is_said_of_it():
    cell = Cell()
    cell.add(0.5)
    cell.add(1.5, "timed_out", 100, 0.25)
    assert (cell.requests, cell.errors, cell.codes) == (2, 1, {"timed_out": 1})
    assert (cell.tokens, cell.cost_nano, cell.latency_ns) == (100, NANO // 4, 2 * NANO)
    assert Sketch(cell.bins).quantile(1.0) == pytest.approx(1.5, rel=0.01)
    assert Sketch(cell.sizes).quantile(0.5) == pytest.approx(100, rel=0.01)


@given(st.lists(TOLD, max_size=30), st.integers(0, 30))
def test_pieces_add_up_to_the_whole_and_stay_as_they_are(told, cut):
    pieces = [cell_of(told[cut:]), cell_of(told[:cut])]
    before = [facts(piece) for piece in pieces]
    assert facts(Cell.sum(pieces)) == facts(cell_of(told))
    assert [facts(piece) for piece in pieces] == before
    pieces[0].merge(pieces[1])
    assert facts(pieces[0]) == facts(cell_of(told))
    assert sum(cell_of(told).codes.values()) == cell_of(told).errors
