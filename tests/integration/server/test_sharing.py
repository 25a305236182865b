"""What many ask for at once is read once, and nobody gets what was read before a change that they could know of."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from components.deadlines import until
from modelyard import ModelRegistry
from modelyard.registry.dispatch import perform
from modelyard.server import routes
from modelyard.server.answers import answer
from modelyard.server.cache import AnswerCache
from modelyard.server.sharing import Shared

KEY = ("path", b"", "")


class Reading:
    """A reading that lasts until it is told to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.over = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        """Give the number of this reading."""
        self.begun += 1
        number = self.begun
        await self.over.wait()
        if self.fails:
            raise ValueError(number)
        return number


async def asked(shared: Shared[int], reading: Reading, *states: object) -> list[asyncio.Task[int]]:
    """Ask for the same thing, once for each state that an asker saw."""
    asking = [asyncio.ensure_future(shared.read("key", state, reading)) for state in states]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return asking


def test_who_saw_the_same_state_shares_and_who_saw_another_one_does_not():
    async def run() -> list[int]:
        shared, reading = Shared[int](), Reading()
        asking = await asked(shared, reading, 1, 1, 2, 2, 2)
        reading.over.set()
        found = list(await asyncio.gather(*asking))
        assert not shared._running
        return [*found, await shared.read("key", 2, reading)]

    assert asyncio.run(run()) == [1, 1, 2, 2, 2, 3]


def test_who_goes_away_takes_the_reading_from_nobody():
    async def run() -> list[int]:
        shared, reading = Shared[int](), Reading()
        first, *others = await asked(shared, reading, 1, 1, 1)
        first.cancel()
        await asyncio.sleep(0)
        reading.over.set()
        return list(await asyncio.gather(*others))

    assert asyncio.run(run()) == [1, 1]


def test_what_goes_wrong_is_told_to_who_began_and_the_others_read_by_themselves(caplog: pytest.LogCaptureFixture):
    async def run() -> list[str]:
        shared, reading = Shared[int](), Reading()
        reading.fails = True
        asking = await asked(shared, reading, 1, 1, 1)
        reading.over.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert reading.begun == 3
        assert len({id(one) for one in found}) == 3
        reading.over.clear()
        (gone,) = await asked(shared, reading, 2)
        gone.cancel()
        reading.over.set()
        await asyncio.wait([gone])
        await asyncio.sleep(0)
        assert not shared._running
        return [str(one) for one in found]

    assert asyncio.run(run(), debug=True) == ["1", "2", "3"]
    assert "never retrieved" not in caplog.text


def test_an_answer_that_depends_on_the_clock_is_kept_for_its_seconds_and_no_longer():
    async def run() -> None:
        now = [0.0]
        cache = AnswerCache(lambda: 1, limit=30_000, clock=lambda: now[0])

        async def made() -> Any:
            now[0] += 0.4  # It takes its time, which counts: what it tells of is as old as its reading.
            return answer({"n": 10}, permission="version.read")

        await cache.read(KEY, made, seconds=1.0)
        now[0] = 0.9
        assert cache.get(KEY) is not None
        now[0] = 1.0
        assert cache.get(KEY) is None
        # The room of what is dropped is free again.
        assert cache._size == 0

    asyncio.run(run())


def test_an_answer_whose_reading_began_before_a_change_is_not_given_to_who_came_behind_it():
    async def run() -> list[int]:
        state, over = [1], asyncio.Event()
        cache = AnswerCache(lambda: state[0], limit=100_000)
        made: list[int] = []

        async def make() -> Any:
            made.append(state[0])
            await over.wait()
            return answer({"n": made[-1]}, permission="version.read")

        first = asyncio.ensure_future(cache.read(KEY, make))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        state[0] = 2
        second = asyncio.ensure_future(cache.read(KEY, make))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        over.set()
        await asyncio.gather(first, second)
        assert cache.get(KEY) is not None
        return made

    assert asyncio.run(run()) == [1, 2]


# ------------------------------------------------------------------------------------------------------- over the wire


def told(requests: int) -> dict[str, Any]:
    """A batch of predictions that an application tells of."""
    return {"predictions": [{"version": "1.0.0", "latency": 0.01} for _ in range(requests)]}


def with_version(client: httpx2.Client, name: str) -> str:
    """Make a model with a version; give the path of its figures."""
    client.post("/api/models/register", json={"name": name})
    assert client.post(f"/api/models/{name}/versions/register", json={"version": "1.0.0"}).status_code == 201
    return f"/api/models/{name}/metrics"


