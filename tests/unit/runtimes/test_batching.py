"""Which of the calls that wait go to a worker together."""

from __future__ import annotations

import asyncio

from components.loops import in_loop
from modelyard.runtimes import batching
from modelyard.runtimes.batching import CallQueue, Waiting


def waiting(body: bytes = b"", since: float = 0.0) -> Waiting:
    """Return a call."""
    return Waiting("predict", body, since, since + 1, asyncio.get_running_loop().create_future())


@in_loop
async def test_calls_are_taken_in_their_order_up_to_the_bound() -> None:
    queue, calls = CallQueue(), [waiting() for _ in range(5)]
    for call in calls:
        queue.put(call)
    assert queue.oldest is calls[0]
    assert queue.take(3, suspects=True) == calls[:3]
    assert queue.take(3, suspects=True) == calls[3:]
    assert queue.take(3, suspects=True) == []
    assert queue.oldest is None


@in_loop
async def test_a_batch_has_a_bound_in_bytes_and_a_larger_call_goes_alone() -> None:
    queue = CallQueue()
    half = b"x" * (batching.MOST_BATCH_BYTES // 2)
    calls = [waiting(half), waiting(half), waiting(b"x"), waiting(half * 3), waiting()]
    for call in calls:
        queue.put(call)
    assert [len(queue.take(9, suspects=True)) for _ in range(4)] == [2, 1, 1, 1]


@in_loop
async def test_calls_that_are_tried_again_go_first_and_alone() -> None:
    queue, calls = CallQueue(), [waiting() for _ in range(4)]
    queue.put(calls[2])
    queue.put(calls[3])
    queue.put_back(calls[:2], suspect=False)
    assert queue.urgent
    taken = [queue.take(9, suspects=True) for _ in range(3)]
    assert taken == [[calls[0]], [calls[1]], calls[2:]]
    assert not queue.urgent


@in_loop
async def test_suspects_wait_until_they_may_be_tried_and_hold_up_nobody() -> None:
    queue, calls = CallQueue(), [waiting() for _ in range(3)]
    queue.put_back(calls[:1], suspect=True)
    queue.put(calls[1])
    assert queue.take(9, suspects=False) == [calls[1]]
    assert queue.take(9, suspects=False) == []
    assert len(queue) == 1
    assert queue.take(9, suspects=True) == [calls[0]]


@in_loop
async def test_a_suspect_stays_one() -> None:
    queue, call = CallQueue(), waiting()
    queue.put_back([call], suspect=True)
    queue.take(1, suspects=True)
    queue.put_back([call], suspect=False)
    assert queue.take(1, suspects=False) == []


@in_loop
async def test_dropped_calls_are_gone_wherever_they_waited() -> None:
    queue, calls = CallQueue(), [waiting() for _ in range(4)]
    queue.put(calls[0])
    queue.put_back([calls[1]], suspect=False)
    queue.put_back([calls[2]], suspect=True)
    for call in calls:
        queue.drop(call)
    assert len(queue) == 0
    queue.put(calls[3])
    assert queue.clear() == [calls[3]]
    assert len(queue) == 0
