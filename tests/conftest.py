"""What every test can use: the `feature` mark, real components, and settings that make runs alike.

- `@pytest.mark.feature("REG-01")` is refused for ids that docs/features.md does not list.
- `need("postgres")` (from `components.needs`) skips a test without the component; the last lines of a run count them.
- `postgres_url` is a new database with the newest schema, on a real PostgreSQL that starts when the first test of a
  worker asks for it; `empty_postgres_url` is one without anything.
- Compiled modules are kept, as they are wherever modelyard is used, whatever PYTHONDONTWRITEBYTECODE says: each of the
  many processes that tests start would compile all that it imports, which takes longer than its work.
- Temporary folders lie in memory where there is plenty: what tests kill are processes, never the machine, so nothing
  that they show takes a disk, and waiting for one took a third of their time. TMPDIR says otherwise.
- MODELYARD_* variables of the developer's shell do not reach the tests, except for those that are meant for them
  (MODELYARD_REQUIRE, MODELYARD_SCREENSHOTS); nor does the developer's cache: XDG_CACHE_HOME is a folder of the run.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings

from components import needs
from components.postgres import MEMORY, PostgresServer, has_room, start_server
from components.statements import share_compiled
from components.templates import template_of
from tools.features import promises

PROJECT = Path(__file__).resolve().parent.parent
REPEATED = frozenset({"postgresql", "url"})
"""Parameters of fixtures that stand for the same once more."""
STORIES = frozenset(
    f"test_{name}.py"
    for name in (
        "ci", "ci_templates", "documents", "how_to_flask", "how_to_hub", "how_to_serve", "mlflow_clients", "process",
        "quickstart", "readme",
    )
)  # fmt: skip
"""Modules of tests/e2e that run whole programs, whose parts have tests of their own."""
FOR_TESTS = frozenset({"MODELYARD_REQUIRE", "MODELYARD_SCREENSHOTS"})
"""Variables that say how tests are run."""
PLENTY = 4 << 30
"""Bytes of memory that have to be free for temporary folders."""
MEASURED = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage finds the processes that tests start."""

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what makes a run complete."""
    parser.addoption("--every-way", action="store_true", help="run each test of tests/contract/registry by every way")


def pytest_configure(config: pytest.Config) -> None:
    """Set up what must hold before the first test module is imported."""
    share_compiled()
    settings.load_profile("ci" if os.environ.get("CI") else "dev")
    for name in [name for name in os.environ if name.startswith("MODELYARD_") and name not in FOR_TESTS]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if "TMPDIR" not in os.environ and has_room(MEMORY, PLENTY):
        os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None
    caches = tempfile.mkdtemp(prefix="modelyard-tests-")
    os.environ["XDG_CACHE_HOME"] = caches
    config.add_cleanup(lambda: shutil.rmtree(caches, ignore_errors=True))
    config.stash[_FOUND], config.stash[_MISSING] = set(), {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse marks that name a promise which does not exist."""
    known = promises((PROJECT / "docs" / "features.md").read_text(encoding="utf-8"))
    for item in items:
        for mark in item.iter_markers("feature"):
            unknown = [identifier for identifier in mark.args if identifier not in known]
            if unknown or not mark.args:
                names = ", ".join(map(str, unknown)) or "nothing"
                raise pytest.UsageError(f"{item.nodeid}: feature({names}) is not in docs/features.md")


def is_long(item: pytest.Item) -> bool:
    """Whether a test goes on for long: what it does is done by short ones too, and measuring takes as long again."""
    marked = any(item.get_closest_marker(name) for name in ("slow", "kill"))
    return marked or (PROJECT / "tests" / "property") in item.path.parents


def is_repeated(item: pytest.Item) -> bool:
    """Whether a test goes once more over what another database or another way does as well, except at the very bottom.

    What is only done on PostgreSQL, or by a server, is measured where it is tested: in the folders named after it.
    """
    if (PROJECT / "tests" / "e2e") in item.path.parents and item.path.name in STORIES:
        return True
    if any((PROJECT / "tests" / "integration" / name) in item.path.parents for name in ("metadata", "server")):
        return False
    given = getattr(item, "callspec", None)
    return given is not None and any(isinstance(value, str) and value in REPEATED for value in given.params.values())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave long and repeated tests, with their fixtures and processes, out of the measuring of coverage.

    Measuring takes four times as long as the tests themselves, and these add nothing to its result.
    """
    if Coverage.current() is None or not (is_long(item) or is_repeated(item)):
        return (yield)
    # A worker of xdist is measured three times: as a process that a measured one started, and twice by pytest-cov.
    # Where the last one only pauses, the one before it goes on.
    paused = []
    while (measuring := Coverage.current()) is not None:
        measuring.stop()
        paused.append(measuring)
    told = os.environ.pop(MEASURED, None)
    try:
        return (yield)
    finally:
        if told is not None:
            os.environ[MEASURED] = told
        for measuring in reversed(paused):
            measuring.start()


_FOUND: pytest.StashKey[set[str]] = pytest.StashKey()
_MISSING: pytest.StashKey[dict[str, str]] = pytest.StashKey()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process knows of components to the process that prints the summary."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["components"] = {"real": sorted(needs.real), "missing": needs.missing}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a finished xdist worker knows of components."""
    told = getattr(node, "workeroutput", {}).get("components", {"real": [], "missing": {}})
    node.config.stash[_FOUND] |= set(told["real"])
    node.config.stash[_MISSING] |= told["missing"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print which components were real in this run."""
    found, missing = config.stash[_FOUND] | needs.real, config.stash[_MISSING] | needs.missing
    if found or missing:
        terminalreporter.write_line(needs.summary(found, missing))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL for the tests of this worker."""
    needs.need("postgres")
    server = start_server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Make a database with the newest schema, for this worker to copy."""
    return template_of(postgres_server)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Create a database with the newest schema for one test; yield its URL, `postgresql+psycopg://…`."""
    name = postgres_server.create_database(postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Create a database without any table for one test; yield its URL."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)
