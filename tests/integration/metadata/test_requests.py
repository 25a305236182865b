"""Answers that are kept, so that a repeated request is answered and not run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.crowd import together
from components.yards import open_caller
from modelyard.errors import IdempotencyConflict, InvalidRequest
from modelyard.metadata import requests
from modelyard.metadata.database import Database
from modelyard.operations import (
    CREATE_MODEL,
    LIST_EVENTS,
    REGISTER_VERSION,
    STATS,
    CreateModel,
    Empty,
    ListEvents,
    RegisterVersion,
)

AT = "2026-03-01T12:00:00.000000Z"


def answer(key: str, actor: str = "ada", at: str = AT) -> dict[str, str]:
    return {"key": key, "actor": actor, "operation": "promote", "fingerprint": "f" * 64, "response": "{}", "at": at}


def test_an_answer_is_found_under_its_key_and_actor(database: Database):
    with database.write() as tx:
        requests.keep(tx, answer("one"))
    with database.read() as tx:
        row = requests.answered(tx, "one", "ada")
        assert row is not None
        assert (row.operation, row.response) == ("promote", "{}")
        assert requests.answered(tx, "one", "bob") is None
        assert requests.answered(tx, "two", "ada") is None


def test_old_answers_are_forgotten(database: Database):
    with database.write() as tx:
        requests.keep(tx, answer("old"))
        requests.keep(tx, answer("new", at="2026-03-02T12:00:00.000000Z"))
        assert requests.expire(tx, "2026-03-02T00:00:00.000000Z") == 1
        assert requests.answered(tx, "old", "ada") is None
        assert requests.answered(tx, "new", "ada") is not None


def test_a_request_sent_by_many_at_once_runs_once(database_url: str, tmp_path: Path):
    folder = tmp_path / "registry"
    with open_caller(folder, database_url) as caller:
        caller.call(CREATE_MODEL, CreateModel(name="fraud"))
    numbers = together(register_under_key, [(str(folder), database_url, "the key")] * 6)
    assert numbers == [1] * 6
    with open_caller(folder, database_url) as caller:
        assert caller.call(STATS, Empty()).total_versions == 1
        kinds = [event.type for event in caller.call(LIST_EVENTS, ListEvents()).events]
        assert kinds == ["model.created", "version.registered"]


def register_under_key(folder: str, url: str, key: str) -> int:
    with open_caller(Path(folder), url) as caller:
        return caller.call(REGISTER_VERSION, RegisterVersion(name="fraud"), idempotency_key=key).number


def test_a_refused_request_keeps_no_answer(database_url: str, tmp_path: Path):
    with open_caller(tmp_path / "registry", database_url) as caller:
        with pytest.raises(InvalidRequest):
            caller.call(CREATE_MODEL, CreateModel(name="a/b"), idempotency_key="key")
        caller.call(CREATE_MODEL, CreateModel(name="fraud"), idempotency_key="key")
        with pytest.raises(IdempotencyConflict, match="create_model"):
            caller.call(CREATE_MODEL, CreateModel(name="churn"), idempotency_key="key")
        with pytest.raises(InvalidRequest, match="256 characters"):
            caller.call(CREATE_MODEL, CreateModel(name="churn"), idempotency_key="k" * 256)
        assert caller.call(STATS, Empty()).total_models == 1
