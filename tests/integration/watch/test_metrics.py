"""Metrics of versions in service, on a real SQLite and a real PostgreSQL; time is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from components.deadlines import until
from components.delivering import open_idle
from components.rollouts import Rollouts
from components.templates import prepared
from modelyard.bootstrap import EmbeddedCaller
from modelyard.config import load
from modelyard.delivery.controller import Controller
from modelyard.domain.durations import parsed
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.sketch import bin_of
from modelyard.domain.wire import (
    LiveComparison,
    MetricsRecord,
    TrackedPrediction,
    TrackedRecord,
    TrackedWindow,
    VersionMetrics,
)
from modelyard.errors import (
    EndpointNotFound,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    ModelyardError,
    PermissionDenied,
    VersionNotFound,
)
from modelyard.metadata.observations import MOST, of_model
from modelyard.metadata.tables import idempotency, models
from modelyard.metadata.tables import observations as table
from modelyard.operations import (
    COMPARE_WITHIN,
    METRICS,
    REGISTER_VERSION,
    TRACK_PREDICTIONS,
    CompareWithin,
    ReadMetrics,
    RegisterVersion,
    TrackPredictions,
)
from modelyard.telemetry import windows
from modelyard.telemetry.outcome import Outcome
from modelyard.telemetry.recorder import Recorder
from modelyard.watch.jobs import jobs_of
from modelyard.watch.metrics import MOST_TOLD

HOUR = 3600


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry that runs no models."""
    with open_idle(prepared(tmp_path / "registry", database_url), database_url) as opened:
        yield opened


@pytest.fixture
def yard(caller: EmbeddedCaller) -> Rollouts:
    """A model of which 1.0.0 is in production."""
    made = Rollouts(caller)
    made.register("1.0.0", "1.1.0", "2.0.0")
    made.serve("1.0.0")
    return made


def read(yard: Rollouts, **wanted: Any) -> MetricsRecord:
    """The metrics of the model."""
    return yard.call(METRICS, ReadMetrics(name="fraud", **wanted))


def one(yard: Rollouts, **wanted: Any) -> VersionMetrics:
    """The metrics of the only version and role that there is something of."""
    (found,) = read(yard, **wanted).versions
    return found


def compare(yard: Rollouts, **wanted: Any) -> LiveComparison:
    """What 1.0.0 and 1.1.0 did, side by side."""
    found = yard.call(COMPARE_WITHIN, CompareWithin(name="fraud", version_a="1.0.0", version_b="1.1.0", **wanted)).live
    assert found is not None
    return found


def track(yard: Rollouts, *predictions: TrackedPrediction, **more: Any) -> TrackedRecord:
    """Tell predictions that were made elsewhere."""
    return yard.call(TRACK_PREDICTIONS, TrackPredictions(name="fraud", predictions=list(predictions), **more))


@contextmanager
def refused(kind: type[ModelyardError]) -> Iterator[None]:
    """Expect an error of this very class."""
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind


@pytest.mark.feature("PRF-02", "PRF-03", "PRF-04", "PRF-06")
def test_what_a_version_did_is_told_by_role_and_environment(yard):
    yard.observe("1.0.0", 200, errors=10, seconds=0.02)
    yard.observe("1.1.0", 50, role="shadow", seconds=0.04)
    track(yard, TrackedPrediction(version="1.0.0", latency=2.0, tokens=7, success=False))
    yard.clock.move(60)
    found = read(yard)
    assert [(each.version, each.role, each.requests) for each in found.versions] == [
        ("1.1.0", "shadow", 50),
        ("1.0.0", "live", 200),
        ("1.0.0", "tracked", 1),
    ]
    live = one(yard, role="live")
    assert (live.errors, live.error_rate, live.success_rate) == (10, 0.05, 95.0)
    assert live.codes == {"prediction_failed": 10}
    assert live.p95_s == pytest.approx(0.02, rel=0.01)
    assert live.throughput == pytest.approx(200 / 60)
    assert one(yard, role="tracked").tokens == 7
    assert {each.role for each in read(yard, environment="production").versions} == {"live", "shadow"}
    assert [each.version for each in read(yard, version="1").versions] == ["1.0.0", "1.0.0"]


