"""Who held a stage before: the stack of holders, on hand-made and random histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.holders import StageMove, line_of_holders, previous_holder


def entered(version: str, stage: str = "production") -> StageMove:
    return StageMove(version, stage, is_rollback=False)


def back_to(version: str) -> StageMove:
    return StageMove(version, "production", is_rollback=True)


def anyone(_version: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("moves", "line"),
    [
        ([], []),
        ([entered("a"), entered("b"), entered("c")], ["a", "b", "c"]),
        ([entered("a"), entered("b", "staging")], ["a"]),
        ([entered("a"), entered("b"), entered("a")], ["b", "a"]),
        ([entered("a"), entered("b"), entered("c"), back_to("b")], ["a", "b"]),
        ([entered("a"), entered("b"), entered("c"), back_to("a")], ["a"]),
        ([entered("a"), back_to("x")], ["a", "x"]),
    ],
)
def test_line_of_holders(moves: list[StageMove], line: list[str]) -> None:
    assert line_of_holders(moves, "production") == line


def test_a_second_rollback_goes_further_back_and_not_forth() -> None:
    moves = [entered("a"), entered("b"), entered("c")]
    first = previous_holder(moves, "production", {"c"}, anyone)
    assert first == "b"
    moves.append(back_to("b"))
    assert previous_holder(moves, "production", {"b"}, anyone) == "a"
    moves.append(back_to("a"))
    assert previous_holder(moves, "production", {"a"}, anyone) is None


def test_an_empty_stage_goes_back_to_who_left_it() -> None:
    assert previous_holder([entered("a"), entered("b")], "production", set(), anyone) == "b"


def test_who_may_not_return_is_passed_over() -> None:
    moves = [entered("a"), entered("b"), entered("c")]
    assert previous_holder(moves, "production", {"c"}, lambda version: version != "b") == "a"


@given(
    st.lists(st.builds(StageMove, st.sampled_from("abcd"), st.sampled_from(["production", "staging"]), st.booleans()))
)
def test_nobody_stands_twice_in_line_and_the_last_to_enter_ends_it(moves: list[StageMove]) -> None:
    line = line_of_holders(moves, "production")
    assert len(line) == len(set(line))
    entries = [move.version_id for move in moves if move.stage == "production"]
    assert line[-1:] == entries[-1:]
