"""What a strategy is asked, and what a plan may be: shares, paces, and the checks that every plan passes.

Rules
1. Shares of the new version are percentages above 0 and up to 100 that rise strictly; a list that does not end in 100
   gets 100 at its end, so every plan that moves traffic ends with all of it.
2. No length of time is negative, endless or longer than a year; no step ends before it may go on.
3. Each step serves the whole traffic: its weights are those of a right route.
4. The share of the new version never falls from step to step, so that users move one way only.
5. A plan names no versions but those that it was asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final, Protocol

from modelyard.domain.checks import check_number
from modelyard.domain.names import shown
from modelyard.domain.routing import check_route, check_shares
from modelyard.domain.wire.delivery import Arm, Plan, Route, Step
from modelyard.errors import InvalidRequest

WHOLE: Final = 100.0
"""All of the traffic, in percent."""
MOST_STEPS: Final = 100
LONGEST_SECONDS: Final = 366 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a strategy plans for. What is None is as the strategy says; the fields mean what those of `Deploy` do.

    Attributes:
        candidate: the new version; what its weight is does not matter.
        base: the version that serves now, likewise; None where nothing does.
        split: for A/B tests, versions with their shares in percent as weights.
    """

    candidate: Arm
    base: Arm | None = None
    steps: Sequence[float] | None = None
    step_seconds: float | None = None
    min_requests: int | None = None
    max_step_seconds: float | None = None
    bake_seconds: float | None = None
    holdback: float | None = None
    keep_warm_seconds: float | None = None
    replicas: int | None = None
    split: Sequence[Arm] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> frozenset[str]:
        """The ids of all versions that it names."""
        return frozenset(arm.version_id for arm in (self.candidate, *([self.base] if self.base else []), *self.split))

    @property
    def again(self) -> bool:
        """Whether the version serves already."""
        return self.base is not None and self.base.version_id == self.candidate.version_id

    def at(self, share: float) -> list[Arm]:
        """Return the arms where the new version has a share, in percent, and the base has the rest."""
        arms = [replace(self.base, weight=1 - share / WHOLE)] if self.base and share < WHOLE else []
        return [*arms, replace(self.candidate, weight=share / WHOLE)] if share > 0 or not arms else arms


class Strategy(Protocol):
    """Plans the way of a new version to the traffic; a pure function of what it is asked."""

    def __call__(self, ask: Ask, /) -> Plan:
        """Return the plan.

        Raises:
            InvalidRequest: it cannot do what it is asked.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a strategy's steps follow each other where the caller does not say."""

    min_seconds: float = 0.0
    min_requests: int = 0
    max_seconds: float | None = 3600.0


def check_ask(ask: Ask) -> None:
    """Refuse numbers that no strategy could do anything with.

    Raises:
        InvalidRequest: the message names the option and its value.
    """
    for name in ("step_seconds", "bake_seconds", "keep_warm_seconds"):
        _check_range(name, getattr(ask, name), 0, LONGEST_SECONDS)
    _check_range("max_step_seconds", ask.max_step_seconds, 0, LONGEST_SECONDS, above=True)
    _check_range("holdback", ask.holdback, 0, WHOLE)
    if ask.holdback == WHOLE:
        raise InvalidRequest("a holdback of 100 % leaves the new version nothing", hint="5 to 10 percent is usual")
    for name, least in (("min_requests", 0), ("replicas", 1)):
        value = getattr(ask, name)
        _check_range(name, value, least, 1e9)
        if value is not None and value != int(value):
            raise InvalidRequest(f"{name} is {shown(value)}", hint="give a whole number")
    if ask.step_seconds is not None and ask.max_step_seconds is not None and ask.max_step_seconds < ask.step_seconds:
        raise InvalidRequest(
            f"max_step_seconds is {ask.max_step_seconds:g}, less than the {ask.step_seconds:g} that a step lasts",
            hint="a step has to have time to end",
        )


def rising(shares: object) -> list[float]:
    """Return the shares of the steps, in percent; 100 is added at the end where it is missing.

    Raises:
        InvalidRequest: there are none or too many, one is not above 0 and up to 100, or they do not rise strictly.
    """
    hint = "give rising percentages, such as 10, 50, 100"
    if isinstance(shares, str) or not isinstance(shares, Sequence) or not 1 <= len(shares) <= MOST_STEPS:
        raise InvalidRequest(f"steps are 1 to {MOST_STEPS} percentages, and not {shown(shares)}", hint=hint)
    numbers = [_percent("a step", share) for share in shares]
    for before, after in pairwise(numbers):
        if after <= before:
            raise InvalidRequest(f"the steps go from {before:g} to {after:g} percent", hint=hint)
    return numbers if numbers[-1] == WHOLE else [*numbers, WHOLE]


