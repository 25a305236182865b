"""Which version answers which request: weighted rendezvous hashing, rules, and copies for shadow versions.

Rules
- `u(version) = (uint64_be(blake2b8(salt ␟ version id ␟ key)) + 0.5) / 2^64`, where ␟ is the byte 0x1f; the version with
  the least `-ln(u) / weight` answers (rendezvous hashing: Thaler and Ravishankar, 1998; with the logarithm as weight:
  Schindelhauer and Schomaker, 2005). So each version gets its weight's share of the keys, a key stays where it is as
  long as the weights allow, and a change of weights moves no more keys than it has to, and none between versions that
  it does not concern.
- The salt is the deployment's id: other keys come first in each deployment, so it is not always the same users who
  meet what is new.
- The first rule that matches decides, whatever the weights say. Its percentage is measured by a hash of its *name* and
  the key: a key stays in while the percentage grows, over all deployments, and if the rule's version changes.
- A shadow version gets a copy of its share of the keys by a hash of its own, so that its share is the same among the
  keys of each version that answers.
- A compiled route is never changed; another epoch is another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from struct import Struct
from typing import Any, Final, TypeAlias

from modelyard.domain.canonical import encoded
from modelyard.domain.names import printable, shown
from modelyard.domain.wire.delivery import Arm, Route, Rule
from modelyard.errors import InvalidRequest

TOLERANCE: Final = 1e-9
"""By how much the sum of the weights may differ from 1: floats such as a third do not add up exactly."""

Header: TypeAlias = Callable[[str], str | None]
"""Gives the value of a request's header, named in lower case, or None."""

_SPACE: Final = 2.0**64
_FLAG: Final = "flag"
_SHADOW: Final = "/shadow"
"""Behind a salt; identifiers of deployments have no slash."""
_read: Final = Struct(">Q").unpack
_log: Final = math.log
_State: TypeAlias = Any
"""A hash that has taken everything but the key; hashlib gives its type no public name."""


def unit(salt: str, version_id: str, key: bytes) -> float:
    """Return the place of a key for a version, evenly spread over 0 … 1."""
    return _place(_state(salt, version_id), key)


def pick(salt: str, weights: Sequence[tuple[str, float]], key: bytes) -> str:
    """Return the version that a key belongs to.

    Args:
        salt: the deployment that made the split.
        weights: versions with their weights, in any order and of any sum; those without weight get nothing.
        key: what sticks to a version; empty is a key like others.

    Raises:
        ValueError: no version has a weight.
    """
    return min((_log(unit(salt, name, key)) / -weight, name) for name, weight in weights if weight > 0)[1]


class CompiledRoute:
    """A route in the form in which requests are sent on their ways, in a few microseconds.

    Attributes:
        route: the route as it is stored.
        epoch: the route's number.
        versions: every version that has to be loaded: those with a weight, of the rules, in the shadow, kept warm.
    """

    __slots__ = ("_arms", "_only", "_rules", "_shadow", "_weights", "epoch", "route", "versions")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.epoch = route.epoch
        self._weights = {arm.version_id: arm.weight for arm in route.arms if arm.weight > 0}
        # Ties, which floats allow once in 10^16 keys, are broken by the identifier, and never by the order.
        self._arms = tuple((name, _state(route.salt, name), -weight) for name, weight in sorted(self._weights.items()))
        self._only = self._arms[0][0] if len(self._arms) == 1 else None
        self._rules = tuple((rule, _state(_FLAG, rule.name), rule.percentage) for rule in route.rules)
        self._shadow = tuple(
            (arm.version_id, _state(route.salt + _SHADOW, arm.version_id), arm.weight)
            for arm in route.shadow
            if arm.weight > 0
        )
        needed = [*self._weights, *(rule.version_id for rule in route.rules), *(copy[0] for copy in self._shadow)]
        self.versions: tuple[str, ...] = tuple(dict.fromkeys([*needed, *route.warm]))

    def choose(self, key: bytes, header: Header) -> str | None:
        """Return the id of the version that answers; None where nothing is served."""
        rule = self.rule_of(key, header)
        return rule.version_id if rule is not None else self.drawn(key)

    def drawn(self, key: bytes) -> str | None:
        """Return the id of the version that a key belongs to by the weights alone."""
        return self._only or self._weighted(key)

    def rule_of(self, key: bytes, header: Header) -> Rule | None:
        """Return the first rule that matches a request, if one does."""
        for rule, state, percentage in self._rules:
            if rule.header:
                value = header(rule.header)
                if value is None or (rule.equals and value != rule.equals):
                    continue
            if percentage >= 100 or _place(state, key) * 100 < percentage:  # noqa: PLR2004 - percent
                return rule
        return None

    def shadows(self, key: bytes) -> tuple[str, ...]:
        """Return the ids of the versions that get a copy of a request."""
        if not self._shadow:
            return ()
        return tuple(name for name, state, weight in self._shadow if weight >= 1 or _place(state, key) < weight)

    def weight_of(self, version_id: str) -> float:
        """Return the share of the keys that a version gets by weight; rules are not counted."""
        return self._weights.get(version_id, 0.0)

    def _weighted(self, key: bytes) -> str | None:
        best, chosen = math.inf, None
        for name, state, minus_weight in self._arms:
            score = _log(_place(state, key)) / minus_weight
            if score < best:
                best, chosen = score, name
        return chosen


