"""Programs that run somebody else's SDK: what comes of them, and that none outlives whoever wanted it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from components.deadlines import until
from components.sdk_child import MODULE
from modelyard.errors import MissingExtra, RemoteUnavailable, TimedOut
from modelyard.outside import sdk

TESTS = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TESTS), "SAID": "hello"}
ASKING = """
import sys
from pathlib import Path
from modelyard.outside import sdk
sdk.run(
    "components.sdk_child", {"do": "hang", "note": sys.argv[1]},
    folder=Path.cwd(), environ=dict(__import__("os").environ), timeout=600,
)
"""


def run(folder: Path, what: str, **more) -> dict[str, object]:
    """Have the program do something."""
    given = {"timeout": 60.0, **more}
    return sdk.run(MODULE, {"do": what, "note": str(folder / "note")}, folder=folder, environ=ENVIRONMENT, **given)


def hanging(folder: Path) -> list[int]:
    """Wait until the program hangs; return the ids of it and of what it started."""
    note = folder / "note"
    until(note.exists, "the program hangs")
    return [int(text) for text in note.read_text().split()]


def are_gone(ids: list[int]) -> bool:
    """Whether none of some processes runs any more."""
    return not any(psutil.pid_exists(one) and psutil.Process(one).status() != psutil.STATUS_ZOMBIE for one in ids)


def test_the_answer_comes_through_whatever_the_sdk_prints(tmp_path):
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("raise AssertionError('the working folder was imported from')")
    answer = run(tmp_path, "print")
    assert (answer["folder"], answer["said"]) == (str(tmp_path), "hello")
    assert answer["path"] != str(tmp_path)


def test_errors_are_told_as_what_they_are(tmp_path):
    with pytest.raises(MissingExtra) as refused:
        run(tmp_path, "refuse")
    assert (refused.value.message, refused.value.hint) == ("it is not here", "bring it")
    with pytest.raises(RemoteUnavailable, match="KeyError: 'odd'"):
        run(tmp_path, "fail")


def test_a_program_that_dies_is_told_by_its_last_words(tmp_path):
    with pytest.raises(RemoteUnavailable, match="status 7: last words"):
        run(tmp_path, "die")


def test_what_takes_too_long_is_ended_with_what_it_started(tmp_path):
    with pytest.raises(TimedOut, match="was not done in 2 s"):
        run(tmp_path, "hang", timeout=2.0)
    if (tmp_path / "note").exists():
        until(lambda: are_gone(hanging(tmp_path)), "both processes end")


def test_what_nobody_wants_any_more_is_ended(tmp_path):
    with pytest.raises(TimedOut, match="before it was done"):
        run(tmp_path, "hang", unwanted=(tmp_path / "note").exists)
    until(lambda: are_gone(hanging(tmp_path)), "both processes end")


def test_it_ends_with_a_parent_that_is_killed(tmp_path):
    note = str(tmp_path / "note")
    with subprocess.Popen([sys.executable, "-c", ASKING, note], cwd=tmp_path, env=ENVIRONMENT) as parent:
        ids = hanging(tmp_path)
        parent.kill()
    until(lambda: are_gone(ids), "both processes end")
