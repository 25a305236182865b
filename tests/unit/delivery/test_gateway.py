"""The gateway without HTTP: who answers, what is recorded, and what happens while routes change."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import pytest

from components.backends import ENDPOINT, Fleet, Scripted, compiled, configured, runnable
from components.loops import eventually, in_loop
from modelyard.delivery.book import Entry
from modelyard.delivery.gateway import Gateway
from modelyard.delivery.lanes import Patience
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import Rule
from modelyard.errors import (
    EndpointNotFound,
    InvalidInput,
    InvalidRequest,
    NotServing,
    Overloaded,
    PredictionFailed,
    TimedOut,
    VersionNotFound,
)
from modelyard.runtimes.backend import BackendLost, Call, Sizing
from modelyard.telemetry.outcome import WELL, Lot, Outcome

CALL = Call(body=b'{"input": [1]}')
WHERE = ("fraud", "production")


class Notes:
    """Takes what a recorder takes, and keeps it."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[str, int, str, str], bool, int]] = []
        self.lots: list[Lot | None] = []
        self.abandoned: list[tuple[tuple[str, int, str, str], Lot]] = []

    def record(self, subject: Any, seconds: float, outcome: Outcome = WELL, lot: Lot | None = None) -> None:
        """Keep it."""
        assert seconds >= 0
        self.lots.append(lot)
        self.seen.append((subject, not outcome.code, outcome.tokens))

    def abandon(self, subject: Any, seconds: float, lot: Lot) -> None:
        """Keep it."""
        assert seconds >= 0
        self.abandoned.append((subject, lot))

    def counts(self) -> Counter[tuple[str, int, str, bool]]:
        """Version, epoch, role and success → how often."""
        return Counter((subject[2], subject[1], subject[3], ok) for subject, ok, _ in self.seen)


class World:
    """A gateway with a fleet."""

    def __init__(self, **patience: Any) -> None:
        self.fleet, self.notes = Fleet(), Notes()
        self.gateway = Gateway(self.fleet, self.notes, patience=Patience(**patience))  # type: ignore[arg-type]  # as a recorder

    async def serve(self, route: CompiledRoute, **configuration: Any) -> None:
        """Start what a route needs, and install it."""
        backends = {name: await self.fleet.ensure(runnable(name[1:]), Sizing()) for name in route.versions}
        self.gateway.install(
            Entry(
                endpoint_id=ENDPOINT,
                model=WHERE[0],
                environment=WHERE[1],
                route=route,
                configuration=configured(**configuration),
                backends=backends,
            )
        )

    def backend(self, version: str) -> Scripted:
        """A version's back end."""
        found = self.fleet.running[f"v{version}"]
        assert isinstance(found, Scripted)
        return found

    async def ask(self, key: bytes | None = None, call: Call = CALL, **header: str) -> str:
        """Predict; gives the version that answered. A header is named without `x-`: `channel="beta"`."""
        headers = {f"x-{name.replace('_', '-')}": value for name, value in header.items()}
        made = Call(body=call.body, headers=headers) if headers else call
        return (await self.gateway.predict(*WHERE, made, key)).facts.version


@in_loop
@pytest.mark.feature("DEP-14")
async def test_an_answer_names_version_deployment_and_epoch():
    world = World()
    await world.serve(compiled({"1.0.0": 1}, epoch=7))
    found = await world.gateway.predict(*WHERE, CALL)
    assert found.answer.output == b'"1.0.0"'
    facts = found.facts
    assert (facts.name, facts.version, facts.version_id, facts.deployment_id, facts.epoch, found.role) == (
        "fraud",
        "1.0.0",
        "v1.0.0",
        "dp_7",
        7,
        "live",
    )
    assert world.notes.seen == [((ENDPOINT, 7, "v1.0.0", "live"), True, 0)]


