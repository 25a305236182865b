"""Page tokens: they hold their key, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.paging import check_limit, key_of, number_of, token_after
from modelyard.errors import InvalidRequest


@given(st.text().filter(str.isprintable))
def test_a_token_holds_a_text(key: str) -> None:
    token = token_after(key)
    assert key_of(token, str) == key
    assert token.replace("-", "").replace("_", "").isalnum()


@given(st.integers(min_value=0, max_value=2**60))
def test_a_token_holds_a_number(key: int) -> None:
    assert number_of(token_after(key)) == key


def test_the_empty_token_is_the_first_page() -> None:
    assert key_of("", str) is None
    assert number_of("") is None


def test_a_number_that_no_database_holds_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="19 digits"):
        number_of(token_after(2**63))


BAD_TOKENS = [
    "WyJcdWQ4MDAiXQ",
    "WyJcdTAwMDAiXQ",
    "x",
    "%%%",
    "W10",
    "eyJhIjoxfQ",
    "WzEsMl0",
    "WyJhIl0",
    "WzEuNV0",
    "W3RydWVd",
]


@pytest.mark.parametrize("token", [*BAD_TOKENS, "é"])
def test_what_is_not_a_token_is_refused(token: str) -> None:
    for kind in (int, str):
        if (token, kind) != ("WyJhIl0", str):
            with pytest.raises(InvalidRequest, match="page token"):
                key_of(token, kind)


@pytest.mark.parametrize("limit", [0, -1, 1001, True, 1.0, "5", None])
def test_impossible_sizes_are_refused(limit: object) -> None:
    with pytest.raises(InvalidRequest, match="limit"):
        check_limit(limit)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [1, 1000])
def test_possible_sizes_pass(limit: int) -> None:
    assert check_limit(limit) == limit
