"""Commands that take things out: `download`, `load`, `export`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.predicting import predictions_of, read_rows
from modelyard.cli.progress import bar
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.text import digest
from modelyard.domain.wording import counted, size
from modelyard.facade.registry import ModelRegistry


@command(
    "download",
    "modelyard download fraud@champion",
    "modelyard download fraud/1.0.0 ./models/fraud",
    "modelyard download fraud/1.0.0 ./models --path model.joblib",
)
@click.argument("reference")
@click.argument("target", required=False)
@click.option("--path", default="", metavar="FILE", help="Only this file of the version.")
@pass_session
def download(session: Session, /, reference: str, target: str | None, path: str) -> None:
    """Write a version's verified files to disk.

    Each file is checked against its digest before it appears. One file goes to TARGET, or into it where it is a folder
    or ends in a slash; several go below TARGET. Without TARGET the working folder gets the file, or a folder
    MODEL-VERSION.
    """
    registry = session.open()
    record = registry.get_model(reference)
    wanted = [file for file in record.files if path in ("", file.path)]
    total = sum(file.size for file in wanted)
    with bar(session, f"downloading {record.name}/{record.version}", total) as progress:
        written = registry.download_model(record.id, target, path=path, progress=progress)
    answer = {"path": str(written), "id": record.id, "digest": record.digest, "files": [file.path for file in wanted]}
    sentence = f"{record.name}/{record.version}: {counted(len(wanted), 'file')}, {size(total)}, verified, in {written}"
    session.say(answer, sentence, bare=str(written))


@command(
    "load",
    "modelyard load fraud@champion",
    "modelyard load fraud/1.0.0 --predict ./rows.csv",
    "modelyard load fraud/1.0.0 --predict ./rows.json --output json",
)
@click.argument("reference")
@click.option(
    "--predict", "rows_file", type=click.Path(exists=True, dir_okay=False), help="Rows to predict, JSON or CSV."
)
@pass_session
def load(session: Session, /, reference: str, rows_file: str | None) -> None:
    """Load a version; say what it is, or print its predictions.

    It is loaded into this process. Loading runs code that the version brings along, where its format is code; a
    warning says which. Rows are a JSON list of lists or of objects by feature name, or a CSV file, with a header or
    without.
    """
    registry = session.open()
    record = registry.get_model(reference)
    rows = read_rows(Path(rows_file)) if rows_file else None
    model = registry.load_model(record.id)
    answer: dict[str, Any] = {
        "name": record.name,
        "version": record.version,
        "id": record.id,
        "class": f"{type(model).__module__}.{type(model).__qualname__}",
        "flavour": record.flavour,
        "framework": record.framework,
        "framework_version": record.framework_version,
        "digest": record.digest,
    }
    if rows is None:
        session.emit(answer, lambda: tables.facts({**answer, "digest": digest(record.digest)}.items()))
        return
    answer["predictions"] = predictions_of(model, rows)
    lines = [[place, value] for place, value in enumerate(answer["predictions"], 1)]
    session.emit(answer, lambda: tables.table(("ROW", "PREDICTION"), lines, right=("ROW",), empty="no rows"))


@command("export", "modelyard export ./registry_export.json", "modelyard export - --quiet")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@pass_session
def export(session: Session, /, file: str) -> None:
    """Write everything that is recorded to a JSON file, or to -.

    Models, versions and events of one moment. The file appears whole or not at all. It holds no model files;
    `modelyard import --from` copies those.
    """
    registry = session.open()
    if file == "-":
        _to_standard_output(registry)
    else:
        path = registry.export_registry(file)
        session.say({"path": str(path)}, f"exported to {path} ({size(path.stat().st_size)})", bare=str(path))


def _to_standard_output(registry: ModelRegistry) -> None:
    with tempfile.TemporaryDirectory(prefix="modelyard-export-") as folder:
        path = registry.export_registry(Path(folder) / "export.json")
        with path.open(encoding="utf-8") as stream:
            shutil.copyfileobj(stream, sys.stdout)
