"""kill -9 at any moment: the registry opens afterwards, what was reported is there, each version is whole or absent.

A child registers, promotes, moves aliases and deletes in a loop. It tells the parent of each step before it begins and
after it is done. The parent kills it at a random moment, opens the registry as the next user would, and compares it
with the steps it was told of: all that are done are there, and of the one under way either everything or nothing.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
import pytest
from blake3 import blake3

from components.crowd import alone
from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.events import GENESIS, HASHED, event_hash
from modelyard.domain.wire import EventRecord, VersionRecord
from modelyard.metadata import journal, views
from modelyard.operations import (
    COLLECT_GARBAGE,
    DELETE,
    LIST_ALL_VERSIONS,
    PROMOTE,
    SET_ALIAS,
    VERIFY,
    CollectGarbage,
    Delete,
    ListAllVersions,
    Named,
    Promote,
    RegisterVersion,
    SetAlias,
)

MODEL = "fraud"
SIZES = (60_000, 3 << 20, 9 << 20)
MOST_VERSIONS = 5
LONGEST_WAIT = 0.3
PATIENCE = 60.0
EVERYTHING = 1 << 30
NEXT_STAGE = {"development": "staging", "staging": "production"}


@dataclass(frozen=True)
class Facts:
    """What the test knows of a version."""

    number: int
    stage: str = "development"
    aliases: frozenset[str] = frozenset()


State = dict[int, Facts]
Step = tuple[str, int, str]


def content(number: int) -> bytes:
    """Return the bytes that the version of this number has."""
    return random.Random(number).randbytes(SIZES[number % len(SIZES)])


@cache
def digest(number: int) -> str:
    return blake3(content(number)).hexdigest()


def after(state: State, step: Step) -> State:
    """Return what the registry holds once a step is done."""
    kind, number, text = step
    new = dict(state)
    match kind:
        case "register":
            new[number] = Facts(number)
        case "promote":
            for other in state.values():
                if text == other.stage == "production":
                    new[other.number] = replace(other, stage="archived")
            new[number] = replace(state[number], stage=text)
        case "alias":
            new = {key: replace(facts, aliases=facts.aliases - {text}) for key, facts in state.items()}
            new[number] = replace(new[number], aliases=new[number].aliases | {text})
        case "delete":
            del new[number]
    return new


def choose(state: State, following: int, dice: random.Random) -> Step:
    """Return a step that is legal now; `following` is the number that the next version will get."""
    free = [facts for facts in state.values() if not facts.aliases and facts.stage != "production"]
    steps: list[Step] = [
        ("promote", facts.number, NEXT_STAGE[facts.stage]) for facts in state.values() if facts.stage in NEXT_STAGE
    ]
    steps += [("alias", number, dice.choice(["champion", "challenger"])) for number in state]
    if len(state) < MOST_VERSIONS:
        steps += [("register", following, "")] * 4
    elif free:
        steps += [("delete", facts.number, "") for facts in free] * 3
    return dice.choice(steps)


# --------------------------------------------------------------------------------------------------------- the child


def work(pipe: Connection, folder: str, url: str, state: State, following: int, seed: int) -> None:
    """Take one step after the other, and tell of each before and after, until somebody ends the process."""
    dice = random.Random(seed)
    source = Path(folder).parent / "model.bin"
    with open_caller(Path(folder), url) as caller:
        while True:
            step = choose(state, following, dice)
            if step[0] == "register":
                source.write_bytes(content(following))
            pipe.send(("begun", step))
            take(caller, step, source)
            pipe.send(("done", step))
            state = after(state, step)
            following += step[0] == "register"


def take(caller: EmbeddedCaller, step: Step, source: Path) -> None:
    kind, number, text = step
    version = f"1.0.{number}"
    match kind:
        case "register":
            caller.upload(RegisterVersion(name=MODEL, version=version, create=True), source)
        case "promote":
            caller.call(PROMOTE, Promote(reference=f"{MODEL}/{version}", target_stage=text))
        case "alias":
            caller.call(SET_ALIAS, SetAlias(name=MODEL, alias=text, version=version))
        case "delete":
            caller.call(DELETE, Delete(reference=f"{MODEL}/{version}"))


# ------------------------------------------------------------------------------------------------------- the parent


def told(pipe: Connection) -> list[tuple[str, Step]]:
    """Return all that the child has told of."""
    messages = []
    try:
        while pipe.poll():
            messages.append(pipe.recv())
    except EOFError:
        pass
    return messages


def present(caller: EmbeddedCaller) -> list[VersionRecord]:
    return caller.call(LIST_ALL_VERSIONS, ListAllVersions(limit=1000)).versions


def observed(records: list[VersionRecord]) -> State:
    facts = [
        Facts(int(record.version.rpartition(".")[2]), str(record.stage), frozenset(record.aliases))
        for record in records
    ]
    return {fact.number: fact for fact in facts}


def check_content(caller: EmbeddedCaller, records: list[VersionRecord]) -> None:
    for record in records:
        number = int(record.version.rpartition(".")[2])
        assert [(file.path, file.blake3) for file in record.files] == [("model.bin", digest(number))]
        assert caller.call(VERIFY, Named(reference=record.id)).damage == []


def check_events(caller: EmbeddedCaller, records: list[VersionRecord]) -> None:
    """Check the chain, and that its events, folded up, give the state."""
    with caller.yard.database.read() as tx:
        events = journal.page(tx, after=0, limit=EVERYTHING)
        assert not views.waiting(tx)
    previous = GENESIS
    for position, event in enumerate(events, 1):
        assert (event.position, event.previous) == (position, previous)
        assert event.hash == event_hash({name: getattr(event, name) for name in HASHED})
        previous = event.hash
    assert folded(events) == {record.id: (str(record.stage), frozenset(record.aliases)) for record in records}


def folded(events: list[EventRecord]) -> dict[str, tuple[str, frozenset[str]]]:
    stages: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for event in events:
        version = event.version_id or ""
        match event.type:
            case "version.registered":
                stages[version] = event.data["stage"]
            case "version.stage_moved":
                assert stages[version] == event.data["from"]
                stages[version] = event.data["to"]
            case "alias.set":
                assert aliases.get(event.data["alias"]) == event.data["from"]
                aliases[event.data["alias"]] = version
            case "version.deleted":
                del stages[version]
    return {
        version: (stage, frozenset(alias for alias, holder in aliases.items() if holder == version))
        for version, stage in stages.items()
    }


def check_views(caller: EmbeddedCaller, records: list[VersionRecord]) -> None:
    """Check that the readable tree holds the live versions, as they are now, and nothing else."""
    root = caller.yard.store.root
    assert root is not None
    folder = root / "view" / MODEL
    assert {path.name for path in folder.glob("*")} == {record.version for record in records}
    for record in records:
        place = folder / record.version
        assert {path.name for path in place.iterdir()} == {"model.bin", "metadata.json", "metrics.json"}
        facts = json.loads((place / "metadata.json").read_bytes())
        assert [facts[key] for key in ("version_id", "stage", "digest")] == [record.id, record.stage, record.digest]
        assert (place / "model.bin").stat().st_size == record.model_size_bytes


def check_rest(caller: EmbeddedCaller) -> None:
    """Check that a collector leaves exactly what live versions need."""
    root = caller.yard.store.root
    assert root is not None
    for left in (root / "tmp").iterdir():
        # The collector spares what an upload may still be writing to, and cannot know that this one was killed.
        os.utime(left, times=(0, 0))
    caller.call(COLLECT_GARBAGE, CollectGarbage(grace_seconds=0))
    records = present(caller)
    assert not list((root / "tmp").iterdir())
    stored = {path.parent.name + path.name for path in (root / "blobs").glob("*/*")}
    assert stored == {file.blake3 for record in records for file in record.files}
    check_content(caller, records)


def kill_once(
    folder: Path, url: str, state: State, following: int, dice: random.Random
) -> tuple[State, Step | None, int]:
    """Let a child work and kill it.

    Returns:
        The state after all steps that the child has reported, the step that was under way, and how many were reported.
    """
    with alone(work, str(folder), url, state, following, dice.getrandbits(32)) as (child, pipe):
        assert pipe.poll(PATIENCE), "the child does not begin"
        child.join(dice.uniform(0, LONGEST_WAIT))
        assert child.exitcode is None, "the child ended of its own"
        child.kill()
        child.join()
        messages = told(pipe)
    done = [step for kind, step in messages if kind == "done"]
    for step in done:
        state = after(state, step)
    under_way = messages[-1][1] if messages[-1][0] == "begun" else None
    return state, under_way, len(done)


def wait_until_forgotten(url: str) -> None:
    """Wait until PostgreSQL has noticed that the child is gone; a COMMIT that it had sent is carried out before."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        while True:
            left = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
            if left == (0,):
                return
            assert time.monotonic() < deadline, "the server keeps the connections of a dead process"


