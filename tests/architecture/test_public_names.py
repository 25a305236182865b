"""The public names: importable, documented, and light to import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import modelyard

HEAVY = (
    "alembic",
    "click",
    "fastapi",
    "httpx2",
    "numpy",
    "pydantic",
    "rich",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new interpreter holds after a statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines())


def test_public_names_are_sorted_and_unique():
    assert list(modelyard.__all__) == sorted(set(modelyard.__all__))


@pytest.mark.parametrize("name", modelyard.__all__)
def test_a_public_name_can_be_imported_and_is_documented(name):
    value = getattr(modelyard, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert (value.__doc__ or "").strip(), f"{name} has no docstring"


CLASSES = [name for name in modelyard.__all__ if inspect.isclass(getattr(modelyard, name))]


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_is_documented(name):
    value = getattr(modelyard, name)
    own = {key: member for key, member in inspect.getmembers(value) if not key.startswith("_")}
    ours = {
        key: m for key, m in own.items() if (getattr(m, "__module__", "") or "").startswith("modelyard") and callable(m)
    }
    assert [key for key, member in ours.items() if not inspect.getdoc(member)] == []


def test_dir_lists_the_public_names():
    assert set(modelyard.__all__) <= set(dir(modelyard))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = modelyard.no_such_name


def test_import_modelyard_loads_no_framework_database_or_machine_learning_package():
    assert sorted(loaded_by("import modelyard") & set(HEAVY)) == []


def test_the_question_itself_would_notice_a_heavy_import():
    assert "sqlalchemy" in loaded_by("import modelyard, sqlalchemy")
