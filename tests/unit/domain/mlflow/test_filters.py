"""MLflow's filters: what they mean, and how they are refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.mlflow.filters import (
    LONGEST_PATTERN,
    MOST_CLAUSES,
    Clause,
    Filter,
    InvalidFilter,
    parse_models,
    parse_versions,
)

PROMPT = "tags.`mlflow.prompt.is_prompt`"


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_no_filter_wants_everything_but_prompts(text: str) -> None:
    assert parse_models(text) == Filter((), prompts=False)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("name='x'", Clause("attribute", "name", "=", "x")),
        ('name = "x"', Clause("attribute", "name", "=", "x")),
        ("attribute.name != 'x y'", Clause("attribute", "name", "!=", "x y")),
        ("attr.name = 'x'", Clause("attribute", "name", "=", "x")),
        ("`name` = 'x'", Clause("attribute", "name", "=", "x")),
        ("\"name\" = 'x'", Clause("attribute", "name", "=", "x")),
        ("name lIkE '%a_b%'", Clause("attribute", "name", "LIKE", "%a_b%")),
        ("name ilike ''", Clause("attribute", "name", "ILIKE", "")),
        ("tag.team = 'risk'", Clause("tag", "team", "=", "risk")),
        ("tags.`two words` = 'risk'", Clause("tag", "two words", "=", "risk")),
        ("tags.\"two words\" = 'risk'", Clause("tag", "two words", "=", "risk")),
        ("tags.a.b/c-d LIKE 'x'", Clause("tag", "a.b/c-d", "LIKE", "x")),
        ("tags._mlflow_x LIKE '%,1,%'", Clause("tag", "_mlflow_x", "LIKE", "%,1,%")),
        ("name = 'AND'", Clause("attribute", "name", "=", "AND")),
        ("name = 'a AND b'", Clause("attribute", "name", "=", "a AND b")),
        ("name IN ('a', \"b\")", Clause("attribute", "name", "IN", ("a", "b"))),
        ("name in ('a (1)', 'b',)", Clause("attribute", "name", "IN", ("a (1)", "b"))),
    ],
)
def test_a_comparison_is_understood(text: str, clause: Clause) -> None:
    assert parse_models(text).clauses == (clause,)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("version_number >= 3", Clause("attribute", "version_number", ">=", 3)),
        ("version_number<3", Clause("attribute", "version_number", "<", 3)),
        ("version_number != -1", Clause("attribute", "version_number", "!=", -1)),
        ("run_id = 'abc'", Clause("attribute", "run_id", "=", "abc")),
        ("source_path = ''", Clause("attribute", "source_path", "=", "")),
        ("run_id IN ('a')", Clause("attribute", "run_id", "IN", ("a",))),
    ],
)
def test_versions_have_more_attributes(text: str, clause: Clause) -> None:
    assert parse_versions(text).clauses == (clause,)


def test_comparisons_are_joined_by_and_in_any_case() -> None:
    found = parse_versions("name='a' and tag.t = 'x' AND version_number = 2").clauses
    assert [clause.key for clause in found] == ["name", "t", "version_number"]


@pytest.mark.parametrize(
    "text",
    [
        "name LIKE",
        "name",
        "name = 'a' 'b'",
        "name = 'a' OR name = 'b'",
        "(name = 'a')",
        "name = 'a' AND",
        "AND",
        "evilhax = true",
        "name = 'a",
        "name near 'a'",
        "= = =",
        "name IN 'a'",
        "name ; 'a'",
        "a-b = 'c'",
        "name = 'a' AND AND name = 'b'",
    ],
)
def test_what_is_no_comparison_is_quoted_in_the_refusal(text: str) -> None:
    with pytest.raises(InvalidFilter, match=r"^Invalid clause\(s\) in filter string"):
        parse_models(text)


@pytest.mark.parametrize("text", ["run_id IN", "run_id IN ("])
def test_a_list_that_does_not_come_is_no_comparison(text: str) -> None:
    with pytest.raises(InvalidFilter, match="Invalid clause"):
        parse_versions(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run_id IN (1,2)", "expected string value, punctuation, or whitespace, but got different type in list"),
        ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
        ("run_id IN (,)", "expected a non-empty list of string values, but got ill-formed list"),
        ("run_id IN ('a',,'b')", "expected a non-empty list of string values, but got ill-formed list"),
        ("run_id IN ('a' 'b')", "expected a non-empty list of string values, but got ill-formed list"),
    ],
)
def test_a_list_is_refused_by_what_is_wrong_with_it(text: str, words: str) -> None:
    with pytest.raises(InvalidFilter, match=f"While parsing a list in the query, {words}"):
        parse_versions(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run_id = 'x'", "Invalid attribute key 'run_id' specified"),
        ("attribute.run_id = 'x'", "Invalid attribute key 'run_id' specified"),
        ("`x` = 'x'", "Invalid attribute key 'x' specified"),
        ("metrics.x = 'x'", "Invalid entity type 'metrics'"),
        ("name = something", "Parameter value is either not quoted or unidentified quote types used for string value"),
        ("name = 12", "Parameter value is either not quoted"),
        ("name > 'x'", "Invalid comparator for 'name': >"),
        ("tags.x IN ('a')", "support the IN comparator"),
        ("name = 'a\0b'", "no NUL"),
        (f"name LIKE '{'a' * (LONGEST_PATTERN + 1)}'", "the most is"),
        (" AND ".join(["name = 'a'"] * (MOST_CLAUSES + 1)), f"at most {MOST_CLAUSES}"),
    ],
)
def test_models_are_refused_what_they_do_not_have(text: str, words: str) -> None:
    with pytest.raises(InvalidFilter, match=words):
        parse_models(text)


@pytest.mark.parametrize(
    "text", ["version_number = '1'", "version_number = x", f"version_number = {1 << 63}", "version_number > 1.5"]
)
def test_a_number_is_a_whole_number_without_quotes(text: str) -> None:
    with pytest.raises(InvalidFilter, match="Expected numeric value type"):
        parse_versions(text)


def test_a_number_is_compared_by_size_alone() -> None:
    with pytest.raises(InvalidFilter, match="Invalid comparator"):
        parse_versions("version_number LIKE 1")


@pytest.mark.parametrize(
    ("text", "prompts", "left"),
    [
        (f"{PROMPT} = 'true'", True, 0),
        (f"{PROMPT} = 'false'", False, 0),
        (f"{PROMPT} != 'true' AND name = 'x'", False, 1),
        (f"{PROMPT} = 'true' AND name = 'x'", True, 1),
        (f"{PROMPT} LIKE 't%'", None, 1),
        (f"{PROMPT} = 'true' AND {PROMPT} = 'false'", None, 2),
        ("name = 'x'", False, 1),
    ],
)
def test_prompts_are_left_out_unless_they_are_named(text: str, *, prompts: bool | None, left: int) -> None:
    found = parse_models(text)
    assert (found.prompts, len(found.clauses)) == (prompts, left)


def test_a_list_of_many_blanks_takes_no_longer_than_others() -> None:
    """With work that grows with the square of its length, this would not end before anybody's patience does."""
    blanks = " " * 300_000
    assert parse_versions(f"name IN ({blanks}'a'{blanks})").clauses[0].value == ("a",)
    with pytest.raises(InvalidFilter, match="empty list"):
        parse_versions(f"name IN ({blanks})")


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_models, parse_versions):
        with suppress(InvalidFilter):
            assert isinstance(parse(text), Filter)
