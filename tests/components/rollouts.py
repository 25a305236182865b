"""Deployments in a time of their own: real use cases, a real driver and a real database; versions are played.

Nothing waits: the clock is moved by hand, and what predictions did is written by the real recorder.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from components.engines import PlayedEngine
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.delivery.driving import Driver
from modelyard.domain.durations import later, parsed
from modelyard.domain.health import Pulse
from modelyard.domain.ids import ENTROPY_BYTES, new_id
from modelyard.domain.permissions import Principal
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.units import key_hash
from modelyard.domain.wire import (
    DeploymentRecord,
    EndpointRecord,
    EndpointRollback,
    RollbackRecord,
    Route,
    SnapshotRecord,
)
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    CONFIGURE_ENDPOINT,
    DEPLOY,
    GET_DEPLOYMENT,
    GET_ENDPOINT,
    LIST_SNAPSHOTS,
    PAUSE_DEPLOYMENT,
    PROMOTE_DEPLOYMENT,
    RESTORE_SNAPSHOT,
    RESUME_DEPLOYMENT,
    ROLLBACK,
    TAKE_SNAPSHOT,
    Advance,
    ConfigureEndpoint,
    Deploy,
    ListSnapshots,
    NamedDeployment,
    NamedEndpoint,
    RestoreSnapshot,
    Rollback,
    Steer,
    TakeSnapshot,
)
from modelyard.registry.context import EngineSlot
from modelyard.telemetry.outcome import WELL, Lot, Outcome
from modelyard.telemetry.recorder import Recorder
from modelyard.telemetry.windows import LIVE

MODEL = "fraud"


class Clock:
    """A clock that stands still until it is moved; it begins on a Monday at noon.

    Attributes:
        now: the moment, as records have it.
    """

    def __init__(self) -> None:
        self.now = "2026-03-02T12:00:00.000000Z"

    def __call__(self) -> str:
        """Return the moment."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now = later(self.now, seconds)


class Ids:
    """Makes the same identifiers each time, so that the router's lots fall alike in each run of a test."""

    def __init__(self) -> None:
        self._chance, self._count = random.Random(4), count(1)

    def __call__(self, prefix: str) -> str:
        """Return a new identifier."""
        return new_id(prefix, next(self._count), self._chance.randbytes(ENTROPY_BYTES))


