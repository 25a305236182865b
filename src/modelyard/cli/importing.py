"""`import`: take over models of another registry, of MLflow, of Weights & Biases or of the Hugging Face Hub.

modelyard import ./backup.json --from ./old     an export, with files from the registry that it is of
modelyard import --from http://host:5000        all of another registry
modelyard import mlflow://host:5000             all that an MLflow server has registered; mlflow+https:// with TLS
modelyard import wandb://entity/project         the models among a project's artifacts
modelyard import hf://owner/name@revision       a model of the Hub
"""

from __future__ import annotations

from pathlib import Path

import click

from modelyard.cli.imports import exports, report
from modelyard.cli.imports.finishing import path_to
from modelyard.cli.imports.moving import Moving
from modelyard.cli.imports.origins import Choice, opened_origin
from modelyard.cli.progress import bar
from modelyard.cli.session import Session
from modelyard.cli.shape import command
from modelyard.errors import NotFound

__all__ = ["import_registry", "path_to"]


@command(
    "import",
    "modelyard import ./backup.json --from ./old_registry",
    "modelyard import --from http://127.0.0.1:5000 --registry ./copy",
    "modelyard import mlflow://127.0.0.1:5001 --models 'fraud*' --dry-run",
    "modelyard import hf://owner/name@main",
)
@click.argument("source", required=False)
@click.option(
    "--from", "origin", metavar="PATH|URL", help="Registry that has the files; without SOURCE, all of it is taken."
)
@click.option("--models", multiple=True, metavar="PATTERN", help="Only models whose names match; may be repeated.")
@click.option("--as", "name", metavar="MODEL", default="", help="Name here of a model of the Hugging Face Hub.")
@click.option("--verify", is_flag=True, help="Fetch again what is here already, and compare digests.")
@click.option("--allow-local-files", is_flag=True, help="Also read files of this machine that MLflow names.")
@click.option("--allow-other-servers", is_flag=True, help="Also read from other servers that MLflow names.")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@click.pass_context
def import_registry(
    ctx: click.Context,
    /,
    source: str | None,
    origin: str | None,
    models: tuple[str, ...],
    name: str,
    **flags: bool,
) -> None:
    """Take over models of an export, MLflow, W&B or the Hub.

    SOURCE is the file of an export, or mlflow://host:port, mlflow+https://host, wandb://entity/project or
    hf://owner/name. An export holds no files: --from names a registry that has them. Identifiers are new, and the
    history begins anew. An import that was interrupted is continued by repeating it.
    """
    session = ctx.ensure_object(Session)
    dry_run = flags.pop("dry_run")
    if source is None or "://" not in source:
        _refuse_options({"models": models, "as": name, **flags})
        exports.run(ctx, session, _file(source), origin, dry_run=dry_run)
        return
    if origin is not None:
        raise click.UsageError("--from belongs to an export, and not to an address")
    choice = Choice(
        patterns=models,
        name=name,
        local_files=flags["allow_local_files"],
        other_servers=flags["allow_other_servers"],
    )
    with opened_origin(source, choice) as foreign:
        registry = session.open_if_there() if dry_run else session.open(make=True)
        work = Moving(registry=registry, origin=foreign, dry_run=dry_run, verify=flags["verify"])
        with bar(session, f"importing from {foreign.address}", None, is_bytes=False) as advance:
            work.run(advance)
        report.finish(ctx, session, foreign.address, work.outcomes, work.proofs, dry_run=dry_run)


def _file(source: str | None) -> str | None:
    if source is not None and not Path(source).is_file():
        hint = "an import takes the file of an export, or an address such as mlflow://host:5000"
        raise NotFound(f"there is no file {source}", hint=hint)
    return source


def _refuse_options(given: dict[str, object]) -> None:
    wrong = [name for name, value in given.items() if value]
    if wrong:
        raise click.UsageError(f"--{wrong[0].replace('_', '-')} belongs to an address such as mlflow://host:5000")
