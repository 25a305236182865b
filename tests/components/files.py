"""What lies in a folder, for tests that check that nothing is left behind."""

from __future__ import annotations

from pathlib import Path


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir())


def files_below(folder: Path) -> list[str]:
    """Return the files and links below a folder, hidden ones too, by relative path, sorted; none if it is missing."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)