@in_loop
@pytest.mark.feature("DEP-12")
async def test_a_key_in_the_header_in_the_body_or_given_sticks_to_the_version_that_the_route_says():
    world = World()
    route = compiled({"1.0.0": 0.5, "2.0.0": 0.5})
    await world.serve(route, key_field="user.id")
    for number in range(50):
        due = route.choose(b"%d" % number, lambda _name: None)
        assert due is not None
        assert f"v{await world.ask(b'%d' % number)}" == due
        assert f"v{await world.ask(modelyard_key=str(number))}" == due
        for value in (number, f'"{number}"'):
            body = b'{"input": [1], "user": {"id": %s}}' % str(value).encode()
            assert f"v{await world.ask(call=Call(body=body))}" == due


@in_loop
async def test_without_a_key_requests_spread_by_the_weights():
    world = World()
    await world.serve(compiled({"1.0.0": 0.5, "2.0.0": 0.5}), key_field="user.id")
    odd = [b"{", b"[]", b'{"user": 3}', b'{"user": {"id": "\xff"}}', b""]
    found = Counter([await world.ask(call=Call(body=odd[number % len(odd)])) for number in range(400)])
    assert all(120 < count < 280 for count in found.values())
    assert len(found) == 2


@in_loop
@pytest.mark.feature("DEP-08")
async def test_a_rule_sends_a_request_to_a_version_without_weight():
    world = World()
    rule = Rule(name="beta", version="2.0.0", version_id="v2.0.0", header="x-channel", equals="beta")
    await world.serve(compiled({"1.0.0": 1}, rules=[rule]))
    assert await world.ask(channel="beta") == "2.0.0"
    assert await world.ask(channel="other") == "1.0.0"


@in_loop
async def test_what_is_not_there_and_what_stands_still_are_told_apart():
    world = World()
    with pytest.raises(EndpointNotFound):
        await world.ask()
    world.gateway.remove(*WHERE, reason="it was retired")
    with pytest.raises(NotServing, match="it was retired"):
        await world.ask()
    await world.serve(compiled({}, warm=["1.0.0"]))
    with pytest.raises(NotServing):
        await world.ask()
    world.gateway.remove(*WHERE)
    with pytest.raises(EndpointNotFound):
        await world.ask()


@in_loop
async def test_a_named_version_has_to_be_one_that_is_served():
    world = World()
    await world.serve(compiled({"1.0.0": 0.9, "2.0.0": 0.1}, warm=["3.0.0"]))
    found = await world.gateway.predict(*WHERE, CALL, version="2.0.0")
    assert found.facts.version == "2.0.0"
    with pytest.raises(VersionNotFound, match=r"3\.0\.0"):
        await world.gateway.predict(*WHERE, CALL, version="3.0.0")


@in_loop
async def test_a_version_that_could_not_be_started_is_never_replaced_by_another():
    world = World()
    route = compiled({"1.0.0": 0.5, "2.0.0": 0.5})
    one = await world.fleet.ensure(runnable("1.0.0"), Sizing())
    world.gateway.install(
        Entry(
            endpoint_id=ENDPOINT,
            model=WHERE[0],
            environment=WHERE[1],
            route=route,
            configuration=configured(),
            backends={"v1.0.0": one},
        )
    )
    for number in range(50):
        key = b"%d" % number
        if route.choose(key, lambda _name: None) == "v1.0.0":
            assert await world.ask(key) == "1.0.0"
        else:
            with pytest.raises(NotServing):
                await world.ask(key)


@in_loop
async def test_a_lost_back_end_is_asked_again_and_nobody_notices():
    world = World()
    await world.serve(compiled({"1.0.0": 1}))
    backend = world.backend("1.0.0")
    backend.faults = [BackendLost("gone"), BackendLost("gone")]
    assert await world.ask() == "1.0.0"
    assert len(backend.calls) == 3
    assert world.notes.counts() == {("v1.0.0", 1, "live", True): 1}


@in_loop
async def test_a_back_end_that_starts_again_is_waited_for():
    world = World()
    await world.serve(compiled({"1.0.0": 1}))
    backend = world.backend("1.0.0")
    backend.faults = [BackendLost("gone")]
    backend.healthy = False
    asked = asyncio.create_task(world.ask())
    await eventually(lambda: not backend.faults)
    await asyncio.sleep(0)
    assert len(backend.calls) == 1
    backend.healthy = True
    assert await asked == "1.0.0"


