"""Tests of a version: run by the command that the operator configured, or reported from where they ran.

Rules
- Only commands of the configuration are run: no caller says what to execute.
- A command gets the version's verified files in a folder of its own, and who it is about in its environment:
  MODELYARD_MODEL, MODELYARD_VERSION, MODELYARD_VERSION_ID, MODELYARD_REFERENCE, MODELYARD_FILES, MODELYARD_SUITE.
- It passes if it ends with 0 within its time. What outlives its time is ended, with the processes of its group; a
  program that puts itself into a session of its own escapes that.
- It gets the environment of the registry's process, without the token and the addresses that may hold passwords. Other
  secrets of that environment, such as keys of a cloud, it sees: whoever configures the command is trusted with them.
- The outcome is an event of the version. The newest one of a suite counts.
- What only the registry itself may record (signatures, scans) cannot be reported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from modelyard.artifacts.tree import restore
from modelyard.config.table import SETTINGS
from modelyard.domain import checks
from modelyard.domain.evidence import OWN_CHECKS
from modelyard.domain.names import metric_name, shown
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import EventRecord, SuiteResult, SuiteResults, VersionRecord
from modelyard.errors import InvalidName, InvalidRequest
from modelyard.metadata import journal
from modelyard.operations import (
    LIST_TESTS,
    REPORT_TESTS,
    RUN_TESTS,
    Named,
    ReportTests,
    RunTests,
)
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import content, find, record
from modelyard.registry.views import settle

TESTED = "version.tested"
LONGEST_OUTPUT = 20_000
"""Characters of a command's output that are kept: its end, where the failure usually stands."""
_READ_BYTES = 1 << 20
_WITHHELD = frozenset({"MODELYARD_TOKEN", *(setting.variable for setting in SETTINGS if setting.secret)})


class _Ended(NamedTuple):
    exit_code: int | None
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        return self.exit_code == 0


@serves(RUN_TESTS)
def run_tests(yard: Yard, request: RunTests, principal: Principal) -> SuiteResult:
    """Run a suite of tests on a version, and record how it ended."""
    suite = _suite(request.suite)
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, permission=RUN_TESTS.permission, now=yard.clock())
        version = record(context, find(context, request.reference))
    return run_suite(yard, principal, version, suite)


@serves(REPORT_TESTS)
def report_tests(context: Context, request: ReportTests) -> SuiteResult:
    """Record how a suite of tests ended that ran elsewhere."""
    suite = _suite(request.suite)
    output = checks.check_text("output", request.output[-LONGEST_OUTPUT:], LONGEST_OUTPUT)
    facts = {"suite": suite, "passed": request.passed, "source": "report", "output": output}
    if request.seconds:
        facts["seconds"] = _seconds(request.seconds)
    return _recorded(context, request.reference, facts)


@serves(LIST_TESTS)
def list_tests(context: Context, request: Named) -> SuiteResults:
    """Return how each suite of a version's tests ended last."""
    version = record(context, find(context, request.reference))
    newest = {event.data["suite"]: event for event in journal.of_kind(context.tx, version.id, TESTED)}
    return SuiteResults(results=[_result(version, newest[suite]) for suite in sorted(newest)])


def run_suite(yard: Yard, principal: Principal, version: VersionRecord, suite: str) -> SuiteResult:
    """Run the configured command of a suite on a version, outside of any transaction, and record how it ended.

    Raises:
        InvalidRequest: no command is configured for the suite.
    """
    command = yard.commands.commands.get(suite)
    if command is None:
        known = ", ".join(sorted(yard.commands.commands)) or "none"
        setting = "tests.command" if suite == "default" else f"tests.{suite}.command"
        raise InvalidRequest(
            f"no command runs the tests of {shown(suite)}",
            hint=f"set {setting} in registry_config.yaml, or report the outcome; configured: {known}",
        )
    with tempfile.TemporaryDirectory(prefix="modelyard-tests-") as folder:
        with yard.database.read() as tx:
            context = Context(yard=yard, tx=tx, principal=principal, permission="version.read", now=yard.clock())
            manifest = content(context, find(context, version.id))
        files = Path(folder) / "files"
        files.mkdir()
        restore(yard.store, manifest.files, files, None)
        ended = _run(command, _environment(version, suite, files), yard.commands.folder, yard.commands.timeout_s)
    facts = {"suite": suite, "passed": ended.passed, "source": "command", "exit_code": ended.exit_code}
    facts |= {"seconds": round(ended.seconds, 3), "output": ended.output}
    with yard.database.write() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, permission="version.read", now=yard.clock())
        result = _recorded(context, version.id, facts)
    settle(yard, context.stale_views)
    return result


def _recorded(context: Context, reference: str, facts: dict[str, object]) -> SuiteResult:
    row = find(context, reference, lock=True)
    context.tell(
        model_id=row.model_id,
        kind=TESTED,
        version_id=row.id,
        data=facts,
    )
    newest = journal.of_kind(context.tx, row.id, TESTED)[-1]
    return _result(record(context, row), newest)


def _result(version: VersionRecord, event: EventRecord) -> SuiteResult:
    told = event.data
    return SuiteResult(
        name=version.name,
        version=version.version,
        version_id=version.id,
        suite=told["suite"],
        passed=told["passed"],
        at=event.at,
        by=event.actor,
        source=told["source"],
        exit_code=told.get("exit_code"),
        seconds=told.get("seconds", 0.0),
        output=told.get("output", ""),
    )


def _suite(name: str) -> str:
    try:
        suite = metric_name(name)
    except InvalidName as error:
        raise InvalidRequest(
            f"{shown(name)} cannot name a suite of tests", hint="use default, cloud, edge, …"
        ) from error
    if suite in OWN_CHECKS:
        raise InvalidRequest(
            f"the {suite} of a version is recorded by the registry itself", hint="choose another name for the suite"
        )
    return suite


def _seconds(value: float) -> float:
    try:
        return max(0.0, checks.check_number(value))
    except ValueError as error:
        raise InvalidRequest(f"seconds is {shown(value)}, which is {error}") from None


def _environment(version: VersionRecord, suite: str, files: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in _WITHHELD},
        "MODELYARD_MODEL": version.name,
        "MODELYARD_VERSION": version.version,
        "MODELYARD_VERSION_ID": version.id,
        "MODELYARD_REFERENCE": f"{version.name}/{version.version}",
        "MODELYARD_FILES": str(files),
        "MODELYARD_SUITE": suite,
    }


def _run(command: tuple[str, ...], environment: dict[str, str], folder: str, timeout_s: float) -> _Ended:
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            # A session of its own: ending it ends whatever the command has started.
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return _Ended(None, f"{command[0]} cannot be started: {error.strerror}", time.monotonic() - began)
        note = ""
        try:
            exit_code: int | None = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            exit_code, note = None, f"\nended after {timeout_s:g} seconds"
        finally:
            _end(process)
        return _Ended(exit_code, _tail(output) + note, time.monotonic() - began)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and everything in its session, also what it left running behind itself."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _READ_BYTES))
    text = output.read().decode("utf-8", "replace").replace("\0", "�")
    return text.strip()[-LONGEST_OUTPUT:]
