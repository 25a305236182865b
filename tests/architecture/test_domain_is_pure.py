"""The domain is a set of values and rules: it reads no clock, file or network, and needs blake3 and msgspec only."""

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
    "hmac",
    "itertools",
    "json",
    "math",
    "msgspec",
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

ALLOWED_PARTS = {
    "contextlib": {"suppress"},
    "pathlib": {"PurePath", "PurePosixPath", "PureWindowsPath"},
    "posixpath": {"normpath"},
    "random": {"Random"},
    "sys": {"float_info", "maxsize"},
    "urllib.parse": {"quote", "unquote", "urlsplit"},
    "zoneinfo": {"ZoneInfo", "ZoneInfoNotFoundError"},
}
"""Modules of which only some parts are pure; a `random.Random` needs a seed, and the rules of time zones are data."""

CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
FILES = sorted(SOURCE.glob("domain/**/*.py"))


def impure_imports(tree: ast.Module) -> list[str]:
    """Return the imports that reach out of the domain, or take more of a module than its pure parts."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if not allowed(alias.name)]
        elif isinstance(node, ast.ImportFrom):
            names, module = {alias.name for alias in node.names}, node.module or "."
            if not allowed(module) or names - ALLOWED_PARTS.get(module, names):
                found.append(ast.unparse(node))
    return found


def allowed(module: str) -> bool:
    """Whether the domain may import from a module."""
    ours = module == "modelyard" or module.startswith("modelyard.")
    inside = module.startswith(("modelyard.domain", "modelyard.errors"))
    return inside if ours else module in ALLOWED_PARTS or module.partition(".")[0] in PURE


def impure_uses(tree: ast.Module) -> list[str]:
    """Return the expressions that read a clock or a file, print, or draw from unseeded randomness."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            parts = ALLOWED_PARTS.get(ast.unparse(node.value), {node.attr})
            found += [ast.unparse(node)] if node.attr in CLOCKS or node.attr not in parts else []
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            unseeded = called == "random.Random" and not node.args
            found += [ast.unparse(node)] if called in {"open", "print", "input"} or unseeded else []
    return found


def impurities(text: str) -> list[str]:
    """Return what in a module's text does not belong into the domain."""
    tree = ast.parse(text)
    return impure_imports(tree) + impure_uses(tree)


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
