"""Which versions take traffic, now or at a moment of the past; read for many at once.

Rules
- A version's record tells its share in each environment where it has one. A model's record tells, for each environment,
  the version with the largest share.
- What the newest route of an endpoint says counts; how far the gateways have got is theirs to tell.
- A registry without endpoints is asked nothing: that there are none comes with its stage graphs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from modelyard.domain.facts import Fact
from modelyard.domain.history import ModelState
from modelyard.domain.served import REROUTED, main_version, shares
from modelyard.domain.wire import EndpointConfiguration, EndpointThen, Route
from modelyard.metadata import endpoints
from modelyard.registry.context import Context

_read = msgspec.json.Decoder(dict[str, Any]).decode


def shares_of_versions(context: Context, model_ids: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return, for some models, version id → environment → its share of the traffic there, above 0."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for _model_id, environment, route in _present(context, model_ids):
        for version_id, share in shares(route).items():
            found[version_id][environment] = share
    return found


def served_anywhere(context: Context) -> list[str]:
    """Return the ids of all versions that take traffic in some endpoint."""
    if not context.graphs.has_endpoints:
        return []
    return sorted({version_id for row in endpoints.all_current(context.tx) for version_id in shares(_read(row.route))})


def main_versions(context: Context, model_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return, for some models, model id → environment → the number of the version with the largest share there."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for model_id, environment, route in _present(context, model_ids):
        version = main_version(route)
        if version:
            found[model_id][environment] = version
    return found


def shares_then(state: ModelState) -> dict[str, dict[str, float]]:
    """Return version id → environment → its share of the traffic there, for a model at a moment of the past."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for environment, endpoint in sorted(state.endpoints.items()):
        for version_id, share in shares(endpoint.route).items():
            found[version_id][environment] = share
    return found


def main_versions_then(state: ModelState) -> dict[str, str]:
    """Return environment → the version with the largest share there, for a model at a moment of the past."""
    found = {environment: main_version(endpoint.route) for environment, endpoint in sorted(state.endpoints.items())}
    return {environment: version for environment, version in found.items() if version}


def endpoints_then(state: ModelState, events: Sequence[Fact]) -> list[EndpointThen]:
    """Return what the endpoints of a model were at a moment of the past.

    Args:
        state: the model at that moment.
        events: its whole chain, which tells until when each route held.
    """
    return [
        EndpointThen(
            environment=environment,
            kind=endpoint.kind,
            version=main_version(endpoint.route),
            epoch=endpoint.epoch,
            route=msgspec.convert(endpoint.route, Route),
            configuration=msgspec.convert(endpoint.configuration or {}, EndpointConfiguration),
            since=endpoint.since,
            until=_until(events[state.events :], endpoint.id),
            by=endpoint.by,
            cause=endpoint.cause,
            deployment_id=endpoint.deployment,
        )
        for environment, endpoint in sorted(state.endpoints.items())
    ]


def _until(later: Iterable[Fact], endpoint_id: str) -> str | None:
    """Return when the first of some events gave an endpoint another route; None if none did."""
    moved = (event.at for event in later if event.type == REROUTED and event.data["endpoint"] == endpoint_id)
    return next(moved, None)


def _present(context: Context, model_ids: Iterable[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield model id, environment and route of the endpoints of some models."""
    if not context.graphs.has_endpoints:
        return
    for row in endpoints.of_models(context.tx, sorted(set(model_ids))):
        yield row.model_id, row.environment, _read(row.route)