@in_loop
async def test_a_back_end_that_stays_lost_is_left_alone_and_tried_again():
    world = World(failures=2, pause_s=0.05)
    await world.serve(compiled({"1.0.0": 1}))
    backend = world.backend("1.0.0")
    backend.faults = [BackendLost("gone")] * 6
    for _ in range(2):
        with pytest.raises(BackendLost):
            await world.ask()
    asked = len(backend.calls)
    with pytest.raises(NotServing) as caught:
        await world.ask()
    assert caught.value.details["retry_after"] == 1
    assert len(backend.calls) == asked

    backend.faults = []
    answered = ""
    while not answered:
        with contextlib.suppress(NotServing):
            answered = await world.ask()
        await asyncio.sleep(0)
    assert world.notes.counts()["v1.0.0", 1, "live", True] == 1
    assert world.notes.counts()["v1.0.0", 1, "live", False] >= 3


@in_loop
async def test_errors_of_the_model_count_and_mistakes_of_callers_do_not():
    world = World(failures=1)
    await world.serve(compiled({"1.0.0": 1}))
    for fault, expected in (
        (InvalidInput("no such column"), InvalidInput),
        (PredictionFailed("it raised"), PredictionFailed),
        (Overloaded("the provider says 429", details={"retry_after": 7}), Overloaded),
        (RuntimeError("a defect"), PredictionFailed),
        (TimedOut("too slow"), TimedOut),
    ):
        world.backend("1.0.0").faults = [fault]
        with pytest.raises(expected):
            await world.ask()
    assert world.notes.counts() == {("v1.0.0", 1, "live", False): 4}


@in_loop
async def test_the_deadline_is_the_shorter_of_the_callers_and_the_endpoints():
    world = World(failures=2)
    await world.serve(compiled({"1.0.0": 1}), timeout_s=5.0)
    backend = world.backend("1.0.0")
    backend.gate.clear()
    for _ in range(3):
        with pytest.raises(TimedOut, match=r"within 0\.01 s"):
            await world.ask(modelyard_timeout="0.01")
    assert backend.calls[0].timeout_s == 0.01
    backend.gate.set()
    # A caller in a hurry says nothing about the back end: its circuit is closed still.
    assert await world.ask(modelyard_timeout="60") == "1.0.0"
    assert backend.calls[-1].timeout_s == 5.0
    assert ("v1.0.0", 1, "live", False) not in world.notes.counts(), "nor does it count against the version"
    for odd in ("0", "-1", "nan", "inf", "soon"):
        with pytest.raises(InvalidRequest):
            await world.ask(modelyard_timeout=odd)


@in_loop
async def test_a_version_that_does_not_answer_in_time_is_left_alone():
    world = World(failures=2, pause_s=60)
    await world.serve(compiled({"1.0.0": 1}), timeout_s=0.01)
    world.backend("1.0.0").gate.clear()
    for _ in range(2):
        with pytest.raises(TimedOut):
            await world.ask()
    with pytest.raises(NotServing):
        await world.ask()


@in_loop
async def test_more_requests_than_may_wait_are_refused_and_not_held_against_the_version():
    world = World()
    await world.serve(compiled({"1.0.0": 1}), max_concurrency=2, max_queue=3)
    backend = world.backend("1.0.0")
    backend.gate.clear()
    asked = [asyncio.create_task(world.ask()) for _ in range(5)]
    await eventually(lambda: backend.under_way == 2)
    with pytest.raises(Overloaded) as caught:
        await world.ask()
    assert caught.value.details["retry_after"] >= 1
    backend.gate.set()
    await asyncio.gather(*asked)
    assert backend.most_under_way == 2
    assert world.notes.counts() == {("v1.0.0", 1, "live", True): 5}


