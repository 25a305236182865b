"""Deployments for the tests of what is on record: begun by use cases, driven by the real driver; no model is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelyard.bootstrap import EmbeddedCaller, open_yard
from modelyard.config import load
from modelyard.delivery.driving import Driver
from modelyard.domain.wire import DeploymentRecord
from modelyard.operations import DEPLOY, Deploy


def open_idle(folder: Path, database_url: str = "") -> EmbeddedCaller:
    """Open the registry in a folder, on SQLite unless a database is given, in a way that starts no workers."""
    given = {"registry.path": str(folder)} | ({"database.url": database_url} if database_url else {})
    return EmbeddedCaller(open_yard(load(environ={}, working_folder=folder.parent, overrides=given)))


def deploy(caller: EmbeddedCaller, version: str, *, name: str = "fraud", **options: Any) -> DeploymentRecord:
    """Deploy a version as far as that goes without requests and without time passing."""
    begun = caller.call(DEPLOY, Deploy(name=name, version=version, **options))
    return drive(caller, begun.id)


def drive(caller: EmbeddedCaller, deployment_id: str) -> DeploymentRecord:
    """Take a deployment on; nothing is started or probed."""
    return Driver(caller.yard, None, check=lambda _tx: None, pulses={}).drive(deployment_id)
