"""Events as they happen: the stream, its beginning, its end, its bounds; and webhooks that a server sends."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

from components.deadlines import until
from components.receiver import Receiver
from modelyard import ModelRegistry, verify_webhook
from modelyard.errors import DatabaseUnavailable
from modelyard.metadata import observations
from modelyard.registry.context import Yard
from modelyard.registry.dispatch import perform
from modelyard.registry.feed import stand
from modelyard.server import events

STREAM = "/api/events/stream"


class Follower:
    """A stream that is read line by line."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> dict:
        """The next event, with its fields."""
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
            elif not line and "data" in fields:
                event = json.loads(fields["data"])
                assert (fields["id"], fields["event"]) == (str(event["sequence"]), event["type"])
                return event
        raise AssertionError("the stream ended")

    def comment(self) -> str:
        """The next comment."""
        return next(line for line in self._lines if line.startswith(":"))


@contextmanager
def following(client: httpx2.Client, **query):
    headers = {"Last-Event-ID": str(query.pop("last"))} if "last" in query else {}
    with client.stream("GET", STREAM, params=query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        follower = Follower(answer)
        assert follower.comment() == ": modelyard"
        yield follower


def create(client: httpx2.Client, *names: str) -> None:
    for name in names:
        assert client.post("/api/models/register", json={"name": name}).status_code == 201


@pytest.mark.feature("EXP-06")
def test_a_stream_goes_on_where_the_last_one_ended(fresh):
    client = fresh.client
    create(client, "a", "b")
    with following(client) as stream:
        create(client, "c")
        event = stream.next()
        assert (event["model"], event["type"]) == ("c", "model.created")
    assert event == client.get("/api/events").json()["events"][-1]
    create(client, "d", "e")
    with following(client, last=event["sequence"], after=0) as stream:
        assert [stream.next()["model"] for _ in range(2)] == ["d", "e"]
        create(client, "f")
        assert stream.next()["model"] == "f"
    with following(client, after=0) as stream:
        assert [stream.next()["model"] for _ in range(6)] == list("abcdef")


def test_a_stream_tells_what_one_person_does(fresh):
    client = fresh.client
    create(client, "a")
    (event,) = client.get("/api/events").json()["events"]
    with following(client, after=0, actor=event["actor"]) as stream:
        assert stream.next() == event
    assert client.get("/api/events", params={"actor": "nobody"}).json()["events"] == []


def test_who_saw_no_event_yet_misses_none_after_a_loss(fresh):
    client = fresh.client
    create(client, "a", "b")
    with client.stream("GET", STREAM) as answer:
        last = next(line for line in answer.iter_lines() if line.startswith("id: "))
    create(client, "c")
    with following(client, last=last.removeprefix("id: ")) as stream:
        assert stream.next()["model"] == "c"


def test_a_stream_is_not_silent_for_who_saw_more_events_than_there_are(fresh):
    client = fresh.client
    create(client, "a")
    # A backup was put back, or another registry is served here now.
    with following(client, last=10_000) as stream, following(client, last=10_000, types="model.updated") as other:
        create(client, "b")
        client.patch("/api/models/b", json={"owner": "ana"})
        assert stream.next()["model"] == "b"
        assert other.next()["type"] == "model.updated"


def test_a_stream_tells_what_was_asked_for_only(fresh):
    client = fresh.client
    create(client, "a", "b")
    with following(client, name="b", types="model.updated,alias.*") as stream:
        for name in ("a", "b"):
            client.patch(f"/api/models/{name}", json={"description": "x"})
        event = stream.next()
        assert (event["model"], event["type"]) == ("b", "model.updated")
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in stream.answer.headers


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?after=-1", {}, 400),
        ("?after=soon", {}, 400),
        ("?types=A.B", {}, 400),
        ("?nothing=1", {}, 400),
        ("?name=nobody", {}, 404),
        ("?until=2026-01-01", {}, 400),
        ("?newest_first=true", {}, 400),
        ("", {"Last-Event-ID": "x"}, 400),
        ("", {"Last-Event-ID": "9" * 30}, 400),
    ],
)
def test_a_stream_that_cannot_be_is_refused(client, query, headers, status):
    answer = client.get(f"{STREAM}{query}", headers=headers)
    assert answer.status_code == status
    assert answer.json()["hint"]


