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
    Named,
    RegisterVersion,
    Search,
)

AT = "2026-03-01T12:00:00.000000Z"
MODELS = 20
BATCH = 5_000
WRITERS = 8
GOAL = 2.0
SCALE_MS = 1e3
QUERIES = {
    "common": "fraud",
    "prefix": "detect",
    "half": "even",
    "half, long ago": "early",
    "one of 100": "hundredth",
    "one of 100, long ago": "earlyhundredth",
    "rare": "needle",
    "two words": "fraud even",
    "none": "nowhere",
}


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
    dice = random.Random(1)
    with caller.yard.database.write() as tx:
        for model in range(MODELS):
            models.add(
                tx,
                {
                    "id": f"md_{model:02}", "name": f"FraudDetector-{model:02}", "description": "", "owner": "", "team": "",
                    "tags": {}, "at": AT,
                },
            )  # fmt: skip
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
            tx.run(models_table.update().where(models_table.c.id == f"md_{model:02}").values(last_number=count))
        alias = {"model_id": "md_00", "alias": "champion", "version_id": f"mv_{1:026}", "revision": 1, "updated_at": AT}
        tx.run(insert(aliases), alias)
        if tx.dialect == "postgresql":
            tx.connection.execute(text("SELECT setval('versions_seq_seq', (SELECT max(seq) FROM versions))"))
    if not caller.yard.database.is_sqlite:
        with caller.yard.database.write() as tx:
            tx.connection.execute(text("ANALYZE"))


def version_row(number: int, model: int, place: int, prose: str) -> tuple[dict[str, Any], str]:
    """Return a row of `versions` and its words."""
    version = f"1.{place}.0"
    row = {
        "seq": number, "id": f"mv_{number:026}", "model_id": f"md_{model:02}", "number": place, "version": version,
        "precedence": precedence_key(SemVer.parse(version)), "label": "", "stage": "staging" if place % 500 == 0 else "development",
        "status": "READY", "revision": 1, "digest": "", "model_hash": "", "size": 0, "framework": "sklearn",
        "document": f'{{"description":"{prose}","framework":"sklearn","metrics":{{"accuracy":0.9}}}}',
        "created_at": AT, "updated_at": AT,
    }  # fmt: skip
    return row, document([f"FraudDetector-{model:02}", version, prose, "sklearn"])


# ------------------------------------------------------------------------------------------------------------- timing


def seconds(action: Callable[[], object]) -> float:
    """Run an action and give how long it took."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def compare(name: str, few: Callable[[], object], many: Callable[[], object], rounds: int) -> bool:
    """Time both by turns, print the ratio of the medians; tell whether it is within the goal."""
    short, long = [], []
    for turn in range(rounds + 2):
        for action, times in ((few, short), (many, long)):
            took = seconds(action)
            if turn > 1:
                times.append(took)
    ratio = median(long) / median(short)
    good = ratio <= GOAL
    print(
        f"{name:34} {ratio:6.2f} x (goal {GOAL}: {'reached' if good else 'MISSED'}; "
        f"{median(short) * SCALE_MS:.2f} ms -> {median(long) * SCALE_MS:.2f} ms)",
        flush=True,
    )
    return good


def read_rows(few: EmbeddedCaller, many: EmbeddedCaller, rounds: int) -> bool:
    """Compare all reading operations."""
    asked: dict[str, tuple[Any, Any]] = {
        f"search, {name}": (SEARCH, Search(q=words)) for name, words in QUERIES.items()
    }
    asked["search, common in a stage"] = (SEARCH, Search(q="fraud", stage="staging"))
    asked["list of versions"] = (LIST_ALL_VERSIONS, ListAllVersions())
    asked["list of versions in a stage"] = (LIST_ALL_VERSIONS, ListAllVersions(stage="production"))
    asked["list of a model's versions"] = (LIST_VERSIONS, ListVersions(name="FraudDetector-00"))
    asked["list of models"] = (LIST_MODELS, ListModels())
    asked["resolve by alias"] = (RESOLVE, Named(reference="FraudDetector-00@champion"))
    asked["resolve latest"] = (RESOLVE, Named(reference="FraudDetector-00/latest"))

    def ask(caller: EmbeddedCaller, operation: Any, request: Any) -> Callable[[], object]:
        return lambda: caller.call(operation, request)

    results = [compare(name, ask(few, *what), ask(many, *what), rounds) for name, what in asked.items()]
    return all(results)
