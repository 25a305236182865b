"""Commands that find versions and models and show them: `list`, `versions`, `search`, `show`, `describe`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import click

from modelyard.cli.lazy import tables
from modelyard.cli.options import changes
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command

FIRST = 100
"""Rows of a table when no limit was given; JSON and YAML hold everything."""

_Record = TypeVar("_Record")
_limit = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=f"At most so many; {FIRST} in a table, else all."
)
_stage = click.option("--stage", metavar="STAGE", help="Only versions in this stage.")
_as_of = click.option(
    "--as-of", metavar="MOMENT", help="As it was then: ISO 8601, such as 2026-03-01 or 2026-03-01T12:00Z."
)
_owner = click.option("--owner", metavar="NAME", help="Only those of this owner.")
_team = click.option("--team", metavar="NAME", help="Only those of this team.")
_tag = click.option("--tag", metavar="KEY[=VALUE]", help="Only those with this tag.")
_label = click.option("--label", metavar="LABEL", help="Only versions with this label.")


@command(
    "list",
    "modelyard list",
    "modelyard list --stage production",
    "modelyard list --name fraud --limit 10 --output json",
    "modelyard list --models",
    "modelyard list --models --owner ana --tag domain=cards --stage production",
)
@_stage
@_limit
@_label
@click.option("--name", metavar="MODEL", help="Only versions of this model.")
@click.option("--models", "of_models", is_flag=True, help="List models instead of versions.")
@_owner
@_team
@_tag
@pass_session
def list_versions(session: Session, /, limit: int | None, *, of_models: bool, **filters: str | None) -> None:
    """List versions of all models, the newest first, or models.

    With --models, --stage is one in which a version of the model stands. --owner, --team and --tag go with it; `search`
    has them for versions.
    """
    theirs = ("label", "name") if of_models else ("owner", "team", "tag")
    if wrong := [name for name in theirs if filters.pop(name) is not None]:
        raise click.UsageError(f"--{wrong[0]} does not go with{'' if of_models else 'out'} --models")
    registry = session.open()
    if not of_models:
        _show_versions(session, registry.list_models(limit=_asked(session, limit), **filters), limit)
        return
    records = _cut(session, registry.models(limit=_asked(session, limit), **filters), limit)
    session.emit(records, lambda: tables.models(records))


@command("versions", "modelyard versions fraud", "modelyard versions fraud --stage staging --output json")
@click.argument("name", metavar="MODEL")
@_stage
@_limit
@_label
@_as_of
@pass_session
def versions(session: Session, /, name: str, limit: int | None, **filters: Any) -> None:
    """List the versions of one model, the newest first."""
    found = session.open().list_versions(name, limit=_asked(session, limit), **filters)
    _show_versions(session, found, limit)


@command(
    "search",
    'modelyard search "fraud"',
    "modelyard search card payments --limit 5 --output json",
    "modelyard search cards --owner ana --tag data=v3 --stage production",
)
@click.argument("query", nargs=-1, required=True)
@_stage
@_owner
@_team
@_tag
@_limit
@pass_session
def search(session: Session, /, query: tuple[str, ...], limit: int | None, **filters: str | None) -> None:
    """Find versions by the words recorded about them.

    Looked at are names, descriptions, tags, frameworks, kinds of model, owners and teams. What a version does not say
    of its own of owner, team and tags, its model says for it where these are asked for by an option.
    """
    found = session.open().search_models(" ".join(query), limit=_asked(session, limit), **filters)
    _show_versions(session, found, limit)


@command(
    "show",
    "modelyard show fraud/1.0.0",
    "modelyard show fraud@champion --output json",
    "modelyard show fraud/production --as-of 2026-03-01T12:00Z",
)
@click.argument("reference")
@_as_of
@pass_session
def show(session: Session, /, reference: str, as_of: str | None) -> None:
    """Show everything that is recorded about a version."""
    record = session.open().get_model(reference, as_of=as_of)
    session.emit(record, lambda: tables.version(record))


@command(
    "describe",
    "modelyard describe fraud",
    "modelyard describe fraud --owner ana --tag domain=cards --tag draft-",
)
@click.argument("name", metavar="MODEL")
@click.option("--description", metavar="TEXT", help="Set what the model is for.")
@click.option("--owner", metavar="NAME", help="Set who answers for it.")
@click.option("--team", metavar="NAME", help="Set whose it is.")
@click.option("--tag", multiple=True, metavar="KEY=VALUE|KEY-", help="Set a tag, or remove it; may be repeated.")
@pass_session
def describe(session: Session, /, name: str, tag: tuple[str, ...], **texts: str | None) -> None:
    """Show a model, or change what is recorded about it."""
    registry = session.open()
    if not tag and all(text is None for text in texts.values()):
        record = registry.describe_model(name)
    else:
        description, owner, team = (texts[key] for key in ("description", "owner", "team"))
        tags = changes(tag) or None
        record = registry.update_model(name, description=description, owner=owner, team=team, tags=tags)
    session.emit(record, lambda: tables.model(record))


def _asked(session: Session, /, limit: int | None) -> int | None:
    """Return how many rows to ask for: one more than a table will show, which tells whether there are more."""
    return limit if limit or session.output != "table" else FIRST + 1


def _cut(session: Session, /, records: Sequence[_Record], limit: int | None) -> Sequence[_Record]:
    """Return the rows to print, and say so where rows are left out that nobody asked to leave out."""
    if limit is not None:
        return records[:limit]
    if session.output == "table" and len(records) > FIRST:
        session.note(f"the first {FIRST}; --limit shows more, --output json all")
        return records[:FIRST]
    return records


def _show_versions(session: Session, /, found: Sequence[Any], limit: int | None) -> None:
    records = _cut(session, found, limit)
    session.emit(records, lambda: tables.versions(records))
