"""A version becomes a run of an MLflow tracking server, once.

Rules
1. The run carries the version's id as a tag from its first moment. Before one is made it is looked for by that tag, so
   who goes on after a crash finds it, and none is made twice.
2. The run is ended last. One that has ended has all its files.
3. What is told again is the same again: metrics carry the moment of the version's last change, tags are replaced, and
   files are written over. Params cannot change in MLflow; those that did are named in the note.
4. Files that the server takes from nobody are left out; the note says so.
5. A run that somebody deleted over there stays deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, TypeVar

from modelyard.domain.forwards import VERSION_ID, Landing, MlflowRun
from modelyard.errors import InvalidRequest

FOLDER: Final = "model"
METRICS_AT_ONCE: Final = 500
PARAMS_AT_ONCE: Final = 100
TAGS_AT_ONCE: Final = 100
FINISHED: Final = "FINISHED"
DELETED: Final = "deleted"

Value = TypeVar("Value")

Files = Iterable[tuple[str, Path]]
"""A version's files: the path in the version, and where it lies as long as nothing more is asked for."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as the tracking server knows it."""

    run_id: str
    experiment_id: str
    artifact_uri: str = ""
    is_over: bool = False
    is_deleted: bool = False
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is told of a run in one request."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Tracking(Protocol):
    """A tracking server, or a tracking store; two do the same, over REST and by MLflow's own package."""

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is made where there is none.

        Raises:
            Conflict: there is one, and it was deleted.
        """

    def get(self, run_id: str) -> Run | None:
        """Return a run, deleted or not; None where there is none."""

    def find(self, experiment_id: str, tag: str, value: str) -> Run | None:
        """Return the run that has a tag, deleted or not."""

    def create(self, experiment_id: str, name: str, tags: dict[str, str], at_ms: int) -> Run:
        """Make a run with tags."""

    def log(self, run: Run, batch: Batch, at_ms: int) -> None:
        """Add to a run."""

    def upload(self, run: Run, path: str, file: Path) -> None:
        """Put a file among the artifacts of a run."""

    def finish(self, run: Run, at_ms: int) -> None:
        """End a run."""

    def address(self, run: Run) -> str:
        """Where people see a run; empty where they see it nowhere."""


def log_version(tracking: Tracking, experiment: str, told: MlflowRun, landing: Landing, files: Files | None) -> Landing:
    """Tell MLflow what there is to tell of a version.

    Args:
        tracking: where.
        experiment: the experiment of a new run.
        told: what.
        landing: where it went before, if it did.
        files: the version's files; None where they are not sent.

    Returns:
        Where it went now.
    """
    run = (tracking.get(landing.run_id) if landing.run_id else None) or _run_of(tracking, experiment, told)
    if run.is_deleted:
        return Landing(run_id=run.run_id, url="", note="the run was deleted there", has_files=True)
    fixed = [key for key, value in told.params.items() if run.params.get(key, value) != value]
    new = {key: value for key, value in told.params.items() if key not in run.params}
    for batch in batches(told, new):
        tracking.log(run, batch, told.told_ms)
    notes = [f"MLflow keeps the first value of {', '.join(fixed)}"] if fixed else []
    if not run.is_over:
        notes += _upload(tracking, run, files or ())
        tracking.finish(run, told.told_ms)
    return Landing(run_id=run.run_id, url=tracking.address(run), note="; ".join(notes), has_files=True)


def batches(told: MlflowRun, params: dict[str, str]) -> Iterator[Batch]:
    """Yield what is told, no more at once than MLflow takes."""
    for metrics in _pieces(told.metrics, METRICS_AT_ONCE):
        yield Batch(metrics=metrics)
    for some in _pieces(params, PARAMS_AT_ONCE):
        yield Batch(params=some)
    for tags in _pieces(told.tags, TAGS_AT_ONCE):
        yield Batch(tags=tags)


def _pieces(values: Mapping[str, Value], most: int) -> Iterator[dict[str, Value]]:
    items = iter(values.items())
    while piece := dict(islice(items, most)):
        yield piece


def _upload(tracking: Tracking, run: Run, files: Files) -> Iterator[str]:
    """Send the files; yield why they are left out, where the run keeps them in a place that nobody else can write."""
    try:
        for path, file in files:
            tracking.upload(run, f"{FOLDER}/{path}", file)
    except InvalidRequest as error:
        yield f"the files were left out: {error.message}"


def _run_of(tracking: Tracking, experiment: str, told: MlflowRun) -> Run:
    experiment_id = tracking.experiment(experiment)
    version_id = told.tags[VERSION_ID]
    found = tracking.find(experiment_id, VERSION_ID, version_id)
    return found or tracking.create(experiment_id, told.name, {VERSION_ID: version_id}, told.started_ms)
