"""What took a model's traffic when: the events of its endpoints, folded into the routes that they made.

Rules
1. An endpoint is a model in an environment. Each change of its route is an event that holds the whole new route, and is
   of the epoch behind the one before; so the route at any moment is that of the last such event.
2. A version takes traffic where it has a weight above 0 among the arms, or is named by a rule. It is at work where it
   takes traffic or gets copies as a shadow; it is held where it is at work or kept warm.
3. An endpoint has one live deployment at most: from its making to the event that ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.domain.deployment import EVENTS, TERMINAL
from modelyard.domain.facts import Fact

DEPLOYMENT = "deployment."
REROUTED = "route.changed"

Document = Mapping[str, Any]
"""A route as it is stored: the JSON of `wire.Route`."""


@dataclass(kw_only=True, slots=True)
class EndpointState:
    """An endpoint at a moment."""

    id: str
    environment: str
    kind: str
    since: str
    """When its route came into force; before the first one, when it was made."""
    position: int
    """Place of the event that tells so."""
    by: str = ""
    cause: str = ""
    epoch: int = 0
    route: dict[str, Any] = field(default_factory=dict)
    """The route as it is stored; empty where there never was one."""
    configuration: dict[str, Any] | None = None
    """The configuration as it was set; None where that was never done."""
    deployment: str = ""
    """The id of the live deployment."""


Endpoints = dict[str, EndpointState]
"""Environment → endpoint, for one model."""


def shares(route: Document) -> dict[str, float]:
    """Return version id → its share of the traffic, above 0, the largest first."""
    found = [(str(arm["version_id"]), float(arm["weight"])) for arm in route.get("arms", ()) if arm["weight"] > 0]
    return dict(sorted(found, key=lambda one: -one[1]))


def main_id(route: Document) -> str | None:
    """Return the id of the version with the largest share; None where nothing is served."""
    return next(iter(shares(route)), None)


def main_version(route: Document) -> str | None:
    """Return the number of the version with the largest share; None where nothing is served."""
    arms = [arm for arm in route.get("arms", ()) if arm["weight"] > 0]
    return max(arms, key=lambda arm: float(arm["weight"]))["version"] if arms else None


def uses(route: Document) -> dict[str, str]:
    """Return version id → what a route needs it for: `traffic`, `rule`, `shadow` or `warm`, the first that applies."""
    found: dict[str, str] = {}
    for version_id, use in _used(route):
        found.setdefault(version_id, use)
    return found


def words(route: Document, version_id: str) -> str:
    """Return what a route needs a version for, for people: `25 %`, `rule`, `shadow`, `warm`; empty for nothing."""
    share = shares(route).get(version_id)
    return uses(route).get(version_id, "") if share is None else f"{100 * share:.4g} %"


def _used(route: Document) -> Iterator[tuple[str, str]]:
    yield from ((version_id, "traffic") for version_id in shares(route))
    yield from ((str(rule["version_id"]), "rule") for rule in route.get("rules", ()))
    yield from ((str(arm["version_id"]), "shadow") for arm in route.get("shadow", ()) if arm["weight"] > 0)
    yield from ((str(version_id), "warm") for version_id in route.get("warm", ()))


def _created(endpoints: Endpoints, event: Fact) -> None:
    data = event.data
    if data["environment"] in endpoints:
        raise ValueError(data["environment"])
    endpoints[data["environment"]] = EndpointState(
        id=data["endpoint"],
        environment=data["environment"],
        kind=data["kind"],
        since=event.at,
        position=event.position,
        by=event.actor,
    )


def _configured(endpoints: Endpoints, event: Fact) -> None:
    endpoint = _meant(endpoints, event)
    endpoint.configuration = dict(event.data["configuration"])
    endpoint.kind = event.data.get("kind", endpoint.kind)


def _rerouted(endpoints: Endpoints, event: Fact) -> None:
    endpoint, route = _meant(endpoints, event), dict(event.data["route"])
    # A route that cannot be read is found here, and not when somebody asks what was served.
    uses(route)
    if event.data["epoch"] != endpoint.epoch + 1 or type(event.data["epoch"]) is not int:
        raise ValueError(event.data["epoch"])
    endpoint.epoch, endpoint.route, endpoint.cause = event.data["epoch"], route, event.data.get("cause", "")
    endpoint.since, endpoint.position, endpoint.by = event.at, event.position, event.actor


def _deployed(endpoints: Endpoints, event: Fact) -> None:
    endpoint, deployment = _meant(endpoints, event), event.data["deployment"]
    if event.data["to"] not in TERMINAL:
        endpoint.deployment = deployment
    elif endpoint.deployment == deployment:
        endpoint.deployment = ""


def _meant(endpoints: Endpoints, event: Fact) -> EndpointState:
    endpoint = endpoints[event.data["environment"]]
    if endpoint.id != event.data["endpoint"]:
        raise ValueError(event.data["endpoint"])
    return endpoint


STEPS: dict[str, Callable[[Endpoints, Fact], None]] = {
    "endpoint.created": _created,
    "endpoint.configured": _configured,
    REROUTED: _rerouted,
    **{DEPLOYMENT + event: _deployed for event in EVENTS},
}
"""Type of an event → what it changes of the endpoints; events of other types change nothing."""