def shared_out(ask: Ask) -> list[Arm]:
    """Return the arms of a fixed split; the new version takes what the others leave, or what is said of it.

    Raises:
        InvalidRequest: there are fewer than two arms, one stands there twice, or the shares do not make 100.
    """
    shares = [(arm, _percent(f"the share of {arm.version}", arm.weight)) for arm in ask.split]
    rest = WHOLE - sum(share for _, share in shares)
    if all(arm.version_id != ask.candidate.version_id for arm, _ in shares):
        if rest <= 0:
            message = f"the split leaves {rest:g} percent to {ask.candidate.version}"
            raise InvalidRequest(message, hint="the other versions' shares add up to less than 100")
        shares.append((ask.candidate, rest))
    arms = [replace(arm, weight=share / WHOLE) for arm, share in shares]
    if len(arms) == 1:
        raise InvalidRequest("a split has two versions or more", hint="give the others their shares, such as 1.0.0: 50")
    check_shares(arms)
    return arms


def step_of(ask: Ask, pace: Pace, arms: list[Arm], **fields: Any) -> Step:
    """Return a step that lasts as long as the caller says, or else the pace; a base without a share stays loaded."""
    min_seconds = pace.min_seconds if ask.step_seconds is None else float(ask.step_seconds)
    usual = None if pace.max_seconds is None else max(pace.max_seconds, 2 * min_seconds)
    max_seconds = usual if ask.max_step_seconds is None else float(ask.max_step_seconds)
    if ask.step_seconds is None and max_seconds is not None:
        min_seconds = min(min_seconds, max_seconds)
    serving = {arm.version_id for arm in arms}
    base = [ask.base.version_id] if ask.base and ask.base.version_id not in serving else []
    given: dict[str, Any] = {
        "warm": base,
        "min_seconds": min_seconds,
        "min_requests": pace.min_requests if ask.min_requests is None else int(ask.min_requests),
        "max_seconds": max_seconds,
        **fields,
    }
    return Step(arms=arms, **given)


def check_plan(plan: object, ask: Ask) -> Plan:
    """Return a plan that a deployment can follow, whoever made it.

    Raises:
        InvalidRequest: it is no plan, has no steps or too many, or breaks a rule of this module.
    """
    if not isinstance(plan, Plan):
        raise InvalidRequest(f"the strategy gave {shown(plan)}, which is no plan")
    if not 1 <= len(plan.steps) <= MOST_STEPS:
        raise InvalidRequest(f"a plan has 1 to {MOST_STEPS} steps, and this one has {len(plan.steps)}")
    _check_range("bake_seconds", plan.bake_seconds, 0, LONGEST_SECONDS)
    for step in plan.steps:
        _check_step(step)
    _check_arms(plan.final, [])
    used = {arm.version_id for step in plan.steps for arm in (*step.arms, *step.shadow)}
    used |= {arm.version_id for arm in plan.final} | {name for step in plan.steps for name in step.warm}
    unknown = (used | set(plan.warm)) - ask.known
    if unknown:
        raise InvalidRequest(f"the plan has versions that were not asked for: {', '.join(sorted(map(str, unknown)))}")
    _check_forward([_weight(step.arms, ask.candidate.version_id) for step in plan.steps])
    return plan


def _check_step(step: Step) -> None:
    _check_arms(step.arms, step.shadow)
    for name in ("min_seconds", "max_seconds"):
        _check_range(name, getattr(step, name), 0, LONGEST_SECONDS)
    _check_range("min_requests", step.min_requests, 0, 1e9)
    if step.max_seconds is not None and step.max_seconds < step.min_seconds:
        raise InvalidRequest(f"a step of the plan ends after {step.max_seconds:g}s, before its {step.min_seconds:g}s")


def _check_arms(arms: list[Arm], shadow: list[Arm]) -> None:
    if not arms:
        raise InvalidRequest("a step of the plan serves nothing, or nothing is served at its end")
    check_route(Route(arms=arms, shadow=shadow))


def _check_forward(weights: Iterable[float]) -> None:
    last = 0.0
    for weight in weights:
        if weight < last:
            raise InvalidRequest(f"the plan takes the new version back from {last:g} to {weight:g} of the traffic")
        last = weight


def _weight(arms: list[Arm], version_id: str) -> float:
    return sum(arm.weight for arm in arms if arm.version_id == version_id)


def _percent(what: str, value: object) -> float:
    return _within(what, value, 0, WHOLE, above=True)


def _check_range(what: str, value: object, least: float, most: float, *, above: bool = False) -> None:
    if value is not None:
        _within(what, value, least, most, above=above)


def _within(what: str, value: object, least: float, most: float, *, above: bool) -> float:
    bounds = f"a number {'above' if above else 'from'} {least:g} {'and up ' if above else ''}to {most:.10g}"
    try:
        number = check_number(value)
    except ValueError as error:
        raise InvalidRequest(f"{what} is {shown(value)}, {error}", hint=f"give {bounds}") from None
    if not least <= number <= most or (above and number == least):
        raise InvalidRequest(f"{what} is {shown(value)}", hint=f"give {bounds}")
    return number
