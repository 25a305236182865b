"""Small file systems that can be full or read-only, mounted for one test; they take root and so may be missing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.needs import need, without


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a file system of `size` bytes in memory on a new folder; yield the folder, and unmount it at the end."""
    need("mount")
    folder.mkdir()
    options = f"size={size},mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        without("mount", done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def make_read_only(disk: Path, *, yes: bool = True) -> None:
    """Forbid, or allow again, every change on a mounted small disk."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if yes else 'rw'}", disk], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Write a file until no more than `leave` bytes are free on a small disk; return the file."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            while room(disk) - size >= leave:
                file.write(bytes(size))
    return ballast


def room(disk: Path) -> int:
    """Return how many bytes are free on a disk."""
    facts = os.statvfs(disk)
    return facts.f_bavail * facts.f_frsize
