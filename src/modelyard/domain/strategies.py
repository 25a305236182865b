"""The built-in strategies: each turns what is asked into a plan, a list of steps.

    direct      100
    blue-green  0 with the new version loaded, then 100 at once; the old one stays loaded
    canary      10, 50, 100, or the steps that are given
    rolling     k/n for k = 1 … n, of n replicas
    ab          a fixed split of two versions or more, until a person ends it, or a winner is found
    shadow      0 with copies of all requests; the old version serves before, meanwhile and afterwards

Rules
1. Where nothing serves yet, or the version itself does, all of the traffic is the only step there is; a comparison (ab,
   shadow) is refused then.
2. While a deployment lives, the version that served before stays loaded, for an instant way back.
3. A holdback keeps the share of the new version below 100 in the last steps and through the bake, so that no user comes
   to it and goes away again; only the end gives it everything.
4. An option that a strategy could not follow is refused rather than passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from modelyard.domain.abtest import options_of
from modelyard.domain.names import shown
from modelyard.domain.plans import (
    MOST_STEPS,
    WHOLE,
    Ask,
    Pace,
    Strategy,
    check_ask,
    check_plan,
    rising,
    shared_out,
    step_of,
)
from modelyard.domain.wire.delivery import Arm, Plan, Step
from modelyard.errors import InvalidRequest

__all__ = ["BUILT_IN", "Ask", "Strategy", "plan", "strategy_name"]

CANARY_STEPS: Final = (10.0, 50.0, 100.0)
HOLDBACK: Final = 5.0
"""Percent of the keys that stay with the old version while the last step of a canary is watched."""
REPLICAS: Final = 4
_WATCHED: Final = Pace(min_seconds=60.0, min_requests=50)
_AT_ONCE: Final = Pace()
_OPEN: Final = Pace(max_seconds=None)
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_SPELLINGS: Final = MappingProxyType(
    {"abtest": "ab", "abtesting": "ab", "mirror": "shadow", "rollingupdate": "rolling", "allatonce": "direct"}
)
"""Other words for the strategies, without what stands between the letters."""


def plan(strategy: object, ask: Ask, others: Mapping[str, Strategy] = MappingProxyType({})) -> Plan:
    """Return the plan by which a strategy brings a version to the traffic.

    Args:
        strategy: the strategy's name, in any spelling.
        ask: the versions, and what the caller wants.
        others: strategies of others by their names; those that are built in come first.

    Raises:
        InvalidRequest: there is no such strategy, an option makes no sense, or the plan is not right.
    """
    name = strategy_name(strategy, others)
    check_ask(ask)
    chosen: Strategy = BUILT_IN.get(name) or {_plain(other): make for other, make in others.items()}[_plain(name)]
    return check_plan(chosen(ask), ask)


def strategy_name(text: object, others: Mapping[str, Strategy] = MappingProxyType({})) -> str:
    """Return the name of a strategy as records have it: `Blue_Green` is `blue-green`, and `A/B` is `ab`.

    Raises:
        InvalidRequest: there is no such strategy; the hint names those that there are.
    """
    known = {_plain(name): name for name in (*others, *BUILT_IN)}
    word = _plain(text) if isinstance(text, str) else ""
    found = known.get(_SPELLINGS.get(word, word))
    if found is not None:
        return found
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    meant = f"did you mean {known[near[0]]}? " if near else ""
    hint = f"{meant}there are {', '.join(sorted(known.values()))}"
    raise InvalidRequest(f"there is no strategy {shown(text)}", hint=hint)


def direct(ask: Ask) -> Plan:
    """All traffic at once."""
    _refuse(ask, "direct", steps="use canary")
    return _ramp(_started(ask), _AT_ONCE, [WHOLE])


def blue_green(ask: Ask) -> Plan:
    """The new version is loaded and checked beside the old one, then takes everything at once; the old one stays."""
    _refuse(ask, "blue-green", steps="use canary")
    started = _started(ask)
    ramp = _ramp(started, _AT_ONCE, [WHOLE])
    if started.base is None:
        return ramp
    green = step_of(started, _AT_ONCE, started.at(0), warm=[ask.candidate.version_id], min_requests=0)
    warm = [] if ask.keep_warm_seconds == 0 else [started.base.version_id]
    return replace(ramp, steps=[green, *ramp.steps], warm=warm)


def canary(ask: Ask) -> Plan:
    """Step by step, while the new version is watched."""
    _refuse(ask, "canary")
    shares = rising(CANARY_STEPS if ask.steps is None else ask.steps)
    started = _started(ask)
    return _ramp(
        started, _WATCHED if started.base else _AT_ONCE, shares, usual_holdback=HOLDBACK if ask.bake_seconds else 0.0
    )


def rolling(ask: Ask) -> Plan:
    """Replica by replica."""
    _refuse(ask, "rolling", steps="give the number of replicas, or use canary")
    replicas = int(REPLICAS if ask.replicas is None else ask.replicas)
    if replicas > MOST_STEPS:
        raise InvalidRequest(f"rolling has {replicas} steps, and {MOST_STEPS} are the most", hint="use canary")
    shares = [WHOLE * number / replicas for number in range(1, replicas + 1)]
    return _ramp(_started(ask), _AT_ONCE, shares, usual_holdback=HOLDBACK if ask.bake_seconds else 0.0)


def ab(ask: Ask) -> Plan:
    """A fixed split, until a person ends it, or the winner; what wins gets everything, the new version if none did."""
    _refuse(ask, "ab", holdback="leave it out", steps="give the shares as a split", split="")
    options_of(ask.options)
    base = _comparable(ask, "an A/B test")
    split = ask.split or (replace(base, weight=WHOLE / 2),)
    step = step_of(ask, _OPEN, shared_out(replace(ask, split=split)), hold=True)
    return _plan_of(ask, [step], ask.at(WHOLE))


def shadow(ask: Ask) -> Plan:
    """Copies of all requests; what the new version answers is recorded, and nobody sees it."""
    _refuse(ask, "shadow", holdback="leave it out", steps="a shadow gets copies of all requests")
    _comparable(ask, "a shadow")
    return _plan_of(ask, [step_of(ask, _WATCHED, ask.at(0), shadow=ask.at(WHOLE))], ask.at(0))


BUILT_IN: Final[Mapping[str, Callable[[Ask], Plan]]] = MappingProxyType(
    {"ab": ab, "blue-green": blue_green, "canary": canary, "direct": direct, "rolling": rolling, "shadow": shadow}
)


def _ramp(ask: Ask, pace: Pace, shares: list[float], *, usual_holdback: float = 0.0) -> Plan:
    """The plan of growing shares, with the holdback kept back."""
    if ask.base is None:
        return _plan_of(ask, [step_of(ask, pace, ask.at(WHOLE))], ask.at(WHOLE))
    highest = WHOLE - (usual_holdback if ask.holdback is None else ask.holdback)
    capped = dict.fromkeys(min(share, highest) for share in shares)
    return _plan_of(ask, [step_of(ask, pace, ask.at(share)) for share in capped], ask.at(WHOLE))


def _plan_of(ask: Ask, steps: list[Step], final: list[Arm]) -> Plan:
    leaving = ask.base.version_id if ask.base else ""
    kept = [leaving] if leaving and ask.keep_warm_seconds and final != ask.at(0) else []
    return Plan(steps=steps, bake_seconds=float(ask.bake_seconds or 0.0), final=final, warm=kept)


def _started(ask: Ask) -> Ask:
    """What is asked, without a base where the version itself serves already."""
    return replace(ask, base=None) if ask.again else ask


def _comparable(ask: Ask, what: str) -> Arm:
    if ask.base is None:
        raise InvalidRequest(f"{what} needs a version that serves already", hint="deploy one first, with direct")
    if ask.again:
        message = f"{what} compares two versions, and {ask.candidate.version} serves already"
        raise InvalidRequest(message, hint="give another version")
    return ask.base


def _refuse(ask: Ask, strategy: str, **hints: str) -> None:
    """Refuse what a strategy does not take: the options named, and a split everywhere but in A/B tests."""
    for option, hint in {"split": "use ab", **hints}.items():
        if hint and getattr(ask, option):
            raise InvalidRequest(f"the strategy {strategy} has no {option}", hint=hint)


def _plain(name: str) -> str:
    return _NO_LETTER.sub("", name.lower())
