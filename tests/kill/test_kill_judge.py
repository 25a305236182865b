"""kill -9 of whoever judges, before and after each of its commits: no batch is lost or counts twice.

A canary is under way, and batches of evidence wait, more than are taken in at once. A child drives it, and kills itself
at a commit. Whatever it leaves, the log can be computed again to what stands; and a controller that goes on comes to
the same, to the last bit, as one that was never disturbed.
"""

from __future__ import annotations

import random
import shutil
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from components.crowd import alone
from components.deadlines import until
from components.dying import dying
from components.engines import PlayedEngine
from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.delivery.controller import Controller
from modelyard.delivery.judging import replayed, resumed
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire import Explanation
from modelyard.metadata import evidence
from modelyard.metadata.database import known
from modelyard.operations import (
    DEPLOY,
    EXPLAIN_DEPLOYMENT,
    GET_DEPLOYMENT,
    GET_ENDPOINT,
    LIST_DEPLOYMENTS,
    VERIFY_RECORD,
    Deploy,
    ExplainDeployment,
    ListDeployments,
    NamedDeployment,
    NamedEndpoint,
    VerifyRecord,
)
from modelyard.telemetry.outcome import WELL, Lot, Outcome
from modelyard.telemetry.recorder import Recorder

MODEL = "fraud"
LEASE_S = 0.2
BATCHES, PER_BATCH = 100, 20
COMMITS = {"equal": 3, "worse": 4}
"""By how the new version is: the lease and two portions of evidence; or one that is enough, and a rollback in two."""
RATES = {"equal": 0.1, "worse": 0.3}


def prepared(folder: Path, story: str) -> None:
    """Make a registry with a canary under way, and write evidence that nobody has taken in."""
    with open_caller(folder) as caller:
        for version in ("1.0.0", "2.0.0"):
            register(caller, MODEL, version.encode(), version=version)
        controller = Controller(caller.yard, PlayedEngine(), lease_s=LEASE_S)
        assert controller.lease.hold()
        controller.drive(caller.call(DEPLOY, Deploy(name=MODEL, version="1.0.0")).id)
        canary = Deploy(name=MODEL, version="2.0.0", strategy="canary", step_seconds=3600.0)
        controller.drive(caller.call(DEPLOY, canary).id)
        controller.stop()
        record(caller, RATES[story])


def record(caller: EmbeddedCaller, rate: float) -> None:
    """Record requests of the present epoch, by lots; the new version fails at a rate, the old one in a tenth."""
    found, chance = caller.call(GET_ENDPOINT, NamedEndpoint(name=MODEL)), random.Random(7)
    route, names = CompiledRoute(found.route), {arm.version_id: arm.version for arm in found.route.arms}
    recorder = Recorder(caller.yard.database, "pw_test")
    for _ in range(BATCHES):
        for _ in range(PER_BATCH):
            version_id = route.drawn(chance.randbytes(8)) or ""
            is_failed = chance.random() < (rate if names[version_id] == "2.0.0" else 0.1)
            outcome = Outcome(code="prediction_failed") if is_failed else WELL
            subject = (found.id, found.epoch, version_id, "live")
            recorder.record(subject, chance.lognormvariate(-2, 0.5), outcome, Lot(found.route.deployment_id, 0))
        assert recorder.flush()


def drives(pipe: Connection, folder: str, commit: int, *, late: bool) -> None:
    """Drive the canary, and die at a commit."""
    with open_caller(Path(folder)) as caller:
        controller = Controller(caller.yard, PlayedEngine(), lease_s=LEASE_S)
        with dying(caller.yard.database, commit, late=late):
            assert controller.lease.hold()
            controller.drive(canary_of(caller))
        pipe.send("lived")


def canary_of(caller: EmbeddedCaller) -> str:
    """The canary's id."""
    return caller.call(LIST_DEPLOYMENTS, ListDeployments()).deployments[0].id


def goes_on(caller: EmbeddedCaller) -> None:
    """Let a new controller drive the canary as far as it goes."""
    with Controller(caller.yard, PlayedEngine(), lease_s=LEASE_S) as controller:
        until(controller.lease.hold, "the lease of the dead runs out")
        controller.drive(canary_of(caller))


def state_of(caller: EmbeddedCaller) -> tuple[bytes, Explanation]:
    """The judge's whole state; it is the same from the log as from the checkpoint, and the log has no hole."""
    deployment_id = canary_of(caller)
    with caller.yard.database.read() as tx:
        row = known(evidence.judgement_of(tx, deployment_id))
        taken = evidence.taken(tx, deployment_id, after=0, last=BATCHES)
        assert [one.position for one in taken] == list(range(1, row.position + 1))
        assert len({one.number for one in taken}) == len(taken)
        state = resumed(tx, row).state()
        assert not row.position or [trial for _, trial in replayed(tx, row)][-1].state() == state
    return state, caller.call(EXPLAIN_DEPLOYMENT, ExplainDeployment(id=deployment_id))


@pytest.fixture(scope="module", params=sorted(RATES))
def beginning(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, bytes]:
    """How the new version is, a registry whose evidence waits, and the state that an undisturbed judge comes to."""
    folder = tmp_path_factory.mktemp("beginning")
    prepared(folder / "registry", request.param)
    shutil.copytree(folder / "registry", folder / "undisturbed")
    with open_caller(folder / "undisturbed") as caller:
        goes_on(caller)
        state, found = state_of(caller)
        assert found.state == ("ROLLED_BACK" if request.param == "worse" else "STAGE"), found.words
        assert found.judgement is not None
        assert found.judgement.position > 64 or request.param == "worse"
    return request.param, folder / "registry", state


@pytest.mark.kill
@pytest.mark.feature("EXP-22", "DEP-13")
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(1, max(COMMITS.values()) + 1))
def test_whoever_dies_while_judging_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, beginning: tuple[str, Path, bytes], commit: int, *, late: bool
):
    story, made, undisturbed = beginning
    folder = tmp_path / "registry"
    shutil.copytree(made, folder)
    with alone(partial(drives, late=late), str(folder), commit) as (process, _pipe):
        process.join(60)
        assert (process.exitcode == 0) == (commit > COMMITS[story]), "the table of commits is wrong"
    with open_caller(folder) as caller:
        state_of(caller)
        goes_on(caller)
        state, found = state_of(caller)
        # Who takes over when it has been decided may take in more before acting on it.
        assert state == undisturbed or (story == "worse" and found.state == "ROLLED_BACK")
        assert found.replayed is True
        assert caller.call(GET_DEPLOYMENT, NamedDeployment(id=found.id)).judgement == found.judgement
        report = caller.call(VERIFY_RECORD, VerifyRecord())
        assert not report.findings, report.findings
