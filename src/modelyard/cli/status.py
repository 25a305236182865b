"""`status`: what serves, and how a deployment goes; with `--watch` a picture that renews itself until it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Any

import click

from modelyard.cli.interrupts import interruptible
from modelyard.cli.lazy import deployment_view, drawing, endpoint_view, tables
from modelyard.cli.session import Session, pass_session, write, write_json_line
from modelyard.cli.shape import command
from modelyard.cli.text import safe
from modelyard.domain.wire import DeploymentRecord, EndpointRecord
from modelyard.errors import DeploymentNotFound, EndpointNotFound, RemoteUnavailable, TimedOut
from modelyard.facade.registry import ModelRegistry

LAST = 5
"""Past deployments of a model that are shown."""
AWAY_S = 60.0
"""How long a server may be away while somebody watches."""
SUCCEEDED = "SUCCEEDED"


@command(
    "status",
    "modelyard status",
    "modelyard status fraud",
    "modelyard status dp_01hz3 --watch",
    "modelyard status fraud --watch --output json",
)
@click.argument("what", metavar="[MODEL|ID]", required=False)
@click.option("-e", "--environment", metavar="NAME", help="Only this environment.")
@click.option("--watch", is_flag=True, help="Show the deployment until it ends.")
@click.option(
    "--interval", type=click.FloatRange(min=0, min_open=True), default=0.5, show_default=True, metavar="S",
    help="Time between two looks.",
)  # fmt: skip
@pass_session
def status(session: Session, /, what: str | None, environment: str | None, *, watch: bool, interval: float) -> None:
    """Show what serves, and how deployments go.

    All endpoints; one model, with its live deployment; or one deployment. --watch draws it anew until it ends; in a
    pipe each change is a line. Its exit code is 1 where the deployment did not succeed.
    """
    registry = session.open()
    if watch:
        record = follow(session, registry, _watched(registry, what, environment), interval=interval)
        conclude(record)
    elif what is None:
        found = _endpoints(registry, None, environment)
        session.emit(found, lambda: endpoint_view.endpoints(found))
    elif what.startswith("dp_"):
        one = registry.get_deployment(what)
        session.emit(one, lambda: deployment_view.picture(one, _now()))
    else:
        _show_model(session, registry, what, environment)


def follow(
    session: Session,
    registry: ModelRegistry,
    deployment: DeploymentRecord,
    *,
    interval: float = 0.5,
    timeout: float | None = None,
    silent: bool = False,
) -> DeploymentRecord:
    """Show a deployment until it ends, and return it as it is then.

    Args:
        session: the run.
        registry: where the deployment is.
        deployment: the deployment.
        interval: seconds between two looks.
        timeout: the most seconds to wait.
        silent: whether only to wait.

    Raises:
        TimedOut: it has not ended in that time.
        KeyboardInterrupt: somebody pressed Ctrl-C; the deployment goes on.
    """
    record = deployment
    with interruptible() as interrupted, _shown(session, silent=silent or session.quiet) as show:
        for record in _looks(registry, deployment, interval, timeout, interrupted):
            show(record)
    return record


def conclude(record: DeploymentRecord) -> None:
    """End the program with exit code 1 where a deployment did not succeed."""
    if record.state != SUCCEEDED:
        raise click.exceptions.Exit(1)


@contextmanager
def _shown(session: Session, *, silent: bool) -> Iterator[Callable[[DeploymentRecord], None]]:
    """Give what shows a deployment again and again: on a terminal a picture, else a line for each change."""
    if silent:
        yield lambda _record: None
    elif session.output == "table" and drawing.on_terminal():
        with drawing.Screen() as screen:
            yield lambda record: screen.draw(deployment_view.picture(record, _now()))
    else:
        yield _Lines(session).show


class _Lines:
    """Writes a line for each change of a deployment."""

    def __init__(self, session: Session) -> None:
        self._as_text = session.output == "table"
        self._last: DeploymentRecord | None = None

    def show(self, record: DeploymentRecord) -> None:
        if not deployment_view.changed(self._last, record):
            return
        self._last = record
        if self._as_text:
            write(safe(deployment_view.line(record, _now())))
            sys.stdout.flush()
        else:
            write_json_line(record)


def _looks(
    registry: ModelRegistry, record: DeploymentRecord, interval: float, timeout: float | None, interrupted: Event
) -> Iterator[DeploymentRecord]:
    """Look at a deployment until it ends. A server that is started anew meanwhile does not end it, nor the looking."""
    seen = time.monotonic()
    deadline = None if timeout is None else seen + timeout
    while True:
        try:
            record = registry.follow_deployment(record.id)
        except RemoteUnavailable:
            if time.monotonic() - seen > AWAY_S:
                raise
        else:
            seen = time.monotonic()
            yield record
            if not record.live:
                return
        if deadline is not None and time.monotonic() >= deadline:
            message = f"the deployment {record.id} of {record.name} is still {record.state} after {timeout:g} seconds"
            raise TimedOut(message, hint=f"it goes on: modelyard status {record.id} --watch")
        if interrupted.wait(interval):
            raise KeyboardInterrupt


def _watched(registry: ModelRegistry, what: str | None, environment: str | None) -> DeploymentRecord:
    """Return the deployment that is meant: by its id, else the newest live one, else the newest of the model."""
    if what is not None and what.startswith("dp_"):
        return registry.get_deployment(what)
    found = registry.list_deployments(what, environment=environment, state="live", limit=1)
    if not found and what is not None:
        found = registry.list_deployments(what, environment=environment, limit=1)
    if not found:
        raise DeploymentNotFound(f"{what} was never deployed" if what else "no deployment is live")
    return found[0]


def _endpoints(registry: ModelRegistry, name: str | None, environment: str | None) -> list[EndpointRecord]:
    found = registry.list_endpoints(name)
    return [record for record in found if environment in (None, record.environment)]


def _show_model(session: Session, registry: ModelRegistry, name: str, environment: str | None) -> None:
    found = _endpoints(registry, name, environment)
    if not found:
        raise EndpointNotFound(f"nothing was ever deployed to {name}" + (f" in {environment}" if environment else ""))
    live = [registry.get_deployment(one.deployment) for one in found if one.deployment is not None]
    last = registry.list_deployments(name, environment=environment, limit=LAST)
    answer: dict[str, Any] = {"endpoints": found, "live": live, "deployments": last}
    session.emit(answer, lambda: _model(found, live, last))


def _model(found: list[EndpointRecord], live: list[DeploymentRecord], last: list[DeploymentRecord]) -> Any:
    moving = {(one.name, one.environment): one for one in live}
    newest = {one.endpoint_id: one for one in reversed(last)}
    parts = [
        deployment_view.picture(moving[(one.name, one.environment)], _now())
        if (one.name, one.environment) in moving
        else endpoint_view.brief(one, newest.get(one.id))
        for one in found
    ]
    return tables.stacked(*parts, deployment_view.deployments(last))


def _now() -> str:
    return datetime.now(UTC).isoformat()