def requests_in(answer: httpx2.Response) -> int:
    """How many predictions an answer tells of."""
    assert answer.status_code == 200, answer.text
    return sum(one["requests"] for one in answer.json()["versions"])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each operation has read the database for an answer."""
    found: Counter[str] = Counter()

    def counting(yard: Any, operation: Any, request: Any, **facts: Any) -> Any:
        found[operation.name] += 1
        return perform(yard, operation, request, **facts)

    monkeypatch.setattr("modelyard.server.service.perform", counting)
    monkeypatch.setattr("modelyard.server.events.perform", counting)
    return found


@pytest.mark.feature("OBS-04")
def test_many_who_ask_at_once_cost_one_reading(served, client, name, monkeypatch):
    with_version(client, name)
    cache, go = served.app.service.cache, threading.Event()
    entered: list[object] = []
    begun: list[str] = []

    def slow(yard: Any, operation: Any, request: Any, **facts: Any) -> Any:
        begun.append(operation.name)
        assert go.wait(30)
        return perform(yard, operation, request, **facts)

    async def entering(key: Any, *rest: Any) -> Any:
        entered.append(key)
        return await AnswerCache.read(cache, key, *rest)

    monkeypatch.setattr("modelyard.server.service.perform", slow)
    monkeypatch.setattr(cache, "read", entering)
    with ThreadPoolExecutor(20) as pool:
        asking = [pool.submit(client.get, f"/api/models/{name}") for _ in range(20)]
        until(lambda: len(entered) == 20, "all of them are at the server")
        go.set()
        answers = [one.result() for one in asking]
    assert {(one.status_code, one.content) for one in answers} == {(200, answers[0].content)}
    # The server writes numbers of its own now and then, which is a change like any other.
    assert len(begun) <= 2


@pytest.mark.feature("SEC-01", "OBS-04")
def test_a_refusal_names_who_was_refused_also_where_another_one_asked_for_the_same(serve_with, monkeypatch):
    server = serve_with(**{"auth.enabled": True})
    with ModelRegistry(server.settings.registry_folder) as boss:
        boss.create_model("fraud")
        # Both may read figures of some model, and neither of this one.
        grants = {"allow": "metrics.read", "model": "other"}, {"allow": "version.read", "model": "fraud"}
        tokens = {name: boss.create_token(name, list(grants)).token for name in ("ada", "bob")}
    cache, go, begun = server.app.service.cache, threading.Event(), []
    entered: list[object] = []

    def slow(*given: Any, **facts: Any) -> Any:
        begun.append(given)
        assert go.wait(30)
        return perform(*given, **facts)

    async def entering(key: Any, *rest: Any) -> Any:
        entered.append(key)
        return await AnswerCache.read(cache, key, *rest)

    monkeypatch.setattr("modelyard.server.service.perform", slow)
    monkeypatch.setattr(cache, "read", entering)

    def ask(name: str) -> httpx2.Response:
        return server.client.get("/api/models/fraud/metrics", headers={"Authorization": f"Bearer {tokens[name]}"})

    with ThreadPoolExecutor(2) as pool:
        asking = {name: pool.submit(ask, name) for name in tokens}
        until(lambda: len(entered) == 2, "both are at the server")
        go.set()
        answers = {name: one.result() for name, one in asking.items()}
    assert entered[0] == entered[1]
    for name, told_so in answers.items():
        assert told_so.status_code == 403, told_so.text
        assert told_so.json()["detail"].startswith(f"{name} does not have")


@pytest.mark.feature("OBS-04")
def test_figures_are_read_once_while_nothing_changes_and_anew_when_something_did(client, name, counted, monkeypatch):
    monkeypatch.setattr(routes, "BRIEF_S", 600.0)
    path = with_version(client, name)
    assert [requests_in(client.get(path)) for _ in range(5)] == [0] * 5
    for number in (1, 2, 3):
        before = counted["metrics"]
        assert client.post(f"/api/models/{name}/predictions", json=told(10)).status_code < 300
        assert [requests_in(client.get(path)) for _ in range(5)] == [10 * number] * 5
        # Another test's change, or the server's own, may come between.
        assert 1 <= counted["metrics"] - before <= 4


def test_figures_are_of_this_second_also_where_nothing_changes(client, name, counted, monkeypatch):
    monkeypatch.setattr(routes, "BRIEF_S", 0.0)
    path = with_version(client, name)
    ends = [client.get(path).json()["until"] for _ in range(3)]
    assert ends == sorted(set(ends))


@pytest.mark.feature("OBS-04", "STO-15")
def test_processes_see_each_others_figures_and_changes_at_once(serve_process: Callable[..., Any]):
    one, other = serve_process(), serve_process()
    path = with_version(one.client, "fraud")
    for number in range(1, 6):
        assert requests_in(other.client.get(path)) == 7 * (number - 1)
        assert one.client.post("/api/models/fraud/predictions", json=told(7)).status_code < 300
        assert requests_in(other.client.get(path)) == 7 * number
        assert one.client.patch("/api/models/fraud", json={"description": str(number)}).status_code == 200
        assert other.client.get("/api/models/fraud").json()["description"] == str(number)
