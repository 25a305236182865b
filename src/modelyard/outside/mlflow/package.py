"""Runs by MLflow's own package, for tracking stores that have no server: `sqlite:///…`, `file:…`, `databricks`, ….

A program, run by `modelyard.outside.sdk`: the package takes seconds to import and hundreds of megabytes.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from modelyard.domain.forwards import Landing, MlflowRun
from modelyard.errors import MissingExtra
from modelyard.outside import sdk
from modelyard.outside.mlflow.runs import DELETED, FINISHED, Batch, Run, log_version
from modelyard.outside.mlflow.tracking import OVER, living

MODULE = "modelyard.outside.mlflow.package"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the program is asked to do; `files` is the version's paths with where they lie, or none where none go."""

    uri: str
    experiment: str
    told: MlflowRun
    landing: Landing
    files: list[tuple[str, str]] | None


class PackageTracking:
    """The runs of any tracking store that the package can open.

    Args:
        uri: the store, as MLflow names it.

    Raises:
        MissingExtra: the package is not installed.
    """

    def __init__(self, uri: str) -> None:
        try:
            from mlflow.tracking import MlflowClient  # noqa: PLC0415 - it takes seconds, and may be missing
        except ImportError as error:
            raise MissingExtra(
                f"to log to {uri.partition(':')[0]}: the package mlflow is needed, and is not installed",
                hint="pip install mlflow, or set mlflow.tracking_uri to the address of a server, http://…",
            ) from error
        self._client = MlflowClient(tracking_uri=uri)

    def experiment(self, name: str) -> str:
        """Return the id of an experiment; see `Tracking` for all of these."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name))
        return living(name, str(found.experiment_id), str(found.lifecycle_stage))

    def get(self, run_id: str) -> Run | None:
        """Return a run."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - see above

        try:
            return _run(self._client.get_run(run_id))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def find(self, experiment_id: str, tag: str, value: str) -> Run | None:
        """Return the run that has a tag."""
        from mlflow.entities import ViewType  # noqa: PLC0415 - see above

        wanted = f"tags.`{tag}` = '{value}'"
        runs = self._client.search_runs([experiment_id], wanted, run_view_type=ViewType.ALL, max_results=1)
        return _run(runs[0]) if runs else None

    def create(self, experiment_id: str, name: str, tags: dict[str, str], at_ms: int) -> Run:
        """Make a run."""
        return _run(self._client.create_run(experiment_id, start_time=at_ms, tags=tags, run_name=name))

    def log(self, run: Run, batch: Batch, at_ms: int) -> None:
        """Add to a run."""
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - see above

        self._client.log_batch(
            run.run_id,
            metrics=[Metric(key, value, at_ms, 0) for key, value in batch.metrics.items()],
            params=[Param(key, value) for key, value in batch.params.items()],
            tags=[RunTag(key, value) for key, value in batch.tags.items()],
        )

    def upload(self, run: Run, path: str, file: Path) -> None:
        """Put a file among the artifacts of a run."""
        self._client.log_artifact(run.run_id, str(file), str(PurePosixPath(path).parent))

    def finish(self, run: Run, at_ms: int) -> None:
        """End a run."""
        self._client.set_terminated(run.run_id, FINISHED, at_ms)

    def address(self, run: Run) -> str:  # noqa: ARG002 - a server would tell
        """Nowhere: there is no server."""
        return ""


def work(document: dict[str, Any]) -> dict[str, Any]:
    """Tell a tracking store what there is to tell of a version."""
    job = msgspec.convert(document, Job)
    files = None if job.files is None else [(path, Path(file)) for path, file in job.files]
    landing = log_version(PackageTracking(job.uri), job.experiment, job.told, job.landing, files)
    return dict(msgspec.to_builtins(landing))


def _run(found: Any) -> Run:
    return Run(
        run_id=found.info.run_id,
        experiment_id=str(found.info.experiment_id),
        artifact_uri=found.info.artifact_uri,
        is_over=found.info.status in OVER,
        is_deleted=found.info.lifecycle_stage == DELETED,
        params=dict(found.data.params),
    )


if __name__ == "__main__":
    sdk.answer(work)
