"""Runs the tests of modelyard by kind and writes what came out as JSON.

    python scripts/run_model_registry_tests.py [--test-type unit|functional|performance|all] [--output results.json]

`unit` is tests/unit, tests/property and tests/architecture; `functional` is tests/contract, tests/integration and
tests/e2e; `performance` runs each program in bench/ once, in its short mode (`--quick`). A group without any file is
reported as skipped. The exit code is 0 when no group failed.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

PROJECT = Path(__file__).resolve().parent.parent
PYTEST_GROUPS = {
    "unit": ("tests/unit", "tests/property", "tests/architecture"),
    "functional": ("tests/contract", "tests/integration", "tests/e2e"),
}
NO_TESTS_FOUND = 5


def outcome(returncode: int) -> str:
    """Return the word for an exit code."""
    return "passed" if returncode == 0 else "failed"


def run_pytest(folders: tuple[str, ...]) -> dict[str, Any]:
    """Run the tests of some folders; return their counts, the names of those that failed, and the outcome."""
    present = [folder for folder in folders if any((PROJECT / folder).rglob("test_*.py"))]
    if not present:
        return {"outcome": "skipped", "reason": f"no test in {', '.join(folders)}"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *present]
        returncode = subprocess.run(command, cwd=PROJECT, check=False).returncode
        counts = read_report(report) if report.is_file() else {}
    if returncode == NO_TESTS_FOUND:
        return {"outcome": "skipped", "reason": "no test was collected"}
    return {"outcome": outcome(returncode), **counts}


def read_report(path: Path) -> dict[str, Any]:
    """Return the counts and the failed tests of a JUnit report that pytest has just written."""
    cases = list(ET.parse(path).iter("testcase"))  # noqa: S314 - we have just had it written
    kinds = [{child.tag for child in case} for case in cases]
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case, tags in zip(cases, kinds, strict=True)
        if tags & {"failure", "error"}
    ]
    skipped = sum("skipped" in tags for tags in kinds)
    return {
        "tests": len(cases),
        "passed": len(cases) - len(failed) - skipped,
        "failed": len(failed),
        "skipped": skipped,
        "failures": failed,
    }


def run_benchmarks() -> dict[str, Any]:
    """Run each program in bench/ in its short mode; return the outcome of each."""
    programs = sorted(path for path in (PROJECT / "bench").glob("*.py") if not path.name.startswith("_"))
    if not programs:
        return {"outcome": "skipped", "reason": "no program in bench"}
    outcomes = {}
    for program in programs:
        returncode = subprocess.run([sys.executable, str(program), "--quick"], cwd=PROJECT, check=False).returncode
        outcomes[program.stem] = outcome(returncode)
    return {"outcome": "failed" if "failed" in outcomes.values() else "passed", "programs": outcomes}


def run_group(name: str) -> dict[str, Any]:
    """Run one group; return its result with the seconds that it took."""
    started = time.monotonic()
    result = run_benchmarks() if name == "performance" else run_pytest(PYTEST_GROUPS[name])
    return {**result, "seconds": round(time.monotonic() - started, 3)}


def main(arguments: list[str] | None = None) -> int:
    """Run the groups that were asked for; return the exit code."""
    parser = argparse.ArgumentParser(description="Runs the tests of modelyard by kind.")
    groups = [*PYTEST_GROUPS, "performance"]
    parser.add_argument("--test-type", choices=[*groups, "all"], default="all", help="which tests to run")
    parser.add_argument("--output", type=Path, help="file to write the results to, as JSON")
    options = parser.parse_args(arguments)
    chosen = groups if options.test_type == "all" else [options.test_type]
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    results = {name: run_group(name) for name in chosen}
    failed = [name for name, group in results.items() if group["outcome"] == "failed"]
    document = {
        "started_at": started_at,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "outcome": "failed" if failed else "passed",
        "groups": results,
    }
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for name, group in results.items():
        print(f"{name:12} {group['outcome']:8} {group['seconds']:8.1f} s  {group.get('reason', '')}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
