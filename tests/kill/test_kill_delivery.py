"""kill -9 of whoever changes a deployment, before and after each of its commits: state, route and history agree.

A child plays a story: it deploys, drives, pauses, rolls back. At a commit that the parent names it kills itself, just
before or just after. The parent opens the registry, checks that what stands there is one moment of the story and not a
mixture, and lets a new controller go on: a rollback that had begun is finished, and nothing is stuck.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from components.crowd import alone
from components.deadlines import until
from components.dying import dying
from components.engines import PlayedEngine
from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.delivery.controller import Controller
from modelyard.domain import deployment as rules
from modelyard.domain.cells import Cell
from modelyard.domain.spans import MINUTE
from modelyard.domain.wire import DeploymentRecord, Limits, Route
from modelyard.metadata import deployments, endpoints, models, observations, snapshots, versions
from modelyard.metadata.database import Transaction, known
from modelyard.metadata.observations import Place
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    DEPLOY,
    PAUSE_DEPLOYMENT,
    PROMOTE_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ROLLBACK,
    SET_ALIAS,
    VERIFY_RECORD,
    Advance,
    Deploy,
    Rollback,
    SetAlias,
    Steer,
    VerifyRecord,
)

MODEL = "fraud"
LEASE_S = 0.2
FIRST, SECOND, THIRD = "1.0.0", "1.1.0", "1.2.0"
CANARY = {"strategy": "canary", "step_seconds": 0.0, "min_requests": 0, "limits": Limits(max_error_rate=0.05)}


class Story:
    """Tells a story on a registry, step by step, with a controller of its own.

    Args:
        caller: the registry.
        engine: plays the versions.
    """

    def __init__(self, caller: EmbeddedCaller, engine: PlayedEngine) -> None:
        self.caller = caller
        self.controller = Controller(caller.yard, engine, lease_s=LEASE_S)

    def drive(self, deployment: DeploymentRecord) -> DeploymentRecord:
        """Take a deployment as far as it goes."""
        assert self.controller.lease.hold()
        return self.controller.drive(deployment.id)

    def deploy(self, version: str, **options: Any) -> DeploymentRecord:
        """Begin a deployment."""
        return self.caller.call(DEPLOY, Deploy(name=MODEL, version=version, **options))

    def fail(self, deployment: DeploymentRecord) -> None:
        """Let the new version of a deployment fail half of its requests."""
        with self.caller.yard.database.write() as tx:
            row = known(endpoints.by_id(tx, deployment.endpoint_id))
            write_observation(tx, row.id, row.epoch, deployment.version_id, requests=100, errors=50)


def write_observation(
    tx: Transaction, endpoint_id: str, epoch: int, version_id: str, *, requests: int, errors: int
) -> None:
    """Write what a version did, as a recorder does."""
    cell = Cell()
    for number in range(requests):
        cell.add(0.01, "prediction_failed" if number < errors else "")
    place = Place(version_id, endpoint_id, epoch, "live", MINUTE, "2026-03-01T12:00:00.000000Z")
    observations.add(tx, "wr_test", {place: cell}, "2026-03-01T12:00:30.000000Z")


def succeeds(story: Story) -> None:
    """A canary that goes all the way, through its bake."""
    story.drive(story.deploy(SECOND, **CANARY | {"limits": None}, bake_seconds=0.000001))


def regresses(story: Story) -> None:
    """A canary whose new version fails: it goes back."""
    made = story.deploy(SECOND, **CANARY | {"step_seconds": 3600.0})
    story.drive(made)
    story.fail(made)
    assert story.drive(made).state == rules.ROLLED_BACK


def is_rejected(story: Story) -> None:
    """A version that cannot be started."""
    story.drive(story.deploy(THIRD, strategy="direct"))


def is_steered(story: Story) -> None:
    """A person pauses, resumes, promotes and aborts."""
    made = story.drive(story.deploy(SECOND, strategy="canary"))
    story.caller.call(PAUSE_DEPLOYMENT, Steer(id=made.id))
    story.caller.call(RESUME_DEPLOYMENT, Steer(id=made.id))
    story.caller.call(PROMOTE_DEPLOYMENT, Advance(id=made.id))
    story.caller.call(ABORT_DEPLOYMENT, Steer(id=made.id))


def is_superseded(story: Story) -> None:
    """A second deployment takes the place of the first."""
    story.drive(story.deploy(SECOND, strategy="canary"))
    story.drive(story.deploy("1.3.0", strategy="blue-green", supersede=True))


def goes_back(story: Story) -> None:
    """A person rolls back what has succeeded: aliases and all."""
    story.drive(story.deploy(SECOND, strategy="direct"))
    story.caller.call(SET_ALIAS, SetAlias(name=MODEL, alias="champion", version=SECOND))
    story.caller.call(ROLLBACK, Rollback(reference=MODEL, reason="it was slow"))


STORIES: dict[str, tuple[Callable[[Story], None], int]] = {
    "succeeds": (succeeds, 8),
    "regresses": (regresses, 7),
    "is rejected": (is_rejected, 4),
    "is steered": (is_steered, 8),
    "is superseded": (is_superseded, 9),
    "goes back": (goes_back, 7),
}
"""Each story, and the number of its commits that somebody dies at; the last one lies behind its end."""


def play(pipe: Connection, folder: str, url: str, name: str, commit: int, *, late: bool) -> None:
    """Tell a story, and die at one of its commits."""
    with open_caller(Path(folder), url) as caller:
        story = Story(caller, engine_of(caller))
        with dying(caller.yard.database, commit, late=late):
            STORIES[name][0](story)
        pipe.send("lived")
        story.controller.stop()


def engine_of(caller: EmbeddedCaller) -> PlayedEngine:
    """An engine that cannot start the third version."""
    with caller.yard.database.read() as tx:
        model = known(models.by_name(tx, MODEL))
        return PlayedEngine(broken={known(versions.by_version(tx, model.id, THIRD)).id})


def told(pipe: Connection) -> bool:
    """Whether the child told that it lived to the end of its story."""
    try:
        return bool(pipe.poll() and pipe.recv() == "lived")
    except EOFError:
        return False


def prepared(folder: Path, url: str) -> None:
    """Make a registry whose endpoint serves the first of four versions."""
    with open_caller(folder, url) as caller:
        for number, version in enumerate((FIRST, SECOND, THIRD, "1.3.0")):
            register(caller, MODEL, b"weights %d" % number, version=version)
        story = Story(caller, engine_of(caller))
        assert story.drive(story.deploy(FIRST)).state == rules.SUCCEEDED
        story.controller.stop()


def check(caller: EmbeddedCaller) -> list[DeploymentRecord]:
    """Check that what stands in the database is one moment; return the deployments, the oldest first."""
    with caller.yard.database.read() as tx:
        found = [deployments.record(row) for row in deployments.page(tx, deployments.Wanted())][::-1]
        row = known(endpoints.by_name(tx, MODEL, "production"))
        route = endpoints.route_of(row)
        epochs = [entry.epoch for entry in endpoints.history(tx, row.id, 1000)]
        assert epochs == list(range(row.epoch, 0, -1)), "the routes have a hole"
        assert route.epoch == row.epoch
        assert sum(arm.weight for arm in route.arms) == pytest.approx(1)
        assert sum(one.live for one in found) <= 1
        for one in found:
            check_history(tx, one)
        check_route(tx, found[-1], route)
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert not report.findings, report.findings
    return found


def check_history(tx: Transaction, found: DeploymentRecord) -> None:
    """Check that a deployment's history has no hole and ends in its state."""
    lines = deployments.history(tx, found.id)
    assert [line.position for line in lines] == list(range(1, len(lines) + 1))
    assert [line.from_state for line in lines] == ["", *(line.to_state for line in lines[:-1])]
    assert lines[-1].to_state == found.state


