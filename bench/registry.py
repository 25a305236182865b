"""Times the registry over many versions against the same over few, on SQLite and PostgreSQL, in one run.

    python bench/registry.py [--quick] [--only sqlite|postgresql] [--rounds N]

    search     first page of a search, for words that all, half, a hundredth or five of the versions have, old and new
    list       first page of all versions, of one model's versions, of the models
    resolve    a version by an alias, in process
    event      appending an event, above an empty transaction
    register   eight processes that register versions of one model at the same moment

The first three compare a registry of 100,000 versions with one of 1,000. Ends with 1 if a goal is missed or if a
registration is lost. Needs the packages of the test group; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from components.crowd import together
from components.postgres import PostgresServer, start_server
from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.search import document
from modelyard.domain.versions import SemVer, precedence_key
from modelyard.metadata import journal, models
from modelyard.metadata.search import INSERT
from modelyard.metadata.tables import aliases, versions
from modelyard.metadata.tables import models as models_table
from modelyard.operations import (
    LIST_ALL_VERSIONS,
    LIST_MODELS,
    LIST_VERSIONS,
    REGISTER_VERSION,
    RESOLVE,
    SEARCH,
    ListAllVersions,
    ListModels,
    ListVersions,
    NamedThen,
    RegisterVersion,
    Search,
)

AT = "2026-03-01T12:00:00.000000Z"
MODELS = 20
BATCH = 5_000
WRITERS = 8
IN_PRODUCTION = 7
LAST_IN_STAGING = 2_000
GOAL = 2.0
MS = 1e3
KINDS = ("sqlite", "postgresql")
QUERIES = {
    "common": ("fraud", 50),
    "prefix": ("detect", 50),
    "half": ("even", 50),
    "two common": ("fraud even", 50),
    "one of 100": ("hundredth", 9),
    "one of 100, old": ("earlyhundredth", 9),
    "rare": ("needle", 5),
    "none": ("nowhere", 50),
}
"""What is searched for, and a page size that the small registry fills as well as the large one."""

HARD = {"half, old": ("early", 50), "common and rare": ("fraud needle", 5)}
"""Searches without a goal: where the newest versions do not match, the cost on PostgreSQL grows with the matches."""


@dataclass(frozen=True)
class Place:
    """Where a registry lies: its folder, and its database unless it is a SQLite file in the folder."""

    folder: Path
    url: str = ""

    def open(self) -> EmbeddedCaller:
        """Open it, as a user would."""
        return open_caller(self.folder, self.url)


# ------------------------------------------------------------------------------------------------------------- filling


def description(number: int, total: int, dice: random.Random) -> str:
    """Return the text of a version, with marker words at known frequencies among words of a skewed vocabulary."""
    words = [f"word{int(dice.paretovariate(0.6)) % 20_000}" for _ in range(25)]
    words += ["even"] if number % 2 == 0 else []
    words += ["early"] if number <= total // 2 else []
    words += ["hundredth"] if number % 100 == 0 else []
    words += ["earlyhundredth"] if number <= total // 100 else []
    words += ["needle"] if number % (total // 5) == 1 else []
    return " ".join(words)


def fill(caller: EmbeddedCaller, total: int) -> None:
    """Write models with `total` versions in all straight into the tables, half of them in the first model."""
    dice = random.Random(1)  # noqa: S311 - the same words in every run
    with caller.yard.database.write() as tx:
        for model in range(MODELS):
            facts = {"id": f"md_{model:02}", "name": f"FraudDetector-{model:02}", "tags": {}, "at": AT}
            models.add(tx, {**facts, "description": "", "owner": "" if model else "ada", "team": ""})
    counts = [0] * MODELS
    for start in range(1, total + 1, BATCH):
        rows = []
        for number in range(start, min(start + BATCH, total + 1)):
            model = 0 if number % 2 else number // 2 % MODELS
            counts[model] += 1
            rows.append(version_row(number, model, counts[model], description(number, total, dice)))
        with caller.yard.database.write() as tx:
            tx.run(insert(versions), [row for row, _ in rows])
            tx.run(INSERT[tx.dialect], [{"seq": row["seq"], "body": words} for row, words in rows])
    with caller.yard.database.write() as tx:
        for model, count in enumerate(counts):
            tx.run(
                models_table.update()
                .where(models_table.c.id == f"md_{model:02}")
                .values(last_number=count, live_versions=count)
            )
        alias = {"model_id": "md_00", "alias": "champion", "version_id": f"mv_{1:026}", "revision": 1, "updated_at": AT}
        tx.run(insert(aliases), alias)
        if tx.dialect == "postgresql":
            tx.connection.execute(text("SELECT setval('versions_seq_seq', (SELECT max(seq) FROM versions))"))
    if not caller.yard.database.is_sqlite:
        with caller.yard.database.write() as tx:
            tx.connection.execute(text("ANALYZE"))


def stage_of(place: int) -> str:
    """Return where the version of that number stands: an old one in production, some in staging."""
    if place == IN_PRODUCTION:
        return "production"
    return "staging" if place % 10 == 0 and place < LAST_IN_STAGING else "development"


def version_row(number: int, model: int, place: int, prose: str) -> tuple[dict[str, Any], str]:
    """Return a row of `versions` and its words."""
    version = f"1.{place}.0"
    row = {
        "seq": number,
        "id": f"mv_{number:026}",
        "model_id": f"md_{model:02}",
        "number": place,
        "version": version,
        "precedence": precedence_key(SemVer.parse(version)),
        "stage": stage_of(place),
        "document": f'{{"description":"{prose}","framework":"sklearn","metrics":{{"accuracy":0.9}}}}',
        "framework": "sklearn",
        "revision": 1,
        "size": 0,
        **dict.fromkeys(("label", "digest", "model_hash"), ""),
        "status": "READY",
        "created_at": AT,
        "updated_at": AT,
    }
    return row, document([f"FraudDetector-{model:02}", version, prose, "sklearn"])


# ------------------------------------------------------------------------------------------------------------- timing


def seconds(action: Callable[[], object]) -> float:
    """Run an action and give how long it took."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def compare(name: str, few: Callable[[], object], many: Callable[[], object], rounds: int, goal: float | None) -> bool:
    """Time both by turns, print the ratio of the medians; tell whether it is within the goal."""
    short: list[float] = []
    long: list[float] = []
    for turn in range(rounds + 2):
        for action, times in ((few, short), (many, long)):
            took = seconds(action)
            if turn > 1:
                times.append(took)
    ratio = median(long) / median(short)
    good = goal is None or ratio <= goal
    aim = "no goal" if goal is None else f"goal {goal}: {'reached' if good else 'MISSED'}"
    print(f"{name:30} {ratio:6.2f} x ({aim}; {median(short) * MS:.2f} ms -> {median(long) * MS:.2f} ms)", flush=True)
    return good


