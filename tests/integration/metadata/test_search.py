"""The index of words finds what a naive filter finds, in the same order, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from modelyard.domain.search import document, query_terms
from modelyard.domain.selection import Selection, Tag
from modelyard.errors import InvalidRequest
from modelyard.metadata import models, search, selecting, tags
from modelyard.metadata.database import Database, Transaction
from modelyard.metadata.tables import placements, versions

AT = "2026-03-01T12:00:00.000000Z"
STAGES = ("development", "staging")
# Few letters, so that words share beginnings, and what tokenisers stumble over: digits, dots, signs, scripts, accents.
WORDS = st.text("abAB1eé0.-_ß信", min_size=1, max_size=6) | st.sampled_from(
    ["3e5a91c", "FraudDetector", "v1.2.3", "it's"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


FILLERS = 2 * search.NEWEST
FIRST_FILLER = 1_000


def version_row(number: int) -> dict[str, Any]:
    return {
        "seq": number, "id": f"mv_{number}", "model_id": "md_1", "number": number, "version": f"0.0.{number}",
        "precedence": "", "label": "", "stage": STAGES[number % 2], "status": "READY", "revision": 1, "digest": "",
        "model_hash": "", "size": 0, "framework": "", "document": "{}", "created_at": AT, "updated_at": AT,
    }  # fmt: skip


def add_versions(tx: Transaction, texts: list[str]) -> dict[int, str]:
    """Put versions with these texts into the index, in place of earlier ones; return their words by sequence number."""
    key = "rowid" if tx.dialect == "sqlite" else "seq"
    for name, column in (("versions_search", key), ("version_tags", "version_seq"), ("versions", "seq")):
        tx.connection.execute(text(f"DELETE FROM {name} WHERE {column} < {FIRST_FILLER}"))
    words = {}
    for number, body in enumerate(texts, 1):
        tx.run(insert(versions), version_row(number))
        words[number] = document([body])
        search.index(tx, number, words[number])
    return words


@pytest.fixture(params=[0, FILLERS], ids=["few versions", "many versions"])
def indexed(request: pytest.FixtureRequest, database: Database) -> Database:
    """A database with a model, and with so many newer versions of other words that these are all that is newest."""
    facts = {"id": "md_1", "name": "m", "description": "", "owner": "", "team": "", "tags": {}, "at": AT}
    numbers = range(FIRST_FILLER, FIRST_FILLER + request.param)
    with database.write() as tx:
        models.add(tx, facts)
        if numbers:
            tx.run(insert(versions), [version_row(number) for number in numbers])
            tx.run(search.INSERT[tx.dialect], [{"seq": number, "body": "zebra"} for number in numbers])
    return database


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
    indexed: Database, texts: list[str], query: str, stage: str, before: int | None, limit: int
):
    try:
        terms = query_terms(query)
    except InvalidRequest:
        terms = ["a"]
    with indexed.write() as tx:
        words = add_versions(tx, texts)
        found = search.find(tx, terms, wanted=Selection(stage=stage), before=before, limit=limit)
    assert found == naive(words, terms, stage=stage, before=before)[:limit]


PEOPLE = st.sampled_from(["", "ana", "ben"])
TAGS = st.dictionaries(st.sampled_from("kl"), st.sampled_from("12"), max_size=2)
OWNED = st.fixed_dictionaries({"owner": PEOPLE, "team": PEOPLE, "tags": TAGS})
WANTED = st.builds(
    Selection,
    owner=PEOPLE,
    team=PEOPLE,
    tag=st.none() | st.builds(Tag, st.sampled_from("kl"), st.none() | st.sampled_from("12")),
    stage=st.sampled_from(["", *STAGES, "eu"]),
)


def fits(wanted: Selection, own: dict[str, Any], model: dict[str, Any], stages: set[str]) -> bool:
    """Whether a version is wanted, by the rules of `modelyard.domain.selection`."""
    said = {**model["tags"], **own["tags"]}
    return (
        (not wanted.owner or (own["owner"] or model["owner"]) == wanted.owner)
        and (not wanted.team or (own["team"] or model["team"]) == wanted.team)
        and (wanted.tag is None or (wanted.tag.key in said and wanted.tag.value in {None, said[wanted.tag.key]}))
        and (not wanted.stage or wanted.stage in stages)
    )


@pytest.mark.feature("REG-10", "OBS-04")
@pytest.mark.parametrize("few", [0, 2, 5_000], ids=["along the words", "either way", "along what is demanded"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.tuples(OWNED, st.lists(OWNED, min_size=1, max_size=8), st.sets(st.integers(1, 8))),
    wanted=WANTED,
    page=st.tuples(st.none() | st.integers(1, 9), st.integers(1, 9)),
)
def test_a_narrowed_search_equals_a_naive_filter(
    indexed: Database, monkeypatch: pytest.MonkeyPatch, few: int, told: Any, wanted: Selection, page: Any
):
    (model, owned, placed), (before, limit) = told, page
    monkeypatch.setattr(selecting, "FEW", few)
    with indexed.write() as tx:
        tx.connection.execute(text("DELETE FROM placements"))
        tx.connection.execute(text("DELETE FROM version_tags"))
        models.change(tx, "md_1", {**model, "description": "", "at": AT})
        add_versions(tx, ["some words", *["words"] * (len(owned) - 1)])
        for number, own in enumerate(owned, 1):
            whose = {"number": number, "owner": own["owner"], "team": own["team"]}
            tx.run(text("UPDATE versions SET owner = :owner, team = :team WHERE seq = :number"), whose)
            tags.of_version(tx, number, own["tags"])
        for number in placed & set(range(1, len(owned) + 1)):
            there = {"version_seq": number, "environment": "eu", "model_id": "md_1", "stage": "eu", "entered_at": AT}
            tx.run(insert(placements), there)
        found = search.find(tx, ["wor"], wanted=wanted, placed=wanted.stage == "eu", before=before, limit=limit)
        bare = Selection(owner=wanted.owner, tag=wanted.tag)
        listed = models.page(tx, after="", limit=9, wanted=bare)
    stages = {number: {STAGES[number % 2], *(["eu"] if number in placed else [])} for number in range(1, 9)}
    expected = [
        number
        for number, own in reversed(list(enumerate(owned, 1)))
        if fits(wanted, own, model, stages[number]) and (before is None or number < before)
    ]
    assert found == expected[:limit]
    assert [row.name for row in listed] == ["m"] * fits(bare, model, model, set())


def test_words_are_replaced_and_forgotten(indexed: Database):
    with indexed.write() as tx:
        add_versions(tx, ["cats", "cats and dogs"])
        assert search.find(tx, ["cat"], before=None, limit=9) == [2, 1]
        search.index(tx, 2, document(["dogs"]))
        assert search.find(tx, ["cat"], before=None, limit=9) == [1]
        search.forget(tx, 1)
        assert search.find(tx, ["cat"], before=None, limit=9) == []


def test_a_page_reaches_from_the_newest_versions_to_the_oldest(indexed: Database):
    with indexed.write() as tx:
        add_versions(tx, ["needle"] * 5)
        last = FIRST_FILLER + FILLERS
        tx.run(insert(versions), version_row(last))
        search.index(tx, last, "needle")
        assert search.find(tx, ["needle"], before=None, limit=4) == [last, 5, 4, 3]
        assert search.find(tx, ["needle"], before=3, limit=4) == [2, 1]
        assert search.find(tx, ["needle"], wanted=Selection(stage=STAGES[1]), before=None, limit=4) == [5, 3, 1]
        assert search.find(tx, ["needle"], wanted=Selection(stage=STAGES[0]), before=None, limit=2) == [last, 4]


@pytest.mark.parametrize("indexed", [FILLERS], indirect=True)
def test_no_version_is_lost_between_the_newest_and_the_others(indexed: Database):
    newest = FIRST_FILLER + FILLERS - 1
    border = newest - search.NEWEST
    oldest = [FIRST_FILLER + 4, FIRST_FILLER + 2, FIRST_FILLER]
    with indexed.write() as tx:
        for number in (border + 1, border, border - 1, *oldest):
            search.index(tx, number, "needle")
        found = search.find(tx, ["needle"], before=None, limit=9)
        assert found == [border + 1, border, border - 1, *oldest]
        assert search.find(tx, ["needle"], before=newest, limit=9) == found
        even = [number for number in found if number % 2 == 0]
        for before in (None, newest, newest - 1, newest - 3):
            assert search.find(tx, ["needle"], wanted=Selection(stage=STAGES[0]), before=before, limit=9) == even
