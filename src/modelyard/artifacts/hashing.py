"""The digests of a file, made in one pass: BLAKE3 and SHA-256 of the whole, BLAKE3 of each part.

Files are cut into parts of 8 MiB, so that a reader can verify what it hands out piece by piece. A file of one part has
no list of parts: its own digest says the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

from blake3 import blake3

from modelyard.artifacts.backend import Buffer

PART_SIZE = 8 << 20
_BUFFERS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A file that is in the store.

    Attributes:
        digest: BLAKE3 of its bytes, 64 hex digits; its address.
        sha256: SHA-256 of its bytes, 64 hex digits.
        size: length in bytes.
        parts: BLAKE3 of each 8 MiB part in order; empty if there is one part only.
        stored: whether these bytes were new to the store.
    """

    digest: str
    sha256: str
    size: int
    parts: tuple[str, ...]
    stored: bool


def part_count(size: int) -> int:
    """How many entries the list of parts of a file of `size` bytes has: 0 up to one part, else one for each part."""
    return -(-size // PART_SIZE) if size > PART_SIZE else 0


def digest_of(data: Buffer) -> str:
    """BLAKE3 of some bytes as 64 hex digits."""
    return blake3(data).hexdigest()


class ContentHash:
    """Takes a file part by part and makes all its digests; the two lanes may run in different threads."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = sha256()
        self._blake3 = blake3()
        self._parts: list[str] = []

    def sha256_lane(self, part: memoryview) -> None:
        """Take the next part into the SHA-256."""
        self._sha256.update(part)

    def blake3_lane(self, part: memoryview) -> None:
        """Take the next part into the BLAKE3 of the file, and make the BLAKE3 of the part."""
        self._blake3.update(part)
        self._parts.append(digest_of(part))
        self.size += len(part)

    @property
    def digest(self) -> str:
        """BLAKE3 of what was taken so far."""
        return self._blake3.hexdigest()

    def blob(self, *, stored: bool) -> Blob:
        """All digests of what was taken."""
        parts = tuple(self._parts) if len(self._parts) > 1 else ()
        return Blob(
            digest=self.digest,
            sha256=self._sha256.hexdigest(),
            size=self.size,
            parts=parts,
            stored=stored,
        )


def _room() -> memoryview:
    """Room for a part. It costs what is written to it, where a `bytearray` costs as much as 8 MiB of zeros."""
    return memoryview(mmap(-1, PART_SIZE, flags=MAP_PRIVATE | MAP_ANONYMOUS))


class Rounds:
    """Runs several lanes over each part at once while the caller fills the next one; one thread for each lane.

    Hashing, reading and writing release the interpreter's lock, so that the lanes really run side by side. Every lane
    sees every part, in order. No lane is more than a few parts ahead of another, which bounds memory.
    """

    def __init__(self, lanes: Sequence[Callable[[memoryview], object]]) -> None:
        self._lanes = lanes
        self._buffers = cycle([_room() for _ in range(_BUFFERS)])
        self._threads: list[ThreadPoolExecutor] = []
        self._running: deque[list[Future[object]]] = deque()
        self.buffer = next(self._buffers)

    def submit(self, count: int) -> None:
        """Hand the first `count` bytes of `buffer` to the lanes; `buffer` is then another one that is free.

        Raises:
            the first error of a lane, of this part or an earlier one.
        """
        if not self._threads:
            self._threads = [ThreadPoolExecutor(1, thread_name_prefix="modelyard-artifacts") for _ in self._lanes]
        part = self.buffer[:count]
        lanes = zip(self._threads, self._lanes, strict=True)
        self._running.append([thread.submit(lane, part) for thread, lane in lanes])
        self._settle(_BUFFERS - 1)
        self.buffer = next(self._buffers)

    def _settle(self, allowed: int) -> None:
        """Wait until all lanes are done with all but the last `allowed` parts."""
        while len(self._running) > allowed:
            running = self._running.popleft()
            wait(running)
            for lane in running:
                lane.result()

    def finish(self) -> None:
        """Wait until all lanes are done with all parts, and raise what went wrong."""
        try:
            self._settle(0)
        finally:
            self.close()

    def close(self) -> None:
        """End the threads; parts on their way are still worked off, so that no lane outlives its file."""
        threads, self._threads = self._threads, []
        for thread in threads:
            thread.shutdown(wait=True)
        # A lane may belong to whoever holds the rounds; without it, the buffers go with their last user, not with the
        # next collection of cycles, which can come many uploads later.
        self._lanes = ()
