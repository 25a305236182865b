"""The events of an endpoint's life, as the use cases of delivery tell them, for the tests of what is made of events."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from modelyard.domain.wire import Arm, DeploymentOptions, EndpointConfiguration, Plan, Route, Step

Told = tuple[str, str | None, dict[str, Any]]
"""Type of an event, its version, and its data."""

PLACE = {"endpoint": "ep_1", "environment": "production"}


def route(epoch: int, *arms: tuple[str, float], deployment: str = "dp_1", **more: Any) -> dict[str, Any]:
    """A route as it is stored; versions are named `mv_1`, their numbers follow as `1.0.0`."""
    made = [Arm(version_id=key, version=f"{key.removeprefix('mv_')}.0.0", weight=weight) for key, weight in arms]
    return asdict(Route(epoch=epoch, deployment_id=deployment, salt=deployment, arms=made)) | more


def made(**place: str) -> Told:
    """An endpoint is made."""
    return "endpoint.created", None, {**PLACE, "kind": "cloud", **place}


def configured(**fields: Any) -> Told:
    """It is told how to take requests."""
    return "endpoint.configured", None, {**PLACE, "configuration": asdict(replace(EndpointConfiguration(), **fields))}


def rerouted(document: dict[str, Any], cause: str = "deployment.advanced", **place: str) -> Told:
    """It gets its next route."""
    data = {"cause": cause, "deployment": document["deployment_id"], "epoch": document["epoch"], "route": document}
    return "route.changed", None, {**PLACE, **data, **place}


def deployed(event: str, source: str, target: str, *, key: str = "dp_1", **more: Any) -> Told:
    """A deployment changes its state."""
    data: dict[str, Any] = {
        **PLACE, "deployment": key, "from": source, "to": target, "step": 0, "epoch": 0, "reason": "", "evidence": {},
        "version": "2.0.0", "version_id": "mv_2", "base_id": None, "strategy": "direct",
    }  # fmt: skip
    if event == "created":
        data |= {
            "plan": asdict(Plan(steps=[Step(arms=[])])),
            "options": asdict(DeploymentOptions()),
            "snapshot": "sn_1",
        }
    return f"deployment.{event}", "mv_2", data | more


def kept(digest: str = "d1", **more: Any) -> Told:
    """A snapshot is taken."""
    return (
        "snapshot.created",
        None,
        {**PLACE, "snapshot": "sn_1", "digest": digest, "healthy": True, "epoch": 1, **more},
    )