def check_route(tx: Transaction, found: DeploymentRecord, route: Route) -> None:
    """Check that the newest deployment's state and the route say the same."""
    before = snapshots.content_of(known(snapshots.by_id(tx, found.snapshot_id))).route
    if found.strategy == rules.ROLLBACK_STRATEGY:
        expected = found.plan.final
    elif found.state in rules.WITH_TRAFFIC:
        expected = rules.step_of(found).arms
    elif found.state == rules.SUCCEEDED:
        expected = found.plan.final
    else:
        assert replace(route, epoch=0) == replace(before, epoch=0)
        return
    assert route.arms == expected


def finished(caller: EmbeddedCaller) -> None:
    """Let a new controller go on until nothing moves any more."""
    with Controller(caller.yard, engine_of(caller), lease_s=LEASE_S) as controller:
        until(controller.lease.hold, "the lease of the dead runs out")
        with caller.yard.database.read() as tx:
            live = [row.id for row in deployments.live(tx)]
        for deployment_id in live:
            found = controller.drive(deployment_id)
            assert found.state not in {rules.PENDING, rules.PREFLIGHT, rules.ROLLING_BACK}


POINTS = [
    pytest.param(name, commit, late, id=f"{name}, {'after' if late else 'before'} commit {commit}")
    for name, (_story, commits) in STORIES.items()
    for commit in range(1, commits + 1)
    for late in (False, True)
]


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beginning") / "registry"
    prepared(folder, "")
    return folder


@pytest.mark.kill
@pytest.mark.feature("DEP-13", "RBK-09")
@pytest.mark.parametrize(("name", "commit", "late"), POINTS)
def test_whoever_dies_at_a_commit_leaves_one_moment_and_the_next_one_goes_on(tmp_path, beginning, name, commit, late):
    folder = tmp_path / "registry"
    shutil.copytree(beginning, folder)
    with alone(partial(play, late=late), str(folder), "", name, commit) as (process, pipe):
        process.join(60)
        lived = told(pipe)
    with open_caller(folder) as caller:
        before = check(caller)
        finished(caller)
        after = check(caller)
    assert len(after) == len(before)
    assert not lived or commit == STORIES[name][1], "the story has fewer commits than the table says"
    for one, other in zip(before, after, strict=True):
        if one.state in rules.TERMINAL:
            assert other == one
        if one.state == rules.ROLLING_BACK:
            assert other.state == rules.ROLLED_BACK
