"""Real processes that want the same thing at the same moment: nothing is lost, given twice or left half done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from components.crowd import together
from components.templates import prepared
from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.events import GENESIS, HASHED, event_hash
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import EventRecord, VersionRecord
from modelyard.errors import InUse, ModelExists, ModelNotFound, PreconditionFailed, VersionNotFound
from modelyard.metadata import journal, models, versions
from modelyard.operations import (
    CREATE_MODEL,
    DELETE,
    DESCRIBE_MODEL,
    LIST_ALIASES,
    LIST_ALL_VERSIONS,
    PROMOTE,
    REGISTER_VERSION,
    SET_ALIAS,
    UPDATE_VERSION,
    CreateModel,
    Delete,
    ListAllVersions,
    NamedModelThen,
    Promote,
    RegisterVersion,
    SetAlias,
    UpdateVersion,
)

EVERYTHING = 1 << 30
CROWD = 8
Place = tuple[str, str]


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Place:
    """Folder and database of an empty registry that exists already."""
    found = str(tmp_path / "registry"), database_url
    open_place(found).close()
    return found


def open_place(place: Place) -> EmbeddedCaller:
    return open_caller(prepared(Path(place[0]), place[1]), place[1])


def all_events(caller: EmbeddedCaller) -> list[EventRecord]:
    with caller.yard.database.read() as tx:
        return journal.page(tx, after=0, limit=EVERYTHING)


def check_chains(caller: EmbeddedCaller) -> list[EventRecord]:
    """Check the chain of every model; return all events."""
    events = all_events(caller)
    last: dict[str, tuple[int, str]] = {}
    for event in events:
        position, previous = last.get(event.model, (0, GENESIS))
        assert (event.position, event.previous) == (position + 1, previous)
        assert event.hash == event_hash({name: getattr(event, name) for name in HASHED})
        last[event.model] = event.position, event.hash
    return events


def every_version(caller: EmbeddedCaller) -> list[VersionRecord]:
    found, token = [], ""
    while True:
        page = caller.call(LIST_ALL_VERSIONS, ListAllVersions(limit=1000, page_token=token))
        found += page.versions
        token = page.next_page_token
        if not token:
            return found


# ------------------------------------------------------------------------------------------------------- registrations


@pytest.mark.feature("VER-17", "STO-14")
@pytest.mark.parametrize("each", [pytest.param(150, marks=[pytest.mark.slow, pytest.mark.timeout(300)]), 25])
def test_registrations_of_one_model_get_numbers_without_gap_or_repeat(place: Place, each: int):
    given = [pair for pairs in together(register_many, [(place, each)] * CROWD) for pair in pairs]
    total = CROWD * each
    assert sorted(number for number, _ in given) == list(range(1, total + 1))
    with open_place(place) as caller:
        stored = sorted((record.number, record.version) for record in every_version(caller))
        assert stored == sorted(given)
        # In the order of their numbers, the versions count up by a patch.
        assert [version for _, version in stored] == [f"0.1.{patch}" for patch in range(total)]
        events = check_chains(caller)
        of_model = [event.type for event in events if event.model]
        assert Counter(of_model) == {"model.created": 1, "version.registered": total}
        assert caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).versions == total


def register_many(place: Place, count: int) -> list[tuple[int, str]]:
    with open_place(place) as caller:
        made = [caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True)) for _ in range(count)]
    assert [record.number for record in made] == sorted(record.number for record in made)
    return [(record.number, record.version) for record in made]


@pytest.mark.feature("VER-17")
def test_the_same_version_is_given_to_one_only(place: Place):
    answers = [answer for answers in together(register_the_same, [(place,)] * CROWD) for answer in answers]
    assert Counter(answers) == {f"{patch} made": 1 for patch in range(5)} | {
        f"{patch} version_exists": CROWD - 1 for patch in range(5)
    }
    with open_place(place) as caller:
        assert sorted(record.number for record in every_version(caller)) == [1, 2, 3, 4, 5]


def register_the_same(place: Place) -> list[str]:
    answers = []
    with open_place(place) as caller:
        for patch in range(5):
            request = RegisterVersion(name="fraud", version=f"1.0.{patch}", create=True)
            answers.append(f"{patch} {outcome(caller, REGISTER_VERSION, request)}")
    return answers


def outcome(caller: EmbeddedCaller, operation: Any, request: Any) -> str:
    """Run an operation; return `made`, or the code of the refusal."""
    try:
        caller.call(operation, request)
    except (ModelExists, ModelNotFound, InUse, PreconditionFailed, VersionNotFound) as error:
        return error.code
    except Exception as error:
        code: str | None = getattr(error, "code", None)
        if code != "version_exists":
            raise
        return code
    return "made"


@pytest.mark.feature("EXP-16")
def test_equal_files_are_registered_by_many_models_at_once(place: Place, tmp_path: Path):
    (tmp_path / "same.bin").write_bytes(b"the same weights")
    digests = together(upload_the_same, [(place, str(tmp_path / "same.bin"), f"model {n}") for n in range(CROWD)])
    assert len({digest for found in digests for digest in found}) == 1
    with open_place(place) as caller:
        assert len(every_version(caller)) == CROWD * 3
        check_chains(caller)


def upload_the_same(place: Place, file: str, model: str) -> list[str]:
    with open_place(place) as caller:
        requests = [RegisterVersion(name=model, create=True) for _ in range(3)]
        return [caller.upload(request, Path(file)).digest for request in requests]


@pytest.mark.feature("REG-01")
def test_one_of_many_creates_a_model(place: Place):
    answers = [answer for answers in together(create_models, [(place,)] * CROWD) for answer in answers]
    expected = {f"{n} made": 1 for n in range(5)} | {f"{n} model_exists": CROWD - 1 for n in range(5)}
    assert Counter(answers) == expected
    with open_place(place) as caller:
        assert [event.type for event in check_chains(caller)] == ["model.created"] * 5


def create_models(place: Place) -> list[str]:
    with open_place(place) as caller:
        return [f"{n} {outcome(caller, CREATE_MODEL, CreateModel(name=f'model {n}'))}" for n in range(5)]


@pytest.mark.feature("REG-14")
def test_models_that_come_and_go_keep_their_names_unique(place: Place):
    answers = Counter(
        answer for answers in together(come_and_go, [(place, n) for n in range(CROWD)]) for answer in answers
    )
    assert set(answers) <= {"registered", "deleted", "model_not_found"}
    with open_place(place) as caller:
        events = all_events(caller)
        kinds = Counter(event.type for event in events)
        assert kinds["version.registered"] == answers["registered"] == CROWD * 5
        assert kinds["model.deleted"] == answers["deleted"]
        with caller.yard.database.read() as tx:
            live = models.count(tx)
        assert kinds["model.created"] == kinds["model.deleted"] + live
        assert live <= 1


def come_and_go(place: Place, number: int) -> list[str]:
    answers = []
    with open_place(place) as caller:
        for _ in range(5):
            caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True))
            answers.append("registered")
            if number % 2:
                answer = outcome(caller, DELETE, Delete(reference="fraud", force=True))
                answers.append("deleted" if answer == "made" else answer)
    return answers


# ------------------------------------------------------------------------------------------------ movable things


@pytest.mark.feature("EXP-02")
def test_no_compare_and_swap_of_an_alias_is_lost(place: Place):
    each = 6
    with open_place(place) as caller:
        for _ in range(CROWD * each + 1):
            caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True))
        caller.call(SET_ALIAS, SetAlias(name="fraud", alias="counter", version="1"))
    retries = together(move_on, [(place, each)] * CROWD)
    with open_place(place) as caller:
        (alias,) = caller.call(LIST_ALIASES, NamedModelThen(name="fraud")).aliases
        assert alias.number == CROWD * each + 1
        moves = [event for event in check_chains(caller) if event.type == "alias.set"]
        assert len(moves) == CROWD * each + 1
    assert sum(retries), "no two of them met"


def move_on(place: Place, times: int) -> int:
    """Point the alias to the version after the one it points to, again and again; return how often others won."""
    retries = 0
    with open_place(place) as caller:
        while times:
            (alias,) = caller.call(LIST_ALIASES, NamedModelThen(name="fraud")).aliases
            request = SetAlias(name="fraud", alias="counter", version=str(alias.number + 1), if_match=alias.revision)
            if outcome(caller, SET_ALIAS, request) == "made":
                times -= 1
            else:
                retries += 1
    return retries


def test_no_compare_and_swap_of_metadata_is_lost(place: Place):
    each = 5
    with open_place(place) as caller:
        caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True, extra={"count": 0}))
    together(count_up, [(place, each)] * CROWD)
    with open_place(place) as caller:
        (record,) = every_version(caller)
        assert record.extra == {"count": CROWD * each}
        assert record.revision == CROWD * each + 1


def count_up(place: Place, times: int) -> None:
    with open_place(place) as caller:
        while times:
            (record,) = every_version(caller)
            extra = {"count": record.extra["count"] + 1}
            request = UpdateVersion(reference=record.id, metadata={"extra": extra}, if_match=record.revision)
            times -= outcome(caller, UPDATE_VERSION, request) == "made"


@pytest.mark.feature("STG-05")
def test_production_never_has_two_holders(place: Place):
    with open_place(place) as caller:
        for _ in range(CROWD):
            made = caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True))
            caller.call(PROMOTE, Promote(reference=made.id, target_stage="staging"))
    assert together(take_production, [(place, n + 1) for n in range(CROWD)]) == [True] * CROWD
    with open_place(place) as caller:
        stages = Counter(str(record.stage) for record in every_version(caller))
        assert stages == {"production": 1, "archived": CROWD - 1}
        holders: set[str] = set()
        for event in check_chains(caller):
            if event.type == "version.stage_moved":
                holders.discard(event.version_id or "")
                if event.data["to"] == "production":
                    holders.add(event.version_id or "")
            assert len(holders) <= 1


def take_production(place: Place, number: int) -> bool:
    """Promote a version to production; tell whether nobody else was seen there at any moment."""
    with open_place(place) as caller:
        seen = []
        for step in range(3):
            if step == 1:
                caller.call(PROMOTE, Promote(reference=f"fraud/{number}", target_stage="production"))
            page = caller.call(LIST_ALL_VERSIONS, ListAllVersions(stage="production"))
            seen.append(len(page.versions))
    return max(seen) <= 1 and seen[-1] == 1


# ------------------------------------------------------------------------------------------------------------ deletion


@pytest.mark.feature("EXP-34")
def test_what_gets_an_alias_is_not_deleted_at_the_same_moment(place: Place):
    rounds = 12
    with open_place(place) as caller:
        for _ in range(rounds):
            caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True))
    roles = ["delete", "alias"] * 2
    answers = together(delete_or_alias, [(place, role, rounds) for role in roles])
    with open_place(place) as caller:
        present = {record.number: record.aliases for record in every_version(caller)}
        for number in range(1, rounds + 1):
            aliased = any(
                answer[number - 1] == "made" for role, answer in zip(roles, answers, strict=True) if role == "alias"
            )
            assert present.get(number, []) == ([f"a{number}"] if aliased else []), number
            assert (number in present) == aliased
        check_chains(caller)


def delete_or_alias(place: Place, role: str, rounds: int) -> list[str]:
    answers = []
    with open_place(place) as caller:
        for number in range(1, rounds + 1):
            if role == "delete":
                answers.append(outcome(caller, DELETE, Delete(reference=f"fraud/{number}")))
            else:
                answers.append(
                    outcome(caller, SET_ALIAS, SetAlias(name="fraud", alias=f"a{number}", version=str(number)))
                )
    return answers


@pytest.mark.feature("EXP-34")
def test_what_becomes_a_parent_is_not_deleted_at_the_same_moment(place: Place):
    rounds = 25
    with open_place(place) as caller:
        for _ in range(rounds):
            caller.call(REGISTER_VERSION, RegisterVersion(name="base", create=True))
    together(delete_or_derive, [(place, role, rounds) for role in ("delete", "derive") * 2])
    with open_place(place) as caller, caller.yard.database.read() as tx:
        children = [record for record in every_version(caller) if record.name == "tuned"]
        orphans = [child.version for child in children if versions.by_id(tx, child.parent_id or "") is None]
    assert orphans == []


def delete_or_derive(place: Place, role: str, rounds: int) -> None:
    with open_place(place) as caller:
        for number in range(1, rounds + 1):
            if role == "delete":
                outcome(caller, DELETE, Delete(reference=f"base/{number}"))
            else:
                request = RegisterVersion(name="tuned", create=True, parent=f"base/{number}")
                outcome(caller, REGISTER_VERSION, request)


def test_versions_are_ordered_as_semver_orders_them_whoever_registers(place: Place):
    together(register_texts, [(place, n) for n in range(CROWD)])
    with open_place(place) as caller:
        texts = [record.version for record in every_version(caller)]
        assert len(set(texts)) == len(texts) == CROWD * 4
        with caller.yard.database.read() as tx:
            top = versions.highest_ever(tx, models.by_name(tx, "fraud").id)  # type: ignore[union-attr]
        assert SemVer.parse(top or "") == max(map(SemVer.parse, texts))


def register_texts(place: Place, number: int) -> None:
    with open_place(place) as caller:
        for text in (f"{number}.0.0", f"1.{number + 10}.0", f"2.0.0-rc.{number}", f"2.0.{number + 1}+build"):
            caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", version=text, create=True))
