"""Commands that correct and retire versions: `update`, `tag`, `rename`, `deprecate`, `delete`."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.options import changes, gathered, metadata_options
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.text import pairs
from modelyard.domain.references import PREFIX, Reference
from modelyard.domain.wording import counted, size
from modelyard.facade.registry import ModelRegistry


@command(
    "update",
    "modelyard update fraud/1.0.0 --metrics '{\"accuracy\": 0.94}'",
    "modelyard update fraud@champion --description 'Trained on March data' --label stable",
)
@click.argument("reference")
@metadata_options
@click.option("--label", metavar="LABEL", help="stable, beta or experimental.")
@pass_session
def update(session: Session, /, reference: str, label: str | None, **given: Any) -> None:
    """Add to or correct what is recorded about a version.

    Its files never change.
    """
    fields = gathered(given)
    if label is not None:
        fields["status"] = label
    if not fields:
        raise click.UsageError("nothing to change is given")
    record = session.open().update_version(reference, **fields)
    session.say(record, f"updated {record.name}/{record.version} (revision {record.revision})", bare=record.id)


@command("tag", "modelyard tag fraud/1.0.0", "modelyard tag fraud/1.0.0 tests_passed=true owner=ana draft-")
@click.argument("reference")
@click.argument("tags", nargs=-1, metavar="[KEY=VALUE|KEY-]...")
@pass_session
def tag(session: Session, /, reference: str, tags: tuple[str, ...]) -> None:
    """Show, set (KEY=VALUE) or remove (KEY-) a version's tags."""
    registry = session.open()
    record = registry.set_tags(reference, changes(tags)) if tags else registry.get_model(reference)
    session.emit(record.tags, lambda: tables.facts(record.tags.items()))


@command(
    "deprecate",
    "modelyard deprecate fraud/1.0.0 --reason 'leaks labels' --successor 1.1.0",
    "modelyard deprecate fraud/1.0.0 --undo",
)
@click.argument("reference")
@click.option(
    "--reason", default="", metavar="TEXT", help="Why it is not to be used any more; needed, unless it is taken back."
)
@click.option("--successor", metavar="VERSION", help="What to use instead.")
@click.option("--undo", is_flag=True, help="Take the deprecation back.")
@pass_session
def deprecate(session: Session, /, reference: str, reason: str, successor: str | None, *, undo: bool) -> None:
    """Mark a version as not to be used any more.

    It stays where it is and can be downloaded; ranges pass it over, and it enters production no more.
    """
    if not undo and not reason:
        raise click.UsageError("--reason is missing: those who still use the version will ask for it")
    record = session.open().deprecate_model(reference, reason, successor=successor, undo=undo)
    if undo:
        session.say(record, f"{record.name}/{record.version} is not deprecated any more", bare=record.id)
        return
    session.say(record, f"{record.name}/{record.version} is deprecated: {record.deprecation_reason}", bare=record.id)


@command(
    "delete",
    "modelyard delete fraud/1.0.0 --yes",
    "modelyard delete fraud --force --yes",
)
@click.argument("reference")
@click.option("--force", is_flag=True, help="Delete it although something holds it; aliases go with it.")
@pass_session
def delete(session: Session, /, reference: str, *, force: bool) -> None:
    """Delete a version, or a whole model.

    The model where only its name is given. Says what will go, and asks. Files go with the next `modelyard gc`, unless
    another version has them too.
    """
    registry = session.open()
    session.confirm(_what_goes(registry, reference), "Delete?")
    record = registry.delete_model(reference, force=force)
    gone = f"version {record.versions[0]} of {record.name}" if _is_version(reference) else f"the model {record.name}"
    session.say(record, f"deleted {gone}")


@command("rename", "modelyard rename fraud card-fraud")
@click.argument("name")
@click.argument("new_name")
@click.option("--force", is_flag=True, help="Rename it although it serves; its callers get an error from then on.")
@pass_session
def rename(session: Session, /, name: str, new_name: str, *, force: bool) -> None:
    """Give a model another name.

    Versions, aliases, stages and history stay. What refers to the model by name does not follow: grants, webhooks,
    rules of alerts, applications.
    """
    record = session.open().rename_model(name, new_name, force=force)
    session.say(record, f"{name} is {record.name} now", bare=record.name)


def _is_version(reference: str) -> bool:
    """Whether a reference names one version rather than a whole model; the rule of the operation itself."""
    return reference.removeprefix(PREFIX) != Reference.parse(reference).model


def _what_goes(registry: ModelRegistry, reference: str) -> str:
    """Return what a deletion will remove, in sentences."""
    if not _is_version(reference):
        found = registry.describe_model(reference.removeprefix(PREFIX))
        standing = f" ({pairs(found.stages)})" if found.stages else ""
        return f"This removes the model {found.name} with {counted(found.versions, 'version')}{standing}."
    version = registry.get_model(reference)
    names = f", known as {', '.join(version.aliases)}" if version.aliases else ""
    content = f"{counted(len(version.files), 'file')}, {size(version.model_size_bytes)}"
    return f"This removes {version.name}/{version.version} in {version.stage}{names}: {content}."