def check_route(route: Route) -> None:
    """Refuse a route that nothing could follow, or that would not share the traffic out exactly.

    Raises:
        InvalidRequest: weights are not finite, negative, or do not add up to 1; a version or a rule stands there twice;
            a rule has no version, or a percentage that is none.
    """
    check_shares(route.arms)
    _distinct([arm.version_id for arm in route.shadow], "the shadow has the version")
    for arm in route.shadow:
        if not 0 <= arm.weight <= 1:
            raise InvalidRequest(f"the shadow version {arm.version} has the share {arm.weight}", hint="give 0 to 1")
    _distinct([rule.name for rule in route.rules], "there are two rules named")
    for rule in route.rules:
        check_rule(rule)


def check_shares(arms: Sequence[Arm]) -> None:
    """Refuse arms whose weights do not add up to 1; no arm at all is right, and serves nothing.

    Raises:
        InvalidRequest: a weight is not finite or negative, the sum is another one, or a version stands there twice.
    """
    _distinct([arm.version_id for arm in arms], "the route has the version")
    for arm in arms:
        if not (math.isfinite(arm.weight) and arm.weight >= 0):
            raise InvalidRequest(f"{arm.version} has the weight {arm.weight}", hint="weights are 0 to 1")
    total = math.fsum(arm.weight for arm in arms)
    if arms and abs(total - 1) > TOLERANCE:
        raise InvalidRequest(f"the weights add up to {total}, and not to 1", hint="share out the whole traffic")


def check_rule(rule: Rule) -> None:
    """Refuse a rule that no request could be held against.

    Raises:
        InvalidRequest: it has no name or no version, its header is not in lower case, or its percentage is none.
    """
    for what, text in (("a rule's name", rule.name), ("a header", rule.header), ("a header's value", rule.equals)):
        printable(text, what)
    if not rule.name or not rule.version_id:
        raise InvalidRequest(f"the rule {shown(rule.name)} has no {'version' if rule.name else 'name'}")
    if rule.header != rule.header.strip().lower() or (rule.equals and not rule.header):
        hint = "name the header in lower case, such as x-channel"
        raise InvalidRequest(f"the rule {rule.name} has the header {shown(rule.header)}", hint=hint)
    if not 0 <= rule.percentage <= 100:  # noqa: PLR2004 - percent; NaN is refused too
        raise InvalidRequest(f"the rule {rule.name} has the percentage {rule.percentage}", hint="give 0 to 100")


def canonical(route: Route) -> bytes:
    """Return a route as JSON that is the same byte for byte for equal routes."""
    return encoded(route)


def _distinct(names: Iterable[str], problem: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidRequest(f"{problem} {shown(name)} twice", hint="leave one out")
        seen.add(name)


def _state(salt: str, version_id: str) -> _State:
    return blake2b(f"{salt}\x1f{version_id}\x1f".encode(), digest_size=8)


def _place(state: _State, key: bytes) -> float:
    taken = state.copy()
    taken.update(key)
    return (_read(taken.digest())[0] + 0.5) / _SPACE  # type: ignore[no-any-return]  # Struct gives a tuple of anything
