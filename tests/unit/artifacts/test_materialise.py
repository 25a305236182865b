"""Files of versions as folders on this machine: whole, verified, shared, bounded, and safe from whoever is killed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from components.crowd import alone, together
from components.files import files_below, names
from modelyard.artifacts.materialise import FileCache, materialise
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.tree import ingest
from modelyard.domain.manifest import FileEntry
from modelyard.domain.wire import FileRecord
from modelyard.errors import IntegrityError, InvalidRequest, StorageFull

PLENTY = 1 << 30


def stored(folder: Path, **contents: bytes) -> tuple[ArtifactStore, list[FileRecord]]:
    """Put files into a store; give it, and their records."""
    source = folder / f"source-{len(names(folder)) if folder.exists() else 0}"
    for name, content in contents.items():
        target = source / name.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    store = open_store(str(folder / "store"))
    return store, [record(entry) for entry in ingest(store, source).files]


def record(entry: FileEntry) -> FileRecord:
    """Return a file's record."""
    return FileRecord(
        path=entry.path, size=entry.size, blake3=entry.blake3, sha256=entry.sha256, parts=list(entry.parts)
    )


def folders(cache: FileCache) -> list[str]:
    """Return the folders that the cache holds."""
    return [name for name in names(cache.folder) if "." not in name]


class TestFolders:
    def test_a_version_is_a_folder_of_read_only_copies(self, tmp_path: Path) -> None:
        store, files = stored(tmp_path, model=b"weights", sub__extra=b"more")
        cache = FileCache(tmp_path / "cache", PLENTY)
        with materialise(store, files, cache) as lease:
            assert files_below(lease.path) == ["model", "sub/extra"]
            assert (lease.path / "sub/extra").read_bytes() == b"more"
            found = (lease.path / "model").stat()
            assert found.st_nlink == 1
            assert found.st_mode & 0o777 == 0o444
        assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700

    @pytest.mark.feature("STO-07")
    def test_the_second_time_nothing_is_fetched(self, tmp_path: Path) -> None:
        store, files = stored(tmp_path, model=b"weights")
        cache = FileCache(tmp_path / "cache", PLENTY)
        with materialise(store, files, cache) as first:
            store.delete(files[0].blake3)
            with materialise(store, files, cache) as second:
                assert second.path == first.path

    def test_equal_content_shares_a_folder_and_other_content_does_not(self, tmp_path: Path) -> None:
        cache = FileCache(tmp_path / "cache", PLENTY)
        places = set()
        for content in (b"one", b"one", b"two"):
            store, files = stored(tmp_path, model=content)
            with materialise(store, files, cache) as lease:
                places.add(lease.path)
        assert len(places) == 2

    @pytest.mark.parametrize("damage", ["change", "shorten", "remove", "link"])
    def test_damage_is_found_before_use_and_mended(self, tmp_path: Path, damage: str) -> None:
        store, files = stored(tmp_path, model=b"weights")
        cache = FileCache(tmp_path / "cache", PLENTY)
        with materialise(store, files, cache) as used:
            file = used.path / "model"
            file.unlink()
            if damage == "link":
                (tmp_path / "elsewhere").write_bytes(b"weights")
                file.symlink_to(tmp_path / "elsewhere")
            elif damage != "remove":
                file.write_bytes(b"weighty" if damage == "change" else b"w")
            with materialise(store, files, cache) as lease:
                assert (lease.path / "model").read_bytes() == b"weights"
                assert not (lease.path / "model").is_symlink()
        assert not list(cache.folder.glob("*.part"))

    def test_what_cannot_be_fetched_leaves_nothing(self, tmp_path: Path) -> None:
        store, files = stored(tmp_path, first=b"good", second=b"lost")
        store.delete(files[1].blake3)
        cache = FileCache(tmp_path / "cache", PLENTY)
        with pytest.raises(IntegrityError, match="second"):
            materialise(store, files, cache)
        assert folders(cache) == []
        assert not list(cache.folder.glob("*.part"))

    def test_a_cache_that_cannot_be_written_says_so(self, tmp_path: Path) -> None:
        store, files = stored(tmp_path, model=b"weights")
        (tmp_path / "cache").write_text("a file")
        with pytest.raises((InvalidRequest, StorageFull), match="cannot be written"):
            materialise(store, files, FileCache(tmp_path / "cache", PLENTY))