@in_loop
async def test_a_client_that_goes_away_is_told_to_the_judge_and_counts_nowhere_else():
    world = World()
    await world.serve(compiled({"1.0.0": 1}), max_concurrency=1)
    backend = world.backend("1.0.0")
    backend.gate.clear()
    asked = [asyncio.create_task(world.ask()) for _ in range(2)]
    await eventually(lambda: backend.under_way == 1)
    for one in asked:
        one.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    backend.gate.set()
    assert await world.ask() == "1.0.0"
    assert world.notes.counts() == {("v1.0.0", 1, "live", True): 1}
    assert [subject[2] for subject, _ in world.notes.abandoned] == ["v1.0.0", "v1.0.0"]
    assert world.gateway.book.endpoints[0].in_flight == 0


@in_loop
@pytest.mark.feature("DEP-13")
async def test_a_request_belongs_to_the_epoch_that_it_entered_and_its_version_runs_until_it_has_ended():
    world = World()
    await world.serve(compiled({"1.0.0": 1}, epoch=1))
    old = world.backend("1.0.0")
    old.gate.clear()
    asked = asyncio.create_task(world.gateway.predict(*WHERE, CALL))
    await eventually(lambda: old.under_way == 1)
    await world.serve(compiled({"2.0.0": 1}, epoch=2))
    await world.serve(compiled({"3.0.0": 1}, epoch=3))
    assert await world.ask() == "3.0.0"
    await eventually(lambda: world.fleet.retired == ["v2.0.0"])
    assert not old.is_closed
    old.gate.set()
    found = await asked
    assert (found.facts.version, found.facts.epoch) == ("1.0.0", 1)
    await eventually(lambda: world.fleet.retired == ["v2.0.0", "v1.0.0"])
    assert world.notes.counts() == {("v1.0.0", 1, "live", True): 1, ("v3.0.0", 3, "live", True): 1}
    assert world.fleet.held == {"v3.0.0"}


@in_loop
async def test_what_is_warm_or_reserved_is_not_ended():
    world = World()
    await world.serve(compiled({"1.0.0": 1}, epoch=1))
    world.gateway.book.reserve("a deployment", ["v1.0.0"])
    await world.serve(compiled({"2.0.0": 1}, epoch=2, warm=["0.9.0"]))
    assert world.fleet.held == {"v0.9.0", "v1.0.0", "v2.0.0"}
    world.gateway.book.reserve("a deployment", [])
    await eventually(lambda: world.fleet.retired == ["v1.0.0"])


@in_loop
async def test_the_queue_and_the_circuit_go_along_to_the_next_epoch():
    world = World(failures=1, pause_s=60)
    await world.serve(compiled({"1.0.0": 1}, epoch=1))
    world.backend("1.0.0").faults = [NotServing("down")]
    with pytest.raises(NotServing):
        await world.ask()
    await world.serve(compiled({"1.0.0": 1}, epoch=2))
    with pytest.raises(NotServing, match="left alone"):
        await world.ask()


@in_loop
@pytest.mark.feature("EXP-21")
async def test_a_shadow_version_sees_every_request_and_disturbs_none():
    world = World()
    await world.serve(compiled({"1.0.0": 1}, shadow={"2.0.0": 1}))
    shadow = world.backend("2.0.0")
    shadow.gate.clear()
    assert [await world.ask() for _ in range(10)] == ["1.0.0"] * 10
    await eventually(lambda: shadow.under_way == 10)
    shadow.faults = [PredictionFailed("it raised"), InvalidInput("no such column"), RuntimeError("a defect")]
    shadow.gate.set()
    await eventually(lambda: shadow.under_way == 0)
    await eventually(lambda: world.gateway.book.endpoints[0].in_flight == 0)
    await eventually(lambda: world.notes.counts()["v2.0.0", 1, "shadow", True] == 7)
    assert world.notes.counts() == {
        ("v1.0.0", 1, "live", True): 10,
        ("v2.0.0", 1, "shadow", True): 7,
        ("v2.0.0", 1, "shadow", False): 2,
    }


@in_loop
@pytest.mark.feature("EXP-21")
async def test_copies_that_find_no_free_place_are_not_made():
    world = World()
    await world.serve(compiled({"1.0.0": 1}, shadow={"2.0.0": 1, "9.0.0": 1}), max_concurrency=3)
    world.backend("2.0.0").gate.clear()
    world.backend("9.0.0").gate.clear()
    for _ in range(5):
        await world.ask()
    await eventually(lambda: world.backend("2.0.0").under_way == 3)
    assert world.gateway.dropped == 4
    await world.gateway.close()
    assert world.gateway.book.endpoints[0].in_flight == 0


