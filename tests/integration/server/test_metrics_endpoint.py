"""`GET /metrics` of real servers: what it tells, in which form, to whom, and that every process tells the same sums."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from components.deadlines import until
from components.http_stub import HttpStub
from components.predicting import Predicting
from components.serving import serving
from modelyard import ModelRegistry
from modelyard.errors import DatabaseUnavailable, PredictionFailed
from modelyard.operations import DESCRIBE_MODEL, RESOLVE
from modelyard.watch import exporter
from modelyard.watch.exposition import SAMPLES

PREDICT_ROUTE = "/api/models/{name}/predict"
PLACE = {"model": "fraud", "environment": "production", "version": "1.0.0"}


class Scrape:
    """What one scrape told.

    Args:
        answer: the server's.
    """

    def __init__(self, answer: httpx2.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]

    def of(self, name: str, **labels: str) -> list[float]:
        """The values of a metric, of the series with these labels."""
        return [
            sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def sum(self, name: str, **labels: str) -> float:
        """Their sum."""
        return sum(self.of(name, **labels))


def scraped(client: httpx2.Client, **query: str) -> Scrape:
    """Scrape a server."""
    return Scrape(client.get("/metrics", params=query))


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Predicting]:
    server = Predicting(tmp_path / "registry", overrides={"telemetry.prometheus_series": 3})
    server.version("1.0.0")
    server.serve({"1.0.0": 1})
    yield server
    server.stop()


def wait_for_predictions(client: httpx2.Client, count: int, **labels: str) -> Scrape:
    """Scrape until so many predictions are told."""
    told: list[Scrape] = []

    def are_told() -> bool:
        told.append(scraped(client))
        return told[-1].sum("modelyard_prediction_duration_seconds_count", **labels) == count

    until(are_told, f"{count} predictions in /metrics")
    return told[-1]


@pytest.mark.feature("OBS-01")
def test_predictions_are_told_by_model_version_and_outcome(yard):
    assert scraped(yard.client).of("modelyard_prediction_errors_total", **PLACE) == [0], "known before the first one"
    for _ in range(7):
        assert yard.predict().status_code == 200
    yard.backend("1.0.0").faults += [PredictionFailed("no"), PredictionFailed("no")]
    assert {yard.predict().status_code for _ in range(2)} == {502}
    scrape = wait_for_predictions(yard.client, 9, **PLACE, role="live")
    assert scrape.of("modelyard_predictions_total", **PLACE, code="ok") == [7]
    assert scrape.of("modelyard_predictions_total", **PLACE, code="prediction_failed") == [2]
    assert scrape.of("modelyard_prediction_errors_total", **PLACE) == [2]
    assert scrape.of("modelyard_route_weight", **PLACE) == [1]
    assert scrape.of("modelyard_requests_in_progress", **PLACE) == [0]
    assert scrape.sum("modelyard_http_requests_total", route=PREDICT_ROUTE, status="2xx") == 7
    assert scrape.sum("modelyard_http_requests_total", route=PREDICT_ROUTE, status="5xx") == 2


@pytest.mark.feature("OBS-01")
def test_the_process_the_database_and_deployments_are_told(yard):
    scrape = scraped(yard.client)
    assert scrape.of("modelyard_processes") == [1]
    assert scrape.of("modelyard_database_up") == [1]
    assert scrape.of("modelyard_build_info") == [1]
    assert scrape.of("modelyard_deployments", state="ROLLED_BACK") == [0], "the first one has to be an increase"
    assert scrape.of("process_resident_memory_bytes")[0] > 1 << 20
    assert scrape.of("process_open_fds")[0] > 3
    assert {sample.name for sample in scrape.samples} <= SAMPLES


def test_what_waits_and_what_is_under_way_is_told(yard):
    yard.serve({"1.0.0": 1}, max_concurrency=1)
    yard.hold("1.0.0", back=True)
    with ThreadPoolExecutor(3) as threads:
        asking = [threads.submit(yard.predict) for _ in range(3)]
        until(lambda: scraped(yard.client).of("modelyard_requests_waiting", **PLACE) == [2], "two wait")
        assert scraped(yard.client).of("modelyard_requests_in_progress", **PLACE) == [1]
        yard.hold("1.0.0", back=False)
        assert [one.result(30).status_code for one in asking] == [200] * 3


def test_requests_count_under_the_template_of_their_route_never_under_their_path(yard):
    client = yard.client
    for path in ("/api/models/fraud", "/api/models/fraud", "/health", "/no/such/path", "/api/models/nobody"):
        client.get(path)
    client.get(RESOLVE.path.replace("{reference}", "fraud/1.0.0"))
    client.get("/v2/models/fraud")
    client.request("PROPFIND", "/health")
    scrape = scraped(client)
    routes = {sample.labels["route"] for sample in scrape.samples if sample.name == "modelyard_http_requests_total"}
    assert not any("fraud" in route or "nobody" in route or "such" in route for route in routes), routes
    assert {"/health", "unmatched", RESOLVE.path, DESCRIBE_MODEL.path, "/v2/{path}"} <= routes
    assert scrape.sum("modelyard_http_requests_total", route=DESCRIBE_MODEL.path, status="2xx") >= 1
    assert scrape.sum("modelyard_http_requests_total", route=DESCRIBE_MODEL.path, status="4xx") == 1
    assert scrape.sum("modelyard_http_requests_total", route="unmatched") == 1
    assert scrape.sum("modelyard_http_requests_total", method="other") == 1
    assert scrape.sum("modelyard_http_requests_total", status="4xx") >= 2
    assert scrape.sum("modelyard_http_request_duration_seconds_count") == scrape.sum("modelyard_http_requests_total")


def test_scrapes_themselves_are_not_counted(yard):
    before = scraped(yard.client).sum("modelyard_http_requests_total")
    assert scraped(yard.client).sum("modelyard_http_requests_total") == before


@pytest.mark.feature("OBS-01")
def test_beyond_the_bound_versions_are_added_up_as_other(yard):
    for number in range(5):
        yard.version("1.0.0", name=f"m{number}")
        yard.serve({"1.0.0": 1}, name=f"m{number}")
        assert yard.predict(name=f"m{number}").status_code == 200
    assert yard.predict().status_code == 200
    scrape = wait_for_predictions(yard.client, 6)
    for name in ("modelyard_prediction_duration_seconds_count", "modelyard_requests_in_progress"):
        models = {sample.labels["model"] for sample in scrape.samples if sample.name == name}
        assert len(models) == 4
        assert "other" in models
    weights = [sample.labels["model"] for sample in scrape.samples if sample.name == "modelyard_route_weight"]
    assert len(weights) == 4
    assert scrape.of("modelyard_route_weight", model="other") == [3]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0"),
    ],
)
def test_the_form_is_what_the_scraper_asks_for(yard, accept, content_type):
    answer = yard.client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(content_type)
    assert answer.text.endswith("# EOF\n") == content_type.startswith("application/openmetrics")


def test_a_scope_that_there_is_not_is_refused(yard):
    answer = yard.client.get("/metrics", params={"scope": "everything"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_without_the_database_it_answers_and_says_so(yard, monkeypatch):
    assert yard.predict().status_code == 200
    wait_for_predictions(yard.client, 1, **PLACE)
    database = yard.caller.yard.database

    def away() -> Any:
        raise DatabaseUnavailable("the database does not answer")

    monkeypatch.setattr(database, "write", away)
    monkeypatch.setattr(database, "read", away)
    assert yard.predict().status_code == 200
    scrape = wait_for_predictions(yard.client, 2, **PLACE)
    assert scrape.of("modelyard_database_up") == [0]
    assert scrape.of("modelyard_route_weight") == []
    assert scraped(yard.client, scope="process").of("modelyard_prediction_errors_total", **PLACE) == [0]
    monkeypatch.undo()
    assert wait_for_predictions(yard.client, 2, **PLACE).of("modelyard_database_up") == [1]


def test_an_answer_does_not_wait_for_a_database_that_hangs(yard, monkeypatch):
    monkeypatch.setattr(exporter, "PATIENCE_S", 0.05)
    goes_on = Event()
    hanging = yard.app.exporter._thread.submit(goes_on.wait)
    try:
        assert scraped(yard.client).of("modelyard_database_up") == [0]
    finally:
        goes_on.set()
    assert hanging.result(30)
    monkeypatch.undo()
    until(lambda: scraped(yard.client).of("modelyard_database_up") == [1], "the database is up")


@pytest.mark.feature("OBS-01")
def test_where_callers_prove_who_they_are_it_takes_metrics_of_all_models(tmp_path):
    with ModelRegistry(tmp_path / "registry", actor="boss") as boss:
        boss.register_version("fraud", "1.0.0", create=True, provider={"kind": "http", "url": "http://127.0.0.1:9"})
        boss.create_user("prometheus", kind="service", grants="viewer")
        boss.create_user("fraudster", grants=[{"allow": "viewer", "model": "fraud"}])
        boss.create_user("caller", grants="caller")
        tokens = {name: boss.create_token(name).token for name in ("prometheus", "fraudster", "caller")}
    server = Predicting(tmp_path / "registry", overrides={"auth.enabled": True})
    try:
        statuses = {
            name: server.client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code
            for name, token in tokens.items()
        }
        assert statuses == {"prometheus": 200, "fraudster": 403, "caller": 403}
        assert server.client.get("/metrics").status_code == 401
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.feature("OBS-01", "OBS-05")
def test_every_process_of_a_registry_tells_the_sum_of_all_and_no_counter_goes_back(tmp_path):
    home = tmp_path / "registry"
    with HttpStub() as elsewhere, ExitStack() as stack:
        with ModelRegistry(home) as registry:
            provider = {"kind": "http", "url": f"{elsewhere.origin}/predict"}
            registry.register_version("fraud", "1.0.0", create=True, provider=provider)
            registry.deploy("fraud", "1.0.0")
        one, two = (stack.enter_context(httpx2.Client(base_url=stack.enter_context(serving(home)))) for _ in range(2))
        with serving(home) as url, httpx2.Client(base_url=url) as three:
            clients = (one, two, three)
            asked = 0
            shown: list[float] = []
            for turn in range(20):
                for client, count in zip(clients, (3, 2, 1), strict=True):
                    for _ in range(count):
                        predicted(client)
                    asked += count
                shown.append(scraped(clients[turn % 3]).sum("modelyard_prediction_duration_seconds_count"))
            assert shown == sorted(shown)
            for client in (*clients, *clients):
                wait_for_predictions(client, asked, **PLACE)
            assert [scraped(client).of("modelyard_processes") for client in clients] == [[3]] * 3
            alone = [scraped(client, scope="process") for client in clients]
            counts = [scrape.sum("modelyard_prediction_duration_seconds_count", **PLACE) for scrape in alone]
            assert counts == [60, 40, 20]
        # The third one has ended: what it counted stays in the sums.
        for client in (one, two):
            assert wait_for_predictions(client, asked, **PLACE).of("modelyard_processes") == [2]


def predicted(client: httpx2.Client) -> None:
    """Make a prediction, as soon as the server serves the model."""

    def is_answered() -> bool:
        answer = client.post("/api/models/fraud/predict", json={"input": 1})
        assert answer.status_code in {200, 404, 503}, answer.text
        return answer.status_code == 200

    until(is_answered, "a prediction")
