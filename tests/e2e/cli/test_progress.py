"""Progress bars: for whoever watches, for work that takes a while, on standard error."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from modelyard.cli import progress
from modelyard.cli.session import Session


@contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[IO[bytes]]:
    """A terminal as standard error; yields the end that a person would look at."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    with os.fdopen(theirs, "w") as stream, os.fdopen(ours, "rb", buffering=0) as shown, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        yield shown


def test_a_bar_appears_when_the_work_takes_a_while(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with watching(monkeypatch) as shown:
        with progress.bar(Session(), "downloading fraud/1.0.0", 2000) as advance:
            assert advance is not None
            advance(500)
            advance(1500)
        text = ""
        # A terminal hands over what was written piece by piece.
        while "2.0/2.0 kB" not in text:
            text += shown.read(65536).decode()
    assert "downloading fraud/1.0.0" in text


def test_what_is_not_bytes_is_counted(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with watching(monkeypatch) as shown:
        with progress.bar(Session(), "simulating releases", 40, is_bytes=False) as advance:
            assert advance is not None
            advance(40)
        text = ""
        while "40/40" not in text:
            text += shown.read(65536).decode()


def test_short_work_shows_nothing(monkeypatch):
    with watching(monkeypatch) as shown:
        with progress.bar(Session(), "downloading", None) as advance:
            assert advance is not None
            advance(10)
        os.set_blocking(shown.fileno(), False)
        assert shown.read(10) is None


@pytest.mark.parametrize("session", [Session(quiet=True), Session(output="json")], ids=["quiet", "json"])
def test_nothing_is_drawn_for_those_who_asked_for_quiet_or_json(session, monkeypatch):
    with watching(monkeypatch), progress.bar(session, "downloading", 10) as advance:
        assert advance is None


def test_nothing_is_drawn_where_nobody_watches():
    with progress.bar(Session(), "downloading", 10) as advance:
        assert advance is None


def test_the_size_of_a_file_and_of_a_folder_is_what_is_to_be_done(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "deep" / "b").write_bytes(b"123")
    assert progress.measured(tmp_path / "a") == 5
    assert progress.measured(tmp_path) == 8
    assert progress.measured(Path("nowhere")) == 0
