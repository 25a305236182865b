"""A running server makes checkpoints by the clock."""

from __future__ import annotations

import threading

import pytest

from modelyard.server.checkpoints import Ticker


@pytest.mark.feature("SEC-04")
def test_a_ticker_works_until_it_is_closed():
    twice = threading.Semaphore(0)
    ticker = Ticker(twice.release, 0.001)
    ticker.start()
    for _ in range(2):
        assert twice.acquire(timeout=30)
    ticker.close()
    ticker.close()
    assert "modelyard-checkpoints" not in {thread.name for thread in threading.enumerate()}


def test_an_interval_of_nothing_never_works():
    ticker = Ticker(lambda: pytest.fail("it worked"), 0)
    ticker.start()
    assert "modelyard-checkpoints" not in {thread.name for thread in threading.enumerate()}
    ticker.close()
