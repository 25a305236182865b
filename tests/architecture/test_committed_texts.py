"""What may not stand in a file of the project: addresses of package registries, and paths of the machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from components.needs import need

PROJECT = Path(__file__).resolve().parents[2]
REGISTRIES = (
    r"files\.pythonhost" + r"ed\.org",
    r"pypi\.org/" + r"simple",
    r"registry\.npm" + r"js\.org",
    r"deb\.debi" + r"an\.org",
    r"--(?:extra-)?index-" + r"url",
)
PLACES = tuple(re.escape(f"{place}/") for place in (PROJECT, Path.home()) if place != Path("/"))
FORBIDDEN = re.compile("|".join((*REGISTRIES, *PLACES)))


def committed() -> list[Path]:
    """Return the project's files: those that git tracks or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    return [PROJECT / name for name in listing.split("\0") if name and (PROJECT / name).is_file()]


def findings(text: str) -> list[str]:
    """Return the lines of a text that name what they must not name."""
    return [line.strip() for line in text.splitlines() if FORBIDDEN.search(line)]


def test_no_file_names_a_registry_or_a_machine():
    need("git")
    if not (PROJECT / ".git").exists():
        pytest.skip("this copy of the project is no git checkout")
    found = {}
    for path in committed():
        try:
            lines = findings(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        if lines:
            found[str(path.relative_to(PROJECT))] = lines
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "--index-" + "url https://example.org",
        "https://files.pythonhost" + "ed.org/packages/x.whl",
        f"open('{PROJECT}/src')",
        f"open('{Path.home()}/models/x')",
    ],
)
def test_the_check_finds_what_it_looks_for(line):
    assert findings(f"first\n{line}\n") == [line]
