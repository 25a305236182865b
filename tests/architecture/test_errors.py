"""The error tree: what its docstring draws is what exists."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from modelyard import errors

DRAWN = re.compile(r"(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: \((?P<also>\w+)\))? *(?P<status>\d{3})?")


def drawn() -> dict[str, re.Match[str]]:
    """Return the line of each class in the tree that the docstring draws."""
    tree = (errors.__doc__ or "").partition("\n    ModelyardError\n")[2]
    lines = [match for match in map(DRAWN.match, tree.splitlines()) if match]
    return {match["name"]: match for match in lines}


def test_codes_are_unique_and_well_formed():
    codes = Counter(kind.code for kind in errors.walk())
    assert [code for code, count in codes.items() if count > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
    assert {kind.code: kind for kind in errors.walk()} == errors.BY_CODE


def test_the_docstring_draws_every_class_and_no_other():
    assert set(drawn()) == {kind.__name__ for kind in errors.walk()} - {"ModelyardError"}


@pytest.mark.parametrize("kind", list(errors.walk())[1:], ids=lambda kind: kind.__name__)
def test_the_drawing_tells_status_and_builtin_base(kind):
    line = drawn()[kind.__name__]
    inherited = kind.status == kind.__mro__[1].status
    assert inherited if line["status"] is None else int(line["status"]) == kind.status
    if line["also"]:
        assert line["also"] in {base.__name__ for base in kind.__mro__}


@pytest.mark.parametrize("kind", list(errors.walk()), ids=lambda kind: kind.__name__)
def test_an_error_says_what_is_wrong_and_what_to_do(kind):
    error = kind("the value 3 is wrong", hint="pass 4", details={"value": 3})
    assert str(error) == "the value 3 is wrong (pass 4)"
    assert error.details == {"value": 3}
    assert (kind.__doc__ or "").strip()
    assert 400 <= kind.status < 600
    assert 1 <= kind.exit_code <= 8
