"""What a team adds to the gates of moves: gates of its own, and commands that run its tests.

A custom gate is a function, published under the entry point group `modelyard.gates` by the name of its requirement:

    def fairness(request: GateRequest) -> Finding | bool:
        gap = request.version.metrics.get("fairness_gap", 1.0)
        return Finding(actual=gap, met=gap <= request.wanted, reason=f"the gap is {gap}")

It is asked outside of any transaction, so it may take its time; what it raises counts as "not met", with the error as
the reason.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

from modelyard.domain.checks import check_json, check_text
from modelyard.domain.evidence import Finding
from modelyard.domain.names import shown
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidConfig, InvalidMetadata

GROUP = "modelyard.gates"


@dataclass(frozen=True, kw_only=True)
class GateRequest:
    """What a custom gate is asked.

    Attributes:
        version: the version that shall move.
        target_stage: the stage that it shall enter.
        wanted: the value of the requirement, as the user wrote it.
        holder: who stands in that stage now, if anybody.
    """

    version: VersionRecord
    target_stage: str
    wanted: Any
    holder: VersionRecord | None = None


CustomGate = Callable[[GateRequest], Finding | bool]


@dataclass(frozen=True, kw_only=True)
class TestCommands:
    """The commands that run tests before a promotion: suite → program and arguments; and how long one may take."""

    __test__ = False  # pytest collects classes named like this one

    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    timeout_s: float = 600.0
    folder: str = "."


def installed_gates() -> dict[str, CustomGate]:
    """Return the gates that installed packages publish; each is imported when it is first asked.

    Raises:
        InvalidConfig: two packages publish a gate of one name.
    """
    found: dict[str, CustomGate] = {}
    for entry in _published(tuple(sys.path)):
        if entry.name in found:
            raise InvalidConfig(f"two installed packages publish a gate named {entry.name!r}", hint="remove one")
        found[entry.name] = _lazy(entry.load)
    return found


@lru_cache(maxsize=1)
def _published(_path: tuple[str, ...]) -> EntryPoints:
    """What the packages on a search path publish; reading them all takes as long as the rest of opening a registry."""
    return entry_points(group=GROUP)


def ask(gate: CustomGate | None, name: str, request: GateRequest) -> Finding:
    """Return what a custom gate finds, whatever it does."""
    if gate is None:
        return Finding(actual=None, met=False, reason=f"the gate {name} is not installed here; install its package")
    try:
        found: object = gate(request)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; a broken gate must let nothing pass
        reason = f"the gate {name} failed: {type(error).__name__}: {shown(str(error))}"
        return Finding(actual=None, met=False, reason=reason)
    if isinstance(found, Finding):
        return _checked(name, found)
    if isinstance(found, bool):
        return Finding(actual=found, met=found, reason=f"the gate {name} {'agrees' if found else 'refuses'}")
    reason = f"the gate {name} answered {shown(found)}, which is neither a Finding nor True or False"
    return Finding(actual=None, met=False, reason=reason)


def _checked(name: str, found: Finding) -> Finding:
    """Return a finding that can be stored: numbers of arrays made plain, anything else that is odd not met."""
    met, actual = _plain(found.met), _plain(found.actual)
    try:
        if type(met) is bool and isinstance(found.reason, str):
            return Finding(actual=check_json("actual", actual), met=met, reason=check_text("reason", found.reason))
        problem = f"met is {shown(found.met)} and the reason {shown(found.reason)}"
    except InvalidMetadata as error:
        problem = error.message
    return Finding(actual=None, met=False, reason=f"the gate {name} gave no proper Finding: {problem}")


def _plain(value: Any) -> Any:
    try:
        return value.item()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return value


def _lazy(load: Callable[[], Any]) -> CustomGate:
    def gate(request: GateRequest) -> Finding | bool:
        return load()(request)  # type: ignore[no-any-return]

    return gate
