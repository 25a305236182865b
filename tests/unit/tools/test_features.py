"""The page of promises is read, and the tests that prove them are found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools import features

PAGE = """
- Foundation: REG-01..03, VER-01

| Id | Promise | Public name |
|---|---|---|
| REG-01 | models exist | `create_model` |
| REG-02 | versions too | |
| REG-03 | and more | |
| VER-01 | numbered | |
| VER-02 | later | |
"""


def test_rows_milestones_and_ranges_are_read():
    assert list(features.promises(PAGE)) == ["REG-01", "REG-02", "REG-03", "VER-01", "VER-02"]
    assert features.promises(PAGE)["REG-02"] == "versions too"
    assert features.milestones(PAGE) == {"Foundation": ["REG-01", "REG-02", "REG-03", "VER-01"]}
    assert features.expand("EXP-09..11, API-08") == ["EXP-09", "EXP-10", "EXP-11", "API-08"]


def test_marks_are_found_without_running_a_test(tmp_path):
    (tmp_path / "test_a.py").write_text(
        'import pytest\npytestmark = pytest.mark.feature("REG-01")\n'
        '@pytest.mark.feature("REG-02", "VER-01")\ndef test_x():\n    raise SystemExit\n',
        encoding="utf-8",
    )
    found = features.proven(tmp_path)
    assert set(found) == {"REG-01", "REG-02", "VER-01"}
    lines = features.report(PAGE, found).splitlines()
    assert lines[:2] == ["REG-03  and more", "VER-02  later"]
    assert lines[-2] == "All: 3 of 5 promises have a test"
    assert lines[-1] == "Foundation: 3 of 4; missing REG-03"


def test_what_is_required_can_be_a_milestone_a_range_or_a_file(tmp_path):
    listing = tmp_path / "ids.txt"
    listing.write_text("VER-02\nREG-01\n", encoding="utf-8")
    assert features.required(["VER-01..02"], PAGE) == ["VER-01", "VER-02"]
    assert features.required(["Foundation", str(listing)], PAGE) == ["REG-01", "REG-02", "REG-03", "VER-01", "VER-02"]


@pytest.mark.parametrize(("required", "code"), [("XYZ-99", 1), ("nonsense", 2)])
def test_the_exit_code_tells(required, code):
    command = [sys.executable, features.PROJECT / "tools" / "features.py", "--require", required]
    assert subprocess.run(command, check=False, capture_output=True).returncode == code


def test_the_real_page_has_every_milestone_id_once():
    page = features.PAGE.read_text(encoding="utf-8")
    known = features.promises(page)
    assert len(known) == len(features.ROW.findall(page))
    for ids in features.milestones(page).values():
        assert set(ids) <= known.keys()
        assert len(ids) == len(set(ids))