class TestRoom:
    def test_the_longest_unused_goes_first(self, tmp_path: Path) -> None:
        cache = FileCache(tmp_path / "cache", 250)
        places = {}
        for age, name in ((3, "a"), (1, "b")):
            store, files = stored(tmp_path, model=name.encode() * 100)
            with materialise(store, files, cache) as lease:
                places[name] = lease.path
            then = time.time() - age * 3600
            os.utime(f"{places[name]}.use", (then, then))
        store, files = stored(tmp_path, model=b"c" * 100)
        with materialise(store, files, cache) as lease:
            assert set(folders(cache)) == {places["b"].name, lease.path.name}
        assert [name for name in names(cache.folder) if name.startswith(places["a"].name)] == []

    def test_using_a_folder_keeps_it(self, tmp_path: Path) -> None:
        cache = FileCache(tmp_path / "cache", 250)
        held = {}
        for age, name in ((3, "a"), (1, "b")):
            held[name] = stored(tmp_path, model=name.encode() * 100)
            with materialise(*held[name], cache) as lease:
                then = time.time() - age * 3600
                path = lease.path
            os.utime(f"{path}.use", (then, then))
        with materialise(*held["a"], cache) as kept:
            pass
        with materialise(*stored(tmp_path, model=b"c" * 100), cache) as new:
            assert set(folders(cache)) == {kept.path.name, new.path.name}

    def test_what_is_in_use_stays_whatever_it_takes(self, tmp_path: Path) -> None:
        cache = FileCache(tmp_path / "cache", 0)
        with materialise(*stored(tmp_path, model=b"a" * 100), cache) as first:
            with materialise(*stored(tmp_path, model=b"b" * 100), cache) as second:
                assert (first.path / "model").exists()
                assert (second.path / "model").exists()
            with materialise(*stored(tmp_path, model=b"c" * 100), cache):
                assert (first.path / "model").exists()
                assert not second.path.exists()

    def test_what_is_not_the_caches_is_left_alone(self, tmp_path: Path) -> None:
        cache = FileCache(tmp_path / "cache", 0)
        precious = [cache.folder / "photos", cache.folder / f"{'a' * 64}.part", cache.folder / f"{'b' * 63}"]
        for folder in precious:
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"x" * 1000)
        for content in (b"one", b"two"):
            with materialise(*stored(tmp_path, model=content), cache):
                pass
        assert all((folder / "file").exists() for folder in precious)


def lease_in_turn(cache: str, store: str, files: list[FileRecord]) -> tuple[int, bytes]:
    """Use a version in this process; tell how many times a file was fetched here, and what is in it."""
    real, fetched = open_store(store), 0
    fetch_to: Callable[..., None] = real.fetch_to

    def counted(*args: object, **kwargs: object) -> None:
        nonlocal fetched
        fetched += 1
        fetch_to(*args, **kwargs)

    real.fetch_to = counted  # type: ignore[method-assign] # it is counted, and does what it does
    with materialise(real, files, FileCache(Path(cache), PLENTY)) as lease:
        return fetched, (lease.path / "model").read_bytes()


def churn(cache: str, store: str, versions: list[list[FileRecord]], offset: int) -> int:
    """Use versions in turn in a cache that holds only one of them; tell how many were as they must be."""
    real, good = open_store(store), 0
    for turn in range(60):
        files = versions[(turn * 7 + offset) % len(versions)]
        with materialise(real, files, FileCache(Path(cache), 150)) as lease:
            good += (lease.path / "model").stat().st_size == files[0].size
    return good


def stall(pipe: Connection, cache: str, store: str, files: list[FileRecord]) -> None:
    """Begin to fetch a version and stop half way."""
    real = open_store(store)
    fetch_to: Callable[..., None] = real.fetch_to

    def slow(*args: object, **kwargs: object) -> None:
        fetch_to(*args, **kwargs)
        pipe.send("half way")
        pipe.recv()

    real.fetch_to = slow  # type: ignore[method-assign] # it stops where the test wants it to
    materialise(real, files, FileCache(Path(cache), PLENTY))


def keep(pipe: Connection, cache: str, store: str, files: list[FileRecord]) -> None:
    """Use a version until this process is ended."""
    with materialise(open_store(store), files, FileCache(Path(cache), PLENTY)) as lease:
        pipe.send(str(lease.path))
        pipe.recv()


class TestProcesses:
    def test_one_of_many_fetches(self, tmp_path: Path) -> None:
        _store, files = stored(tmp_path, model=b"weights" * 100_000)
        told = together(lease_in_turn, [(str(tmp_path / "cache"), str(tmp_path / "store"), files)] * 4)
        assert sorted(fetched for fetched, _content in told) == [0, 0, 0, 1]
        assert {content for _fetched, content in told} == {b"weights" * 100_000}

    def test_no_lease_is_ever_pulled_away_while_others_make_room(self, tmp_path: Path) -> None:
        versions = [stored(tmp_path, model=name * 100)[1] for name in (b"a", b"b", b"c", b"d")]
        calls = [(str(tmp_path / "cache"), str(tmp_path / "store"), versions, offset) for offset in range(4)]
        assert together(churn, calls) == [60] * 4
        assert len(folders(FileCache(tmp_path / "cache", 150))) <= 4

    @pytest.mark.kill
    def test_a_process_killed_half_way_leaves_nothing_that_matters(self, tmp_path: Path) -> None:
        store, files = stored(tmp_path, model=b"weights", second=b"more")
        cache = FileCache(tmp_path / "cache", PLENTY)
        with alone(stall, str(cache.folder), str(tmp_path / "store"), files) as (process, pipe):
            assert pipe.recv() == "half way"
            process.kill()
            process.join()
        assert folders(cache) == []
        assert list(cache.folder.glob("*.part"))
        with materialise(store, files, cache) as lease:
            assert files_below(lease.path) == ["model", "second"]
        assert not list(cache.folder.glob("*.part"))

    @pytest.mark.kill
    def test_leases_end_with_their_process_and_hold_until_then(self, tmp_path: Path) -> None:
        _store, files = stored(tmp_path, model=b"a" * 100)
        with alone(keep, str(tmp_path / "cache"), str(tmp_path / "store"), files) as (process, pipe):
            kept = Path(pipe.recv())
            small = FileCache(tmp_path / "cache", 0)
            with materialise(*stored(tmp_path, model=b"b" * 100), small):
                assert kept.exists()
            process.kill()
            process.join()
            with materialise(*stored(tmp_path, model=b"c" * 100), small):
                assert not kept.exists()
