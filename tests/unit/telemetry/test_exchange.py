"""The sums of several processes: the same whoever is asked, never going back, with those that have ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from components.crowd import together
from components.yards import open_caller, register
from modelyard.domain.cells import Cell
from modelyard.domain.wire.delivery import EndpointConfiguration
from modelyard.errors import DatabaseUnavailable
from modelyard.metadata import endpoints, exports, models
from modelyard.metadata.database import Database, Transaction, known
from modelyard.telemetry.exchange import DEAD_S, LIVE_S, Exchange
from modelyard.telemetry.tally import Place, Seen, Tally
from modelyard.telemetry.totals import ERRORS, OTHER, PREDICTIONS, Totals

AT = "2026-03-01T12:00:00.000000Z"
NOON = 1_772_366_400.0
DAY = 86_400.0
HTTP = ("modelyard_http_requests", "GET", "/health", "2xx")
MEMORY = ("process_resident_memory_bytes",)


class Switched(Database):
    """A real database that can be away."""

    is_away = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Refuse while it is away."""
        if self.is_away:
            raise DatabaseUnavailable("the database does not answer")
        with super().write() as tx:
            yield tx


class World:
    """A registry with one endpoint and some versions, and processes that count.

    Attributes:
        now: what the clock says.
        versions: their ids.
    """

    def __init__(self, folder: Path, most: int = 100, database_url: str = "") -> None:
        self.now, self.most = NOON, most
        with open_caller(folder, database_url) as caller:
            self.versions = [
                register(caller, "fraud", content=b"%d" % number, version=f"{number}.0.0").id for number in range(1, 5)
            ]
            with caller.yard.database.write() as tx:
                model = known(models.by_name(tx, "fraud"))
                values = {"id": "ep_1", "model_id": model.id, "environment": "production", "kind": "cloud", "at": AT}
                endpoints.add(tx, values, EndpointConfiguration())
            self.url = caller.yard.database.url.render_as_string(hide_password=False)
        self.database = Switched(self.url)

    def process(self, name: str) -> Exchange:
        """A process that begins."""
        return Exchange(self.database, name, most=self.most, clock=lambda: self.now)

    def place(self, number: int = 1, role: str = "live") -> Place:
        """A version at the endpoint."""
        return "ep_1", self.versions[number - 1], role


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "registry")
    yield made
    made.database.close()


