"""`POST …/deploy?wait=`: the answer waits for the deployment's end, and holds nothing meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from modelyard.domain.permissions import local
from modelyard.operations import DEPLOY, Deploy
from modelyard.server.following import ended
from modelyard.server.waiting import split_wait

LATER = "2999-01-01T00:00:00Z"
"""A deployment that begins then stays as it is until somebody ends it."""


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Threads for clients that wait."""
    with ThreadPoolExecutor(24) as pool:
        yield pool


def register(client: httpx2.Client, name: str) -> None:
    """Register a version that can be deployed: it is served by somebody else's server."""
    provider = {"kind": "http", "url": "http://127.0.0.1:9/predict"}
    document = {"version": "1.0.0", "provider": provider, "create": True}
    answer = client.post(f"/api/models/{name}/versions/register", json=document)
    assert answer.status_code == 201, answer.text


def deploy(client: httpx2.Client, name: str, wait: object = None, **more: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    query = {} if wait is None else {"wait": str(wait)}
    document = {"version": "1.0.0", "start_at": LATER, **more}
    return client.post(f"/api/models/{name}/deploy", params=query, json=document, headers=headers)


def live(client: httpx2.Client, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/deployments", params={"name": name, "state": "live"}).json()[
        "deployments"
    ]
    return found


def until(look: Callable[[], Any]) -> Any:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def abort(client: httpx2.Client, name: str) -> None:
    (one,) = until(lambda: live(client, name))
    assert client.post(f"/api/deployments/{one['id']}/abort", json={}).status_code == 200


@pytest.mark.feature("DEP-01")
def test_the_answer_comes_with_the_end(served, crowd):
    register(served.client, "patient")
    answer = crowd.submit(deploy, served.client, "patient", 100)
    until(lambda: live(served.client, "patient"))
    assert not answer.done()
    abort(served.client, "patient")
    assert answer.result().status_code == 201
    record = answer.result().json()
    assert (record["state"], record["live"]) == ("CANCELLED", False)
    assert answer.result().headers["etag"] == f'"{record["revision"]}"'


def test_the_answer_comes_when_the_time_is_over(served):
    register(served.client, "hasty")
    answer = deploy(served.client, "hasty", 0.2)
    assert (answer.status_code, answer.json()["state"]) == (201, "PENDING")
    assert deploy(served.client, "hasty", 0.2).status_code == 409
    abort(served.client, "hasty")


def test_a_plan_has_no_end_to_wait_for(served):
    register(served.client, "planner")
    answer = deploy(served.client, "planner", 3600, dry_run=True)
    assert (answer.status_code, answer.json()["id"]) == (201, "")


def test_a_repeated_request_waits_for_the_same_deployment(served, crowd):
    register(served.client, "again")
    first = deploy(served.client, "again", key="one").json()
    answer = crowd.submit(deploy, served.client, "again", 100, key="one")
    abort(served.client, "again")
    assert (answer.result().json()["id"], answer.result().json()["state"]) == (first["id"], "CANCELLED")


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "3601", ""])
def test_what_is_no_time_is_refused_before_anything_begins(served, wait):
    answer = deploy(served.client, "nobody", wait)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "wait" in answer.json()["detail"]


def test_only_deploying_waits(served):
    register(served.client, "strict")
    assert served.client.post("/api/models/strict/deploy?wiat=1", json={"version": "1.0.0"}).status_code == 400
    assert served.client.post("/api/deployments/dp_1/pause?wait=1", json={}).status_code == 400


def test_who_waits_holds_no_thread(serve_with, crowd):
    server = serve_with(**{"server.threads": 2})
    names = [f"model-{number}" for number in range(20)]
    for name in names:
        register(server.client, name)
    answers = [crowd.submit(deploy, server.client, name, 100) for name in names]
    for name in names:
        abort(server.client, name)
    assert [answer.result().json()["state"] for answer in answers] == ["CANCELLED"] * 20


def test_the_end_of_the_server_ends_the_waiting(serve_with, crowd):
    server = serve_with()
    register(server.client, "fraud")
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        answer: Future[httpx2.Response] = crowd.submit(deploy, client, "fraud", 3600)
        until(lambda: live(server.client, "fraud"))
        server.stop()
        assert (answer.result(30).status_code, answer.result().json()["state"]) == (201, "PENDING")


def test_a_client_that_goes_away_ends_the_waiting(served):
    register(served.client, "gone")

    async def gone() -> bool:
        return True

    async def check() -> bytes:
        request = Deploy(name="gone", version="1.0.0", start_at=LATER)
        begun = await served.app.service.answered(DEPLOY, request, principal=local("ana"))
        answer = await ended(served.app.service, begun, 3600, local("ana"), gone)
        body: bytes = answer.body["body"]
        return body

    assert b'"state":"PENDING"' in asyncio.run(check())
    abort(served.client, "gone")


def test_the_rest_of_the_query_stays():
    assert split_wait(b"wait=1.5&a=b%20c") == (b"a=b+c", 1.5)
    assert split_wait(b"a=b") == (b"a=b", 0.0)
    assert split_wait(b"") == (b"", 0.0)
