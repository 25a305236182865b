"""The event loop in a thread: whoever waits for it is told when it ends."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

from modelyard.errors import InvalidRequest
from modelyard.runtimes.loop import LoopThread


def test_what_runs_in_the_loop_gives_its_result_and_its_errors():
    loop = LoopThread()
    assert loop.run(asyncio.sleep(0, "done")) == "done"

    async def within() -> None:
        loop.run(asyncio.sleep(0))

    with pytest.raises(InvalidRequest, match="wait for itself"):
        loop.run(within())
    loop.close()
    loop.close()
    with pytest.raises(InvalidRequest, match="was closed"):
        loop.run(asyncio.sleep(0))


def test_what_comes_in_while_the_loop_is_closed_is_cancelled_with_the_rest(monkeypatch):
    loop, hand_in, me = LoopThread(), asyncio.run_coroutine_threadsafe, threading.current_thread()
    closer = threading.Thread(target=loop.close)

    def late(work: Any, there: asyncio.AbstractEventLoop) -> Any:
        if threading.current_thread() is me:
            # It was seen that the loop is open. Closing it has to wait for what is handed in now, so this join ends.
            closer.start()
            closer.join(0.2)
        return hand_in(work, there)

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", late)
    with pytest.raises(CancelledError):
        loop.run(asyncio.sleep(60))
    closer.join(30)
    assert not closer.is_alive()
