"""The domain is a set of values and rules: it reads no clock, file or network, and needs no package but blake3."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "modelyard"
PURE = {
    "__future__",
    "base64",
    "binascii",
    "bisect",
    "blake3",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "types",
    "typing",
    "unicodedata",
}
"""Modules that compute from their arguments alone."""

ALLOWED_PARTS = {"random": {"Random"}, "sys": {"float_info", "maxsize"}}
"""Modules of which only some parts are pure; a `random.Random` needs a seed."""

CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
FILES = sorted(SOURCE.glob("domain/**/*.py"))


def imports(tree: ast.Module) -> set[str]:
    """Return the dotted names that a module imports from."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or ".")
    return found


def impurities(text: str) -> list[str]:
    """Return what in a module's text does not belong into the domain."""
    tree = ast.parse(text)
    found = [
        name
        for name in sorted(imports(tree))
        if name.partition(".")[0] not in PURE | ALLOWED_PARTS.keys() | {"modelyard"}
        or (name.startswith("modelyard") and not name.startswith(("modelyard.domain", "modelyard.errors")))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            found.append(ast.unparse(node))
        if isinstance(node, ast.Attribute) and node.attr not in ALLOWED_PARTS.get(ast.unparse(node.value), {node.attr}):
            found.append(ast.unparse(node))
        if isinstance(node, ast.ImportFrom) and node.module in ALLOWED_PARTS:
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "print", "input", "random.Random"}:
            found += [] if node.args and ast.unparse(node.func) == "random.Random" else [ast.unparse(node)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_module_of_the_domain_is_pure(path):
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from pathlib import Path",
        "from modelyard.metadata import tables",
        "import modelyard.config",
        "import sqlalchemy",
        "from datetime import datetime\nx = datetime.now()",
        "import random\nx = random.random()",
        "import random\nx = random.Random()",
        "from random import random",
        "import sys\nx = sys.argv",
        "x = open('file')",
    ],
)
def test_the_check_refuses_what_is_not_pure(text):
    assert impurities(text)


def test_the_domain_was_found():
    assert FILES
