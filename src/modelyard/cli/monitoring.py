"""`monitoring`: the files for Prometheus, Alertmanager and Grafana that come with modelyard."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.wording import counted
from modelyard.errors import InvalidRequest


@click.group("monitoring", cls=Group, examples=("modelyard monitoring export ./monitoring",))
def monitoring() -> None:
    """Watch modelyard with Prometheus, Alertmanager and Grafana."""


@command("export", "modelyard monitoring export ./monitoring", "modelyard monitoring export /etc/modelyard --yes")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_session
def export(session: Session, /, folder: Path) -> None:
    """Write Prometheus rules, example configurations and Grafana dashboards into a folder.

    Files of these names that were changed are replaced only after a question, or with --yes.
    """
    shipped = dict(_shipped())
    changed = [name for name, text in shipped.items() if _differs(folder / name, text)]
    if changed:
        session.confirm(f"{', '.join(changed)} in {folder} would be replaced.", "Go on?")
    for name, text in shipped.items():
        _write(folder / name, text)
    session.say(
        {"folder": str(folder), "files": sorted(shipped)},
        f"wrote {counted(len(shipped), 'file')} to {folder}",
        bare=str(folder),
    )


def _shipped() -> Iterator[tuple[str, str]]:
    """Yield the path of each file, below the folder that they lie in, and its text."""
    yield from _below(files("modelyard.watch") / "shipped", "")


def _below(place: Traversable, before: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(place.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _below(entry, f"{before}{entry.name}/")
        elif entry.name.endswith((".yml", ".json")):
            yield f"{before}{entry.name}", entry.read_text(encoding="utf-8")


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8", errors="replace") != text
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused(path, error) from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"{path} cannot be written: {error.strerror}", hint="name a folder that you may write into")


monitoring.add_command(export)