@pytest.mark.feature("PRF-06")
def test_a_range_takes_what_lies_in_it(yard):
    for hours in range(5):
        yard.observe("1.0.0", 10 * (hours + 1))
        yard.clock.move(HOUR)
    assert one(yard).requests == 150
    assert one(yard, since="90m").requests == 50
    assert one(yard, since="4h", until="2h").requests == 20 + 30
    assert one(yard, since="2026-03-02T13:00Z", until="2026-03-02T14:00Z").requests == 20
    assert read(yard, since="30m").versions == []
    found = one(yard, points=5)
    assert [point.requests for point in found.series] == [10, 20, 30, 40, 50]
    assert found.series[0].at == "2026-03-02T12:00:00.000000Z"


@pytest.mark.feature("PRF-06")
def test_a_version_that_did_nothing_has_zeros_and_an_unknown_one_is_not_found(yard):
    idle = one(yard, version="2.0.0", points=10)
    assert (idle.version, idle.role, idle.requests, idle.error_rate, idle.p99_s) == ("2.0.0", "live", 0, None, None)
    assert one(yard, version="2.0.0", role="shadow").role == "shadow"
    assert read(yard).versions == []
    with refused(VersionNotFound):
        read(yard, version="9.9.9")
    with refused(EndpointNotFound):
        read(yard, environment="staging")
    with refused(ModelNotFound):
        yard.call(METRICS, ReadMetrics(name="churn"))


@pytest.mark.parametrize(
    "wrong",
    [{"role": "canary"}, {"points": -1}, {"points": 1001}, {"since": "soon"}, {"until": "0h"}, {"since": "2099-01-01"}],
)
def test_what_cannot_be_asked_is_refused(yard, wrong):
    with refused(InvalidRequest):
        read(yard, **wrong)


@pytest.mark.feature("PRF-05")
def test_costs_are_told_in_the_currency_of_the_prices(yard):
    provider = {"kind": "http", "url": "http://127.0.0.1:9/x"}
    prices = {"input_per_million": 1.0, "currency": "EUR"}
    yard.call(*_registration("priced", {"kind": "openai", "model": "gpt", "pricing": prices}))
    yard.call(*_registration("plain", provider))
    for name in ("priced", "plain"):
        told = TrackedPrediction(version="1.0.0", latency=0.5, tokens=100, cost=0.25)
        yard.call(TRACK_PREDICTIONS, TrackPredictions(name=name, predictions=[told, told]))
    found = {name: yard.call(METRICS, ReadMetrics(name=name)).versions[0] for name in ("priced", "plain")}
    assert (found["priced"].cost, found["priced"].cost_per_request, found["priced"].currency) == (0.5, 0.25, "EUR")
    assert (found["plain"].tokens, found["plain"].tokens_per_request, found["plain"].currency) == (200, 100, "")


@pytest.mark.feature("PRF-07")
def test_versions_in_service_are_compared(yard):
    yard.observe("1.0.0", 1000, errors=100, seconds=0.02)
    yard.observe("1.1.0", 1000, errors=5, seconds=0.02)
    found = compare(yard)
    better = {metric.name: metric.better for metric in found.metrics}
    assert (found.role, better["error_rate"], better["p50_s"]) == ("live", "b", None)
    assert "error_rate of 1.1.0" in found.explanation
    assert (found.a.version, found.b.version) == ("1.0.0", "1.1.0")
    assert "answered no request" in compare(yard, role="shadow").explanation


@pytest.mark.feature("PRF-07")
def test_where_nothing_served_what_applications_told_is_compared(yard):
    track(yard, TrackedPrediction(version="1.1.0", latency=1.0))
    found = compare(yard)
    assert (found.role, found.a.requests, found.b.requests) == ("tracked", 0, 1)
    yard.observe("1.0.0", 1)
    assert compare(yard).role == "live"


