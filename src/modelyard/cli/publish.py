"""Commands that put single models and versions in: `register` and `create`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from modelyard.cli.options import Document, gathered, metadata_options, pairs
from modelyard.cli.progress import bar
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.text import digest
from modelyard.domain.metadata import identity
from modelyard.domain.wire import VersionRecord
from modelyard.domain.wording import size
from modelyard.errors import ModelExists, VersionExists
from modelyard.facade.registry import ModelRegistry


@command(
    "register",
    "modelyard register --model-path ./model.joblib --name fraud --version 1.0.0 --metrics '{\"accuracy\": 0.92}'",
    "modelyard register --model-path ./folder --name fraud --tag team=risk --label beta --parent fraud/1.0.0",
    "modelyard register --name assistant --version 1.0.0 --provider ./provider.json",
)
@click.option("--model-path", type=click.Path(), help="File or folder of the model; left out for one without files.")
@click.option("--name", required=True, metavar="MODEL", help="Model that gets the version; made if it is new.")
@click.option("--version", metavar="SEMVER", help="Its version; the next free one when left out.")
@click.option("--stage", metavar="STAGE", default="", help="Stage to start in.")
@metadata_options
@click.option("--provider", type=Document(), help="LLM or server that runs it, as JSON or a file.")
@click.option("--label", metavar="LABEL", default="", help="stable, beta or experimental.")
@click.option("--parent", metavar="REFERENCE", help="Version that this one was made from.")
@click.option(
    "--allow-breaking", metavar="REASON", default="", help="Why it may break what its number promises; recorded."
)
@click.option(
    "--if-exists",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do when the model has this version already.",
)
@pass_session
def register(session: Session, /, name: str, version: str | None, if_exists: str, **given: Any) -> None:
    """Register a version of a model.

    Prints its id. Metadata fields that have no option of their own go into --metadata.
    """
    who = identity(given["metadata"] or {})
    version = version or who.get("version")
    facts = {key: given[key] or who[key] for key in ("stage", "label", "parent") if given[key] or key in who}
    facts |= gathered(given)
    if given["allow_breaking"]:
        facts["allow_breaking"] = given["allow_breaking"]
    if given["provider"]:
        facts["provider"] = given["provider"]
    registry = session.open(make=True)
    try:
        if given["model_path"]:
            path = Path(given["model_path"])
            with bar(session, f"registering {name}", path) as progress:
                identifier = registry.register_model(path, name, version, progress=progress, **facts)
        else:
            identifier = register_bare(registry, name, version, facts)
        record, verb = registry.get_model(identifier), "registered"
    except VersionExists:
        if if_exists == "fail" or version is None:
            raise
        record, verb = registry.get_model(f"{name}/{version}"), "already there:"
    session.say(record, _sentence(verb, record), bare=record.id)


@command(
    "create",
    "modelyard create fraud --description 'Flags card payments' --owner ana --team risk --tag domain=cards",
)
@click.argument("name", metavar="MODEL")
@click.option("--description", default="", metavar="TEXT", help="What the model is for.")
@click.option("--owner", default="", metavar="NAME", help="Who answers for it.")
@click.option("--team", default="", metavar="NAME", help="Whose it is.")
@click.option("--tag", multiple=True, metavar="KEY=VALUE", help="One tag; may be repeated.")
@pass_session
def create(session: Session, /, name: str, tag: tuple[str, ...], **texts: str) -> None:
    """Create a model that has no versions yet."""
    record = session.open(make=True).create_model(name, tags=pairs(tag), **texts)
    session.say(record, f"created the model {record.name}", bare=record.name)


def register_bare(registry: ModelRegistry, name: str, version: str | None, facts: dict[str, Any]) -> str:
    """Register a version without files, make its model if that is new, and return the version's id."""
    with suppress(ModelExists):
        registry.create_model(name)
    return registry.register_version(name, version, **facts)


def _sentence(verb: str, record: VersionRecord) -> str:
    content = f"{size(record.model_size_bytes)}, blake3 {digest(record.digest)}" if record.files else "without files"
    return f"{verb} {record.name}/{record.version} ({record.stage}, {content})\nid: {record.id}"
