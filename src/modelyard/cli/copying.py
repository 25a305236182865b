"""`copy`: a version to another model, or to another registry."""

from __future__ import annotations

import click

from modelyard.cli.progress import bar
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.text import digest


@command(
    "copy",
    "modelyard copy fraud@champion --to fraud-eu",
    "modelyard copy fraud/1.4.2 --to-registry https://models.example.com",
    "modelyard copy fraud/1.4.2 --to-registry ./staging_registry --as fraud-candidate --with-aliases",
)
@click.argument("reference")
@click.option("--to", "name", metavar="MODEL", help="Model of this registry that gets the copy; made if it is new.")
@click.option("--to-registry", "target", metavar="PATH|URL", help="Registry that gets the copy.")
@click.option("--as", "other", metavar="MODEL", help="Its model there; the same name when left out.")
@click.option("--version", metavar="SEMVER", help="The copy's version; that of the original when left out.")
@click.option("--with-aliases", is_flag=True, help="Point the aliases of the original to the copy, too.")
@pass_session
def copy(
    session: Session,
    /,
    reference: str,
    name: str | None,
    target: str | None,
    other: str | None,
    version: str | None,
    *,
    with_aliases: bool,
) -> None:
    """Copy a version to another model or registry, with its files.

    Files, metadata and label come along; the stage does not, nor do aliases unless they are asked for. Within a
    registry no bytes are moved. A copy that is there already is left as it is.
    """
    if (name is None) == (target is None):
        raise click.UsageError("give --to MODEL, or --to-registry PATH|URL")
    if other is not None and target is None:
        raise click.UsageError("--as belongs to --to-registry")
    registry = session.open()
    original = registry.get_model(reference)
    total = 2 * original.model_size_bytes if target else 0
    with bar(session, f"copying {original.name}/{original.version}", total) as progress:
        made = registry.copy_version(
            original.id, name=name or other, version=version, to=target, with_aliases=with_aliases, progress=progress
        )
    record = made.version
    content = f"blake3 {digest(record.digest)}" if record.files else "without files"
    verb = "copied" if made.copied else "already there:"
    sentence = f"{verb} {original.name}/{original.version} to {record.name}/{record.version} ({content})"
    if not made.copied:
        sentence = f"{verb} {record.name}/{record.version} ({content})"
    session.say(made, f"{sentence}\nid: {record.id}", bare=record.id)
