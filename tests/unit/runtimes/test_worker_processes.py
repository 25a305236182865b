"""What a worker process is given, what it prints, and that it never outlives its parent."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from components.acting import ActorFolder, actor, order, policy
from components.loops import eventually, in_loop
from modelyard.runtimes.backend import Sizing
from modelyard.runtimes.pool import WorkerPool
from modelyard.runtimes.process import THREADS, WorkerGone, ending, environment, memory_of, start_worker

PARENT = """
import asyncio, pathlib, sys
from components.acting import ActorFolder, actor, order, policy
from modelyard.runtimes.backend import Sizing
from modelyard.runtimes.pool import WorkerPool

async def run(folder):
    pool = WorkerPool(actor(folder), Sizing(replicas=2), lambda _: ActorFolder(folder), policy())
    await pool.start()
    print(*pool.describe()["pids"], flush=True)
    await pool.predict(order(sleep=3600, timeout_s=3600))

asyncio.run(run(pathlib.Path(sys.argv[1])))
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_no_worker_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        text=True,
    )
    assert parent.stdout is not None
    with parent:
        pids = [int(text) for text in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    deadline = time.monotonic() + 20
    while not all(map(gone, pids)):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.01)


@in_loop
async def test_an_interrupt_from_the_keyboard_does_not_reach_a_worker(tmp_path: Path) -> None:
    pool = WorkerPool(actor(tmp_path), Sizing(), lambda _: ActorFolder(tmp_path), policy())
    await pool.start()
    (pid,) = pool.describe()["pids"]
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGINT)
    await pool.predict(order())
    assert pool.describe()["pids"] == [pid]
    await pool.close()


@in_loop
async def test_what_a_worker_prints_is_logged_in_bounds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "modelyard.worker")
    pool = WorkerPool(actor(tmp_path), Sizing(), lambda _: ActorFolder(tmp_path), policy())
    await pool.start()
    await pool.predict(order(print="to be or not"))
    await pool.predict(order(print="\n".join(f"line {number}" for number in range(100_000))))
    await pool.predict(order(print="x" * 1_000_000 + "\nafter"))
    await pool.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "modelyard.worker"]
    assert "actor/1.0.0 worker 1: to be or not" in lines
    assert len(lines) < 1_000
    assert any("more lines were left out" in line for line in lines)
    assert max(map(len, lines)) < 2_100


@in_loop
async def test_a_worker_sees_no_secret_and_a_share_of_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_proc()
    for name in ("MODELYARD_TOKEN", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "PGPASSWORD"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    pool = WorkerPool(actor(tmp_path), Sizing(replicas=1), lambda _: ActorFolder(tmp_path), policy())
    await pool.start()
    (pid,) = pool.describe()["pids"]
    seen = psutil.Process(pid).environ()
    await pool.close()
    assert "hush" not in seen.values()
    assert seen["PATH"] == os.environ["PATH"]
    assert seen["OMP_NUM_THREADS"] == str(len(os.sched_getaffinity(0)))
    assert seen["MKL_NUM_THREADS"] == "7"


@in_loop
async def test_what_a_worker_started_ends_with_it(tmp_path: Path) -> None:
    pool = WorkerPool(actor(tmp_path), Sizing(), lambda _: ActorFolder(tmp_path), policy())
    await pool.start()
    (pid,) = pool.describe()["pids"]
    await pool.predict(order(start=[sys.executable, "-c", "import time; time.sleep(3600)"]))
    (child,) = psutil.Process(pid).children()
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: gone(child.pid))
    await pool.close()


@in_loop
async def test_a_worker_whose_model_writes_into_its_connection_is_replaced(tmp_path: Path) -> None:
    pool = WorkerPool(actor(tmp_path), Sizing(), lambda _: ActorFolder(tmp_path), policy())
    await pool.start()
    (pid,) = pool.describe()["pids"]
    answer = await pool.predict(order(scribble=str(tmp_path / "done")))
    assert str(pid).encode() not in answer.output
    assert gone(pid)
    assert pool.describe()["restarts"] == 1
    await pool.close()


def need_proc() -> None:
    """Skip where the environment of other processes cannot be seen."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("the environment of other processes cannot be seen here")


def test_the_environment_of_a_worker_keeps_what_is_no_secret() -> None:
    given = {
        "PWD": "/",
        "HOME": "/h",
        "HF_TOKEN": "x",
        "TOKENIZERS_PARALLELISM": "false",
        "MODELYARD_DATABASE_URL": "x",
    }
    found = environment(given, threads=3)
    assert found.items() >= {"PWD": "/", "HOME": "/h", "TOKENIZERS_PARALLELISM": "false"}.items()
    assert found.keys().isdisjoint({"HF_TOKEN", "MODELYARD_DATABASE_URL"})
    assert {found[name] for name in THREADS} == {"3"}


def test_ends_are_told_in_words() -> None:
    assert ending(1) == " with status 1"
    assert ending(-9) == " with signal SIGKILL"
    assert ending(-63) == " with signal 63"
    assert not WorkerGone(-9).own_doing
    assert WorkerGone(-9, "memory").own_doing
    assert WorkerGone(-11).own_doing


def test_the_memory_of_a_process_that_is_gone_is_unknown() -> None:
    assert memory_of(2**30) == 0


@in_loop
async def test_a_start_that_is_given_up_leaves_no_socket_open() -> None:
    starting = asyncio.create_task(start_worker("given up", 1))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    # What is collected without having been closed is an error.
    del starting
    gc.collect()
