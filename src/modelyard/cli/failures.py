"""From an exception to a message on standard error and an exit code; the one place where that is decided.

    0 done · 1 failed · 2 usage · 3 not found · 4 denied · 5 conflict · 6 gate refused · 7 verification failed
    8 timeout · 130 interrupted · 141 nobody reads the output any more

With `--output json` the message is a problem document with the fields of the REST interface's.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import click

from modelyard.cli.session import Session
from modelyard.cli.text import safe
from modelyard.errors import ModelyardError

INTERRUPTED = 130
BROKEN_PIPE = 141
USAGE = 2


def explain(error: BaseException, session: Session, arguments: Sequence[str]) -> int:
    """Print what went wrong and return the exit code."""
    if session.debug and not isinstance(error, click.ClickException | click.Abort):
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt) or (
        isinstance(error, click.Abort) and isinstance(error.__cause__, KeyboardInterrupt)
    ):
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.message, err=True)
        return USAGE
    problem, code = _problem(error)
    if session.output == "json" or _asks_for_json(arguments):
        click.echo(json.dumps(problem, indent=2, default=str), err=True)
    else:
        _print(problem)
    return code


def warn(message: str, session: Session) -> None:
    """Print a warning in one line."""
    if not session.quiet:
        click.echo(f"{_word('warning:', 'yellow')} {safe(message)}", err=True)


def _problem(error: BaseException) -> tuple[dict[str, Any], int]:
    """Return the problem document of an exception, and the exit code."""
    if isinstance(error, ModelyardError):
        facts = (error.code, error.status, error.message, error.hint)
        return _document(*facts, details=error.details), error.exit_code
    if isinstance(error, click.ClickException):
        return _document("usage", 400, error.format_message(), _where_to_look(error)), error.exit_code
    if isinstance(error, click.Abort):
        return _document("aborted", 409, "nothing was done, as you asked", ""), 1
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return _document("system", 500, f"{error.strerror}{place}", ""), 1
    hint = "repeat with --debug to see where, and report it with that output"
    return _document("internal_error", 500, f"{type(error).__name__}: {error}", hint), 1


def _document(
    code: str, status: int, detail: str, hint: str, *, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    title = code.replace("_", " ")
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, "hint": hint}
    return {**document, "details": details or {}}


def _where_to_look(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context else "see `modelyard --help`"


def _print(problem: dict[str, Any]) -> None:
    click.echo(f"{_word('error:', 'red')} {safe(_headline(problem), lines=True)}", err=True)
    for line in _particulars(problem["details"]):
        click.echo(f"  {safe(line)}", err=True)
    if problem["hint"]:
        click.echo(f"{_word('hint:', 'cyan')} {safe(_as_typed(problem['hint']), lines=True)}", err=True)


def _headline(problem: dict[str, Any]) -> str:
    """Return the message; that of a gate without its reasons, which follow line by line."""
    details = problem["details"]
    if {"verdicts", "name", "version", "target_stage"} <= details.keys():
        return f"{details['name']}/{details['version']} may not move to {details['target_stage']}"
    return str(problem["detail"])


def _as_typed(hint: str) -> str:
    """Return a hint as a command line says it: the library's own speak Python."""
    return hint.replace("pass force=True", "repeat with --force")


def _particulars(details: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each verdict of a gate, and for each holder of what was to be deleted."""
    for verdict in details.get("verdicts", ()):
        yield f"{'met    ' if verdict.get('met') else 'NOT MET'}  {verdict.get('requirement')}: {verdict.get('reason')}"
    for holder in details.get("holders", ()):
        yield f"held by {holder if isinstance(holder, str) else ' '.join(str(part) for part in dict(holder).values())}"


def _word(word: str, colour: str) -> str:
    return word if "NO_COLOR" in os.environ else click.style(word, fg=colour, bold=True)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether JSON was asked for, in a line that could not be read to its end."""
    pairs = zip(arguments, [*arguments, ""][1:], strict=True)
    return any(
        name in {"--output=json", "-ojson"} or (name in {"-o", "--output"} and value == "json") for name, value in pairs
    )