class Rollouts:
    """A registry in which deployments are made, steered and driven.

    Args:
        caller: the registry.
        model: whose versions are deployed.
        fixed: whether lots fall alike in each run; for one of these a database.
    """

    def __init__(self, caller: EmbeddedCaller, model: str = MODEL, *, fixed: bool = False) -> None:
        self.clock, self.engine, self.model = Clock(), PlayedEngine(), model
        ids = Ids() if fixed else caller.yard.new_id
        yard = replace(caller.yard, clock=self.clock, engine=EngineSlot(current=self.engine), new_id=ids)
        self.caller = EmbeddedCaller(yard, actor="ana")
        self.yard, self.call = yard, self.caller.call
        self.pulses: dict[str, Pulse] = {}
        self.driver = Driver(yard, self.engine, check=lambda _tx: None, pulses=self.pulses)
        self.ids: dict[str, str] = {}

    def asked_by(self, principal: Principal) -> EmbeddedCaller:
        """The same registry, asked by somebody else."""
        return EmbeddedCaller(self.yard, principal=principal)

    def register(self, *versions: str) -> None:
        """Register versions with a file each."""
        for version in versions:
            made = register(self.caller, self.model, version.encode(), version=version)
            self.ids[version] = made.id

    def begin(self, version: str, strategy: str = "direct", **options: Any) -> DeploymentRecord:
        """Ask for a deployment; nothing moves yet."""
        return self.call(DEPLOY, Deploy(name=self.model, version=version, strategy=strategy, **options))

    def deploy(self, version: str, strategy: str = "direct", **options: Any) -> DeploymentRecord:
        """Deploy as far as that goes now."""
        return self.drive(self.begin(version, strategy, **options))

    def serve(self, version: str, **options: Any) -> DeploymentRecord:
        """Deploy to the end, all at once."""
        done = self.deploy(version, **options)
        assert done.state == "SUCCEEDED", done
        return done

    def drive(self, deployment: DeploymentRecord) -> DeploymentRecord:
        """Take a deployment as far as it goes now."""
        return self.driver.drive(deployment.id)

    def after(self, deployment: DeploymentRecord, seconds: float) -> DeploymentRecord:
        """Let time pass, then take a deployment as far as it goes."""
        self.clock.move(seconds)
        return self.drive(deployment)

    def get(self, deployment: DeploymentRecord) -> DeploymentRecord:
        """Return a deployment with its history."""
        return self.call(GET_DEPLOYMENT, NamedDeployment(id=deployment.id))

    def events(self, deployment: DeploymentRecord) -> list[str]:
        """What a deployment went through."""
        return [line.event for line in self.get(deployment).history]

    def pause(self, deployment: DeploymentRecord, reason: str = "") -> DeploymentRecord:
        """Pause a deployment."""
        return self.call(PAUSE_DEPLOYMENT, Steer(id=deployment.id, reason=reason))

    def resume(self, deployment: DeploymentRecord) -> DeploymentRecord:
        """Resume a deployment."""
        return self.call(RESUME_DEPLOYMENT, Steer(id=deployment.id))

    def abort(self, deployment: DeploymentRecord, reason: str = "") -> DeploymentRecord:
        """Abort a deployment."""
        return self.call(ABORT_DEPLOYMENT, Steer(id=deployment.id, reason=reason))

    def promote(self, deployment: DeploymentRecord, **fields: Any) -> DeploymentRecord:
        """Take a deployment on."""
        return self.call(PROMOTE_DEPLOYMENT, Advance(id=deployment.id, **fields))

    def roll_back(self, **fields: Any) -> RollbackRecord:
        """Roll the model back."""
        return self.call(ROLLBACK, Rollback(reference=self.model, **fields))

    def rolled_back(self, **fields: Any) -> EndpointRollback:
        """Roll the model's endpoint back, and say how that went."""
        done = self.roll_back(**fields).endpoint
        assert done is not None
        return done

    def keep(self, reason: str = "by hand", environment: str = "production") -> SnapshotRecord:
        """Take a snapshot."""
        return self.call(TAKE_SNAPSHOT, TakeSnapshot(name=self.model, environment=environment, reason=reason))

    def restore(self, snapshot: SnapshotRecord, **fields: Any) -> EndpointRollback:
        """Restore a snapshot."""
        return self.call(RESTORE_SNAPSHOT, RestoreSnapshot(id=snapshot.id, **fields))

    def snapshots(self) -> list[SnapshotRecord]:
        """The snapshots of production, the newest first."""
        return self.call(LIST_SNAPSHOTS, ListSnapshots(name=self.model)).snapshots

    def configure(self, **configuration: Any) -> EndpointRecord:
        """Change how the endpoint takes requests."""
        return self.call(CONFIGURE_ENDPOINT, ConfigureEndpoint(name=self.model, configuration=configuration))

    def endpoint(self, environment: str = "production") -> EndpointRecord:
        """The model's endpoint."""
        return self.call(GET_ENDPOINT, NamedEndpoint(name=self.model, environment=environment))

    def route(self, environment: str = "production") -> Route:
        """What it serves."""
        return self.endpoint(environment).route

    def shares(self, environment: str = "production") -> dict[str, float]:
        """The share of each version in the traffic."""
        return {arm.version: round(arm.weight, 9) for arm in self.route(environment).arms}

    def observe(
        self,
        version: str,
        requests: int,
        *,
        errors: int = 0,
        seconds: float = 0.01,
        role: str = LIVE,
        epoch: int | None = None,
        environment: str = "production",
    ) -> None:
        """Let a version have answered requests in the present epoch, or in another one."""
        found = self.endpoint(environment)
        at = parsed(self.clock.now).timestamp()
        recorder = Recorder(self.yard.database, self.yard.new_id("pw"), clock=lambda: at)
        subject = (found.id, found.epoch if epoch is None else epoch, self.ids[version], role)
        for number in range(requests):
            recorder.record(subject, seconds, WELL if number >= errors else Outcome(code="prediction_failed"))
        assert recorder.flush()

    def meet(
        self,
        requests: int,
        *,
        failing: Mapping[str, float] | None = None,
        seconds: Mapping[str, float] | None = None,
        users: int = 0,
        drawn: str = "",
        seed: int = 1,
    ) -> None:
        """Let the endpoint have answered requests of the present epoch, each by the version that lots gave it to.

        Args:
            requests: how many.
            failing: version → share of its requests that fail; none where it is left out.
            seconds: version → median of its latencies, which are lognormal; 0.1 where it is left out.
            users: how many users there are, each with a key; 0 for requests without keys.
            drawn: the version that all lots fall on, whatever the weights say.
            seed: of all chances.
        """
        found, chance = self.endpoint(), random.Random(seed)
        route, names = CompiledRoute(found.route), {arm.version_id: arm.version for arm in found.route.arms}
        at = parsed(self.clock.now).timestamp()
        recorder = Recorder(self.yard.database, self.yard.new_id("pw"), clock=lambda: at)
        for number in range(requests):
            key = b"user %d" % chance.randrange(users) if users else None
            version_id = self.ids[drawn] if drawn else route.drawn(key or chance.randbytes(8)) or ""
            version = names[version_id]
            is_failed = chance.random() < (failing or {}).get(version, 0.0)
            length = (seconds or {}).get(version, 0.1) * chance.lognormvariate(0, 0.5)
            outcome = Outcome(code="prediction_failed") if is_failed else WELL
            lot = Lot(found.route.deployment_id, key_hash(key, b""))
            recorder.record((found.id, found.epoch, version_id, LIVE), length, outcome, lot)
            if number % 100 == 99:
                assert recorder.flush()
        assert recorder.flush()

    def dies(self, *versions: str) -> None:
        """Let versions answer no probes any more; the controller has seen it."""
        for version in versions:
            self.engine.dead.add(self.ids[version])
            self.pulses[self.ids[version]] = Pulse(alive=False)

    def recovers(self, version: str) -> None:
        """Let a version answer probes again."""
        self.engine.dead.discard(self.ids[version])
        self.pulses[self.ids[version]] = Pulse()
