"""Strategies of installed packages, beside those that are built in.

A strategy is a pure function, published under the entry point group `modelyard.strategies` by its name:

    def halves(ask: Ask) -> Plan:
        return Plan(steps=[Step(arms=ask.at(50), min_seconds=600)], final=ask.at(100))

Rules
- A package that does not load, or publishes something that cannot be called, costs nothing but a warning: deployments
  by other strategies go on. A name that two packages publish is served by neither of them.
- The names of the built-in strategies stay theirs.
- Whatever a strategy returns is checked like a plan of ours; what it raises is told to the caller as his error.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from modelyard.domain.names import shown
from modelyard.domain.plans import Ask, Strategy
from modelyard.domain.strategies import BUILT_IN, plan, strategy_name
from modelyard.domain.wire.delivery import Plan
from modelyard.errors import InvalidRequest, ModelyardError

GROUP = "modelyard.strategies"


def installed_strategies() -> dict[str, Strategy]:
    """Return the strategies that installed packages publish, by name; what cannot be used is a `UserWarning`."""
    entries = entry_points(group=GROUP)
    published = Counter(entry.name for entry in entries)
    found: dict[str, Strategy] = {}
    for entry in entries:
        if entry.name in BUILT_IN or published[entry.name] > 1:
            why = "the name is taken" if entry.name in BUILT_IN else "two packages publish one of that name"
            _warn(f"the strategy {shown(entry.name)} of {shown(entry.value)} is passed over: {why}")
            continue
        try:
            loaded = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; a broken package must not end the server
            _warn(f"the strategy {shown(entry.name)} cannot be loaded: {type(error).__name__}: {shown(str(error))}")
            continue
        if callable(loaded):
            found[entry.name] = _guarded(entry.name, loaded)
        else:
            _warn(f"the strategy {shown(entry.name)} of {shown(entry.value)} is no function")
    return found


def plan_of(strategy: str, ask: Ask) -> Plan:
    """Return the checked plan of a strategy, built in or installed; see `modelyard.domain.strategies.plan`."""
    return plan(strategy, ask, _others())


def name_of(strategy: str) -> str:
    """Return a strategy's name as records have it; see `modelyard.domain.strategies.strategy_name`."""
    return strategy_name(strategy, _others())


@cache
def _others() -> Mapping[str, Strategy]:
    """The installed strategies; what is installed does not change while the process runs."""
    return installed_strategies()


def _guarded(name: str, strategy: Strategy) -> Strategy:
    def guarded(ask: Ask, /) -> Plan:
        try:
            return strategy(ask)
        except ModelyardError:
            raise
        except (Exception, SystemExit) as error:
            message = f"the strategy {name} failed: {type(error).__name__}: {shown(str(error))}"
            raise InvalidRequest(message, hint="tell its authors, or take another strategy") from error

    return guarded


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
