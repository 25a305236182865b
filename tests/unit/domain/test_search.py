"""Search terms: what a text is found by, and that SQLite's own index agrees."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelyard.domain import search
from modelyard.errors import InvalidRequest

# Scripts that SQLite's tables (Unicode 6.1) know as well as Python's.
KNOWN_LETTERS = st.characters(codec="utf-8", max_codepoint=0x24F)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("FraudDetector", ["frauddetector", "fraud", "detector"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("parseURL", ["parseurl", "parse", "url"]),
        ("ResNet50Large", ["resnet50large", "res", "net50", "large"]),
        ("fraud_detector-v2.1", ["fraud", "detector", "v2", "1"]),
        ("Crédit CREDIT cre\u0301dit", ["credit"]),
        ("ÉcoleÀB", ["ecoleab", "ecole", "ab"]),
        ("Straße \uff2d\uff2c ½", ["strasse", "ml", "1", "2"]),
        ("詐欺 検出", ["詐欺", "検出"]),
        ("a a A", ["a"]),
        ("\ud800 \U0001f680 --", []),
        ("x" * 101, ["x" * 100]),
    ],
)
def test_terms(text, terms):
    assert search.terms(text) == terms


@pytest.mark.feature("REG-10")
@pytest.mark.parametrize("query", ["FraudDetector", "FraudDet", "fraud", "FRAUD det", "detect", "Fráud"])
def test_a_query_finds_the_name_it_was_meant_for(query):
    indexed = search.document(["FraudDetector"]).split()
    assert all(any(term.startswith(wanted) for term in indexed) for wanted in search.query_terms(query))


@pytest.mark.parametrize("query", ["", "  ", "--- !", "\U0001f680", "x" * 1001, None, 7])
def test_a_query_that_cannot_find_anything_is_refused(query):
    with pytest.raises(InvalidRequest, match="query"):
        search.query_terms(query)


@given(st.text(max_size=200))
def test_terms_are_lower_case_runs_of_letters_and_digits(text):
    terms = search.terms(text)
    assert len(set(terms)) == len(terms)
    assert all(term.isalnum() and term == term.casefold() and 1 <= len(term) <= 100 for term in terms)


@given(st.text(max_size=60), st.data())
def test_every_beginning_of_a_word_finds_it(text, data):
    words = search._words(text)
    assume(words)
    word = data.draw(st.sampled_from(words))
    query = word[: data.draw(st.integers(1, len(word)))]
    (wanted,) = search.query_terms(query)
    assert any(term.startswith(wanted) for term in search.document([text]).split())


@given(st.lists(st.text(max_size=50), max_size=20))
def test_a_document_has_the_terms_of_all_parts_once(parts):
    expected = dict.fromkeys(term for part in parts for term in search.terms(part))
    assert search.document(parts).split() == list(expected)


def test_a_long_document_is_cut_between_terms():
    words = [f"w{number:09d}" for number in range(5000)]
    # 1,818 words of ten characters and the spaces between them have 19,997 characters.
    assert search.document(words).split() == words[:1818]
    assert search.document(["a b", "y" * 10**6, "c"]).split() == ["a", "b", "y" * 100, "c"]


@given(st.text(KNOWN_LETTERS, max_size=40))
def test_sqlite_leaves_every_term_whole(text):
    terms = search.terms(text)
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE found USING fts5(terms, tokenize='unicode61')")
        database.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(found, 'row')")
        database.execute("INSERT INTO found VALUES (?)", (" ".join(terms),))
        indexed = {term for (term,) in database.execute("SELECT term FROM vocabulary")}
    database.close()
    assert indexed == set(terms)
