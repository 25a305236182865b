"""How endpoints, routes and snapshots look to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from rich.console import Group
from rich.text import Text

from modelyard.cli.deployment_view import share, traffic_bars
from modelyard.cli.tables import Printable, facts, table
from modelyard.cli.text import digest
from modelyard.domain.deployment import SUCCEEDED
from modelyard.domain.wire import (
    DeploymentRecord,
    EndpointRecord,
    Route,
    RouteEntry,
    Rule,
    SnapshotChange,
    SnapshotRecord,
)
from modelyard.domain.wording import moment

LONGEST = 60
"""Characters of a value in a table of changes."""


def endpoints(records: Sequence[EndpointRecord]) -> Printable:
    """Return a table of endpoints."""
    rows = [
        (
            record.name,
            record.environment,
            _shares(record.route) or "nothing",
            record.epoch,
            record.deployment.id if record.deployment else "",
            record.deployment.state if record.deployment else "",
            record.deployment.verdict.state if record.deployment else "",
        )
        for record in records
    ]
    head = ("MODEL", "ENVIRONMENT", "TRAFFIC", "EPOCH", "DEPLOYMENT", "STATE", "VERDICT")
    return table(head, rows, right=("EPOCH",), empty="nothing was ever deployed; begin: modelyard deploy MODEL VERSION")


def endpoint(record: EndpointRecord) -> Printable:
    """Return one endpoint: what it serves, and how it takes requests."""
    live = record.deployment
    parts: list[Printable] = [
        facts(
            (
                ("endpoint", f"{record.name} in {record.environment}"),
                ("kind", record.kind),
                ("epoch", record.epoch),
                ("copies for", ", ".join(f"{arm.version} {share(arm.weight)}" for arm in record.route.shadow)),
                ("live deployment", f"{live.id}, {live.strategy}, {live.state}" if live else ""),
                ("changed", moment(record.updated_at)),
                ("revision", record.revision),
            )
        ),
        Text(""),
        traffic_bars([(arm.version, arm.weight) for arm in record.route.arms]),
        Text(""),
        facts(
            (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
            for name, value in asdict(record.configuration).items()
            if name != "rules" and value not in ("", None)
        ),
    ]
    if record.configuration.rules:
        parts += [Text(""), flags(record.configuration.rules)]
    return Group(*parts)


def brief(record: EndpointRecord, last: DeploymentRecord | None = None) -> Printable:
    """Return what an endpoint serves, and why its last deployment came to nothing."""
    failed = last is not None and last.state != SUCCEEDED
    told = f"{last.version} is {last.state}: {last.reason or 'no reason is given'}" if last and failed else ""
    head = facts(
        (
            ("endpoint", f"{record.name} in {record.environment}"),
            ("epoch", record.epoch),
            ("last deployment", told),
            ("more", f"modelyard status {last.id}" if last and failed else ""),
        )
    )
    return Group(head, traffic_bars([(arm.version, arm.weight) for arm in record.route.arms]))


def flags(rules: Sequence[Rule]) -> Printable:
    """Return a table of feature flags."""
    rows = [
        (
            rule.name,
            rule.version,
            f"{rule.header}={rule.equals}" if rule.equals else rule.header,
            f"{rule.percentage:g} %",
        )
        for rule in rules
    ]
    return table(("FLAG", "VERSION", "HEADER", "KEYS"), rows, right=("KEYS",), empty="no feature flags")


def routes(entries: Sequence[RouteEntry]) -> Printable:
    """Return a table of what an endpoint served."""
    rows = [
        (entry.epoch, moment(entry.at), _shares(entry.route) or "nothing", entry.cause, entry.deployment_id or "")
        for entry in entries
    ]
    head = ("EPOCH", "FROM (UTC)", "TRAFFIC", "CAUSE", "DEPLOYMENT")
    return table(head, rows, right=("EPOCH",), empty="nothing was ever served")


def snapshots(records: Sequence[SnapshotRecord]) -> Printable:
    """Return a table of snapshots."""
    rows = [
        (
            record.id,
            record.version or "nothing",
            record.epoch,
            "yes" if record.healthy else "no",
            moment(record.created_at),
            record.created_by,
            record.reason,
        )
        for record in records
    ]
    head = ("ID", "SERVED", "EPOCH", "HEALTHY", "AT (UTC)", "BY", "DETAIL")
    return table(head, rows, right=("EPOCH",), empty="no snapshots")


def snapshot(record: SnapshotRecord) -> Printable:
    """Return one snapshot."""
    content = record.content
    aliases = ", ".join(f"{name}={version}" for name, version in content.aliases.items())
    stages = [
        (version, ", ".join(f"{place or 'itself'}: {stage}" for place, stage in placed.items()))
        for version, placed in content.stages.items()
    ]
    head = facts(
        (
            ("snapshot", record.id),
            ("endpoint", f"{record.name} in {record.environment}"),
            ("served", _shares(content.route) or "nothing"),
            ("epoch", record.epoch),
            ("healthy", "yes" if record.healthy else "no"),
            ("aliases", aliases),
            ("taken by", f"{record.created_by}, {moment(record.created_at)}"),
            ("reason", record.reason),
            ("digest", digest(record.digest)),
        )
    )
    return Group(head, Text(""), table(("VERSION", "STAGES"), stages)) if stages else head


def changes(found: Sequence[SnapshotChange], *, empty: str) -> Printable:
    """Return a table of differences."""
    rows = [(change.path, _short(change.before), _short(change.after)) for change in found]
    return table(("WHAT", "BEFORE", "AFTER"), rows, empty=empty)


def _shares(route: Route) -> str:
    return ", ".join(f"{arm.version} {share(arm.weight)}" for arm in route.arms if arm.weight > 0)


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
