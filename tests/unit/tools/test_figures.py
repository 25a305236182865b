"""The style check sees what breaks a limit, and nothing else."""

from __future__ import annotations

import pytest

from tools import figures


@pytest.fixture
def measured(tmp_path):
    """Return a function that writes modules and measures them; a docstring is put in front of each."""

    def measure(docstring='"""What it is for."""\n', **modules):
        package = tmp_path / "modelyard"
        package.mkdir(exist_ok=True)
        for name, text in {"__init__": "", **modules}.items():
            (package / f"{name}.py").write_text(docstring + text, encoding="utf-8")
        return figures.measure(package)

    return measure


def test_a_tidy_package_breaks_nothing(measured):
    result = measured(a="import modelyard.b\n", b="def f(self, a, b, c, d, e, f, g):\n    return a\n")
    assert result.broken == []
    assert result.files == [1, 2, 3]
    assert result.functions == [2]
    assert "max 3 (400)" in figures.report(result)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1\n" * 400, "401 lines in a file"),
        ("def f():\n" + "    x = 1\n" * 70, "71 lines"),
        ("def f(x):\n" + "    if x:\n        pass\n" * 12, "13 branches"),
        ("def f(x):\n    return " + " and ".join(["x"] * 13), "13 branches"),
        ("def f(a, b, c, d, e, f, *, g, h):\n    pass\n", "8 parameters"),
        ("def f():\n    from modelyard import other\n", "hides an import of modelyard.other"),
        ("def f():\n    from . import other\n", "hides an import of modelyard.other"),
        ("from modelyard.other import x\n", "in a circle"),
    ],
)
def test_each_limit_is_seen(measured, text, complaint):
    broken = measured(subject=text, other="import modelyard.subject\n").broken
    assert len(broken) == 1
    assert complaint in broken[0]


def test_a_missing_docstring_is_seen(measured):
    assert len(measured(docstring="", a="x = 1\n").broken) == 2


def test_imports_for_types_only_make_no_circle(measured):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from modelyard import b\n"
    assert measured(a=text, b="from modelyard import a\n").broken == []


def test_the_facade_may_open_the_composition_root_late(measured):
    late = "def f():\n    from modelyard import bootstrap\n"
    assert measured(facade=late, bootstrap="").broken == []
    assert len(measured(client=late, bootstrap="").broken) == 1
