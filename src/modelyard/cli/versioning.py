"""Commands about numbers and what they promise: `signature`, `next-version`, `changelog`, and those that ask git."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.options import Document
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.domain.signature import Field, Signature
from modelyard.domain.wire import NextVersion, SignatureChange, SignatureDiffRecord, VersionRecord
from modelyard.errors import InvalidRequest
from modelyard.facade.versioning import VersionTracker
from modelyard.integrations.git import GitRepository

NAMED = 5
"""Prefixes that a note names."""

_repository = click.option(
    "--repository", type=click.Path(), default=".", show_default=True, help="Folder in the repository."
)


@command(
    "signature",
    "modelyard signature fraud/1.0.0",
    "modelyard signature fraud/1.0.0 fraud/1.1.0",
    "modelyard signature fraud@champion fraud/latest --output json",
)
@click.argument("a")
@click.argument("b", required=False)
@pass_session
def signature(session: Session, /, a: str, b: str | None) -> None:
    """Show what a version takes and gives, or how two differ.

    Says of each change whether it breaks callers of A, and which part of the number has to grow for it.
    """
    registry = session.open()
    if b is None:
        record = registry.get_model(a)
        schemas = {"input_schema": record.input_schema, "output_schema": record.output_schema}
        session.emit(schemas, lambda: _fields(record))
    else:
        found = registry.compare_signatures(a, b)
        session.emit(found, lambda: _difference(found))


@command(
    "next-version",
    "modelyard next-version fraud --model-path ./model.onnx",
    "modelyard next-version fraud --schema ./signature.json --output json",
    'modelyard next-version fraud --schema \'{"input_schema": {"age": "int64"}}\' --quiet',
)
@click.argument("name", metavar="MODEL")
@click.option("--model-path", type=click.Path(exists=True), help="ONNX file, or folder with one or with an MLmodel.")
@click.option("--schema", type=Document(), help="Object with input_schema and output_schema.")
@pass_session
def next_version(session: Session, /, name: str, model_path: str | None, schema: dict[str, Any] | None) -> None:
    """Tell which number the next version of a model gets, and why.

    A change that breaks callers takes the next major number, one that does not the next minor number. With --quiet the
    number alone is printed.
    """
    given = schema or {}
    if unknown := sorted(set(given) - {"input_schema", "output_schema"}):
        message = f"the schema has the field {unknown[0]!r}"
        raise InvalidRequest(message, hint="give input_schema, output_schema or both")
    record = session.open().propose_version(name, model_path=model_path, **given)
    for trouble in record.troubles:
        session.note(trouble)
    session.say(record, _proposal(record), bare=record.version)


@command("changelog", "modelyard changelog fraud", "modelyard changelog fraud --since 1.2.0 > CHANGES.md")
@click.argument("name", metavar="MODEL")
@click.option("--since", metavar="VERSION", help="Only versions above this one.")
@pass_session
def changelog(session: Session, /, name: str, since: str | None) -> None:
    """Print what changed from version to version, as Markdown.

    Changelogs, migration notes and known issues are given to `register` and `update`.
    """
    text = session.open().changelog(name, since)
    session.say({"name": name, "since": since, "markdown": text}, text.rstrip("\n"), bare=text.rstrip("\n"))


@command(
    "version-from-git",
    "modelyard version-from-git",
    "modelyard version-from-git --increment minor --prefix fraud",
    'modelyard register --model-path ./model.onnx --name fraud --version "$(modelyard version-from-git)"',
)
@click.option(
    "--increment",
    type=click.Choice(["patch", "minor", "major"]),
    default="patch",
    show_default=True,
    help="Part of the number to increment.",
)
@click.option("--prefix", default="", metavar="TEXT", help="Start of the model's tags, where several models share git.")
@_repository
@pass_session
def version_from_git(session: Session, /, increment: str, prefix: str, repository: str) -> None:
    """Print a version number for what stands in a git repository.

    It is the highest version tag in the history, incremented, with the commit behind it. `.dev` is there unless the
    commit is the tagged one and no tracked file is changed: commits, or changes that are not committed, came after the
    tag.
    """
    version = VersionTracker(repository).generate_version_from_git(increment, prefix)
    if told := _doubt(repository, prefix):
        session.note(told)
    session.say({"version": version}, version, bare=version)


@command("version-tag", "modelyard version-tag v1.2.4", "modelyard version-tag fraud-v1.2.4 --push")
@click.argument("tag")
@click.option("--push", is_flag=True, help="Push it too; without success there is no tag here either.")
@_repository
@pass_session
def version_tag(session: Session, /, tag: str, repository: str, *, push: bool) -> None:
    """Put a version tag on the commit at hand in a git repository."""
    made = VersionTracker(repository).create_version_tag(tag, push=push)
    session.say({"tag": made, "pushed": push}, f"tagged {made}{' and pushed it' if push else ''}", bare=made)


def _doubt(repository: str, prefix: str) -> str:
    """Return why the tags may not be those that were meant; empty where nothing speaks for it."""
    tags = GitRepository(repository).version_tags(prefix)
    if prefix:
        return "" if tags else f"no version tag in the history starts with {prefix!r}, so this is a first version"
    prefixes = sorted({tag.prefix for tag in tags})
    if len(prefixes) < 2:  # noqa: PLR2004 - one model's tags
        return ""
    named = ", ".join(repr(name) if name else "none" for name in prefixes[:NAMED])
    return f"the version tags have several prefixes ({named}); --prefix chooses one, now {tags[0].name} counts"


def _fields(record: VersionRecord) -> Any:
    found = Signature.of({"input_schema": record.input_schema, "output_schema": record.output_schema})
    rows = [
        (side, *_row(item)) for side, items in (("input", found.inputs), ("output", found.outputs)) for item in items
    ]
    empty = "no signature is known; --metadata with input_schema and output_schema records one"
    return tables.table(("SIDE", "FIELD", "TYPE", "SHAPE", "MAY BE LEFT OUT"), rows, empty=empty)


def _row(item: Field) -> tuple[str, str, str, str]:
    return item.name, item.type, str(list(item.shape)) if item.shape else "", "yes" if item.optional else ""


def _difference(found: SignatureDiffRecord) -> Any:
    a, b = (f"{side.name}/{side.version}" for side in (found.a, found.b))
    outcome = tables.facts(
        (
            ("A", a),
            ("B", b),
            ("outcome", found.outcome),
            ("not known", ", ".join(f"{side}s" for side in found.unknown)),
            ("needs", f"a {found.required_bump} number after {found.a.version}"),
            ("B for A", f"{'yes' if found.compatible else 'no'}: {found.reason}"),
        )
    )
    if not found.changes:
        return outcome
    return tables.stacked(outcome, _changes(found.changes))


def _changes(changes: list[SignatureChange]) -> Any:
    rows = (
        (change.side, change.field, change.change, change.old, change.new, "yes" if change.breaking else "no")
        for change in changes
    )
    return tables.table(("SIDE", "FIELD", "CHANGE", "A", "B", "BREAKS"), rows)


def _proposal(record: NextVersion) -> str:
    return f"{record.name}/{record.version}: {record.reason}"
