"""The fold by its rules: which state which events make."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.history import aliases_of, find, fold, highest, in_stage
from modelyard.domain.moments import moment
from modelyard.domain.references import Reference
from modelyard.domain.wire import EventRecord
from modelyard.errors import IntegrityError, InvalidRequest

NOW = "2026-03-02T00:00:00.000000Z"


def chain(*told: tuple[str, str | None, dict[str, Any]]) -> list[EventRecord]:
    """Events of these kinds, versions and data, a second apart."""
    return [
        EventRecord(
            sequence=place, model="fraud", position=place, type=kind, at=at(place), actor="ana",
            version_id=version, data=data, previous="", hash="",
        )
        for place, (kind, version, data) in enumerate(told, 1)
    ]  # fmt: skip


def at(place: int) -> str:
    return f"2026-03-01T00:00:{place:02d}.000000Z"


CREATED = ("model.created", None, {"id": "md_1", "owner": "ana", "tags": {"a": "1"}})


def registered(identifier: str, number: int, version: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    data = {"number": number, "version": version, "stage": "development", "size": 7, "metadata": {"framework": "x"}}
    return "version.registered", identifier, {**data, **more}


ONE, TWO = (
    registered("mv_1", 1, "1.0.0", digest="d1", model_hash="h1"),
    registered("mv_2", 2, "1.1.0", parent_id="mv_1"),
)


def moved(identifier: str, source: str, target: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    return "version.stage_moved", identifier, {"from": source, "to": target, **more}


@pytest.mark.feature("VER-13")
def test_a_models_own_attributes_follow_its_updates():
    state = fold(
        chain(CREATED, ("model.updated", None, {"changes": {"owner": ["ana", "bo"], "tags": [{}, {"b": "2"}]}}))
    )
    assert (state.id, state.name, state.owner, state.tags, state.revision) == ("md_1", "fraud", "bo", {"b": "2"}, 2)
    assert (state.created_at, state.updated_at, state.events, state.deleted) == (at(1), at(2), 2, False)
    assert fold(chain(CREATED, ("model.deleted", None, {}))).deleted


@pytest.mark.feature("VER-13")
def test_a_version_keeps_what_was_registered_and_takes_over_what_changed():
    changes = {"label": ["", "beta"], "framework": ["x", None], "metrics": [None, {"f1": 0.5}]}
    state = fold(chain(CREATED, ONE, ("version.updated", "mv_1", {"changes": changes})))
    version = state.versions["mv_1"]
    assert (version.number, version.version, version.label, version.size) == (1, "1.0.0", "beta", 7)
    assert version.document == {"metrics": {"f1": 0.5}}
    assert (version.digest, version.model_hash, version.parent_id) == ("d1", "h1", None)
    assert (version.created_at, version.updated_at, version.revision) == (at(2), at(3), 2)


@pytest.mark.feature("EXP-31")
def test_a_version_has_its_own_stage_and_one_in_each_environment():
    events = chain(
        CREATED,
        ONE,
        moved("mv_1", "development", "staging"),
        moved("mv_1", "", "eu-production", environment="eu"),
        moved("mv_1", "", "us-production", environment="us"),
        ("version.rolled_back", "mv_1", {"from": "archived", "to": "production", "replaced": [], "environment": ""}),
        ("version.withdrawn", "mv_1", {"from": "us-production", "environment": "us"}),
    )
    version = fold(events).versions["mv_1"]
    assert (version.stage, version.environments) == ("production", {"eu": "eu-production"})
    standing = version.standing_in("eu-production")
    assert standing is not None
    assert (standing.since, standing.position) == (at(4), 4)
    assert version.standing_in("us-production") is None
    state = fold([*events, *chain(*[CREATED] * 7, ("version.deleted", "mv_1", {}))[7:]])
    assert state.versions["mv_1"].environments == {}
    assert state.live == []
    assert in_stage(state, "production") == []


def test_deprecation_comes_and_goes():
    first = ("version.deprecated", "mv_1", {"reason": "leaks"})
    second = ("version.deprecated", "mv_1", {"reason": "leaks", "successor": "fraud/2"})
    told = fold(chain(CREATED, ONE, first)).versions["mv_1"].deprecation
    assert told == {"reason": "leaks", "at": at(3), "by": "ana"}
    again = fold(chain(CREATED, ONE, first, second)).versions["mv_1"].deprecation
    assert again is not None
    assert again["successor"] == "fraud/2"
    assert fold(chain(CREATED, ONE, first, ("version.restored", "mv_1", {}))).versions["mv_1"].deprecation is None


def test_aliases_move_and_count_for_the_versions_that_they_leave_and_enter():
    pointed = ("alias.set", "mv_1", {"alias": "champion", "from": None, "to": "mv_1"})
    moved_on = ("alias.set", "mv_2", {"alias": "champion", "from": "mv_1", "to": "mv_2"})
    state = fold(chain(CREATED, ONE, TWO, pointed, moved_on))
    assert (aliases_of(state, "mv_1"), aliases_of(state, "mv_2")) == ([], ["champion"])
    assert (state.aliases["champion"].position, state.aliases["champion"].since) == (5, at(5))
    assert [version.revision for version in state.versions.values()] == [3, 2]
    gone = fold(chain(CREATED, ONE, pointed, ("alias.removed", "mv_1", {"alias": "champion"})))
    assert gone.aliases == {}


def test_a_graph_of_its_own_comes_and_goes_and_other_events_change_nothing():
    changed = ("graph.changed", None, {"document": {"initial": "new"}})
    assert fold(chain(CREATED, changed, ("promotion.requested", None, {"promotion": "pr_1"}))).graph == {
        "initial": "new"
    }
    assert fold(chain(CREATED, changed, ("graph.removed", None, {}))).graph is None


@pytest.mark.parametrize(
    "broken",
    [
        ("version.updated", "mv_9", {"changes": {}}),
        ("version.updated", "mv_1", {}),
        ("version.updated", "mv_1", {"changes": []}),
        ("version.registered", "mv_2", {"number": "2", "version": "1.0.0"}),
        registered("mv_2", 2, "no version"),
        ("model.created", None, {}),
        ("model.updated", None, {"changes": {"versions": [0, 1]}}),
        ("alias.removed", "mv_1", {"alias": "champion"}),
        ("version.withdrawn", "mv_1", {"environment": "eu"}),
        ("model.renamed", None, {"from": "churn", "to": "scam"}),
    ],
)
def test_events_that_do_not_fit_are_named(broken: tuple[str, str | None, dict[str, Any]]):
    with pytest.raises(IntegrityError, match="event 3 of fraud"):
        fold(chain(CREATED, ONE, broken))


def test_a_renamed_model_has_its_new_name_and_another_revision():
    state = fold(chain(CREATED, ONE, ("model.renamed", None, {"from": "fraud", "to": "scam"})))
    assert (state.name, state.revision) == ("scam", 2)


@pytest.mark.feature("EXP-31")
@pytest.mark.parametrize(
    ("reference", "number"),
    [
        ("fraud", 3),
        ("fraud/latest", 3),
        ("fraud@champion", 1),
        ("fraud@nobody", None),
        ("fraud/2", 2),
        ("fraud/1.1.0", 2),
        ("fraud/^1.0", 3),
        ("fraud/^3.0", None),
        ("fraud/staging", 2),
        ("fraud/none", 4),
        ("fraud/eu-production", 2),
        (f"fraud/sha256:{'a' * 64}", 1),
        ("fraud/9", None),
        ("fraud/5.0.0", None),
    ],
)
def test_a_reference_names_what_it_named_then(reference: str, number: int | None):
    state = fold(
        chain(
            CREATED,
            registered("mv_1", 1, "1.0.0", model_hash="a" * 64),
            TWO,
            registered("mv_3", 3, "1.2.0"),
            registered("mv_4", 4, "2.0.0"),
            registered("mv_5", 5, "5.0.0"),
            ("version.deleted", "mv_5", {}),
            ("version.deprecated", "mv_4", {"reason": "bad"}),
            moved("mv_1", "development", "staging"),
            moved("mv_2", "development", "staging"),
            moved("mv_2", "", "eu-production", environment="eu"),
            ("alias.set", "mv_1", {"alias": "champion", "from": None, "to": "mv_1"}),
        )
    )
    found = find(state, Reference.parse(reference))
    assert (found.number if found else None) == number


def test_where_all_are_deprecated_the_highest_of_them_is_the_latest():
    state = fold(
        chain(CREATED, ONE, TWO, *(("version.deprecated", name, {"reason": "x"}) for name in ("mv_1", "mv_2")))
    )
    found = highest(state)
    assert found is not None
    assert found.number == 2
    assert highest(fold(chain(CREATED))) is None


@pytest.mark.feature("EXP-31")
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000000Z"),
        ("2026-03-01T12:00Z", "2026-03-01T12:00:00.000000Z"),
        (" 2026-03-01T12:00:00.5 ", "2026-03-01T12:00:00.500000Z"),
        ("2026-03-01T01:00+02:00", "2026-02-28T23:00:00.000000Z"),
        ("0001-01-01", "0001-01-01T00:00:00.000000Z"),
        (NOW, NOW),
    ],
)
def test_moments_are_read_in_any_offset(text: str, written: str):
    assert moment(text, NOW) == written


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "write 2026"),
        ("yesterday", "write 2026"),
        ("2026-13-01", "write 2026"),
        ("2026-03-01T12:00 02:00", "%2B"),
        ("0001-01-01T00:00+02:00", "write 2026"),
        ("2026-03-02T00:00:00.000001Z", "it is 2026-03-02"),
        ("2030-01-01", "leave it out"),
    ],
)
def test_what_is_no_moment_of_the_past_is_refused(text: str, hint: str):
    with pytest.raises(InvalidRequest) as refused:
        moment(text, NOW)
    assert hint in str(refused.value)
