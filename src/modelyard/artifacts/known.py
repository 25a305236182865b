"""Recognises a large file that is in the store already, before it is written a second time.

The store notes the size, SHA-256 and parts of every file of several parts that it holds uncompressed, by the digest of
its first part. When a file comes in, its parts are hashed one after the other for as long as some noted file of the
same size still agrees; if one agrees to the end, the file is that one (equal parts are equal bytes) and nothing has to
be written or hashed again.

A note is a hint. It carries its own checksum, and a note that is missing or damaged only costs the second write. What
is recognised is not read, so the note goes as soon as somebody finds the stored bytes damaged: the next time the file
comes in, it is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from modelyard.artifacts.backend import Backend
from modelyard.artifacts.hashing import PART_SIZE, Blob, digest_of
from modelyard.artifacts.layout import KNOWN, blob_key, known_key, known_prefix
from modelyard.errors import RegistryUnusable

_LARGEST_NOTE = 16 << 20


def remember(backend: Backend, blob: Blob) -> None:
    """Note a file of several parts that was just stored or verified; failing to do so costs nothing but time later."""
    body = json.dumps({"digest": blob.digest, "sha256": blob.sha256, "size": blob.size, "parts": blob.parts})
    with suppress(RegistryUnusable), backend.new_writer() as writer:
        writer.write(f"{digest_of(body.encode())}\n{body}".encode())
        writer.commit(known_key(blob.parts[0], blob.digest))


def recall(backend: Backend, first_part: str, size: int) -> list[Blob]:
    """All noted files of this size that begin with this part and whose bytes are still in the store."""
    notes = (_read(backend, stat.key) for stat in backend.list(known_prefix(first_part)))
    return [note for note in notes if note and note.size == size and _is_there(backend, note)]


def recognise(backend: Backend, next_part: Callable[[], memoryview], size: int) -> Blob | None:
    """Find a stored file that equals the one that `next_part` gives part by part.

    Args:
        backend: the store to look in.
        next_part: gives the next 8 MiB of the file, then the rest.
        size: the file's size, more than one part.
    """
    digest = digest_of(next_part())
    agreeing = recall(backend, digest, size)
    for number in range(1, -(-size // PART_SIZE)):
        if not agreeing:
            return None
        digest = digest_of(next_part())
        agreeing = [blob for blob in agreeing if blob.parts[number] == digest]
    return agreeing[0] if agreeing else None


def forget(backend: Backend, digests: Collection[str]) -> None:
    """Remove the notes on files that have been deleted or found damaged."""
    if digests:
        for stat in list(backend.list(KNOWN)):
            if stat.key.rpartition("/")[2] in digests:
                backend.delete(stat.key)


def _is_there(backend: Backend, blob: Blob) -> bool:
    stat = backend.stat(blob_key(blob.digest))
    return stat is not None and stat.size == blob.size


def _read(backend: Backend, key: str) -> Blob | None:
    reader = backend.open(key)
    if reader is None:
        return None
    with reader:
        data = memoryview(bytearray(min(reader.size, _LARGEST_NOTE)))
        text = bytes(data[: reader.readinto(0, data)])
    checksum, _, body = text.partition(b"\n")
    if digest_of(body).encode() != checksum:
        return None
    note: dict[str, Any] = json.loads(body)
    return Blob(**{**note, "parts": tuple(note["parts"])}, stored=False)