def seen(place: Place, requests: int, errors: int = 0, minute: float = NOON) -> Seen:
    """What a recorder saw of a version."""
    cell = Cell()
    for number in range(requests):
        cell.add(0.01, "timed_out" if number < errors else "")
    return {place: (cell, int(minute // 60))}


def well(total: Totals | None, version: str = "1.0.0", environment: str = "production", model: str = "fraud") -> float:
    """How many predictions of a version were answered."""
    assert total is not None
    return total.counters.get((PREDICTIONS, model, environment, version, "live", "ok"), 0)


def http(count: float) -> Totals:
    """Requests that were counted."""
    return Totals(counters={HTTP: count})


def test_whoever_is_asked_gives_the_sum_of_all(world):
    one, two, three = (world.process(name) for name in ("one", "two", "three"))
    one.publish(http(1), seen(world.place(), 10, errors=2), {MEMORY: 5.0})
    two.publish(http(2), seen(world.place(), 20), {MEMORY: 7.0})
    for process in (three, one, two, three):
        total = process.publish(Totals(), {}, {MEMORY: 1.0} if process is three else {MEMORY: 6.0})
        assert total is not None
        assert (well(total), total.counters[HTTP]) == (28, 3)
        assert total.counters[ERRORS, "fraud", "production", "1.0.0", "live"] == 2
    assert total.gauges[MEMORY] == 13.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_at_the_same_time_never_show_less_than_was_shown_before(tmp_path, request, kind):
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    world = World(tmp_path / "registry", database_url=url)
    answers = together(_count_up, [(world.url, name, world.versions[0]) for name in ("one", "two", "three")])
    told = sorted((answer for one in answers for answer in one), key=lambda answer: answer.ended)
    for later in told:
        assert later.shown >= max((one.shown for one in told if one.ended < later.began), default=0)
    assert well(world.process("four").publish(Totals(), {}, {})) == 3 * ROUNDS
    world.database.close()


ROUNDS = 25


class Told(NamedTuple):
    """What a process showed, and when it was asked and answered."""

    began: float
    shown: float
    ended: float


def _count_up(url: str, name: str, version_id: str) -> list[Told]:
    database = Database(url)
    process = Exchange(database, name, most=10, clock=lambda: NOON)
    told = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        shown = well(process.publish(Totals(), seen(("ep_1", version_id, "live"), 1), {}))
        told.append(Told(began, shown, time.monotonic()))
    database.close()
    return told


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_bury_each_other_at_the_same_time_lose_nothing_and_count_nothing_twice(tmp_path, request, kind):
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    world = World(tmp_path / "registry", database_url=url)
    processes = [world.process(f"p{number}") for number in range(4)]
    with ThreadPoolExecutor(len(processes)) as threads:
        for number in range(BURIALS):
            world.now += DEAD_S + 1
            fresh = [seen(world.place(), 1, minute=world.now) for _ in processes]
            told = threads.map(lambda process, new: process.publish(Totals(), new, {}), processes, fresh)
            assert all(total is not None for total in told)
            assert well(processes[0].publish(Totals(), {}, {})) == 4 * (number + 1)
    world.database.close()


BURIALS = 8


def test_what_is_not_published_is_not_shown_and_a_killed_process_takes_nothing_away(world):
    one, two = world.process("one"), world.process("two")
    assert well(one.publish(Totals(), seen(world.place(), 10), {MEMORY: 5.0})) == 10
    del one
    world.now += LIVE_S + 1
    total = two.publish(Totals(), seen(world.place(), 1), {MEMORY: 7.0})
    assert well(total) == 11
    assert total is not None
    assert total.gauges[MEMORY] == 7.0, "a process that died has no memory"
    world.now += DEAD_S
    two.publish(Totals(), {}, {})
    with world.database.read() as tx:
        assert [row.writer for row in exports.rows(tx)] == [exports.ENDED, "two"]
    assert well(two.publish(Totals(), {}, {})) == 11


def test_a_process_that_ends_in_order_leaves_its_counts_at_once(world):
    one, two = world.process("one"), world.process("two")
    one.publish(http(3), seen(world.place(), 4), {})
    one.publish(http(1), {}, {}, ends=True)
    with world.database.read() as tx:
        assert [row.writer for row in exports.rows(tx)] == [exports.ENDED]
    total = two.publish(Totals(), {}, {})
    assert total is not None
    assert (well(total), total.counters[HTTP]) == (4, 4)


def test_a_process_that_was_taken_for_dead_counts_nothing_twice(world):
    one, two = world.process("one"), world.process("two")
    one.publish(Totals(), seen(world.place(), 10), {})
    world.now += DEAD_S + 1
    assert well(two.publish(Totals(), {}, {})) == 10
    assert well(one.publish(Totals(), seen(world.place(), 5), {})) == 15
    assert well(two.publish(Totals(), {}, {})) == 15
    assert well(one.publish(Totals(), seen(world.place(), 1), {})) == 16


def test_beyond_the_bound_versions_are_added_up(tmp_path):
    world = World(tmp_path / "registry", most=2)
    one, two = world.process("one"), world.process("two")
    one.publish(Totals(), seen(world.place(1), 1), {})
    one.publish(Totals(), seen(world.place(2), 2), {})
    two.publish(Totals(), seen(world.place(3), 4) | seen(world.place(1), 8), {})
    total = two.publish(Totals(), seen(world.place(4), 16), {})
    assert total is not None
    assert (well(total, "1.0.0"), well(total, "2.0.0"), well(total, "3.0.0")) == (9, 2, 0)
    assert well(total, OTHER, OTHER, OTHER) == 20
    assert len({series[1:5] for series in total.histograms}) == 3
    world.database.close()


def test_an_idle_version_is_not_shown_then_forgotten_and_makes_room(tmp_path):
    world = World(tmp_path / "registry", most=1)
    one = world.process("one")
    one.publish(Totals(), seen(world.place(1), 1), {})
    world.now += DAY + 120
    total = one.publish(Totals(), seen(world.place(2), 2, minute=world.now), {})
    assert total is not None
    assert {series[3] for series in total.counters} == {OTHER}
    world.now += DAY
    one.publish(Totals(), {}, {})
    assert well(one.publish(Totals(), seen(world.place(2), 2, minute=world.now), {}), "2.0.0") == 2
    world.database.close()


def test_without_the_database_one_that_is_alone_goes_on_and_loses_nothing(world):
    one = world.process("one")
    one.publish(Totals(), seen(world.place(), 10), {})
    world.database.is_away = True
    assert well(one.publish(Totals(), seen(world.place(), 5), {})) == 15
    world.database.is_away = False
    assert well(one.publish(Totals(), {}, {})) == 15
    assert well(world.process("two").publish(Totals(), {}, {})) == 15


def test_without_the_database_one_of_several_does_not_guess(world):
    one, two = world.process("one"), world.process("two")
    two.publish(Totals(), {}, {})
    one.publish(Totals(), seen(world.place(), 10), {})
    world.database.is_away = True
    assert one.publish(Totals(), seen(world.place(), 5), {}) is None
    assert well(one.own()) == 15
    world.database.is_away = False
    assert well(one.publish(Totals(), {}, {})) == 15


def test_names_that_are_gone_count_as_other(world):
    one = world.process("one")
    total = one.publish(Totals(), seen(("ep_gone", "mv_gone", "live"), 3), {})
    assert well(total, OTHER, OTHER, OTHER) == 3


def test_a_tally_adds_up_the_epochs_of_a_version_until_it_is_taken():
    tally = Tally()
    cell = Cell()
    cell.add(0.1)
    tally({(("ep_1", 1, "mv_1", "live"), 7): cell, (("ep_1", 2, "mv_1", "live"), 6): cell})
    tally({(("ep_1", 2, "mv_1", "shadow"), 8): cell})
    before = tally.is_empty
    taken = tally.take()
    assert (before, tally.is_empty) == (False, True)
    assert {place: (found.requests, minute) for place, (found, minute) in taken.items()} == {
        ("ep_1", "mv_1", "live"): (2, 7),
        ("ep_1", "mv_1", "shadow"): (1, 8),
    }
    assert cell.requests == 1, "what the recorder keeps is not changed"
    assert tally.take() == {}
