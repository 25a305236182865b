"""Disks that are full or read-only, in earnest: a request is refused as a whole, and works once the disk is mended."""

from __future__ import annotations

import grp
import json
import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.crowd import together
from components.disks import fill, make_read_only, room, small_disk
from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.wire import EventRecord, VersionRecord
from modelyard.errors import ModelyardError, RegistryReadOnly, StorageFull
from modelyard.operations import (
    COLLECT_GARBAGE,
    CREATE_MODEL,
    LIST_ALL_VERSIONS,
    LIST_EVENTS,
    PROMOTE,
    VERIFY,
    CollectGarbage,
    CreateModel,
    ListAllVersions,
    ListEvents,
    Named,
    Promote,
    RegisterVersion,
)

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 4 * MIB) as mounted:
        yield mounted


def upload(caller: EmbeddedCaller, source: Path, content: bytes) -> VersionRecord:
    file = source / "model.bin"
    file.write_bytes(content)
    return caller.upload(RegisterVersion(name="fraud", create=True, description="words " * 50), file)


def events(caller: EmbeddedCaller) -> list[EventRecord]:
    return caller.call(LIST_EVENTS, ListEvents(limit=1000)).events


def versions(caller: EmbeddedCaller) -> list[VersionRecord]:
    return caller.call(LIST_ALL_VERSIONS, ListAllVersions(limit=1000)).versions


def check_whole(caller: EmbeddedCaller) -> None:
    """Verify the bytes and the readable tree of every version, and that no unfinished file is left."""
    for record in versions(caller):
        assert caller.call(VERIFY, Named(reference=record.id)).damage == []
        assert record.artifact_path is not None
        assert Path(record.artifact_path).read_bytes()
    root = caller.yard.store.root
    assert root is not None
    assert not list((root / "tmp").glob("*"))


def test_a_file_that_does_not_fit_is_refused_and_leaves_no_rest(tmp_path: Path, disk: Path):
    with open_caller(tmp_path / "registry", **{"storage.local.path": str(disk / "store")}) as caller:
        upload(caller, tmp_path, b"small")
        before = events(caller), room(disk)
        with pytest.raises(StorageFull) as refusal:
            upload(caller, tmp_path, bytes(20 * MIB))
        assert (refusal.value.code, refusal.value.status) == ("storage_full", 507)
        assert "free some space" in refusal.value.hint
        assert (events(caller), room(disk)) == before
        check_whole(caller)
        assert upload(caller, tmp_path, bytes(MIB)).number == 2
        check_whole(caller)


def test_a_change_that_the_database_has_no_room_for_is_undone(tmp_path: Path, disk: Path):
    registry, store = disk / "registry", str(tmp_path / "store")
    with open_caller(registry, **{"storage.local.path": store}) as caller:
        upload(caller, tmp_path, b"0")
        before = events(caller)
        ballast = fill(disk)
        for name in ("big", "bigger"):
            with pytest.raises(StorageFull) as refusal:
                caller.call(CREATE_MODEL, CreateModel(name=name, description="text " * 10_000))
            assert refusal.value.code == "storage_full"
        assert events(caller) == before
        ballast.unlink()
        caller.call(CREATE_MODEL, CreateModel(name="big", description="text " * 10_000))
        check_whole(caller)


def test_a_disk_that_fills_up_at_any_point_of_a_registration(tmp_path: Path, disk: Path):
    registry, refused = disk / "registry", 0
    expected = 0
    for number, leave in enumerate(range(0, 320_000, 16_384)):
        with open_caller(registry) as caller:
            assert len(versions(caller)) == expected
            ballast = fill(disk, leave)
            try:
                upload(caller, tmp_path, number.to_bytes(2, "big") * 10_000)
                expected += 1
            except StorageFull:
                refused += 1
            assert len(versions(caller)) == expected
            ballast.unlink()
        with open_caller(registry) as caller:
            assert [record.number for record in versions(caller)] == list(range(expected, 0, -1))
            check_whole(caller)
            caller.call(COLLECT_GARBAGE, CollectGarbage(grace_seconds=0))
            check_whole(caller)
    assert refused
    assert expected