def test_a_quiet_stream_gives_signs_of_life(serve_with, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    with following(serve_with().client) as stream:
        assert stream.comment() == stream.comment() == ": still here"


def test_there_are_only_so_many_streams_and_one_poller_while_there_are_any(serve_with):
    server = serve_with(**{"server.max_event_streams": 2})
    streams = server.app._streams
    with following(server.client) as first, following(server.client) as second:
        refused = server.client.get(STREAM)
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
        assert int(refused.headers["retry-after"]) > 0
        create(server.client, "a")
        assert first.next() == second.next()
        assert streams._poller is not None
    ended = threading.Event()
    for _ in range(500):
        if streams._poller is None or ended.wait(0.01):
            break
    assert streams._poller is None
    assert not streams._followers
    with following(server.client):
        pass


def test_streams_end_with_the_server_at_once(serve_with):
    server = serve_with()
    with httpx2.Client(base_url=server.url, timeout=30) as client, following(client) as stream:
        begun = time.monotonic()
        ending = threading.Thread(target=server.stop)
        ending.start()
        with pytest.raises(AssertionError, match="the stream ended"):
            stream.next()
        ending.join(30)
        assert not ending.is_alive()
        assert time.monotonic() - begun < 10


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every reading of events that streams have made."""
    made: list[object] = []

    def counting(yard, operation, request, **facts):
        made.append(request)
        return perform(yard, operation, request, **facts)

    monkeypatch.setattr(events, "perform", counting)
    return made


def wait_for_a_look(looked: list[int]) -> None:
    before = looked[0]
    until(lambda: looked[0] > before, "the poller looks")


@pytest.mark.feature("OBS-04")
def test_who_may_see_the_same_shares_the_reading_and_what_is_no_event_costs_none(serve_with, readings, monkeypatch):
    server, looked = serve_with(), [0]

    def looked_at(yard: Yard) -> object:
        looked[0] += 1
        return stand(yard)

    monkeypatch.setattr(events, "stand", looked_at)
    create(server.client, "a")
    with ExitStack() as stack:
        streams = [stack.enter_context(following(server.client)) for _ in range(10)]
        # Behind the events that they all get, each waits.
        create(server.client, "b")
        assert [stream.next()["model"] for stream in streams] == ["b"] * 10
        before = len(readings)
        for number in range(5):
            with server.yard.database.write() as tx:
                observations.take(tx, "a writer", number + 1, "2026-03-01T12:00:00.000000Z")
            # The poller has looked at this state before the next one comes.
            wait_for_a_look(looked)
        create(server.client, "c")
        assert [stream.next()["model"] for stream in streams] == ["c"] * 10
        # Ten streams, one event; a figure that is written meanwhile may part those who wait.
        assert 1 <= len(readings) - before <= 4


@pytest.mark.feature("OBS-04")
def test_a_stream_outlives_a_database_that_is_away_for_a_moment(serve_with, monkeypatch):
    server = serve_with()
    tried = []

    def away(yard):
        tried.append(yard)
        if len(tried) < 3:
            raise DatabaseUnavailable("it is away")
        return stand(yard)

    with following(server.client) as stream:
        monkeypatch.setattr(events, "stand", away)
        create(server.client, "a")
        assert stream.next()["model"] == "a"
    assert len(tried) >= 3


@pytest.mark.feature("EXP-05")
def test_a_server_sends_webhooks_by_itself(serve_with):
    server = serve_with(**{"webhooks.allow_private": True, "webhooks.first_retry_s": 0.05})
    with Receiver() as receiver:
        request = {"url": receiver.url, "events": ["model.*"]}
        webhook = server.client.post("/api/webhooks", json=request).json()
        create(server.client, "a", "b")
        heard = receiver.wait(2)
    for one in heard:
        assert verify_webhook(webhook["secret"], one.headers, one.body)["type"] == "model.created"
    assert "secret" not in server.client.get(f"/api/webhooks/{webhook['id']}").json()
    assert server.client.get("/api/webhooks/wh_none").status_code == 404


def test_a_list_of_events_is_always_fresh(fresh):
    create(fresh.client, "a", "b", "c")
    found = fresh.client.get("/api/events?after=-2&limit=1").json()
    assert [event["model"] for event in found["events"]] == ["b"]
    rest = fresh.client.get(
        "/api/events", params={"after": -2, "limit": 1, "page_token": found["next_page_token"]}
    ).json()
    assert ([event["model"] for event in rest["events"]], rest["next_page_token"]) == (["c"], "")
    assert fresh.client.get("/api/events?after=-1001").status_code == 400


@pytest.mark.feature("EXP-06")
def test_a_follower_outlives_the_server(serve_process):
    server = serve_process()
    create(server.client, "a")
    with ModelRegistry(server.url) as registry:
        stream = registry.follow_events(after=0)
        assert next(stream).model == "a"
        server.end()
        again = serve_process(port=urlsplit(server.url).port)
        create(again.client, "b")
        event = next(stream)
        assert (event.model, event.sequence) == ("b", 2)
        stream.close()
