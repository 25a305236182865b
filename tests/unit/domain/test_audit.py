"""The rules of chains, checkpoints and tables, on small records."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from modelyard.domain.audit import (
    CHECKPOINT,
    Chain,
    Checkpoints,
    Mark,
    beginning,
    ends_of,
    limits,
    mapping_differences,
    model_differences,
    root_of,
    true_hash_of,
    version_differences,
)
from modelyard.domain.dossier import DESCRIPTION, Promotions, version_lines
from modelyard.domain.events import GENESIS, event_hash
from modelyard.domain.history import fold
from modelyard.domain.versions import SemVer, precedence_key
from modelyard.domain.wire import ChainedEvent


def event(position: int, previous: str = GENESIS, kind: str = "thing.done", **more: Any) -> ChainedEvent:
    fact = {
        "model": "fraud", "position": position, "type": kind, "at": f"2026-03-01T00:00:0{position}.000000Z",
        "actor": "ana", "version_id": None, "data": {}, "previous": previous, **more,
    }  # fmt: skip
    return ChainedEvent(**fact, sequence=position, model_id="md_1", hash=event_hash(fact))


def made(count: int) -> list[ChainedEvent]:
    events: list[ChainedEvent] = []
    for position in range(1, count + 1):
        events.append(event(position, events[-1].hash if events else GENESIS))
    return events


def followed(events: list[ChainedEvent], **given: Any) -> tuple[Chain, list[str]]:
    chain = Chain(**given)
    return chain, [f"{one.position}: {problem}" for one in events for problem in chain.take(one)]


@pytest.mark.feature("SEC-04")
def test_a_whole_chain_has_no_problem():
    events = made(4)
    chain, problems = followed(events)
    assert problems + chain.end(4, events[-1].hash) == []
    part, problems = followed(events[2:], position=2, previous=events[1].hash)
    assert problems + part.end(4, events[-1].hash) == []
    assert Chain().end(0, "") == []


@pytest.mark.feature("SEC-04")
def test_what_was_touched_is_named_once():
    one, two, three, four = made(4)
    changed = replace(two, actor="eve")
    assert followed([one, changed, three, four])[1] == ["2: the event was changed after it was written"]
    # Where only the hash was written over, the event after it still holds the true one.
    assert len(followed([one, replace(two, hash="f" * 64), three, four])[1]) == 1
    forged = replace(changed, hash=true_hash_of(changed))
    assert followed([one, forged, three, four])[1] == [
        "3: it does not follow the event before it: one of the two was rewritten"
    ]
    assert followed([one, three, four])[1] == ["3: event 2 is missing before it"]
    assert followed([one, four])[1] == ["4: events 2 to 3 are missing before it"]
    assert followed([one, two, two])[1][0] == "2: there is a second event at this position"
    late = [one, replace(two, sequence=1), three]
    assert "out of order" in followed(late)[1][0]


def test_times_do_not_go_back():
    one = event(1)
    two = event(2, one.hash, at="2020-01-01T00:00:00.000000Z")
    assert followed([one, two])[1] == ["2: its time lies before that of the event before it"]


def test_what_no_event_can_say_is_a_change():
    assert true_hash_of(replace(event(1), data={"a": float("inf")})) == ""
    assert "changed" in followed([replace(event(1), data={"a": "\ud800"})])[1][0]


@pytest.mark.feature("SEC-04")
def test_the_end_is_where_the_models_row_and_the_checkpoints_say():
    events = made(3)
    chain, _ = followed(events[:2])
    assert "event 3 is missing at the end" in chain.end(3, events[2].hash)[0]
    assert "event 2 was added behind the end" in chain.end(1, events[0].hash)[0]
    assert "events 1 to 2 were added" in chain.end(0, "")[0]
    assert "does not end with the event" in chain.end(2, "x")[0]
    mark = Mark(position=3, hash=events[2].hash, checkpoint=7)
    cut, problems = followed(events[:2], mark=mark)
    assert problems == []
    assert cut.end(2, events[1].hash) == ["event 3 is missing, though checkpoint 7 recorded them"]
    other, problems = followed(events, mark=replace(mark, hash="x"))
    assert problems == ["3: it is not the event that checkpoint 7 recorded"]
    assert other.end(3, events[2].hash) == []
    assert followed(events, mark=mark)[1] == []


def test_a_models_chain_begins_with_its_making():
    assert beginning(event(1, kind="model.created", data={"id": "md_1"})) == []
    assert beginning(event(2)) == []
    for wrong in (event(1), event(1, kind="model.created", data={"id": "md_2"})):
        assert beginning(wrong) == ["the chain does not begin with the making of this model"]


@pytest.mark.feature("SEC-04")
def test_checkpoints_keep_the_newest_end_of_each_chain():
    checkpoints = Checkpoints()
    assert checkpoints.problems() == []
    ends = [("md_1", 3, "c"), ("md_2", 1, "x")]
    checkpoints.take(event(1, kind="thing.done"))
    checkpoints.take(event(2, kind=CHECKPOINT, data={"chains": [["md_1", 1, "a"], ["md_2", 1, "x"]]}))
    assert (checkpoints.count, checkpoints.newest, checkpoints.problems()) == (0, None, [])
    checkpoints.take(event(3, kind=CHECKPOINT, data={"chains": [["md_1", 3, "c"]], "root": root_of(ends)}))
    assert checkpoints.problems() == []
    assert checkpoints.marks["md_1"] == Mark(position=3, hash="c", checkpoint=3)
    assert checkpoints.count == 1
    checkpoints.take(event(4, kind=CHECKPOINT, data={"chains": [], "root": "other"}))
    assert "root" in checkpoints.problems()[0]
    checkpoints.take(event(5, kind=CHECKPOINT, data={"chains": []}))
    # A checkpoint in several events, whose last one has not come: its root is not known.
    assert checkpoints.problems() == []


def test_the_root_is_written_down():
    assert root_of([("b", 2, "y"), ("a", 1, "x")]) == root_of([("a", 1, "x"), ("b", 2, "y")])
    assert root_of([]) == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    strange = event(1, data={"chains": [["md_1", "3", "c"], "x", ["md_1", 3, "c"]]})
    assert list(ends_of(strange)) == [("md_1", 3, "c")]
    assert list(ends_of(event(1, data={"chains": "no"}))) == []


def past() -> list[ChainedEvent]:
    registered = {"number": 1, "version": "1.0.0", "stage": "staging", "metadata": {"framework": "sklearn"}}
    return [
        event(1, kind="model.created", data={"id": "md_1", "owner": "ana"}),
        event(2, kind="version.registered", version_id="mv_1", data=registered),
        event(3, kind="version.deprecated", version_id="mv_1", data={"reason": "old"}),
    ]


def test_rows_say_what_the_events_say():
    state = fold(past())
    row: dict[str, Any] = {
        "name": "fraud", "live_name": "fraud", "description": "", "owner": "ana", "team": "", "tags": {},
        "last_number": 1, "live_versions": 1, "is_deleted": False,
    }  # fmt: skip
    assert list(model_differences(state, row)) == []
    assert list(model_differences(state, {**row, "owner": "eve"})) == [
        "owner is 'eve' in its table, and 'ana' by the events"
    ]
    version = state.versions["mv_1"]
    facts: dict[str, Any] = {
        "number": 1, "version": "1.0.0", "precedence": precedence_key(SemVer.parse("1.0.0")), "label": "",
        "stage": "staging", "parent_id": None, "digest": "", "model_hash": "", "size": 0, "framework": "sklearn",
        "document": {"framework": "sklearn"}, "is_deleted": False, "deprecation": {"reason": "old", "by": "ana"},
    }  # fmt: skip
    assert list(version_differences(version, facts)) == []
    assert list(version_differences(version, {**facts, "deprecation": None})) == [
        "is_deprecated is False in its table, and True by the events",
        "deprecation reason is '' in its table, and 'old' by the events",
        "deprecation by is '' in its table, and 'ana' by the events",
    ]
    long = list(version_differences(version, {**facts, "label": "x" * 500}))
    assert len(long[0]) < 200
    state.deleted = True
    assert "live_name is 'fraud' in its table, and None by the events" in list(model_differences(state, row))


def test_named_things_are_compared_both_ways():
    assert list(mapping_differences("the alias", {"a": 1, "b": 2, "c": 3}, {"b": 5, "c": 3, "d": 4})) == [
        "the alias a is missing in its table",
        "the alias b is 5 in its table, and 2 by the events",
        "the alias d stands in its table, and no event tells of it",
    ]


def test_what_a_check_cannot_see_depends_on_what_it_was_given():
    told = limits(anchored=True, checkpoints=1, unanchored=0)
    assert len(told) == 4
    assert "observations" in told[-1]
    assert "no anchor" in limits(anchored=False, checkpoints=1, unanchored=0)[0]
    assert "(5)" in limits(anchored=True, checkpoints=1, unanchored=5)[0]
    assert "no checkpoint" in limits(anchored=True, checkpoints=0, unanchored=0)[0]


@pytest.mark.feature("SEC-08")
def test_evidence_puts_versions_and_promotions_together():
    (line,) = version_lines(fold(past()))
    assert (line["version"], line["stage"], line["deleted"]) == ("1.0.0", "staging", False)
    assert line["standings"][""] == {"stage": "staging", "since": past()[1].at, "position": 2}
    promotions = Promotions()
    for number, (kind, data) in enumerate(
        [
            ("promotion.requested", {"promotion": "pr_1"}),
            ("promotion.evaluated", {"promotion": "pr_1", "verdicts": [{"met": True}]}),
            ("thing.done", {}),
            ("thing.done", {"promotion": 7}),
            ("promotion.approved", {"promotion": "pr_1"}),
            ("version.stage_moved", {"promotion": "pr_1"}),
        ],
        1,
    ):
        promotions.take(event(number, kind=kind, data=data))
    (told,) = promotions.lines()
    assert told["last"] == "approved"
    assert told["verdicts"] == [{"met": True}]
    assert told["approvals"] == [{"by": "ana", "at": event(5).at}]
    assert [one["position"] for one in told["events"]] == [1, 2, 5, 6]
    assert asdict(event(1))["model_id"] == "md_1"
    assert "blake3(canonical" in DESCRIPTION
