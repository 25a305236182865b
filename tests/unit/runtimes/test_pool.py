"""Worker processes, real ones: they answer, are replaced, kept within bounds, and ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.acting import ActorFolder, actor, order, policy
from components.loops import eventually, in_loop
from modelyard.errors import (
    InvalidInput,
    MissingExtra,
    NotDeployable,
    NotServing,
    Overloaded,
    PredictionFailed,
    TimedOut,
    TooLarge,
)
from modelyard.runtimes import pool as pool_module
from modelyard.runtimes.backend import CHAT, Answer, BackendLost, Call, Sizing
from modelyard.runtimes.pool import WorkerPool


@asynccontextmanager
async def running(
    folder: Path, *, replicas: int = 1, example: Any = None, times: dict[str, Any] | None = None, **script: Any
) -> AsyncIterator[WorkerPool]:
    """Run a pool of actors."""
    sizing = Sizing(replicas=replicas, memory_mb=script.pop("memory_mb", 0), max_batch=script.pop("max_batch", 64))
    version = actor(folder, example, **script)
    pool = WorkerPool(version, sizing, lambda _: ActorFolder(folder), policy(**(times or {})))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def said(answer: Answer) -> Any:
    """Return what the actor answered."""
    return json.loads(answer.output)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class TestAnswers:
    @in_loop
    async def test_a_worker_answers_from_a_process_of_its_own(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            answer = said(await pool.predict(order(word="Grüße")))
            assert answer["given"] == {"word": "Grüße"}
            assert answer["pid"] != os.getpid()
            assert pool.healthy
            assert pool.describe()["pids"] == [answer["pid"]]

    @in_loop
    async def test_faults_become_the_callers_or_the_models_and_spoil_nobody_else(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            calls = [order(fault="input"), order(word=1), order(fault="model"), order(word=2)]
            first, second, third, fourth = await asyncio.gather(*map(pool.predict, calls), return_exceptions=True)
            assert isinstance(first, InvalidInput)
            assert isinstance(third, PredictionFailed)
            assert isinstance(second, Answer)
            assert isinstance(fourth, Answer)
            assert said(second)["together"] == 4

    @in_loop
    async def test_what_a_model_raises_is_told_and_its_process_lives_on(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            with pytest.raises(PredictionFailed, match="RuntimeError: no luck"):
                await pool.predict(order(fail="no luck"))
            assert said(await pool.predict(order()))["given"] == {}
            assert pool.describe()["restarts"] == 0

    @in_loop
    async def test_chats_and_streams_are_refused(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            with pytest.raises(InvalidInput, match="does not speak"):
                await pool.predict(Call(body=b"{}", protocol=CHAT))
            with pytest.raises(InvalidInput, match="does not stream"):
                await anext(aiter(pool.stream(order())))

    @in_loop
    async def test_bodies_and_answers_of_megabytes_pass(self, tmp_path: Path) -> None:
        async with running(tmp_path, replicas=1) as pool:
            word = "x" * (20 << 20)
            assert said(await pool.predict(order(word=word)))["given"]["word"] == word

    @pytest.mark.feature("DEP-14")
    @in_loop
    async def test_a_thousand_calls_at_once_are_all_answered_each_with_its_own_answer(self, tmp_path: Path) -> None:
        async with running(tmp_path, replicas=2) as pool:
            answers = await asyncio.gather(*(pool.predict(order(number=number)) for number in range(1000)))
            assert [said(answer)["given"]["number"] for answer in answers] == list(range(1000))
            assert len({said(answer)["pid"] for answer in answers}) == 2


class TestBounds:
    @in_loop
    async def test_more_calls_than_may_wait_are_refused(self, tmp_path: Path) -> None:
        async with running(tmp_path, times={"most_waiting": 2}) as pool:
            begun, go = tmp_path / "begun", tmp_path / "go"
            first = asyncio.create_task(pool.predict(order(mark=str(begun), until=str(go))))
            await eventually(begun.exists)
            others = [asyncio.create_task(pool.predict(order())) for _ in range(2)]
            await eventually(lambda: pool.describe()["waiting"] == 2)
            with pytest.raises(Overloaded) as caught:
                await pool.predict(order())
            assert caught.value.details["retry_after"] == 1
            go.touch()
            await asyncio.gather(first, *others)

    @in_loop
    async def test_a_body_over_the_limit_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool_module, "LARGEST_BODY", 100)
        async with running(tmp_path) as pool:
            with pytest.raises(TooLarge, match="over the limit of 100"):
                await pool.predict(order(word="x" * 100))


class TestBatches:
    @in_loop
    async def test_calls_that_come_together_go_together(self, tmp_path: Path) -> None:
        async with running(tmp_path, cost_s=0.01) as pool:
            await asyncio.gather(*(pool.predict(order()) for _ in range(320)))
            assert pool.describe()["batches"] == 5

    @in_loop
    async def test_without_batching_each_call_goes_alone(self, tmp_path: Path) -> None:
        async with running(tmp_path, max_batch=1) as pool:
            answers = await asyncio.gather(*(pool.predict(order()) for _ in range(20)))
            assert {said(answer)["together"] for answer in answers} == {1}

    @in_loop
    async def test_a_model_that_cannot_take_batches_gets_none(self, tmp_path: Path) -> None:
        async with running(tmp_path, batchable=False) as pool:
            answers = await asyncio.gather(*(pool.predict(order()) for _ in range(20)))
            assert {said(answer)["together"] for answer in answers} == {1}

    @in_loop
    async def test_what_comes_while_a_worker_is_busy_makes_the_next_batch(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            begun, go = tmp_path / "begun", tmp_path / "go"
            first = asyncio.create_task(pool.predict(order(mark=str(begun), until=str(go))))
            await eventually(begun.exists)
            others = [asyncio.create_task(pool.predict(order())) for _ in range(10)]
            await eventually(lambda: pool.describe()["waiting"] == 10)
            go.touch()
            assert said(await first)["together"] == 1
            assert {said(await other)["together"] for other in others} == {10}

    @in_loop
    async def test_an_idle_worker_waits_for_more_calls_where_it_is_told_to(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            await pool.resize(Sizing(max_batch=3, batch_delay_ms=60_000))
            tasks = [asyncio.create_task(pool.predict(order()))]
            await asyncio.sleep(0)
            tasks += [asyncio.create_task(pool.predict(order())) for _ in range(2)]
            assert [said(answer)["together"] for answer in await asyncio.gather(*tasks)] == [3, 3, 3]
            await pool.resize(Sizing(max_batch=3, batch_delay_ms=5))
            assert said(await pool.predict(order()))["together"] == 1


class TestTime:
    @in_loop
    async def test_a_call_out_of_time_ends_and_the_queue_goes_on(self, tmp_path: Path) -> None:
        async with running(tmp_path, times={"hang_grace_s": 60.0}) as pool:
            go = tmp_path / "go"
            with pytest.raises(TimedOut, match=r"within 0\.05 seconds"):
                await pool.predict(order(until=str(go), timeout_s=0.05))
            with pytest.raises(TimedOut):
                await pool.predict(order(timeout_s=0.01))
            assert pool.describe()["waiting"] == 0
            go.touch()
            assert said(await pool.predict(order()))["together"] == 1
            assert pool.describe()["restarts"] == 0

    @in_loop
    async def test_a_worker_that_does_not_come_to_an_end_is_replaced(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            with pytest.raises(TimedOut):
                await pool.predict(order(sleep=3600, timeout_s=0.05))
            assert said(await pool.predict(order(word=1)))["given"] == {"word": 1}
            assert pool.describe()["restarts"] == 1
            assert "did not come to an end" in pool.describe()["last_error"]

    @in_loop
    async def test_a_client_that_went_away_costs_no_prediction(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            begun, go, never = tmp_path / "begun", tmp_path / "go", tmp_path / "never"
            first = asyncio.create_task(pool.predict(order(mark=str(begun), until=str(go))))
            await eventually(begun.exists)
            left = asyncio.create_task(pool.predict(order(mark=str(never))))
            await eventually(lambda: pool.describe()["waiting"] == 1)
            left.cancel()
            await eventually(left.done)
            go.touch()
            await first
            await pool.predict(order())
            assert not never.exists()


class TestLoss:
    @pytest.mark.feature("DEP-13")
    @in_loop
    async def test_no_call_fails_while_workers_are_killed(self, tmp_path: Path) -> None:
        async with running(tmp_path, replicas=2, cost_s=0.001) as pool:
            stop = asyncio.Event()

            async def load() -> int:
                count = 0
                while not stop.is_set():
                    assert said(await pool.predict(order(number=count)))["given"]["number"] == count
                    count += 1
                return count

            clients = [asyncio.create_task(load()) for _ in range(50)]
            for kills in range(1, 5):
                await eventually(lambda: len(pool.describe()["pids"]) == 2)
                before = pool.describe()["calls"]
                os.kill(pool.describe()["pids"][kills % 2], signal.SIGKILL)
                await eventually(lambda: pool.describe()["restarts"] == kills)  # noqa: B023 - it is awaited here
                await eventually(lambda: pool.describe()["calls"] > before + 200)  # noqa: B023 - as above
            stop.set()
            assert sum(await asyncio.gather(*clients)) > 800

    @in_loop
    async def test_with_one_worker_calls_wait_for_its_successor(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            begun, go = tmp_path / "begun", tmp_path / "go"
            call = asyncio.create_task(pool.predict(order(mark=str(begun), until=str(go))))
            await eventually(begun.exists)
            (pid,) = pool.describe()["pids"]
            os.kill(pid, signal.SIGKILL)
            go.touch()
            assert said(await call)["pid"] != pid
            assert not alive(pid)

    @pytest.mark.parametrize("end", ["segv", "exit", "kill"])
    @in_loop
    async def test_an_input_that_ends_its_process_fails_alone_after_two_tries(self, tmp_path: Path, end: str) -> None:
        async with running(tmp_path, replicas=2) as pool:
            calls = [order(number=1), order(end=end), order(number=2)]
            first, poison, last = await asyncio.gather(*map(pool.predict, calls), return_exceptions=True)
            assert isinstance(poison, PredictionFailed)
            assert "at this input" in poison.message
            assert isinstance(first, Answer)
            assert isinstance(last, Answer)
            assert said(first)["together"] == said(last)["together"] == 1
            assert pool.describe()["restarts"] == 2

    @in_loop
    async def test_poison_never_takes_down_the_last_worker(self, tmp_path: Path) -> None:
        async with running(tmp_path, replicas=2) as pool:
            ready = [2]
            poison = [asyncio.create_task(pool.predict(order(end="segv"))) for _ in range(3)]

            def seen() -> bool:
                ready.append(pool.describe()["ready"])
                return all(task.done() for task in poison)

            await eventually(seen)
            assert all(isinstance(task.exception(), PredictionFailed) for task in poison)
            assert min(ready) == 1

    @in_loop
    async def test_calls_end_at_once_where_no_worker_comes_back(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            (tmp_path / "script.json").write_text('{"fail": "the disk is gone"}')
            with pytest.raises(BackendLost, match="no worker process"):
                await pool.predict(order(end="exit"))
            with pytest.raises(BackendLost, match="the disk is gone"):
                await pool.predict(order())
            assert not pool.healthy
            (tmp_path / "script.json").write_text("{}")
            await eventually(lambda: pool.healthy)
            assert said(await pool.predict(order()))["together"] == 1


class TestMemory:
    @in_loop
    async def test_a_worker_that_leaks_is_replaced_and_no_call_fails(self, tmp_path: Path) -> None:
        need_linux()
        async with running(tmp_path, memory_mb=150) as pool:
            while pool.describe()["restarts"] < 2:
                await pool.predict(order(leak_mb=20, sleep=0.01))
            assert "had more memory" in pool.describe()["last_error"]

    @in_loop
    async def test_a_version_that_never_fits_is_refused(self, tmp_path: Path) -> None:
        need_linux()
        with pytest.raises(NotDeployable, match="may have 100 MB"):
            async with running(tmp_path, memory_mb=100, leak_mb=200):
                pass

    @in_loop
    async def test_one_input_that_takes_far_too_much_fails_alone(self, tmp_path: Path) -> None:
        need_linux()
        async with running(tmp_path, memory_mb=150) as pool:
            with pytest.raises(PredictionFailed, match="had more memory than it may have at this input"):
                await pool.predict(order(leak_mb=300, sleep=3600))
            assert said(await pool.predict(order()))["together"] == 1


def need_linux() -> None:
    """Skip where the memory of other processes cannot be seen."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("the memory of other processes cannot be seen here")


