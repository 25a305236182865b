"""A version's lane: places, the queue, and the circuit."""

from __future__ import annotations

import asyncio

import pytest

from components.backends import Scripted, runnable
from components.loops import eventually, in_loop
from modelyard.delivery.lanes import Circuit, Lane, Patience
from modelyard.errors import NotServing, Overloaded

PATIENCE = Patience(failures=3, pause_s=1.0)


def lane(concurrency: int = 1, queue: int = 2) -> Lane:
    """A lane to a back end."""
    return Lane(Scripted(runnable("1.0.0")), concurrency=concurrency, queue=queue, patience=PATIENCE)


@in_loop
async def test_places_are_given_in_the_order_in_which_they_were_asked_for():
    way = lane()
    await way.enter()
    order: list[int] = []

    async def come(number: int) -> None:
        await way.enter()
        order.append(number)
        way.leave()

    tasks = [asyncio.create_task(come(number)) for number in range(2)]
    await eventually(lambda: way.waiting == 2)
    way.leave(0.1)
    await asyncio.gather(*tasks)
    assert order == [0, 1]
    assert way.busy == 0


@in_loop
async def test_a_full_queue_refuses_and_says_when_to_come_again():
    way = lane()
    await way.enter()
    way.leave(2_000.0)
    await way.enter()
    tasks = [asyncio.create_task(way.enter()) for _ in range(2)]
    await eventually(lambda: way.waiting == 2)
    with pytest.raises(Overloaded) as caught:
        await way.enter()
    assert caught.value.details["retry_after"] == 60
    way.leave()
    way.leave()
    await asyncio.gather(*tasks)


@in_loop
async def test_who_is_cancelled_leaves_the_queue():
    way = lane()
    await way.enter()
    one, two = asyncio.create_task(way.enter()), asyncio.create_task(way.enter())
    await eventually(lambda: way.waiting == 2)
    one.cancel()
    await eventually(lambda: way.waiting == 1)
    way.leave()
    await two
    assert (way.busy, way.waiting) == (1, 0)


@in_loop
async def test_a_place_that_was_given_to_a_cancelled_request_goes_to_the_next():
    way = lane()
    await way.enter()
    one, two = asyncio.create_task(way.enter()), asyncio.create_task(way.enter())
    await eventually(lambda: way.waiting == 2)
    way.leave()
    one.cancel()
    await two
    assert one.cancelled() or one.done()
    assert (way.busy, way.waiting) == (1, 0)


@in_loop
async def test_a_request_cancelled_before_the_place_is_given_costs_nobody_theirs():
    way = lane()
    await way.enter()
    one, two = asyncio.create_task(way.enter()), asyncio.create_task(way.enter())
    await eventually(lambda: way.waiting == 2)
    one.cancel()
    way.leave()
    await two
    assert (way.busy, way.waiting) == (1, 0)


@in_loop
async def test_a_wider_lane_lets_those_in_who_wait():
    way = lane()
    await way.enter()
    waiting = [asyncio.create_task(way.enter()) for _ in range(2)]
    await eventually(lambda: way.waiting == 2)
    way.widen(way.backend, 3, 2)
    await asyncio.gather(*waiting)
    assert way.busy == 3
    assert not way.enter_now()
    way.leave()
    assert way.enter_now()


@in_loop
async def test_another_back_end_begins_with_a_closed_circuit():
    way = lane()
    for _ in range(3):
        way.circuit.failed(0.0)
    assert way.circuit.is_open
    way.widen(Scripted(runnable("1.0.0")), 1, 1)
    assert not way.circuit.is_open


def test_a_circuit_opens_after_failures_in_a_row_and_one_request_tries_after_the_pause():
    circuit = Circuit(PATIENCE)
    circuit.failed(0.0)
    circuit.failed(0.0)
    circuit.succeeded()
    for _ in range(3):
        circuit.enter(10.0)
        circuit.failed(10.0)
    with pytest.raises(NotServing) as caught:
        circuit.enter(10.5)
    assert caught.value.details == {"retry_after": 1}
    circuit.enter(11.0)
    with pytest.raises(NotServing):
        circuit.enter(11.0)
    circuit.succeeded()
    circuit.enter(11.0)
    circuit.enter(11.0)


def test_each_failed_try_doubles_the_pause_up_to_half_a_minute():
    circuit = Circuit(PATIENCE)
    now = 0.0
    for _ in range(3):
        circuit.failed(now)
    for pause in (1, 2, 4, 8, 16, 30, 30):
        with pytest.raises(NotServing):
            circuit.enter(now + pause - 0.1)
        now += pause
        circuit.enter(now)
        circuit.failed(now)


def test_a_try_that_nobody_waits_for_any_more_leaves_the_next_one_free():
    circuit = Circuit(PATIENCE)
    for _ in range(3):
        circuit.failed(0.0)
    circuit.enter(1.0)
    circuit.abandoned()
    circuit.enter(1.0)
