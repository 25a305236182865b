"""The tracker in the background: a registry that is away, ends of processes, and forks."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from components.deadlines import until
from components.servers import ThreadedServer
from components.templates import prepared
from modelyard import InvalidRequest, ModelRegistry, PerformanceTracker
from modelyard.facade import tracker as module

PROVIDER = {"kind": "http", "url": "http://127.0.0.1:9/predict"}
NEVER = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A registry with one version."""
    place = prepared(tmp_path / "registry")
    with ModelRegistry(place) as registry:
        registry.create_model("gemini")
        registry.register_version("gemini", "1.0.0", provider=PROVIDER)
    return place


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the registry's database, as a writer does that takes its time."""
    connection = sqlite3.connect(folder / "registry.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def recorded(folder: Path) -> int:
    """How many predictions the registry knows of."""
    with ModelRegistry(folder) as registry:
        return sum(one.requests for one in registry.get_metrics("gemini").versions)


def run(folder: Path, program: str) -> None:
    """Run a program in a process of its own."""
    prelude = "import os, sys\nfrom modelyard import PerformanceTracker\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + dedent(program), str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.feature("PRF-11")
def test_what_is_told_is_sent_in_the_background(folder):
    with PerformanceTracker(folder, interval=0.01) as tracker:
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        until(lambda: recorded(folder) == 1, "it is sent")


@pytest.mark.feature("PRF-11")
def test_a_database_that_is_held_by_others_raises_nothing_and_loses_nothing(folder, caplog):
    with PerformanceTracker(folder, interval=NEVER, timeout=0.05) as tracker:
        with locked(folder):
            for _ in range(3):
                tracker.track_prediction("gemini", "1.0.0", 0.1)
                assert not tracker.flush()
        assert caplog.text.count("what was told of predictions waits") == 1
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        assert tracker.flush()
        assert recorded(folder) == 4


@pytest.mark.feature("PRF-11")
def test_a_server_that_does_not_answer_raises_nothing_and_loses_nothing(folder):
    server = ThreadedServer()
    with server.serving(folder) as url:
        tracker = PerformanceTracker(url, interval=NEVER, timeout=0.5)
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        assert tracker.flush()
    tracker.track_prediction("gemini", "1.0.0", 0.1)
    assert not tracker.flush()
    with server.serving(folder):
        tracker.close()
    server.stop()
    assert recorded(folder) == 2


def test_the_end_without_a_registry_says_what_is_lost(folder, caplog):
    tracker = PerformanceTracker(folder, interval=NEVER, timeout=0.05)
    tracker.track_prediction("gemini", "1.0.0", 0.1)
    with locked(folder):
        tracker.close()
        tracker.close()
    assert "2 predictions are not recorded" not in caplog.text
    assert "1 predictions are not recorded" in caplog.text


def test_memory_is_bounded_while_the_registry_is_away(folder, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 5)
    with PerformanceTracker(folder, interval=NEVER) as tracker:
        for minute in range(60):
            tracker.track_prediction("gemini", "1.0.0", 0.1, at=f"2026-03-01T12:{minute:02}Z")
        assert tracker._outbox is not None
        assert len(tracker._outbox._waiting) == 5
        assert tracker.get_metrics("gemini", "1.0.0")["requests"] == 60


def test_what_is_sent_at_once_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(module, "MOST_BINS", 20)
    with PerformanceTracker(folder, interval=NEVER) as tracker:
        for minute in range(5):
            for size in range(12):
                tracker.track_prediction("gemini", "1.0.0", 2.0**-size, at=f"2026-03-01T12:{minute:02}Z")
        outbox = tracker._outbox
        assert outbox is not None
        batch = outbox._next()
        assert batch is not None
        assert [len(window.latency) for window in batch.windows] == [12, 12]
        assert tracker.get_metrics("gemini", "1.0.0")["requests"] == 60


def test_sums_of_what_may_be_told_are_taken(folder):
    with PerformanceTracker(folder, interval=NEVER) as tracker:
        for _ in range(3):
            tracker.track_prediction("gemini", "1.0.0", 1e6, tokens=10**15, cost=1e6)
        found = tracker.get_metrics("gemini", "1.0.0")
        assert (found["requests"], found["avg_latency"], found["tokens"]) == (3, 1e6, 3 * 10**15)
        with pytest.raises(InvalidRequest, match="1970"):
            tracker.track_prediction("gemini", "1.0.0", 0.1, at="0001-01-01")
        assert tracker.get_metrics("gemini", "1.0.0", since="0001-01-01", points=10)["requests"] == 3


def test_a_closed_tracker_takes_nothing_more(folder):
    tracker = PerformanceTracker(folder)
    tracker.close()
    with pytest.raises(InvalidRequest, match="closed"):
        tracker.track_prediction("gemini", "1.0.0", 0.1)


def test_a_registry_that_was_passed_stays_open(folder):
    with ModelRegistry(folder) as registry:
        with PerformanceTracker(registry, interval=NEVER) as tracker:
            tracker.track_prediction("gemini", "1.0.0", 0.1)
        assert registry.get_metrics("gemini", "1.0.0").versions[0].requests == 1


def test_a_forgotten_tracker_sends_the_rest_and_ends_its_thread(folder):
    before = set(threading.enumerate())
    with ModelRegistry(folder) as registry:
        tracker = PerformanceTracker(registry, interval=0.01)
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        del tracker
        gc.collect()
        until(lambda: set(threading.enumerate()) <= before, "its thread ends")
    assert recorded(folder) == 1


def test_many_threads_lose_no_count(folder):
    with PerformanceTracker(folder, interval=0.01) as tracker:

        def work() -> None:
            for _ in range(2_000):
                tracker.track_prediction("gemini", "1.0.0", 0.1, tokens=1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = tracker.get_metrics("gemini", "1.0.0")
    assert (found["requests"], found["tokens"]) == (8_000, 8_000)


def test_what_was_told_is_sent_at_the_end_of_the_process(folder):
    run(
        folder,
        """
        tracker = PerformanceTracker(sys.argv[1], interval=3600)
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        """,
    )
    assert recorded(folder) == 1


def test_a_fork_sends_only_what_it_was_told_itself(folder):
    run(
        folder,
        """
        tracker = PerformanceTracker(sys.argv[1], interval=3600)
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        child = os.fork()
        if not child:
            for _ in range(10):
                tracker.track_prediction("gemini", "1.0.0", 0.1)
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        tracker.track_prediction("gemini", "1.0.0", 0.1)
        """,
    )
    assert recorded(folder) == 12
