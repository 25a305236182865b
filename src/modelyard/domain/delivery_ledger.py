"""What the events of one model say of the rows of delivery: endpoints, routes, deployments, their history, snapshots.

Rules
1. A ledger takes the events of a model's chain in their order, and then knows what the rows must say. What no event
   tells is not compared: the progress of a deployment, its timers, and revisions.
2. Every event of a deployment is one line of its history, in the same order; its state and step are those of the last
   one. It lives until the event that ends it, and holds its endpoint as long.
3. A move that no deployment can make, an epoch that does not follow the one before, or an endpoint that was never made
   raises, like the fold of `modelyard.domain.history`.
4. A snapshot's content never changes, and its digest is that of its content; whether it is healthy may be judged anew.
5. A row may be older than its event: whoever waited for a lock writes the time of the event before. Where the event has
   a later time than the one before it, it did not wait, and both are the same. It is never younger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from modelyard.domain.deployment import EVENTS, TERMINAL, check_move
from modelyard.domain.facts import Fact
from modelyard.domain.served import DEPLOYMENT
from modelyard.domain.wire.delivery import EndpointConfiguration, Route

Facts = dict[str, Any]

_FRESH: dict[str, dict[str, Any]] = {"route": asdict(Route()), "configuration": asdict(EndpointConfiguration())}
"""Documents of an endpoint that was made and nothing more."""


class DeliveryLedger:
    """The rows of delivery of one model, by what names them.

    Attributes:
        endpoints: by id.
        routes: by endpoint and epoch, as `ep_1 at epoch 3`.
        deployments: by id.
        history: by deployment and position, as `dp_1, line 3`.
        snapshots: by id.
        lines: how many lines of history each deployment has.
    """

    def __init__(self) -> None:
        self.endpoints: dict[str, Facts] = {}
        self.routes: dict[str, Facts] = {}
        self.deployments: dict[str, Facts] = {}
        self.history: dict[str, Facts] = {}
        self.snapshots: dict[str, Facts] = {}
        self.lines: dict[str, int] = defaultdict(int)
        self._waited: set[str] = set()
        self._newest = ""

    def take(self, event: Fact) -> None:
        """Take in the next event of the model's chain."""
        step = _STEPS.get(event.type)
        if step is not None:
            step(self, event)
        self._newest = max(self._newest, event.at)

    def present(self, rows: Mapping[str, Facts], told: Mapping[str, Facts]) -> dict[str, Facts]:
        """Return rows as they compare with what the events told.

        What no event told is left out; a row of a writer that waited for its lock may be older than its event, but not
        younger.
        """
        return {key: self._compared(key, row, told[key]) if key in told else row for key, row in rows.items()}

    def _compared(self, key: str, row: Facts, told: Facts) -> Facts:
        compared = {name: value for name, value in row.items() if name in told or name == "workspace"}
        for name in _FRESH.keys() & compared.keys():
            if told[name] is None and _is_untouched(name, compared[name]):
                compared[name] = None
        if key in self._waited and "at" in compared and compared["at"] < told["at"]:
            compared["at"] = told["at"]
        return compared

    def enter(self, rows: dict[str, Facts], key: str, event: Fact, facts: Facts) -> None:
        """Enter a row that the event made."""
        if key in rows:
            raise ValueError(key)
        rows[key] = {**facts, "at": event.at}
        if event.at <= self._newest:
            self._waited.add(key)


def _is_untouched(name: str, value: Any) -> bool:
    """Whether a document says what it said when the endpoint was made; an older one may lack newer fields."""
    default = _FRESH.get(name)
    return default is not None and isinstance(value, Mapping) and {**default, **value} == default


def _endpoint_created(ledger: DeliveryLedger, event: Fact) -> None:
    data = event.data
    facts = {"environment": data["environment"], "kind": data["kind"], "epoch": 0, **dict.fromkeys(_FRESH)}
    ledger.enter(ledger.endpoints, data["endpoint"], event, facts)


def _endpoint_configured(ledger: DeliveryLedger, event: Fact) -> None:
    endpoint = ledger.endpoints[event.data["endpoint"]]
    endpoint["configuration"] = event.data["configuration"]
    endpoint["kind"] = event.data.get("kind", endpoint["kind"])


def _route_changed(ledger: DeliveryLedger, event: Fact) -> None:
    data = event.data
    endpoint = ledger.endpoints[data["endpoint"]]
    if data["epoch"] != endpoint["epoch"] + 1:
        raise ValueError(data["epoch"])
    endpoint["epoch"], endpoint["route"] = data["epoch"], data["route"]
    facts = {"route": data["route"], "cause": data["cause"], "deployment": data.get("deployment") or None}
    ledger.enter(ledger.routes, f"{data['endpoint']} at epoch {data['epoch']}", event, facts)


def _deployed(ledger: DeliveryLedger, event: Fact) -> None:
    data, kind = event.data, event.type.removeprefix(DEPLOYMENT)
    key = data["deployment"]
    check_move(kind, data["from"], data["to"])
    if kind == "created":
        facts = {name: data.get(name) for name in ("version_id", "base_id", "strategy")}
        facts |= {name: data[name] for name in ("endpoint", "plan", "options", "snapshot")}
        ledger.enter(ledger.deployments, key, event, {**facts, "state": ""})
    deployment = ledger.deployments[key]
    if (deployment["endpoint"], deployment["state"]) != (data["endpoint"], data["from"]):
        raise ValueError(data["from"])
    ended = data["to"] in TERMINAL
    deployment |= {"state": data["to"], "step": data["step"], "ended": ended}
    deployment["live"] = None if ended else data["endpoint"]
    ledger.lines[key] += 1
    line = {name: data[name] for name in ("from", "to", "step", "epoch", "reason", "evidence")}
    ledger.enter(ledger.history, f"{key}, line {ledger.lines[key]}", event, {**line, "event": kind, "by": event.actor})


def _snapshot_created(ledger: DeliveryLedger, event: Fact) -> None:
    data = event.data
    told = {name: data[name] for name in ("endpoint", "digest", "healthy", "epoch")}
    told |= {name: data[name] for name in ("content", "reason") if name in data}
    # A snapshot shows the state behind the event before its own.
    told["position"] = data.get("position", event.position - 1)
    ledger.enter(ledger.snapshots, data["snapshot"], event, {**told, "by": event.actor})


def _snapshot_judged(ledger: DeliveryLedger, event: Fact) -> None:
    ledger.snapshots[event.data["snapshot"]]["healthy"] = event.data["healthy"]


_STEPS: dict[str, Callable[[DeliveryLedger, Fact], None]] = {
    "endpoint.created": _endpoint_created,
    "endpoint.configured": _endpoint_configured,
    "route.changed": _route_changed,
    "snapshot.created": _snapshot_created,
    "snapshot.judged": _snapshot_judged,
    **{DEPLOYMENT + event: _deployed for event in EVENTS},
}
