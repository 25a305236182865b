"""The desired state of a registry in a file: `plan`, `diff`, `apply`, `dump`.

Exit code 2 of `diff` and of `plan --exit-code` means that the registry is not what the file says. A file that cannot be
read has exit code 2 as well; then there is an error with the code `invalid_config`, and nothing on standard output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.cli.lazy import tables
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import command
from modelyard.domain.compare import params_diff
from modelyard.domain.drift import REMOVE, Step
from modelyard.domain.wording import counted
from modelyard.facade.declaring import refuse_blocked, title
from modelyard.facade.desired_file import as_yaml, desired_of

DRIFT = 2
"""Exit code where something would have to change."""

_SIGNS = {"create": "+", "update": "~", "remove": "-"}
_BLOCKED = "!"
_LONGEST = 60

_file = click.option(
    "-f", "--file", default="modelyard.yaml", show_default=True, metavar="FILE", help="The desired state; - reads it."
)


@command(
    "plan",
    "modelyard plan -f modelyard.yaml",
    "modelyard plan -f modelyard.yaml --exit-code --output json",
    "modelyard plan --dump > modelyard.yaml",
)
@_file
@click.option("--exit-code", is_flag=True, help="End with 2 where something would have to change.")
@click.option("--dump", "dump_it", is_flag=True, help="Print the present state as such a file instead.")
@click.pass_context
def plan(ctx: click.Context, file: str, *, exit_code: bool, dump_it: bool) -> None:
    """Show what `apply` would change, in order.

    Each field with its old and new value. Only what the file names is looked at; its section `prune` tells where the
    rest is removed. Exit code 2 with --exit-code means that something would change. A line with ! cannot be made, and
    `apply` refuses the file.
    """
    session = ctx.ensure_object(Session)
    if dump_it:
        _dump(session, "")
        return
    steps = _planned(session, file)
    _show(session, file, steps)
    ctx.exit(DRIFT if exit_code and steps else 0)


@command("diff", "modelyard diff -f modelyard.yaml", "modelyard diff -f modelyard.yaml --output json")
@_file
@click.pass_context
def diff(ctx: click.Context, file: str) -> None:
    """Tell whether the registry has drifted from a file, and how.

    Exit code 0: it is what the file says. Exit code 2: it is not; each difference is a line. A file that cannot be read
    ends with 2 as well, with an error and nothing on standard output. Exit code 3: there is no registry, or not the
    version that an alias shall point to.
    """
    session = ctx.ensure_object(Session)
    steps = _planned(session, file)
    if steps or session.output != "table":
        _show(session, file, steps)
    ctx.exit(DRIFT if steps else 0)


@command(
    "apply",
    "modelyard apply -f modelyard.yaml",
    "modelyard apply -f modelyard.yaml --yes --output json",
    "modelyard apply -f modelyard.yaml --dry-run",
)
@_file
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@pass_session
def apply(session: Session, /, file: str, *, dry_run: bool) -> None:
    """Make the registry what a file says.

    Shows the plan, asks, and makes the steps in order. What is so already is left alone, so applying a file twice
    changes nothing. A step whose subject was changed by somebody else in the meantime is refused; applying the file
    again looks anew and does the rest.
    """
    desired = desired_of(file)
    registry = session.open(make=not dry_run)
    steps = registry.plan(desired)
    if dry_run or not steps:
        _show(session, file, steps)
        return
    if session.output == "table" and not session.quiet:
        _show(session, file, steps)
    refuse_blocked(steps)
    removed = sum(step.action == REMOVE for step in steps)
    loss = (
        f"{counted(len(steps), 'change')}, {removed} of them removals."
        if removed
        else counted(len(steps), "change") + "."
    )
    session.confirm(loss, "Make them?")
    registry.apply(steps, done=_progress(session))
    session.say({**_answer(file, steps), "applied": True}, f"applied {counted(len(steps), 'change')}")


@command("dump", "modelyard dump > modelyard.yaml", "modelyard dump --file modelyard.yaml")
@click.option("-f", "--file", default="", metavar="FILE", help="Write it to a file.")
@pass_session
def dump(session: Session, /, file: str) -> None:
    """Write the present state as a file for `plan` and `apply`.

    Models with their tags and aliases, stage graphs, webhooks and users; no versions, no files, and no secrets.
    """
    _dump(session, file)


def _dump(session: Session, file: str) -> None:
    state = session.open().dump_state()
    if file:
        with replacing(Path(file)) as descriptor:
            write_all(descriptor, memoryview(as_yaml(state).encode()))
        session.say({"path": file}, f"wrote {counted(len(state.get('models', {})), 'model')} to {file}")
    elif session.output == "json":
        session.emit(state, tables.nothing)
    else:
        write(as_yaml(state).rstrip("\n"))


def _planned(session: Session, file: str) -> list[Step]:
    # A file that cannot be read is told before a registry that cannot be opened.
    desired = desired_of(file)
    return session.open().plan(desired)


def _progress(session: Session) -> Callable[[Step], None]:
    def told(step: Step) -> None:
        session.note(f"done: {title(step)}")

    return told


def _show(session: Session, file: str, steps: Sequence[Step]) -> None:
    head = ("", "WHAT", "FIELD", "IS", "SHALL BE", "LINE")
    rows = [row for step in steps for row in _rows(step)]
    session.emit(
        _answer(file, steps),
        lambda: tables.table(head, rows, empty="nothing to change: the registry is what the file says"),
    )


def _answer(file: str, steps: Sequence[Step]) -> dict[str, Any]:
    return {"file": file, "drift": bool(steps), "steps": [msgspec.to_builtins(step) for step in steps]}


def _rows(step: Step) -> Iterator[tuple[str, ...]]:
    """A line for each field that changes; the first of them says of what."""
    sign, name = _BLOCKED if step.blocked else _SIGNS[step.action], f"{step.kind} {step.key or 'of the registry'}"
    line = str(step.where or "")
    lines = [change for field, (old, new) in step.changes.items() for change in _changes(field, old, new)]
    if step.blocked:
        lines = [("", "cannot be removed", step.blocked)]
    for place, (field, old, new) in enumerate(lines or [("", "", "")]):
        yield (sign if not place else "", name if not place else "", field, old, new, line if not place else "")


def _changes(field: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """A field as it is and as it shall be; of a document only what differs in it."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name, sides in params_diff(old, new).items():
            yield f"{field}.{name}", _short(sides["a"]), _short(sides["b"])
    else:
        yield field, _short(old), _short(new)


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
