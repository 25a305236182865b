"""Targets that are written whole or not at all: what a link leads to is replaced, and nothing but a file ever is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.errors import InvalidRequest


def write(target: Path, content: bytes) -> None:
    with replacing(target) as descriptor:
        write_all(descriptor, content)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="no regular file"):
        write(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()
    with pytest.raises(InvalidRequest, match="is a folder"):
        write(tmp_path, b"new")


def test_a_block_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(KeyError), replacing(target):
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_bytes() == b"old"
