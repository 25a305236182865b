"""What a place for bytes must be able to do: the narrow interface behind every store.

A backend moves bytes by key and never looks at them; digests, parts and compression are the business of the layers
above. The contract suite in `tests/contract/test_artifact_backends.py` runs against every implementation. Promises:

1. An object is there whole or not at all; a reader never sees one half written.
2. Once `commit` returns, the object survives a power cut (as far as the place can promise that).
3. A writer that is not committed leaves nothing, whatever ended it; after a kill only files below `tmp/`.
4. Objects are never changed in place: a second commit of the same key replaces the whole object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, kw_only=True, slots=True)
class Stat:
    """An object in the store: its key, its stored size in bytes, and when it was written (seconds since 1970, UTC)."""

    key: str
    size: int
    modified: float


class BlobWriter(Protocol):
    """Takes the bytes of one new object; its key is only needed at the end."""

    def write(self, data: Buffer) -> None:
        """Append bytes. The buffer may be reused by the caller afterwards."""

    def commit(self, key: str) -> None:
        """Make what was written the object `key`, durably. A failed commit leaves nothing."""

    def abort(self) -> None:
        """Forget what was written. Harmless after `commit` and when called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BlobReader(Protocol):
    """Random access to one object that was there when it was opened."""

    @property
    def size(self) -> int:
        """Stored size in bytes."""

    def readinto(self, offset: int, buffer: memoryview) -> int:
        """Fill `buffer` from `offset` on; fewer bytes than its length only at the end of the object."""

    def close(self) -> None:
        """Release what is held open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Backend(Protocol):
    """A place for bytes by key. Safe for use by several threads and processes at once.

    Attributes:
        root: the store's folder if other programs can read it as files, else None.
        where: how messages name the place.
    """

    root: Path | None
    where: str

    def new_writer(self) -> BlobWriter:
        """Begin a new object."""

    def open(self, key: str) -> BlobReader | None:
        """Open an object for reading, or None if there is none of this key."""

    def stat(self, key: str) -> Stat | None:
        """Facts of one object, or None."""

    def touch(self, key: str) -> None:
        """Note that an object is needed again now, so that the collector takes it for a young one."""

    def last_needed(self, key: str) -> float | None:
        """When an object was last written or touched (seconds since 1970, UTC), or None if it is not there."""

    def delete(self, key: str) -> bool:
        """Remove an object; says whether it was there."""

    def list(self, prefix: str) -> Iterator[Stat]:
        """All objects below a prefix that ends in `/`, in no particular order."""


class Closing:
    """Mixin: leaving the `with` block calls `close`."""

    def close(self) -> None:
        """Release what is held open."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