def reading(few: EmbeddedCaller, many: EmbeddedCaller, rounds: int) -> bool:
    """Compare all reading operations; tell whether all goals are reached."""
    first = "FraudDetector-00"
    asked: list[tuple[str, Any, Any, float | None]] = [
        *((f"search, {name}", SEARCH, Search(q=words, limit=limit), GOAL) for name, (words, limit) in QUERIES.items()),
        *((f"search, {name}", SEARCH, Search(q=words, limit=limit), None) for name, (words, limit) in HARD.items()),
        ("search, common in a rare stage", SEARCH, Search(q="fraud", stage="staging"), None),
        ("search, common of who has half", SEARCH, Search(q="fraud", owner="ada"), None),
        ("search, the other half of it", SEARCH, Search(q="even", owner="ada"), None),
        ("search, common of nobody", SEARCH, Search(q="fraud", owner="nobody"), None),
        ("list of versions", LIST_ALL_VERSIONS, ListAllVersions(), GOAL),
        ("list of versions in a stage", LIST_ALL_VERSIONS, ListAllVersions(stage="staging", limit=20), GOAL),
        ("list of a model's versions", LIST_VERSIONS, ListVersions(name=first), GOAL),
        ("list of models", LIST_MODELS, ListModels(), GOAL),
        ("resolve an alias", RESOLVE, NamedThen(reference=f"{first}@champion"), GOAL),
        ("resolve latest", RESOLVE, NamedThen(reference=f"{first}/latest"), GOAL),
        ("resolve the one in production", RESOLVE, NamedThen(reference=f"{first}/production"), GOAL),
    ]

    def ask(caller: EmbeddedCaller, operation: Any, request: Any) -> Callable[[], object]:
        return lambda: caller.call(operation, request)

    results = [
        compare(name, ask(few, operation, request), ask(many, operation, request), rounds, goal)
        for name, operation, request, goal in asked
    ]
    return all(results)