def run(folder: Path, url: str, kills: int) -> Counter[str]:
    """Kill a child that works on a registry many times, and check the registry each time."""
    dice = random.Random()
    state: State = {}
    following, tally = 1, Counter[str]()
    for _ in range(kills):
        reported, under_way, count = kill_once(folder, url, state, following, dice)
        tally["reported"] += count
        tally[under_way[0] if under_way else "between"] += 1
        if url:
            wait_until_forgotten(url)
        with open_caller(folder, url) as caller:
            records = present(caller)
            state = observed(records)
            possible = [reported, after(reported, under_way)] if under_way else [reported]
            assert state in possible, under_way
            tally["half way"] += under_way is not None and state == possible[-1]
            check_content(caller, records)
            check_events(caller, records)
            check_views(caller, records)
            following = 1 + max([following - 1, *highest_number(caller)])
    with open_caller(folder, url) as caller:
        check_rest(caller)
    return tally


def highest_number(caller: EmbeddedCaller) -> list[int]:
    with caller.yard.database.read() as tx:
        events: list[Any] = journal.page(tx, after=0, limit=EVERYTHING)
    return [event.data["number"] for event in events if event.type == "version.registered"]


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.feature("STO-01", "STO-08", "MET-14")
def test_a_registry_on_sqlite_survives_kills_at_any_moment(tmp_path: Path) -> None:
    tally = run(tmp_path / "registry", "", kills=45)
    assert tally["reported"] > 45
    assert tally["register"]


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.feature("STO-01", "STO-09", "MET-14")
def test_a_registry_on_postgresql_survives_kills_at_any_moment(tmp_path: Path, postgres_url: str) -> None:
    tally = run(tmp_path / "registry", postgres_url, kills=12)
    assert tally["reported"] > 12
