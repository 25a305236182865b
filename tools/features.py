"""Tells which promises of docs/features.md a test proves.

A test proves the ids in its `@pytest.mark.feature("ID", …)` marks, or in a `pytestmark` of its module. They are read
from the source, so no test runs.

Usage:
    python tools/features.py                        every promise without a test, and how far the milestones have come
    python tools/features.py --require Foundation   exit code 1 if a promise of the milestone has no test; ids, ranges
                                                    such as REG-01..10, and files that hold them are taken as well
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "features.md"
ROW = re.compile(r"^\| (?P<id>[A-Z]{3}-\d{2}) \| (?P<promise>[^|]+?) \|", re.MULTILINE)
MILESTONE = re.compile(r"^- (?P<name>\w+): (?P<ids>.+)$", re.MULTILINE)
RANGE = re.compile(r"(?P<group>[A-Z]{3})-(?P<first>\d{2})(?:\.\.(?P<last>\d{2}))?")


def promises(page: str) -> dict[str, str]:
    """Return the promise of each id on the page."""
    return {row["id"]: row["promise"] for row in ROW.finditer(page)}


def expand(text: str) -> list[str]:
    """Return the ids in a text, with every range written out."""
    found = []
    for match in RANGE.finditer(text):
        first = int(match["first"])
        last = int(match["last"] or first)
        found += [f"{match['group']}-{number:02}" for number in range(first, last + 1)]
    return found


def milestones(page: str) -> dict[str, list[str]]:
    """Return the ids of each milestone on the page."""
    return {match["name"]: expand(match["ids"]) for match in MILESTONE.finditer(page)}


def marked_ids(tree: ast.Module) -> Iterator[str]:
    """Yield the ids in the `mark.feature(…)` calls of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "feature":
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def proven(tests: Path) -> dict[str, list[Path]]:
    """Return the test modules that carry each id."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        for identifier in dict.fromkeys(marked_ids(ast.parse(path.read_text(encoding="utf-8")))):
            found[identifier].append(path)
    return found


def required(arguments: Iterable[str], page: str) -> list[str]:
    """Return the ids that the arguments of `--require` ask for."""
    known, wanted = milestones(page), []
    for argument in arguments:
        if argument in known:
            wanted += known[argument]
        else:
            path = Path(argument)
            wanted += expand(path.read_text(encoding="utf-8") if path.is_file() else argument)
    return list(dict.fromkeys(wanted))


def report(page: str, tests: dict[str, list[Path]]) -> str:
    """Render the promises without a test, and the totals."""
    every = promises(page)
    lines = [f"{identifier}  {promise}" for identifier, promise in every.items() if identifier not in tests]
    lines.append(f"All: {len(every.keys() & tests.keys())} of {len(every)} promises have a test")
    for name, ids in milestones(page).items():
        missing = [identifier for identifier in ids if identifier not in tests]
        tail = f"; missing {', '.join(missing)}" if missing else ""
        lines.append(f"{name}: {len(ids) - len(missing)} of {len(ids)}{tail}")
    return "\n".join(lines)


def main() -> int:
    """Print the report, or check what `--require` asks for; return the exit code."""
    parser = argparse.ArgumentParser(description="Tells which promises of docs/features.md a test proves.")
    parser.add_argument("--require", nargs="+", metavar="MILESTONE|ID|FILE", help="fail if one of these has no test")
    arguments = parser.parse_args()
    page, tests = PAGE.read_text(encoding="utf-8"), proven(PROJECT / "tests")
    unknown = sorted(tests.keys() - promises(page).keys())
    for identifier in unknown:
        print(f"{identifier} is not in docs/features.md, but {', '.join(map(str, tests[identifier]))} names it")
    if not arguments.require:
        print(report(page, tests))
        return 1 if unknown else 0
    wanted = required(arguments.require, page)
    if not wanted:
        print(f"{' '.join(arguments.require)}: names no milestone and no id", file=sys.stderr)
        return 2
    missing = [identifier for identifier in wanted if identifier not in tests]
    print(f"{len(wanted) - len(missing)} of {len(wanted)} have a test" + "".join(f"\n{name}" for name in missing))
    return 1 if missing or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