class TestStart:
    @in_loop
    async def test_an_error_of_loading_comes_back_as_it_is(self, tmp_path: Path) -> None:
        with pytest.raises(MissingExtra, match="needs a stage") as caught:
            async with running(tmp_path, replicas=2, refuse=True):
                pass
        assert caught.value.hint == "pip install stage"
        assert caught.value.details == {"package": "stage"}

    @in_loop
    async def test_what_a_model_raises_while_it_is_loaded_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"actor/1\.0\.0: loading failed: RuntimeError: no stage"):
            async with running(tmp_path, fail="no stage"):
                pass

    @in_loop
    async def test_a_process_that_ends_while_loading_says_what_it_printed(self, tmp_path: Path) -> None:
        with pytest.raises(NotDeployable, match="signal SIGSEGV while it loaded") as caught:
            async with running(tmp_path, print="the last words", end="segv"):
                pass
        assert "the last words" in caught.value.details["log"]
        assert "Segmentation fault" in caught.value.details["log"]

    @in_loop
    async def test_a_start_has_its_time(self, tmp_path: Path) -> None:
        with pytest.raises(TimedOut, match="not ready within 1 seconds"):
            async with running(tmp_path, times={"start_timeout_s": 1.0}, until=str(tmp_path / "never")):
                pass
        assert not [child for child in psutil.Process().children() if "modelyard.runtimes.worker" in child.cmdline()]

    @in_loop
    async def test_the_example_warms_up_and_its_complaint_keeps_nothing_from_starting(self, tmp_path: Path) -> None:
        async with running(tmp_path, example={"mark": str(tmp_path / "warm")}) as pool:
            assert (tmp_path / "warm").exists()
            assert (await pool.probe()).ok
        async with running(tmp_path, example={"fault": "model"}) as pool:
            assert pool.describe()["warm_up"] == "as it was asked for"
            probe = await pool.probe()
            assert not probe.ok
            assert probe.detail == "as it was asked for"

    @in_loop
    async def test_an_example_that_ends_the_process_keeps_it_from_starting(self, tmp_path: Path) -> None:
        with pytest.raises(NotDeployable, match="status 3"):
            async with running(tmp_path, example={"end": "exit"}):
                pass

    @in_loop
    async def test_without_an_example_a_probe_is_a_sign_of_life(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            assert (await pool.probe()).ok

    @in_loop
    async def test_where_the_system_starts_no_process_that_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        with pytest.raises(NotServing, match="no worker process can be started"):
            async with running(tmp_path):
                pass

    @in_loop
    async def test_a_start_that_is_given_up_leaves_no_process(self, tmp_path: Path) -> None:
        version = actor(tmp_path, until=str(tmp_path / "never"))
        folder = ActorFolder(tmp_path)
        pool = WorkerPool(version, Sizing(replicas=2), lambda _: folder, policy())
        start = asyncio.create_task(pool.start())
        await eventually(lambda: len(workers()) == 2)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await pool.close()
        assert workers() == []
        assert folder.released == [True]


def workers() -> list[int]:
    """Return the worker processes of this process."""
    children = psutil.Process().children()
    return [child.pid for child in children if alive(child.pid) and "modelyard.runtimes.worker" in child.cmdline()]


class TestSize:
    @in_loop
    async def test_a_pool_grows_and_shrinks_and_loses_nothing(self, tmp_path: Path) -> None:
        async with running(tmp_path, cost_s=0.001) as pool:
            stop = asyncio.Event()

            async def load() -> None:
                while not stop.is_set():
                    await pool.predict(order())

            clients = [asyncio.create_task(load()) for _ in range(20)]
            await pool.resize(Sizing(replicas=3))
            assert pool.describe()["ready"] == 3
            before = pool.describe()["pids"]
            await pool.resize(Sizing(replicas=1))
            assert len(pool.describe()["pids"]) == 1
            assert sum(map(alive, before)) == 1
            stop.set()
            await asyncio.gather(*clients)

    @in_loop
    async def test_growth_that_fails_leaves_what_was_there(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            (tmp_path / "script.json").write_text('{"fail": "no room"}')
            with pytest.raises(ValueError, match="no room"):
                await pool.resize(Sizing(replicas=2))
            assert pool.describe()["replicas"] == 1
            assert said(await pool.predict(order()))["together"] == 1


class TestEnd:
    @in_loop
    async def test_closing_ends_a_growth_that_waits_for_a_process(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            begun, never = tmp_path / "begun", tmp_path / "never"
            (tmp_path / "script.json").write_text(json.dumps({"mark": str(begun), "until": str(never)}))
            growing = asyncio.create_task(pool.resize(Sizing(replicas=2)))
            await eventually(begun.exists)
            await pool.close()
            with pytest.raises(NotServing, match="ended while it started"):
                await growing
            await pool.resize(Sizing(replicas=3))
        assert workers() == []

    @in_loop
    async def test_closing_waits_for_what_is_under_way_and_takes_no_more(self, tmp_path: Path) -> None:
        async with running(tmp_path) as pool:
            begun, go = tmp_path / "begun", tmp_path / "go"
            call = asyncio.create_task(pool.predict(order(mark=str(begun), until=str(go))))
            await eventually(begun.exists)
            waiting = asyncio.create_task(pool.predict(order()))
            await eventually(lambda: pool.describe()["waiting"] == 1)
            closing = asyncio.create_task(pool.close())
            await asyncio.sleep(0)
            assert not pool.healthy
            with pytest.raises(BackendLost, match="being stopped"):
                await pool.predict(order())
            go.touch()
            assert said(await call)["together"] == 1
            assert said(await waiting)["together"] == 1
            await closing
            await pool.close()
            assert workers() == []

    @in_loop
    async def test_closing_does_not_wait_for_ever(self, tmp_path: Path) -> None:
        times = {"drain_timeout_s": 0.05, "end_grace_s": 0.1}
        async with running(tmp_path, times=times) as pool:
            begun = tmp_path / "begun"
            calls = [asyncio.create_task(pool.predict(order(mark=str(begun), sleep=3600)))]
            await eventually(begun.exists)
            calls.append(asyncio.create_task(pool.predict(order())))
            await eventually(lambda: pool.describe()["waiting"] == 1)
            await pool.close()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [BackendLost, BackendLost]
        assert workers() == []
