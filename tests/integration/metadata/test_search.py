"""The index of words finds what a naive filter finds, in the same order, on both databases."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from modelyard.domain.search import document, query_terms
from modelyard.errors import InvalidRequest
from modelyard.metadata import search
from modelyard.metadata.database import Database, Transaction
from modelyard.metadata.tables import models, versions

AT = "2026-03-01T12:00:00.000000Z"
STAGES = ("development", "staging")
# Few letters, so that words share beginnings, and what tokenisers stumble over: digits, dots, signs, scripts, accents.
WORDS = st.text("abAB1eé0.-_ß信", min_size=1, max_size=6) | st.sampled_from(["3e5a91c", "FraudDetector", "v1.2.3", "it's"])
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


def add_versions(tx: Transaction, texts: list[str]) -> dict[int, str]:
    """Put versions with these texts into the index; return their words by sequence number."""
    words = {}
    for number, body in enumerate(texts, 1):
        row = {
            "seq": number, "id": f"mv_{number}", "model_id": "md_1", "number": number, "version": f"0.0.{number}",
            "precedence": "", "label": "", "stage": STAGES[number % 2], "status": "READY", "revision": 1, "digest": "",
            "model_hash": "", "size": 0, "framework": "", "document": "{}", "created_at": AT, "updated_at": AT,
        }  # fmt: skip
        tx.run(insert(versions), row)
        words[number] = document([body])
        search.index(tx, number, words[number])
    return words


def clean(tx: Transaction) -> None:
    for name in ("versions_search", "versions", "models"):
        tx.connection.execute(text(f"DELETE FROM {name}"))
    model = {
        "id": "md_1", "name": "m", "live_name": "m", "description": "", "owner": "", "team": "", "tags": "{}", "revision": 1,
        "last_number": 0, "live_versions": 0, "events": 0, "last_event_hash": "", "created_at": AT, "updated_at": AT,
    }  # fmt: skip
    tx.run(insert(models), model)


def naive(words: dict[int, str], terms: list[str], *, stage: str, before: int | None) -> list[int]:
    """Return what a look at every version finds, the newest first."""
    return [
        number
        for number in sorted(words, reverse=True)
        if all(any(word.startswith(term) for word in words[number].split()) for term in terms)
        and (not stage or STAGES[number % 2] == stage)
        and (before is None or number < before)
    ]


@pytest.mark.feature("REG-10")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=8),
    query=TEXTS,
    stage=st.sampled_from(["", *STAGES]),
    before=st.none() | st.integers(1, 9),
    limit=st.integers(1, 9),
)
def test_search_equals_a_naive_filter(
    database: Database, texts: list[str], query: str, stage: str, before: int | None, limit: int
):
    try:
        terms = query_terms(query)
    except InvalidRequest:
        terms = ["a"]
    with database.write() as tx:
        clean(tx)
        words = add_versions(tx, texts)
        found = search.find(tx, terms, stage=stage, before=before, limit=limit)
    assert found == naive(words, terms, stage=stage, before=before)[:limit]


def test_words_are_replaced_and_forgotten(database: Database):
    with database.write() as tx:
        clean(tx)
        add_versions(tx, ["cats", "cats and dogs"])
        assert search.find(tx, ["cat"], stage="", before=None, limit=9) == [2, 1]
        search.index(tx, 2, document(["dogs"]))
        assert search.find(tx, ["cat"], stage="", before=None, limit=9) == [1]
        search.forget(tx, 1)
        assert search.find(tx, ["cat"], stage="", before=None, limit=9) == []


@pytest.mark.parametrize("lead", [0, 40, 400])
def test_old_matches_are_found_behind_many_others(database: Database, lead: int):
    # However the newest versions are looked at first, an old match must not be lost, nor the order.
    texts = ["needle hay"] * 3 + ["hay"] * lead
    with database.write() as tx:
        clean(tx)
        add_versions(tx, texts)
        assert search.find(tx, ["needle"], stage="", before=None, limit=2) == [3, 2]
        assert search.find(tx, ["needle"], stage="", before=2, limit=2) == [1]
        assert search.find(tx, ["needle"], stage="staging", before=None, limit=5) == [3, 1]
        newest_first = list(range(3 + lead, 0, -1))
        assert search.find(tx, ["ha"], stage="", before=None, limit=5) == newest_first[:5]
