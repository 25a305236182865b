"""The chain of events: every field is covered by the hash, and the canonical form is fixed."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.events import GENESIS, HASHED, event_hash

FACT: dict[str, Any] = {
    "model": "fraud",
    "position": 1,
    "type": "model.created",
    "at": "2026-03-01T12:00:00.000000Z",
    "actor": "ada",
    "version_id": None,
    "data": {"id": "md_1", "note": "Grüße"},
    "previous": GENESIS,
}
GOLDEN = "b1700d03d45be7f2328792c3a79381b4a046dc719215d9df574df2a4382b9794"


def test_the_canonical_form_never_changes() -> None:
    assert event_hash(FACT) == GOLDEN


@pytest.mark.parametrize("field", HASHED)
def test_every_field_counts(field: str) -> None:
    assert event_hash({**FACT, field: "other"}) != GOLDEN


def test_other_fields_and_the_order_do_not_count() -> None:
    shuffled = dict(reversed([*FACT.items(), ("seq", 7)]))
    assert event_hash(shuffled) == GOLDEN


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        event_hash({**FACT, "data": {"x": float("nan")}})
