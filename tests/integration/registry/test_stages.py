"""Stages: gates, exclusive stages, rollback, and the state against a fold of the events."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.events import GENESIS, HASHED, event_hash
from modelyard.errors import (
    Conflict,
    GateRefused,
    InvalidRequest,
    InvalidStage,
    InvalidTransition,
    ModelyardError,
    PreconditionFailed,
    VersionNotFound,
)
from modelyard.operations import (
    ARCHIVE,
    DEPRECATE,
    GET_VERSION,
    LIST_EVENTS,
    LIST_VERSIONS,
    PROMOTE,
    ROLLBACK,
    UPDATE_STAGE,
    Deprecate,
    Explained,
    ListEvents,
    ListVersions,
    NamedThen,
    Promote,
    Rollback,
    UpdateStage,
)


def promote(caller: EmbeddedCaller, reference: str, *stages: str) -> None:
    for stage in stages:
        caller.call(PROMOTE, Promote(reference=reference, target_stage=stage))


def stage_of(caller: EmbeddedCaller, reference: str) -> str:
    return caller.call(GET_VERSION, NamedThen(reference=reference)).stage


@pytest.mark.feature("STG-01", "STG-04", "STG-05")
def test_a_gate_refuses_and_passes(caller: EmbeddedCaller) -> None:
    weak = register(caller, "fraud", metrics={"accuracy": 0.7, "f1": 0.6})
    with pytest.raises(GateRefused) as refusal:
        caller.call(
            PROMOTE,
            Promote(reference=weak.id, target_stage="staging", requirements={"min_accuracy": 0.8, "min_f1": 0.5}),
        )
    verdicts = {verdict["requirement"]: verdict["met"] for verdict in refusal.value.details["verdicts"]}
    assert verdicts == {"min_accuracy": False, "min_f1": True}
    assert isinstance(refusal.value, ValueError)
    assert stage_of(caller, weak.id) == "development"
    moved = caller.call(PROMOTE, Promote(reference=weak.id, target_stage="Staging", requirements={"min_f1_score": 0.6}))
    assert (moved.from_stage, moved.to_stage, moved.version.stage) == ("development", "staging", "staging")


@pytest.mark.feature("STG-03", "STG-11")
def test_illegal_moves_change_nothing(caller: EmbeddedCaller) -> None:
    made = register(caller, "fraud")
    before = caller.call(LIST_EVENTS, ListEvents())
    with pytest.raises(InvalidTransition, match="Invalid transition: development -> production"):
        caller.call(UPDATE_STAGE, UpdateStage(reference=made.id, stage="production"))
    with pytest.raises(InvalidStage):
        caller.call(UPDATE_STAGE, UpdateStage(reference=made.id, stage="heaven"))
    with pytest.raises(InvalidRequest):
        caller.call(PROMOTE, Promote(reference=made.id, target_stage="staging", requirements={"min_": 1}))
    assert caller.call(LIST_EVENTS, ListEvents()) == before


def test_staying_passes_and_is_no_event(caller: EmbeddedCaller) -> None:
    made = register(caller, "fraud")
    before = caller.call(LIST_EVENTS, ListEvents())
    assert caller.call(UPDATE_STAGE, UpdateStage(reference=made.id, stage="None")).version == made
    assert caller.call(LIST_EVENTS, ListEvents()) == before


@pytest.mark.feature("STG-10", "STG-16")
def test_a_newcomer_in_production_archives_the_holder(caller: EmbeddedCaller) -> None:
    old, new, third = (register(caller, "fraud", content) for content in (b"1", b"2", b"3"))
    promote(caller, old.id, "staging", "production")
    promote(caller, new.id, "staging")
    assert caller.call(PROMOTE, Promote(reference=new.id, target_stage="production")).archived == [old.id]
    assert (stage_of(caller, old.id), stage_of(caller, "fraud/Production")) == ("archived", "production")
    promote(caller, third.id, "staging")
    kept = caller.call(PROMOTE, Promote(reference=third.id, target_stage="production", archive_previous=False))
    assert kept.archived == []
    assert stage_of(caller, new.id) == "production"


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-03")
def test_rollback_goes_back_step_by_step(caller: EmbeddedCaller) -> None:
    ids = []
    for content in (b"1", b"2", b"3"):
        made = register(caller, "fraud", content)
        promote(caller, made.id, "staging", "production")
        ids.append(made.id)
    first = caller.call(ROLLBACK, Rollback(reference="fraud", reason="too many alarms", deprecate=False))
    assert (first.version.id, first.replaced) == (ids[1], ids[2])
    second = caller.call(ROLLBACK, Rollback(reference=ids[2]))
    assert (second.version.id, stage_of(caller, ids[1])) == (ids[0], "archived")
    with pytest.raises(VersionNotFound, match="no earlier version"):
        caller.call(ROLLBACK, Rollback(reference="fraud"))
    named = caller.call(ROLLBACK, Rollback(reference="fraud", version="0.1.2"))
    assert named.version.id == ids[2]
    with pytest.raises(Conflict, match="already"):
        caller.call(ROLLBACK, Rollback(reference="fraud", version="3", deprecate=False))


def test_a_deprecated_version_neither_enters_production_nor_returns(caller: EmbeddedCaller) -> None:
    old, new = register(caller, "fraud", b"1"), register(caller, "fraud", b"2")
    promote(caller, old.id, "staging", "production")
    promote(caller, new.id, "staging", "production")
    caller.call(DEPRECATE, Deprecate(reference=old.id, reason="leaks labels"))
    with pytest.raises(VersionNotFound):
        caller.call(ROLLBACK, Rollback(reference="fraud"))
    with pytest.raises(Conflict, match="deprecated"):
        caller.call(ROLLBACK, Rollback(reference="fraud", version=old.id))
    third = register(caller, "fraud", b"3")
    promote(caller, third.id, "staging")
    caller.call(DEPRECATE, Deprecate(reference=third.id, reason="slow"))
    with pytest.raises(Conflict, match="deprecated"):
        promote(caller, third.id, "production")
    shown = caller.call(GET_VERSION, NamedThen(reference=third.id))
    assert (shown.deprecated, shown.deprecation_reason) == (True, "slow")


def test_a_rollback_of_staging_leaves_production_alone(caller: EmbeddedCaller) -> None:
    first, second, third = (register(caller, "fraud", content) for content in (b"1", b"2", b"3"))
    promote(caller, first.id, "staging")
    promote(caller, second.id, "staging", "production")
    promote(caller, third.id, "staging")
    with pytest.raises(Conflict, match="would empty"):
        caller.call(ROLLBACK, Rollback(reference="fraud", stage="staging", version=second.id))
    with pytest.raises(VersionNotFound, match="no earlier"):
        caller.call(ROLLBACK, Rollback(reference="fraud", stage="staging"))
    assert stage_of(caller, second.id) == "production"


@pytest.mark.feature("REG-13")
def test_archive(caller: EmbeddedCaller) -> None:
    made = register(caller, "fraud")
    assert caller.call(ARCHIVE, Explained(reference=made.id, reason="old")).version.stage == "archived"
    with pytest.raises(InvalidTransition, match="final"):
        promote(caller, made.id, "staging")


def test_a_move_on_an_outdated_view_is_refused(caller: EmbeddedCaller) -> None:
    made = register(caller, "fraud")
    moved = caller.call(PROMOTE, Promote(reference=made.id, target_stage="staging", if_match=made.revision))
    with pytest.raises(PreconditionFailed) as refusal:
        caller.call(PROMOTE, Promote(reference=made.id, target_stage="production", if_match=made.revision))
    assert refusal.value.details == {"revision": moved.version.revision, "if_match": made.revision}


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["staging", "production", "archived", "rejected", "development", "rollback"])
    ),
    max_size=25,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_stages_are_a_fold_of_the_events(caller: EmbeddedCaller, steps: list[tuple[int, str]]) -> None:
    name = f"model {len(caller.call(LIST_EVENTS, ListEvents(limit=1000)).events)}"
    ids = [register(caller, name, bytes([number])).id for number in range(4)]
    for place, stage in steps:
        try:
            if stage == "rollback":
                caller.call(ROLLBACK, Rollback(reference=ids[place]))
            else:
                promote(caller, ids[place], stage)
        except ModelyardError:
            continue
    folded: dict[str, str] = {}
    for event in caller.call(LIST_EVENTS, ListEvents(name=name, limit=1000)).events:
        if event.type == "version.registered":
            folded[event.version_id or ""] = event.data["stage"]
        elif event.type in {"version.stage_moved", "version.rolled_back"}:
            assert folded[event.version_id or ""] == event.data["from"]
            folded[event.version_id or ""] = event.data["to"]
    present = caller.call(LIST_VERSIONS, ListVersions(name=name)).versions
    assert {record.id: record.stage for record in present} == folded
    assert sum(stage == "production" for stage in folded.values()) <= 1
    _check_chains(caller)


def _check_chains(caller: EmbeddedCaller) -> None:
    last: dict[str, str] = defaultdict(lambda: GENESIS)
    token = ""
    while True:
        page = caller.call(LIST_EVENTS, ListEvents(limit=500, page_token=token))
        for event in page.events:
            assert event.previous == last[event.model]
            assert event.hash == event_hash({field: getattr(event, field) for field in HASHED})
            last[event.model] = event.hash
        token = page.next_page_token
        if not token:
            return
