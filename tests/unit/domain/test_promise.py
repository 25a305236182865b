"""What numbers promise: which version is held to which, the part that grows, and the version that a range names."""

from __future__ import annotations

import pytest

from modelyard.domain.promise import highest_compatible, is_promised, required_bump
from modelyard.domain.versions import SemVer, SemVerRange


@pytest.mark.feature("EXP-35")
@pytest.mark.parametrize(
    ("old", "new", "promised"),
    [
        ("1.4.0", "1.4.1", True),
        ("1.4.0", "1.9.0", True),
        ("1.4.0", "2.0.0", False),
        ("1.4.0", "2.0.0-rc.1", False),
        ("1.4.0", "1.5.0-rc.1", True),
        ("1.5.0-rc.1", "1.5.0", False),
        ("1.4.0", "1.3.0", False),
        ("1.4.0", "1.4.0+other", True),
        ("0.3.0", "0.3.9", True),
        ("0.3.0", "0.4.0", False),
    ],
)
def test_a_number_promises_within_its_line(old, new, promised):
    assert is_promised(SemVer.parse(old), SemVer.parse(new)) is promised


@pytest.mark.feature("EXP-35")
@pytest.mark.parametrize(
    ("outcome", "from_one", "from_zero"),
    [
        ("breaking", "major", "minor"),
        ("compatible", "minor", "patch"),
        ("none", "patch", "patch"),
        ("unknown", "patch", "patch"),
    ],
)
def test_the_part_that_grows(outcome, from_one, from_zero):
    assert required_bump(outcome, SemVer(1, 4, 2)) == from_one
    assert required_bump(outcome, SemVer(0, 4, 2)) == from_zero


@pytest.mark.parametrize(
    ("wanted", "breaking", "found", "questions"),
    [
        ("^1.4", set(), "1.7.0", 1),
        ("^1.4", {"1.7.0"}, "1.6.0", 2),
        ("^1.4", {"1.5.0", "1.6.0", "1.7.0"}, "1.4.0", 3),
        ("~1.7", {"1.7.0"}, "1.7.0", 0),
        (">=1.4", {"1.7.0"}, "2.1.0", 1),
        ("*", {"2.1.0"}, "2.0.0", 1),
        (">=2.1.0-rc.1 <2.1.0", {"2.1.0-rc.2"}, "2.1.0-rc.2", 0),
        ("^3", set(), None, 0),
    ],
)
def test_a_range_passes_over_what_breaks_its_lowest(wanted, breaking, found, questions):
    texts = ["1.4.0", "2.0.0", "1.6.0", "1.5.0", "1.7.0", "2.1.0", "2.1.0-rc.1", "2.1.0-rc.2", "1.4.1-rc.1"]
    asked = []

    def breaks(old, new):
        asked.append((old.text, new.text))
        return new.text in breaking

    best = highest_compatible(SemVerRange.parse(wanted), map(SemVer.parse, texts), breaks)
    assert (best and best.text, len(asked)) == (found, questions)
