"""The order of MLflow's searches, and the tokens of their pages."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelyard.domain.mlflow.ordering import (
    LONGEST_TOKEN,
    By,
    InvalidOrder,
    order_of_models,
    order_of_versions,
    position_of,
    token_of,
)


def test_without_wishes_models_come_by_name_and_versions_by_their_last_update() -> None:
    assert order_of_models([]) == (By("name"),)
    newest = (By("edited_at", descending=True), By("name"), By("number", descending=True))
    assert order_of_versions([]) == newest


@pytest.mark.parametrize("wish", ["name DESC", "name\tdesc", " name \r\r DESC ", "`name` DeSc", "attribute.name DESC"])
def test_a_wish_is_understood_in_any_case_and_spacing(wish: str) -> None:
    assert order_of_models([wish]) == (By("name", descending=True),)


def test_what_wishes_leave_equal_is_settled_by_name_and_number() -> None:
    assert order_of_models(["timestamp"]) == (By("edited_at"), By("name"))
    found = order_of_versions(["version_number ASC", "creation_timestamp DESC"])
    assert found == (By("number"), By("created_at", descending=True), By("name"))


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (["creator DESC"], "Invalid order by key 'creator' specified"),
        (["name", "creator"], "Invalid order by key 'creator' specified"),
        (["name DESC extra"], "Invalid order_by clause 'name DESC extra'"),
        (["name sideways"], "Invalid order_by clause 'name sideways'"),
        ([" "], "Invalid order_by clause"),
        (["name", "name DESC"], "`order_by` contains duplicate fields"),
        (["timestamp", "last_updated_timestamp"], "`order_by` contains duplicate fields"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wishes: list[str], words: str) -> None:
    with pytest.raises(InvalidOrder, match=words):
        order_of_models(wishes)


def test_an_unknown_field_of_versions_is_refused_in_other_words() -> None:
    with pytest.raises(InvalidOrder, match="Invalid attribute key 'creator' specified"):
        order_of_versions(["creator"])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(0, 1 << 40))
def test_a_token_gives_back_what_it_was_made_of(name: str, number: int) -> None:
    order = order_of_versions([])
    token = token_of(order, SimpleNamespace(edited_at="2026", name=name, number=number))
    assume(len(token) <= LONGEST_TOKEN)
    assert position_of(order, token) == ["2026", name, number]


def test_no_token_is_the_beginning() -> None:
    assert position_of(order_of_models([]), "") == []


@pytest.mark.parametrize("token", ["%", "!!!!", "WyJ4", "a" * (LONGEST_TOKEN + 1)])
def test_a_token_that_cannot_be_read_is_refused_in_known_words(token: str) -> None:
    with pytest.raises(InvalidOrder, match="Invalid page token, could not base64-decode"):
        position_of(order_of_models([]), token)


@pytest.mark.parametrize("values", [[], ["a", "b"], [1], {"offset": 3}, ["a\0"], ["\ud800"], None])
def test_a_token_of_another_search_is_refused(values: object) -> None:
    token = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    with pytest.raises(InvalidOrder, match="belongs to another search"):
        position_of(order_of_models([]), token)


def test_a_number_that_no_database_counts_to_is_refused() -> None:
    token = base64.urlsafe_b64encode(json.dumps([1 << 63, "a"]).encode()).decode()
    with pytest.raises(InvalidOrder, match="belongs to another search"):
        position_of(order_of_versions(["version_number"]), token)
