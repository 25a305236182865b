"""Full disks, read-only folders and killed processes: a clear error, and nothing left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.files import files_below
from components.needs import need, without
from modelyard.artifacts import gc
from modelyard.artifacts.faults import source_faults, store_faults, target_faults
from modelyard.artifacts.hashing import PART_SIZE
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.tree import restore
from modelyard.domain.manifest import FileEntry
from modelyard.errors import (
    IntegrityError,
    InvalidArtifact,
    InvalidRequest,
    RegistryReadOnly,
    RegistryUnusable,
    StorageFull,
)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB, which the test can also make read-only."""
    need("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        without("mount", done.stderr.strip())
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("size", [5 << 20, 3 * PART_SIZE])
def test_a_full_disk_leaves_nothing(small_disk, tmp_path, size):
    (tmp_path / "model").write_bytes(os.urandom(size))
    with pytest.raises(StorageFull, match="no room left"):
        open_store(small_disk / "store").add_file(tmp_path / "model")
    assert files_below(small_disk) == []
    (tmp_path / "small").write_bytes(b"fits")
    assert open_store(small_disk / "store").add_file(tmp_path / "small").stored


@pytest.mark.parametrize("size", [5 << 20, 3 * PART_SIZE])
def test_a_full_target_leaves_nothing(small_disk, tmp_path, size):
    (tmp_path / "model").write_bytes(os.urandom(size))
    store = open_store(tmp_path / "store")
    blob = store.add_file(tmp_path / "model")
    (small_disk / "out").write_bytes(b"as it was")
    with pytest.raises(StorageFull, match="choose another target"):
        store.fetch_to(blob.digest, blob.size, blob.parts, small_disk / "out")
    assert files_below(small_disk) == ["out"]
    assert (small_disk / "out").read_bytes() == b"as it was"


def test_a_read_only_store_can_be_read_and_not_written(small_disk, tmp_path):
    (tmp_path / "model").write_bytes(b"content")
    store = open_store(small_disk / "store")
    blob = store.add_file(tmp_path / "model")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert b"".join(store.read(blob.digest, blob.size)) == b"content"
    (tmp_path / "other").write_bytes(b"more")
    with pytest.raises(RegistryReadOnly, match="cannot be written"):
        store.add_file(tmp_path / "other")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        store.fetch_to(blob.digest, blob.size, (), small_disk / "out")


LIMITED = """
import resource, sys
from modelyard.artifacts.opening import open_store
from modelyard.errors import StorageFull
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    open_store(sys.argv[1]).add_file(sys.argv[2])
except StorageFull as error:
    print("full:", error.message)
"""


@pytest.mark.parametrize("size", [2 << 20, PART_SIZE + 1])
def test_a_limit_on_file_size_is_a_full_disk(tmp_path, size):
    (tmp_path / "model").write_bytes(os.urandom(size))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "store", tmp_path / "model"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("full: no room left to write"), done.stderr
    assert files_below(tmp_path / "store") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EROFS, RegistryReadOnly),
        (errno.EACCES, RegistryReadOnly),
        (errno.EIO, RegistryUnusable),
    ],
)
def test_faults_of_the_store_have_their_own_errors(code, expected):
    with pytest.raises(expected, match="/the/store") as caught, store_faults("/the/store"):
        raise OSError(code, os.strerror(code))
    assert type(caught.value) is expected
    assert caught.value.hint
    assert caught.value.details == {"where": "/the/store", "errno": code}


def test_faults_of_the_callers_files_are_the_callers():
    with pytest.raises(InvalidArtifact, match="/my/file cannot be read: Permission denied"), source_faults("/my/file"):
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(InvalidRequest, match="/my/out cannot be written: Permission denied"), target_faults("/my/out"):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_restore_that_fails_leaves_whole_files_only(tmp_path):
    store = open_store(tmp_path / "store")
    with store.writer() as writer:
        writer.write(b"good")
        good = writer.commit()
    files = [
        FileEntry(path="a", size=4, blake3=good.digest, sha256=good.sha256),
        FileEntry(path="b", size=4, blake3="0" * 64, sha256="0" * 64),
    ]
    with pytest.raises(IntegrityError, match="b is missing"):
        restore(store, files, tmp_path / "out")
    assert files_below(tmp_path / "out") == ["a"]


# Each line ends the child itself with the signal that cannot be caught, at a chosen point of a put.
KILLED = """
import os, signal, sys
from pathlib import Path
from modelyard.artifacts import local
from modelyard.artifacts.opening import open_store

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def after(action):
    return lambda *arguments: (action(*arguments), die())

point, store, file = sys.argv[1:]
seen = []

def progress(count):
    seen.append(count)
    if point == str(len(seen)):
        die()

if point == "fsync":
    os.fsync = die
elif point == "rename":
    Path.rename = die
elif point == "renamed":
    Path.rename = after(Path.rename)
elif point == "folder":
    local.sync_folder = die
open_store(store).add_file(file, progress)
"""


@pytest.mark.kill
@pytest.mark.parametrize("point", ["1", "2", "3", "fsync", "rename", "renamed", "folder"])
def test_a_killed_put_leaves_all_or_nothing(tmp_path, point):
    (tmp_path / "model").write_bytes(os.urandom(2 * PART_SIZE + 1))
    command = [sys.executable, "-c", KILLED, point, tmp_path / "store", tmp_path / "model"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    store = open_store(tmp_path / "store")
    found = [stat.key for stat in store.backend.list("blobs/")]
    assert bool(found) == (point == "renamed")
    for key in found:
        assert store.verify(key.removeprefix("blobs/").replace("/", "")) == 2 * PART_SIZE + 1
    temporary = list(store.backend.list("tmp/"))
    assert gc.sweep_temporary(store.backend, older_than=time.time() - 3600) == gc.Swept()
    swept = gc.sweep_temporary(store.backend, older_than=time.time() + 60)
    assert swept.count == len(temporary) == (0 if point in {"1", "renamed"} else 1)
    assert all(path.startswith("blobs/") for path in files_below(Path(store.backend.where)))
    assert store.add_file(tmp_path / "model").stored == (not found)


@pytest.mark.kill
def test_a_put_killed_from_outside_can_be_repeated(tmp_path):
    (tmp_path / "model").write_bytes(os.urandom(6 * PART_SIZE))
    code = KILLED.replace("if point == str", "print(count, flush=True)\n    if point == str")
    for lines in (1, 3, 6):
        command = [sys.executable, "-c", code, "never", tmp_path / "store", tmp_path / "model"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            for _, _line in zip(range(lines), child.stdout or (), strict=False):
                pass
            child.kill()
        store = open_store(tmp_path / "store")
        for stat in store.backend.list("blobs/"):
            store.verify(stat.key.removeprefix("blobs/").replace("/", ""))
    blob = store.add_file(tmp_path / "model")
    assert store.verify(blob.digest) == 6 * PART_SIZE
