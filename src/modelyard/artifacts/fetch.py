"""Writes a stored file to a path of the caller, verified while it streams.

A target is replaced only when all of the file is right.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelyard.artifacts.backend import Backend
from modelyard.artifacts.faults import target_faults
from modelyard.artifacts.hashing import Rounds
from modelyard.artifacts.local import write_all
from modelyard.artifacts.reader import VerifiedParts, Wanted, opened
from modelyard.errors import InvalidRequest

Progress = Callable[[int], None]


@contextmanager
def replacing(target: Path) -> Iterator[int]:
    """Open a temporary file beside `target` for writing; it takes the target's name if the block ends well.

    Where the target is a link, the file that it leads to is replaced, and the link stays.

    Raises:
        InvalidRequest: the target is a folder or a device, or cannot be written.
        StorageFull: no room is left there. In every case the target stays as it was.
    """
    if target.is_dir():
        raise InvalidRequest(f"{target} is a folder", hint="name the file that is to be written")
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_file():
        raise InvalidRequest(f"{target} is no regular file, and would be replaced by one", hint="name a file")
    temporary = target.parent / f".modelyard-{secrets.token_hex(8)}.part"
    with target_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                yield descriptor
            finally:
                os.close(descriptor)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def fetch(backend: Backend, wanted: Wanted, target: Path, progress: Progress | None) -> None:
    """Write a file to `target`; see `ArtifactStore.fetch_to`."""
    with opened(backend, wanted.digest, wanted.label) as (source, stored_size), replacing(target) as descriptor:
        parts = VerifiedParts(source, stored_size, wanted)
        copy = _copy_parts if wanted.parts else _copy_whole
        for count in copy(parts, wanted, descriptor):
            if progress:
                progress(count)


def _copy_whole(parts: VerifiedParts, wanted: Wanted, descriptor: int) -> Iterator[int]:
    buffer = memoryview(bytearray(wanted.size))
    parts.read(0, buffer)
    parts.check(0, buffer)
    write_all(descriptor, buffer)
    yield wanted.size


def _copy_parts(parts: VerifiedParts, wanted: Wanted, descriptor: int) -> Iterator[int]:
    """Write and verify each part side by side: unverified bytes go only into a file that nobody knows yet."""
    numbers = iter(range(wanted.count()))
    rounds = Rounds([lambda part: parts.check(next(numbers), part), lambda part: write_all(descriptor, part)])
    try:
        for number in range(wanted.count()):
            count = parts.read(number, rounds.buffer)
            rounds.submit(count)
            yield count
        rounds.finish()
    finally:
        rounds.close()
