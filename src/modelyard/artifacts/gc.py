"""Finds and removes what nothing refers to any more.

Two passes, between which the caller remembers what is condemned:

1. `candidates` lists objects that no live manifest names and that are older than a grace time. The objects are listed
   *before* the live digests are asked for: what is registered in between is then among the live ones.
2. `sweep`, a good while later, deletes what is still condemned. For each object the caller's guard opens a transaction
   and says whether it may go; the deletion happens inside it. An object that was needed again since it was condemned
   (an upload found it in the store and touched it) is left alone, even if the upload's transaction has not ended.

Files that killed processes left in `tmp/` are a matter of age only: a live writer writes to its file now and then.
Times are seconds since 1970, UTC, given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from modelyard.artifacts import known
from modelyard.artifacts.backend import Backend
from modelyard.artifacts.layout import BLOBS, TEMPORARY, blob_key, digest_of_key

Guard = Callable[[str], AbstractContextManager[bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An object that nothing refers to.

    Attributes:
        digest: BLAKE3 of its plain bytes.
        size: stored size in bytes.
        modified: when it was written or last needed.
    """

    digest: str
    size: int
    modified: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """What a sweep has removed: how many objects, and their stored bytes."""

    count: int = 0
    size: int = 0

    def plus(self, size: int) -> Swept:
        """This, and one object of `size` bytes more."""
        return Swept(count=self.count + 1, size=self.size + size)


def candidates(backend: Backend, live: Callable[[], Container[str]], *, older_than: float) -> list[Candidate]:
    """List the objects that nothing refers to and that were last needed before `older_than`; changes nothing.

    Args:
        backend: the store.
        live: gives the digests that are referred to; called once, after the objects were listed.
        older_than: objects needed at or after this time are left out.
    """
    old = [
        Candidate(digest=digest, size=stat.size, modified=stat.modified)
        for stat in backend.list(BLOBS)
        if stat.modified < older_than and (digest := digest_of_key(stat.key))
    ]
    needed = live()
    return [candidate for candidate in old if candidate.digest not in needed]


def _allow(_digest: str) -> AbstractContextManager[bool]:
    return nullcontext(enter_result=True)


def sweep(backend: Backend, condemned: Iterable[str], *, older_than: float, guard: Guard = _allow) -> Swept:
    """Delete condemned objects that were not needed since, and what is noted of them.

    Args:
        backend: the store.
        condemned: their digests.
        older_than: objects needed at or after this time are left alone.
        guard: for a digest, a context whose value says whether it may be deleted; the deletion is done inside it.
    """
    swept, gone = Swept(), set()
    for digest in condemned:
        with guard(digest) as allowed:
            if not allowed:
                continue
            for key in (blob_key(digest), blob_key(digest, compressed=True)):
                size = _delete_old(backend, key, older_than)
                if size is not None:
                    swept = swept.plus(size)
                    gone.add(digest)
    known.forget(backend, gone)
    return swept


def _delete_old(backend: Backend, key: str, older_than: float) -> int | None:
    found, needed = backend.stat(key), backend.last_needed(key)
    if found is None or needed is None or needed >= older_than:
        return None
    return found.size if backend.delete(key) else None


def sweep_temporary(backend: Backend, *, older_than: float, dry_run: bool = False) -> Swept:
    """Delete files in `tmp/` that nobody has written to since `older_than`; with `dry_run` only count them."""
    swept = Swept()
    for stat in list(backend.list(TEMPORARY)):
        if stat.modified < older_than and (dry_run or backend.delete(stat.key)):
            swept = swept.plus(stat.size)
    return swept
