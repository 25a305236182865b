"""Events in words, as a report tells them; an event that is not known here is told by its type and its short facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.domain.served import DEPLOYMENT
from modelyard.domain.wire import EventRecord

Facts = Mapping[str, Any]

_LONGEST = 200


def happened(event: EventRecord) -> str:
    """What an event tells, in one line."""
    words = _deployment if event.type.startswith(DEPLOYMENT) else _WORDS.get(event.type)
    told = words(event.data) if words else _other(event.type, event.data)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} …"


def _moved(facts: Facts) -> str:
    comment = f": {facts['comment']}" if facts.get("comment") else ""
    return f"moved from {facts.get('from', '?')} to {facts.get('to', '?')}{_place(facts)}{comment}"


def _rolled_back(facts: Facts) -> str:
    return f"rolled back to {facts.get('to', '?')}{_place(facts)}{_reason(facts)}"


def _updated(facts: Facts) -> str:
    changes = facts.get("changes")
    return f"changed: {', '.join(map(str, changes))}" if isinstance(changes, Mapping) else "changed"


def _tested(facts: Facts) -> str:
    return f"tests {facts.get('suite', '')} {'passed' if facts.get('passed') else 'failed'}"


def _withdrawn(facts: Facts) -> str:
    return f"left {facts.get('from', '?')}{_place(facts)}"


def _deployment(facts: Facts) -> str:
    epoch = f", epoch {facts['epoch']}" if facts.get("epoch") else ""
    begun = f"{facts.get('strategy', '?')} deployment: {facts.get('from') or 'new'} to {facts.get('to', '?')}"
    return f"{begun}{_place(facts)}{epoch}{_reason(facts)}"


def _place(facts: Facts) -> str:
    return f" in {facts['environment']}" if facts.get("environment") else ""


def _reason(facts: Facts) -> str:
    return f": {facts['reason']}" if facts.get("reason") else ""


def _other(kind: str, facts: Facts) -> str:
    short = [
        f"{key} {value}" for key, value in facts.items() if isinstance(value, str | int | float) and str(value).strip()
    ]
    return f"{kind}: {', '.join(short)}" if short else kind


_WORDS: dict[str, Callable[[Facts], str]] = {
    "version.registered": lambda _facts: "registered",
    "version.updated": _updated,
    "version.stage_moved": _moved,
    "version.rolled_back": _rolled_back,
    "version.deprecated": lambda facts: f"deprecated{_reason(facts)}",
    "version.restored": lambda _facts: "no longer deprecated",
    "version.withdrawn": _withdrawn,
    "version.tested": _tested,
    "version.deleted": lambda _facts: "deleted",
    "alias.set": lambda facts: f"alias {facts.get('alias', '?')} points to it",
    "alias.removed": lambda facts: f"alias {facts.get('alias', '?')} was taken away",
}
