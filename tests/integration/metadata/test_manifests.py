"""Rows of manifests, as they are read back."""

from __future__ import annotations

from sqlalchemy import text

from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.metadata import manifests
from modelyard.metadata.database import Database


def files(number: int) -> Manifest:
    """A manifest of some files."""
    return Manifest(tuple(FileEntry(path=f"f{one}", size=1, blake3="0" * 64, sha256="0" * 64) for one in range(number)))


def test_a_long_manifest_is_read_once_and_a_changed_row_anew(database: Database):
    long, other = files(300), files(299)
    with database.write() as tx:
        manifests.add(tx, long)
        manifests.add(tx, other)
        first = manifests.load(tx, long.digest)
        assert first == long
        assert manifests.load(tx, long.digest) is first
        body = "(SELECT body FROM manifests WHERE digest = :other)"
        tx.run(
            text(f"UPDATE manifests SET body = {body} WHERE digest = :digest"),
            {"digest": long.digest, "other": other.digest},
        )
        assert manifests.load(tx, long.digest) == other


def test_a_short_one_comes_back_and_one_that_is_not_there_is_empty(database: Database):
    with database.write() as tx:
        manifests.add(tx, files(2))
        assert manifests.load(tx, files(2).digest) == files(2)
        assert manifests.load(tx, "") == manifests.load(tx, "f" * 64) == files(0)
