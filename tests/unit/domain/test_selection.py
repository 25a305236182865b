"""What lists are narrowed by: what people write is read, and what nothing can be is refused."""

from __future__ import annotations

import pytest

from modelyard.domain.selection import EVERYTHING, Selection, Tag, selection
from modelyard.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("tier", Tag("tier")),
        ("tier=1", Tag("tier", "1")),
        ("tier=", Tag("tier", "")),
        ("note=a=b", Tag("note", "a=b")),
        ("data set/v.1: x", Tag("data set/v.1: x")),
        ("lines=a\nb\t<b>", Tag("lines", "a\nb\t<b>")),
    ],
)
def test_a_tag_is_a_key_or_a_key_with_its_value(text: str, tag: Tag) -> None:
    assert selection(tag=text) == Selection(tag=tag)


def test_what_is_empty_demands_nothing() -> None:
    assert selection() == EVERYTHING


def test_owners_and_teams_are_taken_as_they_are() -> None:
    owner, team = " Ana, & Co\n", "é" * 250
    assert selection(owner=owner, team=team, stage="qa") == Selection(owner=owner, team=team, stage="qa")


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"owner": "x" * 251}, "the owner 'xxx.*251 characters"),
        ({"team": "a\0b"}, "team has the character U.0000"),
        ({"owner": "\ud800"}, "owner has the character"),
        ({"tag": "=1"}, "has no key"),
        ({"tag": "="}, "has no key"),
        ({"tag": " tier=1"}, "a tag key has no blank at its ends"),
        ({"tag": "a\0"}, "a tag key cannot have"),
        ({"tag": "x" * 251 + "=1"}, "a tag key has 1 to 250"),
        ({"tag": "tier=a\0"}, "the tag's value has the character"),
        ({"tag": "tier=" + "x" * 100_001}, "100,001 characters"),
    ],
)
def test_what_nothing_can_be_is_refused(wrong: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem) as caught:
        selection(**wrong)
    assert caught.value.hint