def test_who_may_not_read_metrics_is_told_what_is_recorded_alone(yard):
    reader = yard.asked_by(Principal(name="rita", proven=True, grants=(Grant(allow="version.read"),)))
    found = reader.call(COMPARE_WITHIN, CompareWithin(name="fraud", version_a="1.0.0", version_b="1.1.0"))
    assert found.live is None
    with refused(PermissionDenied):
        reader.call(METRICS, ReadMetrics(name="fraud"))
    with refused(PermissionDenied):
        reader.call(TRACK_PREDICTIONS, TrackPredictions(name="fraud"))
    teller = yard.asked_by(Principal(name="app", proven=True, grants=(Grant(allow="caller", model="fraud"),)))
    told = [TrackedPrediction(version="1.0.0", latency=1.0)]
    assert teller.call(TRACK_PREDICTIONS, TrackPredictions(name="fraud", predictions=told)).recorded == 1
    with refused(PermissionDenied):
        teller.call(TRACK_PREDICTIONS, TrackPredictions(name="churn", predictions=told))


@pytest.mark.feature("PRF-01")
def test_a_numbered_batch_counts_once(yard):
    batch: dict[str, Any] = {"writer": "app-1", "number": 1}
    told = TrackedPrediction(version="1.0.0", latency=1.0)
    assert track(yard, told, **batch) == TrackedRecord(name="fraud", recorded=1)
    assert track(yard, told, **batch) == TrackedRecord(name="fraud", recorded=0, repeated=True)
    assert track(yard, told, writer="app-1", number=2).recorded == 1
    assert track(yard, told, writer="app-2", number=1).recorded == 1
    assert track(yard, told).recorded == 1
    # Somebody else's writer of the same name is another one.
    other = yard.asked_by(Principal(name="eve", proven=True, grants=(Grant(allow="caller"),)))
    assert other.call(TRACK_PREDICTIONS, TrackPredictions(name="fraud", predictions=[told], **batch)).recorded == 1
    assert one(yard).requests == 5


@pytest.mark.feature("PRF-01")
def test_a_batch_with_one_thing_wrong_counts_nothing(yard):
    good = TrackedPrediction(version="1.0.0", latency=1.0)
    for wrong, kind in (
        (TrackedPrediction(version="9.9.9", latency=1.0), VersionNotFound),
        (TrackedPrediction(version="", latency=1.0), InvalidReference),
        (TrackedPrediction(version="1.0.0", latency=-1.0), InvalidRequest),
        (TrackedPrediction(version="1.0.0", latency=1.0, at="noon"), InvalidRequest),
    ):
        with refused(kind):
            track(yard, good, wrong, writer="app", number=1)
    for number in (0, -1, 2**63):
        with refused(InvalidRequest):
            track(yard, good, writer="app", number=number)
    with refused(InvalidRequest):
        track(yard, *[good] * (MOST_TOLD + 1))
    assert read(yard).versions == []
    assert track(yard, good, writer="app", number=1).recorded == 1


def test_no_answer_is_kept_for_a_batch_that_is_known_by_its_number(yard):
    told = [TrackedPrediction(version="1.0.0", latency=1.0)]
    for number in range(1, 4):
        batch = TrackPredictions(name="fraud", predictions=told, writer="app", number=number)
        for recorded in (1, 0):
            assert yard.caller.call(TRACK_PREDICTIONS, batch, idempotency_key=f"key-{number}").recorded == recorded
    plain = TrackPredictions(name="fraud", predictions=told)
    for _ in range(2):
        assert yard.caller.call(TRACK_PREDICTIONS, plain, idempotency_key="key-plain").recorded == 1
    assert one(yard).requests == 4
    with yard.yard.database.read() as tx:
        assert [row.key for row in tx.all(select(idempotency.c.key))] == ["key-plain"]


