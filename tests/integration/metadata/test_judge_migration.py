"""What was observed by schema 0003 is kept by 0004, and what 0004 knows by the minute is kept by 0003."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from components.delivering import deploy, open_idle
from components.schemas import downgrade
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.cells import Cell
from modelyard.domain.sketch import Sketch, bin_of
from modelyard.domain.spans import HOUR, MINUTE
from modelyard.domain.wire import TrackedPrediction, VersionMetrics
from modelyard.metadata import observations
from modelyard.metadata.database import Database
from modelyard.metadata.observations import Place
from modelyard.operations import GET_VERSION, METRICS, TRACK_PREDICTIONS, NamedThen, ReadMetrics, TrackPredictions

BEFORE = "0003"
"""The schema of modelyard with delivery and without the judge."""
NOON = "2026-03-01T12:00:00.000000Z"
_OLD_ROW = text(
    "INSERT INTO observations (endpoint_id, epoch, version_id, role, minute, writer, requests, errors, tokens, latency,"
    " updated_at) SELECT id, 1, :version_id, 'live', :minute, :writer, 10, 2, 30, :latency, :minute FROM endpoints"
)


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> str:
    """The address of a database, with a version in production."""
    url = database_url or f"sqlite:///{tmp_path}/registry/registry.db"
    with open_idle(tmp_path / "registry", database_url) as caller:
        register(caller, "fraud", version="1.0.0")
        deploy(caller, "1.0.0")
    return url


def figures(caller: EmbeddedCaller, role: str = "live") -> list[VersionMetrics]:
    """What 1.0.0 did, ever."""
    return caller.call(METRICS, ReadMetrics(name="fraud", since="2020-01-01", role=role)).versions


def observe(caller: EmbeddedCaller, endpoint_id: str, span: str, start: str, writer: str = "wr_1") -> None:
    """Write a row of one request of 0.5 seconds."""
    version_id = caller.call(GET_VERSION, NamedThen(reference="fraud/1.0.0")).id
    cell = Cell()
    cell.add(0.5, tokens=7)
    with caller.yard.database.write() as tx:
        observations.add(tx, writer, {Place(version_id, endpoint_id, 1, "live", span, start): cell}, start)


def written_by_0003(url: str) -> None:
    """Write what two processes saw in two minutes, as the older modelyard does."""
    database = Database(url)
    latency = Sketch({bin_of(0.2): 10}).to_json()
    with database.write() as tx:
        version_id = tx.scalar(text("SELECT id FROM versions"))
        for writer in ("wr_1", "wr_2"):
            for minute in (NOON, "2026-03-01T12:01:00.000000Z"):
                given: dict[str, Any] = {"version_id": version_id, "minute": minute, "writer": writer}
                tx.run(_OLD_ROW, {**given, "latency": latency})
    database.close()


@pytest.mark.feature("STO-12", "PRF-02")
def test_what_an_older_modelyard_observed_is_kept(url: str, tmp_path: Path):
    downgrade(url, BEFORE)
    written_by_0003(url)
    with open_idle(tmp_path / "registry", url) as caller:
        (found,) = figures(caller)
        assert (found.requests, found.errors, found.tokens) == (40, 8, 120)
        assert found.p95_s == pytest.approx(0.2, rel=0.01)
        assert found.avg_latency == pytest.approx(0.2, rel=0.01)


@pytest.mark.feature("STO-12", "PRF-02")
def test_a_mean_of_older_and_newer_requests_is_that_of_all(url: str, tmp_path: Path):
    downgrade(url, BEFORE)
    written_by_0003(url)
    with open_idle(tmp_path / "registry", url) as caller:
        with caller.yard.database.read() as tx:
            endpoint_id = str(tx.scalar(text("SELECT id FROM endpoints")))
        for writer in range(10):
            observe(caller, endpoint_id, MINUTE, NOON, f"wr_new_{writer}")
        (found,) = figures(caller)
        assert found.avg_latency == pytest.approx((40 * 0.2 + 10 * 0.5) / 50, rel=0.01)


@pytest.mark.feature("STO-12")
def test_an_older_modelyard_gets_back_what_is_known_by_the_minute(url: str, tmp_path: Path):
    with open_idle(tmp_path / "registry", url) as caller:
        with caller.yard.database.read() as tx:
            endpoint_id = str(tx.scalar(text("SELECT id FROM endpoints")))
        observe(caller, endpoint_id, MINUTE, NOON)
        observe(caller, endpoint_id, HOUR, "2026-02-01T12:00:00.000000Z")
        observe(caller, "ep_that_is_gone", MINUTE, NOON)
        told = TrackedPrediction(version="1.0.0", latency=0.5)
        caller.call(TRACK_PREDICTIONS, TrackPredictions(name="fraud", predictions=[told]))
        assert figures(caller)[0].requests == 3
        assert figures(caller, "tracked")[0].requests == 1
    downgrade(url, BEFORE)
    with open_idle(tmp_path / "registry", url) as caller:
        (found,) = figures(caller)
        assert (found.requests, found.tokens) == (1, 7)
        assert figures(caller, "tracked") == []