def appending(caller: EmbeddedCaller, rounds: int) -> None:
    """Print what an event adds to a transaction, and what a registration costs in all."""
    database = caller.yard.database

    def empty() -> None:
        with database.write() as tx:
            models.lock_by_id(tx, "md_00")
            models.touch(tx, "md_00", AT)

    def events(count: int) -> None:
        with database.write() as tx:
            models.lock_by_id(tx, "md_00")
            models.touch(tx, "md_00", AT)
            for _ in range(count):
                journal.append(tx, model_id="md_00", kind="thing.done", at=AT, actor="ada", data={"reason": "because"})

    bare = median(seconds(empty) for _ in range(rounds))
    ten = median(seconds(lambda: events(10)) for _ in range(rounds))
    request = RegisterVersion(name="FraudDetector-01", description="words " * 20)
    whole = median(seconds(lambda: caller.call(REGISTER_VERSION, request)) for _ in range(rounds))
    print(f"{'event':30} {(ten - bare) / 10 * MS:6.2f} ms each, above {bare * MS:.2f} ms of an empty change")
    print(f"{'register, no files':30} {whole * MS:6.2f} ms", flush=True)


# ------------------------------------------------------------------------------------------------------- registrations


def register_many(folder: Path, url: str, count: int) -> list[tuple[int, str]]:
    """Register versions of one model; return their numbers and SemVers."""
    with open_caller(folder, url) as caller:
        made = [caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", create=True)) for _ in range(count)]
    return [(record.number, record.version) for record in made]


def registering(place: Place, each: int) -> bool:
    """Let many processes register at once, print their throughput; tell whether nothing was lost or given twice."""
    place.open().close()
    together(register_many, [(place.folder / "warm", place.url, 0)] * WRITERS)
    started = time.perf_counter()
    given = [pair for pairs in together(register_many, [(place.folder, place.url, each)] * WRITERS) for pair in pairs]
    took = time.perf_counter() - started
    numbers, texts = {number for number, _ in given}, {version for _, version in given}
    good = len(given) == len(numbers) == len(texts) == WRITERS * each == max(numbers)
    print(
        f"{'register, 8 processes':30} {len(given) / took:6.0f} a second; {len(numbers)} distinct numbers and "
        f"{len(texts)} distinct SemVers of {WRITERS * each}: {'whole' if good else 'LOST'}",
        flush=True,
    )
    return good


# --------------------------------------------------------------------------------------------------------------- main


@contextmanager
def places(kind: str, folder: Path) -> Iterator[Callable[[str], Place]]:
    """Yield a function that makes new registries by name, on a database of one kind."""
    server: PostgresServer | None = start_server() if kind == "postgresql" else None
    try:
        yield lambda name: Place(folder / kind / name, server.url(server.create_database()) if server else "")
    finally:
        if server:
            server.stop()


def run(kind: str, folder: Path, sizes: tuple[int, int], rounds: int, each: int) -> bool:
    """Run everything on one kind of database."""
    print(f"-- {kind}: {sizes[1]:,} versions against {sizes[0]:,}", flush=True)
    with ExitStack() as stack:
        new = stack.enter_context(places(kind, folder))
        few, many = (stack.enter_context(new(str(size)).open()) for size in sizes)
        for caller, size in ((few, sizes[0]), (many, sizes[1])):
            fill(caller, size)
        good = reading(few, many, rounds)
        appending(many, rounds)
        return registering(new("race"), each) and good


def main() -> int:
    """Read the arguments, run, clean up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size, a tenth of the registrations")
    parser.add_argument("--only", choices=KINDS, help="one database instead of both")
    parser.add_argument("--rounds", type=int, default=31, help="how often each row is timed (default 31)")
    arguments = parser.parse_args()
    sizes, each = ((500, 5_000), 15) if arguments.quick else ((1_000, 100_000), 150)
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as folder:
        kinds = [arguments.only] if arguments.only else KINDS
        results = [run(kind, Path(folder), sizes, arguments.rounds, each) for kind in kinds]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