def test_a_window_without_requests_only_looks_its_version_up(yard):
    assert track(yard, windows=[TrackedWindow(version="1.0.0")]).recorded == 0
    assert read(yard).versions == []
    with refused(VersionNotFound):
        track(yard, windows=[TrackedWindow(version="9.9.9")])


def test_numbers_that_an_application_makes_up_end_at_the_largest(yard):
    place = {str(bin_of(1e6)): 1}
    window = TrackedWindow(version="1.0.0", requests=1, tokens=10**15, latency_ns=10**15, latency=place)
    for _ in range(10):
        track(yard, windows=[window] * MOST_TOLD)
    assert one(yard).tokens == MOST


def test_rows_are_added_up_as_they_come_unless_a_series_wants_them_apart(yard):
    place = {"100": 1}
    minutes = [f"2026-02-28T12:{minute:02}:00.000000Z" for minute in range(30)]
    track(yard, windows=[TrackedWindow(version="1.0.0", start=at, requests=1, latency=place) for at in minutes])
    with yard.yard.database.read() as tx:
        model_id = str(tx.scalar(select(models.c.id).where(models.c.name == "fraud")))
        (together,) = windows.counted(of_model(tx, model_id, since=minutes[0])).values()
        (apart,) = windows.counted(of_model(tx, model_id, since=minutes[0]), apart=True).values()
    assert [(one.rows, one.start, one.cell.requests) for one in together] == [(30, minutes[0], 30)]
    assert sorted(one.start for one in apart) == minutes


@pytest.mark.feature("PRF-06")
def test_what_metrics_cost_does_not_depend_on_the_number_of_predictions(yard):
    end = parsed(yard.clock.now).timestamp()
    windows = []
    for writer, count in (("1.1.0", 1_440), ("2.0.0", 1_000_000)):
        clock = iter(end - 86_400 + 86_400 * number / count for number in range(count))
        times = _Times()
        recorder = Recorder(yard.yard.database, f"wr_{writer}", clock=times)
        subject = ("ep_x", 1, yard.ids[writer], "live")
        failed = Outcome(code="prediction_failed")
        for number, times.now in enumerate(clock):
            if number % 100:
                recorder.record(subject, 0.01)
            else:
                recorder.record(subject, 0.01, failed)
        assert recorder.flush()
        found = read(yard, version=writer, since="25h")
        assert found.versions[0].requests == count
        assert found.versions[0].errors == -(-count // 100)
        windows.append(found.windows)
    assert windows == [1_440, 1_440]


@pytest.mark.feature("PRF-06")
def test_whoever_controls_rolls_up_in_the_background(yard):
    total = 0
    for _hour in range(4):
        for _ in range(3):
            yard.observe("1.0.0", 5, errors=1)
            yard.clock.move(1200)
            total += 5
    given = {"telemetry.minutes_hours": 2, "registry.path": "unused"}
    settings = load(environ={}, working_folder=Path.cwd(), overrides=given)
    jobs = [job for job in jobs_of(yard.yard, settings) if job.name == "rollup"]
    before = one(yard)
    with Controller(yard.yard, None, jobs=jobs) as controller:
        controller.look()
        until(lambda: _spans(yard) == {"hour": 2, "minute": 6}, "two hours are rolled up, and two are not")
    after = one(yard)
    assert (before.requests, before.errors) == (after.requests, after.errors) == (total, total // 5)
    assert before.intervals == after.intervals


class _Times:
    """A clock that a loop sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _spans(yard: Rollouts) -> dict[str, int]:
    """How many rows there are of each span."""
    with yard.yard.database.read() as tx:
        spans = [row.span for row in tx.all(select(table.c.span))]
    return {span: spans.count(span) for span in spans}


def _registration(name: str, provider: dict[str, Any]) -> tuple[Any, Any]:
    return REGISTER_VERSION, RegisterVersion(name=name, version="1.0.0", provider=provider, create=True)
