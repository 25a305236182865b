"""Rows of kept artifacts on both databases: listing a folder agrees with looking at every path, at any size of page."""

from __future__ import annotations

import random
from itertools import product
from threading import Barrier, Thread

from modelyard.domain.manifest import FileEntry
from modelyard.domain.mlflow.artifacts import children
from modelyard.metadata import proxied
from modelyard.metadata.database import Database

NAMES = ("a", "a-", "a0", "b", "ä", "Z", "a b")
AT = "2026-01-01T00:00:00.000000Z"


def entry(path: str, size: int = 1, parts: int = 0) -> FileEntry:
    """A file as it is recorded; its digest says its size."""
    digests = tuple(f"{number:064x}" for number in range(parts))
    return FileEntry(path=path, size=size, blake3=f"{size:064x}", sha256="0" * 64, parts=digests)


def test_a_folder_lists_what_lies_in_it_and_skips_what_lies_deeper(database: Database, monkeypatch):
    chance = random.Random(7)
    deep = ["/".join(names) for depth in (2, 3, 4) for names in product(NAMES, repeat=depth)]
    # Files lie below the names that no folder has.
    paths = {f"{folder}/f{chance.randrange(3)}" for folder in chance.sample(deep, 300)} | {"f", "a/f", "0"}
    files = [(path, number) for number, path in enumerate(sorted(paths))]
    with database.write() as tx:
        for path, size in files:
            proxied.put(tx, entry(path, size), AT)
    folders = {path[:end] for path in paths for end in range(len(path)) if path[end] == "/"} | {"", "none", "f"}
    with database.read() as tx:
        for page in (1, 2, 500):
            monkeypatch.setattr(proxied, "PAGE", page)
            for folder in sorted(folders) if page == 500 else sorted(folders)[:40]:
                assert proxied.children(tx, folder) == children(files, folder), (page, folder)
        for folder in ("a", "a/b", "ä"):
            below = [path for path, _ in files if path.startswith(f"{folder}/")]
            assert [one.path for one in proxied.below(tx, folder)] == below
            assert proxied.has_below(tx, folder)
        assert len(proxied.below(tx, "")) == len(files)
        assert not proxied.has_below(tx, "f")
    with database.write() as tx:
        gone = [path for path, _ in files if path.startswith("a/")]
        assert proxied.drop(tx, "a") == len(gone)
        assert [one.path for one in proxied.below(tx, "")] == [path for path, _ in files if path not in gone]


def test_a_file_is_replaced_whole_and_its_parts_come_back(database: Database):
    with database.write() as tx:
        proxied.put(tx, entry("a/b", 20 << 20, parts=3), AT)
        assert proxied.one(tx, "a/b") == entry("a/b", 20 << 20, parts=3)
        proxied.put(tx, entry("a/b", 5), AT)
        proxied.put(tx, entry("a/c", 5), AT)
        assert proxied.one(tx, "a/b") == entry("a/b", 5)
        assert proxied.blobs(tx) == {f"{5:064x}": 5}
        assert proxied.totals(tx) == (2, 10)
        assert proxied.needs(tx, f"{5:064x}")
        assert not proxied.needs(tx, f"{20 << 20:064x}")
        assert (proxied.any_of(tx, ["a", "a/b"]), proxied.any_of(tx, ["a"]), proxied.any_of(tx, [])) == (
            "a/b",
            None,
            None,
        )


def test_two_that_put_a_new_file_at_once_both_succeed(database: Database):
    start, done = Barrier(2), []

    def put(size: int) -> None:
        start.wait(30)
        for number in range(20):
            with database.write() as tx:
                proxied.put(tx, entry(f"n/{number}", size), AT)
        done.append(size)

    threads = [Thread(target=put, args=(size,)) for size in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [1, 2]
    with database.read() as tx:
        assert proxied.totals(tx).files == 20
