"""Collecting garbage while others register, delete and read: what a version needs never goes."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from components.crowd import together
from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import InvalidArtifact, RegistryUnusable, VersionNotFound
from modelyard.operations import (
    COLLECT_GARBAGE,
    DELETE,
    LIST_ALL_VERSIONS,
    VERIFY,
    CollectGarbage,
    Delete,
    ListAllVersions,
    Named,
    RegisterVersion,
)

SECONDS = 1.5
AT_ONCE = CollectGarbage(grace_seconds=0)
Place = tuple[str, str]


def open_place(place: Place) -> EmbeddedCaller:
    return open_caller(Path(place[0]), place[1])


def stored(caller: EmbeddedCaller) -> set[str]:
    """Return the digests of all files that lie in the store."""
    root = caller.yard.store.root
    assert root is not None
    return {path.parent.name + path.name.removesuffix(".zst") for path in (root / "blobs").glob("*/*")}


def needed(caller: EmbeddedCaller) -> set[str]:
    """Return the digests that live versions need, and verify each version."""
    digests = set()
    for record in caller.call(LIST_ALL_VERSIONS, ListAllVersions(limit=1000)).versions:
        assert caller.call(VERIFY, Named(reference=record.id)).damage == [], record.version
        digests |= {file.blake3 for file in record.files}
    return digests


@pytest.mark.feature("STO-06", "EXP-10")
def test_only_what_nothing_refers_to_goes(tmp_path: Path, database_url: str):
    with open_caller(tmp_path / "registry", database_url) as caller:
        kept, shared, gone = (register(caller, "fraud", content) for content in (b"kept", b"shared", b"gone"))
        register(caller, "churn", b"shared")
        for record in (shared, gone):
            caller.call(DELETE, Delete(reference=record.id))
        young = caller.call(COLLECT_GARBAGE, CollectGarbage())
        assert (young.blobs, young.kept_blobs, young.kept_bytes) == (0, 2, 10)
        tried = caller.call(COLLECT_GARBAGE, CollectGarbage(dry_run=True, grace_seconds=0))
        assert (tried.dry_run, tried.blobs, tried.bytes) == (True, 1, 4)
        assert len(stored(caller)) == 3
        swept = caller.call(COLLECT_GARBAGE, AT_ONCE)
        assert (swept.dry_run, swept.blobs, swept.bytes) == (False, 1, 4)
        assert stored(caller) == needed(caller) == {record.files[0].blake3 for record in (kept, shared)}
        assert caller.call(COLLECT_GARBAGE, AT_ONCE).blobs == 0


@pytest.mark.feature("STO-06")
def test_what_was_collected_can_be_registered_again(tmp_path: Path, database_url: str):
    with open_caller(tmp_path / "registry", database_url) as caller:
        first = register(caller, "fraud", b"weights")
        caller.call(DELETE, Delete(reference=first.id))
        assert caller.call(COLLECT_GARBAGE, AT_ONCE).blobs == 1
        again = register(caller, "fraud", b"weights")
        assert (again.digest, again.number) == (first.digest, 2)
        assert stored(caller) == needed(caller)


@pytest.mark.feature("STO-06", "MET-14")
def test_registering_while_somebody_collects_at_once(tmp_path: Path, database_url: str):
    place = str(tmp_path / "registry"), database_url
    open_place(place).close()
    calls = [(place, role) for role in ("register", "register", "register", "collect", "collect")]
    done: Counter[str] = sum(together(work, calls), Counter())
    assert done["registered"]
    assert done["collected"]
    assert done["deleted"]
    with open_place(place) as caller:
        needed(caller)
        caller.call(COLLECT_GARBAGE, AT_ONCE)
        assert stored(caller) == needed(caller)


def work(place: Place, role: str) -> Counter[str]:
    """Register, delete and verify the same few contents as others do, or collect; return what was done how often."""
    done: Counter[str] = Counter()
    end = time.monotonic() + SECONDS
    with open_place(place) as caller:
        while time.monotonic() < end:
            if role == "collect":
                done["collected"] += caller.call(COLLECT_GARBAGE, AT_ONCE).blobs
            else:
                done += come_and_go(caller, Path(place[0]).parent / f"{os.getpid()}.bin", sum(done.values()) % 4)
        # However slow the machine is, each has done its part at least once.
        while role == "register" and not done["deleted"]:
            done += come_and_go(caller, Path(place[0]).parent / f"{os.getpid()}.bin", 1)
    return done


def come_and_go(caller: EmbeddedCaller, file: Path, seed: int) -> Counter[str]:
    file.write_bytes(bytes([seed]) * 50_000)
    try:
        made = caller.upload(RegisterVersion(name="fraud", create=True), file)
    except (InvalidArtifact, RegistryUnusable) as refusal:
        # Without a grace time a collector may be faster than a registration, which then is refused as a whole.
        return Counter({refusal.code: 1})
    done = Counter({"registered": 1})
    try:
        assert caller.call(VERIFY, Named(reference=made.id)).damage == []
    except VersionNotFound:
        pytest.fail("nobody else deletes this version")
    if seed:
        caller.call(DELETE, Delete(reference=made.id))
        done["deleted"] += 1
    return done
