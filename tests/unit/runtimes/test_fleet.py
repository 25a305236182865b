"""All back ends of a server, with real workers: one start for many who ask, room for newcomers, an orderly end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.acting import ActorFolder, actor, order, policy
from components.loops import eventually, in_loop
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.tree import ingest
from modelyard.config import load
from modelyard.domain.wire import FileRecord
from modelyard.errors import InvalidRequest, NotDeployable, NotServing
from modelyard.runtimes.backend import Backend, Runnable, Sizing
from modelyard.runtimes.fleet import Fleet
from modelyard.runtimes.loop import LoopThread
from modelyard.runtimes.opening import BackendOpener, backends_of, open_backend
from modelyard.runtimes.pool import WorkerPool
from modelyard.runtimes.providers.http import HttpBackend


class Openings:
    """Opens pools of actors, and notes for which versions it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.opened: list[str] = []

    def version(self, name: str, **script: Any) -> Runnable:
        """Return a version whose actor has this script."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return replace(actor(folder, **script), version_id=name)

    def __call__(self, runnable: Runnable, sizing: Sizing) -> Backend:
        self.opened.append(runnable.version_id)
        folder = ActorFolder(self._folder / runnable.version_id)
        return WorkerPool(runnable, sizing, lambda _: folder, policy())


@asynccontextmanager
async def fleet_of(folder: Path, most: int = 32, settle_s: float = 0.0) -> AsyncIterator[tuple[Fleet, Openings]]:
    """Run a fleet of actors."""
    openings = Openings(folder)
    settings = load(environ={}, working_folder=folder, overrides={"workers.max_processes": most})
    fleet = Fleet(settings, openings, settle_s=settle_s)
    try:
        yield fleet, openings
    finally:
        await fleet.close()


@in_loop
async def test_all_who_ask_at_once_share_one_start(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, openings):
        version = openings.version("a")
        assert fleet.get("a") is None
        backends = await asyncio.gather(*(fleet.ensure(version, Sizing()) for _ in range(20)))
        assert len(set(map(id, backends))) == 1
        assert openings.opened == ["a"]
        assert fleet.get("a") is backends[0]
        assert await fleet.ensure(version, Sizing()) is backends[0]
        assert fleet.describe()["a"]["ready"] == 1


@in_loop
async def test_a_start_that_fails_is_told_to_all_and_forgotten(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, openings):
        version = openings.version("a", fail="no stage")
        outcomes = await asyncio.gather(*(fleet.ensure(version, Sizing()) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, ValueError) for outcome in outcomes)
        assert fleet.get("a") is None
        openings.version("a")
        assert (await fleet.ensure(version, Sizing())).healthy
        assert openings.opened == ["a", "a"]


@in_loop
async def test_who_gives_up_waiting_does_not_end_the_start_of_others(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, openings):
        go, begun = tmp_path / "go", tmp_path / "begun"
        version = openings.version("a", mark=str(begun), until=str(go))
        first, second = (asyncio.create_task(fleet.ensure(version, Sizing())) for _ in range(2))
        await eventually(begun.exists)
        first.cancel()
        await eventually(first.done)
        go.touch()
        assert (await second).healthy


@in_loop
async def test_another_size_is_brought_about(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, openings):
        version = openings.version("a")
        backend = await fleet.ensure(version, Sizing())
        assert await fleet.ensure(version, Sizing(replicas=2)) is backend
        assert backend.describe()["ready"] == 2


@in_loop
async def test_newcomers_push_out_who_is_idle_longest_and_never_what_is_held(tmp_path: Path) -> None:
    async with fleet_of(tmp_path, most=3) as (fleet, openings):
        for name in ("a", "b", "c"):
            await fleet.ensure(openings.version(name), Sizing())
        fleet.hold(["a"])
        for name in ("b", "c"):
            backend = fleet.get(name)
            assert backend is not None
            await backend.predict(order())
        await fleet.ensure(openings.version("d"), Sizing())
        assert set(fleet.describe()) == {"a", "c", "d"}
        fleet.hold(["a", "c", "d"])
        await fleet.ensure(openings.version("e"), Sizing())
        assert set(fleet.describe()) == {"a", "c", "d", "e"}


@in_loop
async def test_what_was_asked_for_a_moment_ago_stays(tmp_path: Path) -> None:
    async with fleet_of(tmp_path, most=1, settle_s=3600) as (fleet, openings):
        for name in ("a", "b"):
            await fleet.ensure(openings.version(name), Sizing())
        assert set(fleet.describe()) == {"a", "b"}


@in_loop
async def test_who_retires_answers_first(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, openings):
        begun, go = tmp_path / "begun", tmp_path / "go"
        backend = await fleet.ensure(openings.version("a"), Sizing())
        call = asyncio.create_task(backend.predict(order(mark=str(begun), until=str(go))))
        await eventually(begun.exists)
        retiring = asyncio.create_task(fleet.retire("a"))
        await eventually(lambda: fleet.get("a") is None)
        again = asyncio.create_task(fleet.ensure(openings.version("a"), Sizing()))
        go.touch()
        assert json.loads((await call).output)["together"] == 1
        await retiring
        assert (await again).healthy
        assert openings.opened == ["a", "a"]
        await fleet.retire("nobody")


@in_loop
async def test_a_closed_fleet_starts_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, openings):
        begun = tmp_path / "begun"
        await fleet.ensure(openings.version("a"), Sizing())
        slow = openings.version("b", mark=str(begun), until=str(tmp_path / "never"))
        start = asyncio.create_task(fleet.ensure(slow, Sizing()))
        await eventually(begun.exists)
        await fleet.close()
        with pytest.raises(NotServing, match="ended while it started"):
            await start
        with pytest.raises(NotServing, match="the server ends"):
            await fleet.ensure(openings.version("c"), Sizing())
        assert not [child for child in psutil.Process().children() if "modelyard.runtimes.worker" in child.cmdline()]


class TestOpening:
    def test_a_version_without_files_and_provider_is_refused(self, tmp_path: Path) -> None:
        nothing = Runnable(version_id="v", name="empty", version="1.0.0")
        with pytest.raises(NotDeployable, match=r"empty/1\.0\.0 has nothing to run"):
            open_backend(nothing, Sizing(), folders=lambda _: ActorFolder(tmp_path), policy=policy())

    def test_a_provider_comes_before_files(self, tmp_path: Path) -> None:
        provider = {"kind": "http", "url": "http://127.0.0.1:9", "protocol": "predict"}
        version = Runnable(version_id="v", name="far", version="1.0.0", provider=provider)
        opener = BackendOpener(folders=lambda _: ActorFolder(tmp_path), policy=policy())
        assert isinstance(opener(version, Sizing()), HttpBackend)

    @in_loop
    async def test_files_come_out_of_the_store_and_are_kept_while_they_are_used(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.mkdir()
        version = actor(source)
        store = open_store(str(tmp_path / "store"))
        files = [FileRecord(**{**entry.to_json(), "parts": []}) for entry in ingest(store, source).files]
        overrides = {"cache.path": str(tmp_path / "cache"), "workers.start_timeout_s": 30}
        opener = backends_of(store, load(environ={}, working_folder=tmp_path, overrides=overrides))
        opener = replace(opener, policy=replace(opener.policy, opener=policy().opener))
        pool = opener(replace(version, files=tuple(files)), Sizing())
        await pool.start()
        assert json.loads((await pool.predict(order(word=1))).output)["given"] == {"word": 1}
        await pool.close()
        assert list((tmp_path / "cache").glob("*/script.json"))


class TestLoopThread:
    def test_a_caller_without_a_loop_uses_back_ends(self, tmp_path: Path) -> None:
        loop = LoopThread()
        openings = Openings(tmp_path)
        fleet = Fleet(load(environ={}, working_folder=tmp_path), openings)
        backend = loop.run(fleet.ensure(openings.version("a"), Sizing()))
        assert json.loads(loop.run(backend.predict(order(word=2))).output)["given"] == {"word": 2}
        loop.run(fleet.close())
        loop.close()
        loop.close()

    def test_errors_come_through_and_a_closed_loop_says_so(self) -> None:
        loop = LoopThread()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise NotServing("as it is")

        async def itself() -> None:
            loop.run(fail())

        with pytest.raises(NotServing, match="as it is"):
            loop.run(fail())
        with pytest.raises(InvalidRequest, match="cannot wait for itself"):
            loop.run(itself())
        loop.close()
        with pytest.raises(InvalidRequest, match="was closed"):
            loop.run(fail())
