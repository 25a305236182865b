"""Times the artifact store against plain tools on the same machine, in the same run, taking turns; prints medians.

    python bench/artifacts.py [--size MIB] [--rounds N] [--folder DIR]

    put      a file into a local store, durable          against  cp, then fsync
    get      it out again, verified                      against  cp
    again    put a file that the store has already       against  one BLAKE3 of it
    memory   peak over idle while putting and getting

Leaves nothing behind. Ends with 1 if a goal is missed. The figures need two free cores and a disk that nobody else
uses.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from blake3 import blake3

from modelyard.artifacts.hashing import PART_SIZE, Blob
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.store import ArtifactStore

MIB = 1 << 20
MEMORY_GOAL = 64 * MIB

MEMORY_PROBE = """
import sys
from pathlib import Path
from modelyard.artifacts.opening import open_store

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

source, root, target = sys.argv[1:]
store = open_store(root)
idle = peak()
blob = store.add_file(source)
store.fetch_to(blob.digest, blob.size, blob.parts, Path(target))
print(peak() - idle)
"""


@dataclass(frozen=True)
class Row:
    """One figure: what is timed, what it is measured against, and how many times as long it may take."""

    name: str
    goal: float
    ours: Callable[[], object]
    yardstick: Callable[[], object]
    prepare: Callable[[], object]


class Bench:
    """A source file of random bytes, a store, and somewhere to write to, all below one folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.source = folder / "source.bin"
        self.root = folder / "store"
        self.copy = folder / "copy.bin"
        self.store: ArtifactStore = open_store(self.root)
        self.blob: Blob | None = None
        with self.source.open("wb") as file:
            for start in range(0, size, PART_SIZE):
                file.write(os.urandom(min(PART_SIZE, size - start)))

    def clean(self) -> None:
        """Forget the copy, and wait until the disk has nothing left to do."""
        self.copy.unlink(missing_ok=True)
        os.sync()

    def empty(self) -> None:
        """Forget the store, too."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.clean()

    def put(self) -> None:
        """Put the source into the store."""
        self.blob = self.store.add_file(self.source)

    def get(self) -> None:
        """Get it out again."""
        if self.blob is None:
            self.put()
        if self.blob is not None:
            self.store.fetch_to(self.blob.digest, self.blob.size, self.blob.parts, self.copy)

    def cp(self) -> None:
        """Yardstick: copy the file as `cp` does."""
        subprocess.run(["cp", self.source, self.copy], check=True)

    def cp_fsync(self) -> None:
        """Yardstick: copy the file and make it durable."""
        self.cp()
        descriptor = os.open(self.copy, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def hash_with(self, new: Callable[[], object]) -> None:
        """Yardstick: read the file and hash it on one thread."""
        hasher, buffer = new(), bytearray(PART_SIZE)
        with self.source.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                hasher.update(memoryview(buffer)[:count])  # type: ignore[attr-defined]

    def memory(self) -> int:
        """Peak memory over idle of a process that puts and gets the file, in bytes."""
        self.empty()
        command = [sys.executable, "-c", MEMORY_PROBE, str(self.source), str(self.root), str(self.copy)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def seconds(action: Callable[[], object]) -> float:
    """Run an action and give how long it took."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def run(bench: Bench, size: int, rounds: int) -> bool:
    """Print all rows; says whether all goals are reached."""
    hashes: tuple[tuple[str, Callable[[], object]], ...] = (("BLAKE3", blake3), ("SHA-256", hashlib.sha256))
    for name, new in hashes:
        took = median(seconds(partial(bench.hash_with, new)) for _ in range(3))
        print(f"{name:8} {size / took / 1e9:6.2f} GB/s on one thread")
    print(f"load     {os.getloadavg()[0]:6.2f} on {os.cpu_count()} processors before the timings")
    rows = (
        Row("put", 1.6, bench.put, bench.cp_fsync, bench.empty),
        Row("get", 1.3, bench.get, bench.cp, bench.clean),
        Row("again", 1.2, bench.put, lambda: bench.hash_with(blake3), bench.clean),
    )
    good = True
    for row in rows:
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds):
            for action, times in ((row.yardstick, theirs), (row.ours, ours)):
                row.prepare()
                times.append(seconds(action))
        ratio = median(ours) / median(theirs)
        good &= ratio <= row.goal
        verdict = "reached" if ratio <= row.goal else "MISSED"
        each = " ".join(f"{one / other:.2f}" for one, other in zip(ours, theirs, strict=True))
        print(
            f"{row.name:8} {ratio:6.2f} x its yardstick (goal {row.goal}: {verdict}; "
            f"{median(ours):.2f} s against {median(theirs):.2f} s; rounds {each})"
        )
    extra = bench.memory()
    print(
        f"memory   {extra / MIB:6.1f} MiB over idle (goal {MEMORY_GOAL // MIB}: "
        f"{'reached' if extra <= MEMORY_GOAL else 'MISSED'})"
    )
    return good and extra <= MEMORY_GOAL


def main() -> int:
    """Read the arguments, run, clean up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="size of the file in MiB (default 1024)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is timed (default 5)")
    parser.add_argument("--folder", type=Path, help="where to work; on the disk that is to be measured")
    parser.add_argument("--quick", action="store_true", help="a file of 64 MiB, three rounds")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.size, arguments.rounds = 64, 3
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-", dir=arguments.folder) as folder:
        return 0 if run(Bench(Path(folder), arguments.size * MIB), arguments.size * MIB, arguments.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
