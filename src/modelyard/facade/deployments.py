"""Deploying versions: beginning, watching, steering, and going back."""

from __future__ import annotations

import time
from typing import Any, Unpack

from modelyard.domain.wire import DeploymentRecord, EndpointRollback, Explanation, GuardReport, Limits
from modelyard.errors import TimedOut
from modelyard.facade.arguments import name_of
from modelyard.facade.base import Base
from modelyard.facade.deploying import DeployOptions, deploy_request, limits_of, version_apart
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    CHECK_GUARD,
    DEPLOY,
    EXPLAIN_DEPLOYMENT,
    GET_DEPLOYMENT,
    GET_VERSION,
    LIST_DEPLOYMENTS,
    LIST_ROLLBACKS,
    PAUSE_DEPLOYMENT,
    PROMOTE_DEPLOYMENT,
    RESUME_DEPLOYMENT,
)

LOOK_S = 0.2
"""Seconds between two looks at a deployment that is waited for."""


class Deployments(Base):
    """The methods of `ModelRegistry` for deployments. A deployment is named by its id or by its record."""

    def deploy(
        self,
        model_id: str,
        version: str | int | None = None,
        strategy: str = "direct",
        *,
        dry_run: bool = False,
        wait: float | None = None,
        **options: Unpack[DeployOptions],
    ) -> DeploymentRecord:
        """Begin to serve a version.

            registry.deploy("fraud", "1.4.2", "canary", steps=[10, 50, 100], limits={"max_error_rate": 0.05})
            registry.deploy("fraud@champion", strategy="blue-green", wait=60)

        Without a server, the deployment goes on in this process as far as it can without traffic and without time
        passing, before this returns; whoever opens the registry takes it on from there.

        Args:
            model_id: the version; or the model's name, with the version apart.
            version: the version of the model, where `model_id` is only its name.
            strategy: direct, blue-green, canary, rolling, ab-test, shadow, or one that was installed.
            dry_run: only tell the plan.
            wait: seconds to wait for its end; the record is returned as it is then.
            options: see `DeployOptions`.

        Returns:
            The deployment, with its plan.

        Raises:
            NotDeployable: the version cannot serve.
            DeploymentLive: the endpoint has a live deployment; `details["deployment"]` names it.
            PreconditionFailed: another version is served than `expected_version`.
        """
        found = version_apart(model_id, version)
        if isinstance(found, str):
            record = self._call(GET_VERSION, reference=found)
            found = record.name, record.id
        begun = self._caller.call(DEPLOY, deploy_request(*found, strategy, {**options, "dry_run": dry_run}))
        return begun if wait is None or not begun.live or dry_run else self._last_look(begun.id, wait)

    def list_deployments(
        self,
        name: str | None = None,
        *,
        environment: str | None = None,
        state: str | None = None,
        limit: int | None = None,
    ) -> list[DeploymentRecord]:
        """Return deployments, the newest first.

        Args:
            name: only those of this model.
            environment: only those in this environment.
            state: only those in this state, such as "succeeded"; "live" for all that have not ended.
            limit: the most to return.
        """
        given = {"name": None if name is None else name_of(name), "environment": environment, "state": state}
        return self._all(LIST_DEPLOYMENTS, lambda page: page.deployments, limit=limit, **given)

    def get_deployment(self, deployment: str | DeploymentRecord) -> DeploymentRecord:
        """Return a deployment with its plan, its history, and what its versions did since the step began.

        Raises:
            DeploymentNotFound: there is none of this id.
        """
        return self._call(GET_DEPLOYMENT, id=deployment_id(deployment))

    def explain_deployment(self, deployment: str | DeploymentRecord, *, full: bool = False) -> Explanation:
        """Return how a deployment was judged: the judgement, its course for plots, and both in words.

        It is computed again from the log of evidence, and compared with what stands.

        Args:
            deployment: the deployment.
            full: compute it again however long the log is; a million units take some seconds.

        Raises:
            DeploymentNotFound: there is none of this id.
        """
        return self._call(EXPLAIN_DEPLOYMENT, id=deployment_id(deployment), full=full)

    def follow_deployment(self, deployment: str | DeploymentRecord) -> DeploymentRecord:
        """Return a deployment as `get_deployment` does, for somebody who looks again and again.

        Without a server, looking is what takes it on: time that is over and requests that were answered count then.
        """
        identifier = deployment_id(deployment)
        record = self.get_deployment(identifier)
        moved = record.live and self._caller.drive(identifier)
        return self.get_deployment(identifier) if moved else record

    def wait_for_deployment(self, deployment: str | DeploymentRecord, timeout: float | None = None) -> DeploymentRecord:
        """Wait until a deployment has ended, and return it.

        Args:
            deployment: the deployment.
            timeout: the most seconds to wait; for ever where it is left out.

        Raises:
            TimedOut: it is still live after that time.
        """
        record = self._last_look(deployment_id(deployment), timeout)
        if record.live:
            message = f"the deployment {record.id} of {record.name} is still {record.state} after {timeout:g} seconds"
            raise TimedOut(message, hint="wait longer, or see what it waits for: `modelyard status`")
        return record

    def pause_deployment(
        self, deployment: str | DeploymentRecord, *, reason: str = "", if_match: int | None = None
    ) -> DeploymentRecord:
        """Stop a deployment at its step; limits and probes go on counting.

        Raises:
            DeploymentClosed: it has ended, or its state does not allow that. `resume_…` and `abort_…` raise it too.
        """
        return self._call(PAUSE_DEPLOYMENT, id=deployment_id(deployment), reason=reason, if_match=if_match)

    def resume_deployment(
        self, deployment: str | DeploymentRecord, *, reason: str = "", if_match: int | None = None
    ) -> DeploymentRecord:
        """Let a paused deployment go on."""
        return self._call(RESUME_DEPLOYMENT, id=deployment_id(deployment), reason=reason, if_match=if_match)

    def promote_deployment(
        self,
        deployment: str | DeploymentRecord,
        *,
        full: bool = False,
        winner: str | None = None,
        reason: str = "",
        if_match: int | None = None,
    ) -> DeploymentRecord:
        """Take a deployment to its next step now.

        Args:
            deployment: the deployment.
            full: take it to its end.
            winner: the version that wins an A/B test, and serves from now on.
            reason: why; kept in the history.
            if_match: demand that the deployment's revision is still this one.
        """
        given: dict[str, Any] = {"full": full, "winner": winner, "reason": reason, "if_match": if_match}
        return self._call(PROMOTE_DEPLOYMENT, id=deployment_id(deployment), **given)

    def abort_deployment(
        self, deployment: str | DeploymentRecord, *, reason: str = "", if_match: int | None = None
    ) -> DeploymentRecord:
        """End a deployment: what served before serves again."""
        return self._call(ABORT_DEPLOYMENT, id=deployment_id(deployment), reason=reason, if_match=if_match)

    def list_rollbacks(
        self, name: str | None = None, *, environment: str | None = None, limit: int | None = None
    ) -> list[EndpointRollback]:
        """Return rollbacks of endpoints with their evidence, the newest first; of one model if given."""
        given = {"name": None if name is None else name_of(name), "environment": environment}
        return self._all(LIST_ROLLBACKS, lambda page: page.rollbacks, limit=limit, **given)

    def check_guard(
        self,
        name: str,
        *,
        limits: Limits | dict[str, Any] | None = None,
        environment: str | None = None,
        window_s: float | None = None,
        keep: bool = False,
    ) -> GuardReport:
        """Roll an endpoint back at once if it is beyond its limits.

        Args:
            name: the model.
            limits: the limits; an error rate of 0.1 where they are left out.
            environment: production unless said otherwise.
            window_s: how many seconds back it looks; 300 where it is left out.
            keep: hold the endpoint to these limits from now on.
        """
        given = {"limits": limits_of(limits), "environment": environment, "window_s": window_s, "keep": keep}
        return self._call(CHECK_GUARD, name=name_of(name), **given)

    def _last_look(self, identifier: str, seconds: float | None) -> DeploymentRecord:
        """Look at a deployment until it has ended, or so many seconds have passed."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            record = self.follow_deployment(identifier)
            left = LOOK_S if deadline is None else deadline - time.monotonic()
            if not record.live or left <= 0:
                return record
            time.sleep(min(LOOK_S, left))


def deployment_id(deployment: str | DeploymentRecord) -> str:
    """The id of a deployment, given by text or by its record."""
    return deployment.id if isinstance(deployment, DeploymentRecord) else deployment