def test_a_registry_is_not_begun_on_a_full_disk(tmp_path: Path, disk: Path):
    for leave in (0, 4_096, 16_384, 65_536):
        ballast = fill(disk, leave)
        with pytest.raises(StorageFull):
            open_caller(disk / "registry")
        ballast.unlink()
    with open_caller(disk / "registry") as caller:
        assert upload(caller, tmp_path, b"1").number == 1


def test_a_full_disk_hides_nothing_that_is_there(tmp_path: Path, disk: Path):
    with open_caller(disk / "registry") as caller:
        made = upload(caller, tmp_path, b"1")
        fill(disk)
        assert versions(caller) == [made]
        assert caller.call(VERIFY, Named(reference="fraud")).damage == []
        assert len(caller.download("fraud", tmp_path / "out")) == 1


def test_a_registry_is_not_begun_on_a_read_only_disk(disk: Path):
    make_read_only(disk)
    with pytest.raises(RegistryReadOnly, match="cannot be made: Read-only file system") as refusal:
        open_caller(disk / "registry")
    assert (refusal.value.code, refusal.value.status) == ("registry_read_only", 503)
    assert "write access" in refusal.value.hint


def test_a_registry_on_a_read_only_disk_says_so(tmp_path: Path, disk: Path):
    with open_caller(disk / "registry") as caller:
        upload(caller, tmp_path, b"1")
    make_read_only(disk)
    with pytest.raises(RegistryReadOnly):
        open_caller(disk / "registry")
    make_read_only(disk, yes=False)
    with open_caller(disk / "registry") as caller:
        assert upload(caller, tmp_path, b"2").number == 2


def test_a_read_only_store_takes_no_file(tmp_path: Path, disk: Path):
    settings = {"storage.local.path": str(disk / "store")}
    with open_caller(tmp_path / "registry", **settings) as caller:
        upload(caller, tmp_path, b"1")
        before = events(caller)
        make_read_only(disk)
        with pytest.raises(RegistryReadOnly, match="cannot be written: Read-only file system"):
            upload(caller, tmp_path, b"2")
        assert events(caller) == before
        # What concerns the database alone goes on, although the readable tree cannot follow.
        caller.call(CREATE_MODEL, CreateModel(name="churn"))
        check_whole(caller)


def test_the_readable_tree_catches_up_after_trouble(tmp_path: Path, disk: Path, caplog: pytest.LogCaptureFixture):
    settings = {"storage.local.path": str(disk / "store")}
    with open_caller(tmp_path / "registry", **settings) as caller:
        made = upload(caller, tmp_path, b"1")
        make_read_only(disk)
        caller.call(PROMOTE, Promote(reference=made.id, target_stage="staging"))
    assert "is not up to date" in caplog.text
    metadata = disk / "store" / "view" / "fraud" / "0.1.0" / "metadata.json"
    assert json.loads(metadata.read_bytes())["stage"] == "development"
    make_read_only(disk, yes=False)
    with open_caller(tmp_path / "registry", **settings):
        assert json.loads(metadata.read_bytes())["stage"] == "staging"


def test_folders_without_permission_are_refused():
    # Below /tmp itself, for a user without rights may not enter the folder of this test run.
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        with open_caller(folder / "registry") as caller:
            upload(caller, folder, b"1")
        (folder / "empty").mkdir(mode=0o555)
        for path in (folder / "registry", folder / "registry" / "registry.db"):
            path.chmod(path.stat().st_mode & 0o555)
        answers = together(refusals_without_rights, [(place,)])
        assert answers == [[("empty", "registry_read_only"), ("registry", "registry_read_only")]]
        (folder / "registry").chmod(0o755)


def refusals_without_rights(place: str) -> list[tuple[str, str]]:
    """Try to work with folders as a user who may only read; root gives up its rights first."""
    # What is imported late must be there before: a user without rights may not even enter Python's own folder.
    with tempfile.TemporaryDirectory() as elsewhere:
        open_caller(Path(elsewhere, "registry")).close()
    if os.geteuid() == 0:
        os.setegid(grp.getgrnam("nogroup").gr_gid)
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    answers = []
    for name in ("empty", "registry"):
        try:
            open_caller(Path(place, name)).close()
        except ModelyardError as error:
            answers.append((name, error.code))
    return answers
