"""A version becomes a run of Weights & Biases with the files as an artifact, by the SDK of W&B.

A program, run by `modelyard.outside.sdk`: the SDK starts a service, prints, and takes part in the interpreter's end.

Rules
1. The run's id follows from the version's, and a run that is there already is taken up again: there is one, however
   often it is told.
2. The artifact is named after the model, of type `model`, with the version's number and label as aliases. The same
   files make no second artifact in W&B.
3. Nothing of the machine is told: no statistics, no list of packages, no code, no git, no reports of the SDK's errors.
4. Without a network (`offline`) everything is written below a folder, from where `wandb sync` sends it; linking to a
   collection takes the network.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from modelyard.domain.forwards import Landing, WandbRun
from modelyard.errors import MissingExtra
from modelyard.outside import sdk

MODULE: Final = "modelyard.outside.wandb.runs"
ONLINE: Final = "online"
OFFLINE: Final = "offline"
MODES: Final = (ONLINE, OFFLINE, "disabled")
MODEL: Final = "{model}"
"""What stands for the model's name in the collection to link to."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the program is asked to do; `files` is the version's paths with where they lie, or none where none go."""

    told: WandbRun
    project: str
    entity: str
    mode: str
    link_to: str
    folder: str
    """Where runs and files are written before they are sent."""
    files: list[tuple[str, str]] | None


def environment(given: dict[str, str], folder: Path, mode: str) -> dict[str, str]:
    """The environment of the program: everything that the SDK writes goes below one folder."""
    return {
        **given,
        "WANDB_MODE": mode,
        "WANDB_DIR": str(folder),
        "WANDB_DATA_DIR": str(folder),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_SILENT": "true",
        "WANDB_CONSOLE": "off",
        "WANDB_ERROR_REPORTING": "false",
    }


def work(document: dict[str, Any]) -> dict[str, Any]:
    """Tell W&B what there is to tell of a version."""
    job = msgspec.convert(document, Job)
    wandb = _sdk()
    run = wandb.init(
        project=job.project,
        entity=job.entity or None,
        id=job.told.run_id,
        name=job.told.name,
        notes=job.told.notes or None,
        config=job.told.config,
        job_type="register",
        mode=job.mode,
        dir=job.folder,
        resume="allow" if job.mode == ONLINE else None,
        allow_val_change=True,
        save_code=False,
        settings=_privacy(wandb),
    )
    try:
        run.summary.update(job.told.summary)
        note = "" if job.files is None else _artifact(wandb, run, job)
        landing = Landing(run_id=run.id, url=run.url or "", note=note, has_files=True)
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()
    return dict(msgspec.to_builtins(landing))


def _sdk() -> Any:
    try:
        import wandb  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        raise MissingExtra(
            "to log to Weights & Biases: the package wandb is needed, and is not installed",
            hint="pip install 'modelyard[wandb]'",
        ) from error
    return wandb


def _privacy(wandb: Any) -> Any:
    return wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        disable_code=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )


def _artifact(wandb: Any, run: Any, job: Job) -> str:
    """Log the files, and link them; return what was left out and why."""
    artifact = wandb.Artifact(job.told.artifact, type="model", metadata=job.told.metadata)
    for path, file in job.files or ():
        # Offline, a copy has to outlive the file that is there now.
        artifact.add_file(file, name=path, policy="mutable" if job.mode == OFFLINE else "immutable")
    logged = run.log_artifact(artifact, aliases=job.told.aliases)
    if job.mode == ONLINE:
        logged.wait()
    if not job.link_to:
        return ""
    target = job.link_to.replace(MODEL, job.told.artifact)
    if job.mode != ONLINE:
        return f"not linked to {target}: that takes wandb.mode online"
    run.link_artifact(artifact, target, aliases=job.told.aliases)
    return ""


if __name__ == "__main__":
    Path(os.environ["WANDB_DIR"]).mkdir(parents=True, exist_ok=True)
    sdk.answer(work)
