"""What MLflow's clients may name, and in which words it is refused."""

from __future__ import annotations

import pytest

from modelyard.domain.mlflow import names


@pytest.mark.parametrize("name", ["fraud", "Fraud 2", "größe", "a.b", "..x", "名前", "a@b"])
def test_a_model_may_have_an_ordinary_name(name: str) -> None:
    assert names.trouble_with_model(name) == ""


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", ".", ".."])
def test_a_model_has_no_name_that_an_address_would_read_otherwise(name: str) -> None:
    assert names.trouble_with_model(name)


@pytest.mark.parametrize("key", ["k", "two words", "a/b", "a:b", "x.y-z_", "é", "k" * 250])
def test_a_tag_may_have_an_ordinary_key(key: str) -> None:
    assert names.trouble_with_key(key) == ""


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("k" * 251, "'key' exceeds the maximum length of 250 characters"),
        ("a?b", "Names may only contain alphanumerics"),
        ("a//b", "ordinary path"),
        ("../a", "ordinary path"),
        ("/a", "ordinary path"),
        (".", "ordinary path"),
    ],
)
def test_a_key_is_refused_by_what_is_wrong_with_it(key: str, words: str) -> None:
    assert words in names.trouble_with_key(key)


def test_a_value_has_at_most_a_hundred_thousand_characters() -> None:
    assert names.trouble_with_value("x" * 100_000) == ""
    assert names.trouble_with_value("x" * 100_001) == "'value' exceeds the maximum length of 100000 characters"


@pytest.mark.parametrize("alias", ["champion", "a-b_c", "v", "v1a", "1", "a" * 255])
def test_an_alias_may_be_a_plain_word(alias: str) -> None:
    assert names.trouble_with_alias(alias) == ""


@pytest.mark.parametrize("alias", ["", "a b", "é", "latest", "LATEST", "v1", "V12", "a" * 256])
def test_an_alias_that_means_something_else_is_refused(alias: str) -> None:
    assert names.trouble_with_alias(alias)


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), (7, 7), ("0", 0), ("-3", 0), ("1" * 30, 0), ("x", None), ("", None)]
)
def test_a_number_is_a_whole_number_and_one_that_no_version_has_is_none(text: str | int, number: int | None) -> None:
    assert names.number_of(text) == number


@pytest.mark.parametrize(
    "source",
    [
        "s3://b/x",
        "runs:/abc/model",
        "mlflow-artifacts://host:9000/models/artifact/..../",
        "http://h/a%20b",
        "models:/m-1",
        "x..y://",
    ],
)
def test_an_address_without_traversal_is_safe(source: str) -> None:
    assert names.is_safe_source(source)


@pytest.mark.parametrize(
    "source",
    [
        "s3://b/../x",
        "http://h/%2e%2e/x",
        "http://h/%252e%252e%252fx",
        "dbfs:/x/a%3f/../..",
        "mlflow-artifacts:/x\\..\\y",
        "s3://b/x%00",
        "s3://b/%" + "25" * 20 + "2e",
        "s3://" + "x" * 100_001,
    ],
)
def test_an_address_that_leads_away_is_not_safe(source: str) -> None:
    assert not names.is_safe_source(source)


@pytest.mark.parametrize(
    ("source", "is_local"),
    [
        *((place, True) for place in ("/tmp/x", "x", "file:///x", "FILE:x", "C:\\models", "http://[x")),
        ("s3://b", False),
    ],
)
def test_a_place_on_the_servers_machine_is_known(source: str, *, is_local: bool) -> None:
    assert names.is_local_source(source) is is_local


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("models:/fraud/3", ("fraud", "3")),
        ("models:/fraud/Production", ("fraud", "Production")),
        ("models:/fraud@champion", ("fraud", "@champion")),
        ("models:///fraud/3", ("fraud", "3")),
        ("models:/m-0123", None),
        ("s3://fraud/3", None),
    ],
)
def test_a_source_may_name_a_version_of_this_registry(source: str, named: tuple[str, str] | None) -> None:
    assert names.version_source(source) == named


def test_half_a_character_is_no_whole_text() -> None:
    assert names.is_whole("aé名")
    assert not names.is_whole("a\ud800")