@in_loop
async def test_a_stream_is_recorded_when_it_ends_with_its_tokens():
    world = World()
    await world.serve(compiled({"1.0.0": 1}))
    last = b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}\n\n'
    world.backend("1.0.0").pieces = [b"data: {}\n\n", last, b"data: [DONE]\n\n"]
    streamed = await world.gateway.stream(*WHERE, CALL)
    assert streamed.facts.version == "1.0.0"
    assert not world.notes.seen
    assert [piece async for piece in streamed] == [b"data: {}\n\n", last, b"data: [DONE]\n\n"]
    await streamed.aclose()
    await streamed.aclose()
    assert world.notes.seen == [((ENDPOINT, 1, "v1.0.0", "live"), True, 7)]
    assert world.gateway.book.endpoints[0].in_flight == 0


@in_loop
async def test_a_stream_that_is_lost_before_its_first_piece_is_begun_again():
    world = World()
    await world.serve(compiled({"1.0.0": 1}))
    world.backend("1.0.0").faults = [BackendLost("gone")]
    streamed = await world.gateway.stream(*WHERE, CALL)
    assert len([piece async for piece in streamed]) == 2
    await streamed.aclose()


@in_loop
async def test_errors_before_the_first_piece_are_raised_as_they_are():
    world = World()
    await world.serve(compiled({"1.0.0": 1}), max_concurrency=1, max_queue=0)
    for fault in (InvalidInput("no messages"), PredictionFailed("it raised")):
        world.backend("1.0.0").faults = [fault]
        with pytest.raises(type(fault)):
            await world.gateway.stream(*WHERE, CALL)
    held = await world.gateway.stream(*WHERE, CALL)
    with pytest.raises(Overloaded):
        await world.gateway.stream(*WHERE, CALL)
    await held.aclose()
    world.backend("1.0.0").gate.clear()
    with pytest.raises(TimedOut):
        await world.gateway.stream(*WHERE, Call(body=b"{}", headers={"x-modelyard-timeout": "0.01"}))
    assert world.notes.counts() == {("v1.0.0", 1, "live", False): 1}
    assert world.gateway.book.endpoints[0].in_flight == 0


@pytest.mark.parametrize(
    ("break_by", "expected"),
    [(PredictionFailed("broke"), PredictionFailed), (RuntimeError("broke"), PredictionFailed)],
)
def test_a_stream_that_breaks_raises_and_counts_against_the_version(break_by, expected):
    @in_loop
    async def check() -> None:
        world = World()
        await world.serve(compiled({"1.0.0": 1}))
        world.backend("1.0.0").pieces = [b"data: 1\n\n", break_by]
        streamed = await world.gateway.stream(*WHERE, CALL)
        with pytest.raises(expected):
            [piece async for piece in streamed]
        await streamed.aclose()
        assert world.notes.counts() == {("v1.0.0", 1, "live", False): 1}

    check()


@in_loop
async def test_a_stream_that_stands_still_is_late():
    world = World()
    await world.serve(compiled({"1.0.0": 1}), timeout_s=0.02)
    streamed = await world.gateway.stream(*WHERE, CALL)
    assert await anext(streamed) == b"data: 1\n\n"
    world.backend("1.0.0").gate.clear()
    with pytest.raises(TimedOut):
        await anext(streamed)
    await streamed.aclose()
    assert world.gateway.book.endpoints[0].in_flight == 0


@in_loop
async def test_draining_waits_for_what_is_under_way_but_not_for_ever():
    world = World()
    await world.serve(compiled({"1.0.0": 1}))
    world.backend("1.0.0").gate.clear()
    asked = asyncio.create_task(world.ask())
    await eventually(lambda: world.backend("1.0.0").under_way == 1)
    assert not await world.gateway.book.drained(0.01)
    world.backend("1.0.0").gate.set()
    assert await world.gateway.book.drained(10)
    assert asked.done()
