"""A version's record stands for its id, and equals nothing but its id and its like."""

from __future__ import annotations

from dataclasses import replace

from modelyard.domain.wire import VersionRecord

RECORD = VersionRecord(id="mv_1", name="fraud", number=1, version="0.1.0", stage="staging", metrics={"accuracy": 0.9})


def test_a_record_stands_for_its_id() -> None:
    assert RECORD == "mv_1"
    assert RECORD == RECORD.model_id == RECORD.version_id
    assert hash(RECORD) == hash("mv_1")
    assert f"{RECORD}" == "mv_1"


def test_records_are_equal_when_all_of_them_is() -> None:
    assert replace(RECORD) == RECORD
    assert replace(RECORD, revision=2) != RECORD


def test_a_record_equals_nothing_of_another_kind() -> None:
    assert RECORD != 1
    assert RECORD != "mv_2"


def test_a_record_answers_to_the_documents_names() -> None:
    assert (RECORD.model_name, RECORD.performance_metrics, RECORD.hyperparams) == ("fraud", {"accuracy": 0.9}, {})
