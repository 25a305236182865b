"""A test between versions that share the traffic by lot: is a challenger better or worse than the reference?

Rules
1. For each challenger there are two e-processes (`modelyard.domain.betting`), one against "it is not better", one
   against "it is not worse". Each of K challengers decides at evidence of 2 K / alpha: whatever is true, a false
   decision is ever made with a probability of at most alpha, however often somebody looks. What is decided stays.
2. A unit is a key; its first value counts, and the probability `w` that lots brought it to the challenger is that of
   the epoch that it entered. So neither faithful users nor changed weights deceive the test.
3. A metric with no values but 0 and 1 is binary: how often it is 1 is compared, and beside that the ones alone, in
   equal parts, for an application may tell only those. `success` is compared by its failures.
4. Of any other metric it is compared how often values lie above quantiles of the first `WARM_UP` values, whichever arm
   these came to; they set the cuts and are used for nothing else. The same number of first values tells the kind.
5. The rate that a bet is made by is known before it: it is counted from the past. A wrong one only costs power.
6. A challenger that is decided to be better wins; of several, the first one that is. The reference wins once all are
   decided to be worse. A winner is better than the reference; that it is the best of all is not said.
7. What is shown beside the evidence (means, effect, interval, units needed) decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from modelyard.domain.checks import check_number
from modelyard.domain.deployment import step_of
from modelyard.domain.feedback import MEASURED, SUCCESS, metric_of
from modelyard.domain.names import shown
from modelyard.domain.rivalry import Rivalry, RivalryState
from modelyard.domain.trial import Seen
from modelyard.domain.wire.delivery import DeploymentRecord
from modelyard.domain.wire.feedback import AbArm, AbComparison, AbOptions, AbStanding, AbTerms
from modelyard.errors import InvalidRequest, RegistryCorrupt

BINARY, NUMERIC = "binary", "numeric"
BETTER, WORSE = "better", "worse"
WARM_UP: Final = 50
QUANTILES: Final = (0.25, 0.5, 0.75, 0.9)
HALF: Final = 0.5
"""What the values of a binary metric are compared with."""
KEY_BITS: Final = 1 << 22
LARGEST_ALPHA: Final = 0.5
_OPTIONS: Final = ("metric", "alpha", "higher_is_better", "promote_winner")


def options_of(given: Mapping[str, Any]) -> AbOptions:
    """Return what a test decides by, from the options of its deployment.

    Raises:
        InvalidRequest: an option is unknown, or not what it can be.
    """
    for name in given:
        if name not in _OPTIONS:
            raise InvalidRequest(
                f"an A/B test has no option {shown(name)}", hint=f"its options are {', '.join(_OPTIONS)}"
            )
    metric = given.get("metric", SUCCESS)
    if metric not in MEASURED:
        metric = metric_of(metric)
    usual = MEASURED.get(metric, True)
    is_higher = _flag(given, "higher_is_better", usual=usual)
    if metric in MEASURED and is_higher != usual:
        raise InvalidRequest(f"higher_is_better is {is_higher} for {metric}", hint="leave it out: it is known")
    try:
        alpha = check_number(given.get("alpha", AbOptions().alpha))
    except ValueError as error:
        raise InvalidRequest(f"alpha is {shown(given['alpha'])}, {error}", hint="give 0.05") from None
    if not 0 < alpha <= LARGEST_ALPHA:
        raise InvalidRequest(
            f"alpha is {alpha:g}", hint=f"give a number above 0 and up to {LARGEST_ALPHA:g}, such as 0.05"
        )
    promotes = _flag(given, "promote_winner", usual=False)
    return AbOptions(metric=metric, alpha=alpha, higher_is_better=is_higher, promote_winner=promotes)


def terms_of(deployment: DeploymentRecord) -> AbTerms:
    """Return who is compared with whom in a deployment that is a test.

    What served before is the reference; where that takes no part, the version with the largest share beside the
    deployed one.

    Raises:
        InvalidRequest: its options are not those of a test.
    """
    weights = {arm.version_id: arm.weight for arm in step_of(deployment).arms if arm.weight > 0}
    reference = deployment.base_id or ""
    if reference not in weights:
        reference = max((name for name in weights if name != deployment.version_id), key=lambda name: weights[name])
    return AbTerms(
        options=options_of(deployment.options.more),
        reference=reference,
        challengers=[name for name in weights if name != reference],
    )


def _flag(given: Mapping[str, Any], name: str, *, usual: bool) -> bool:
    value = given.get(name, usual)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} is {shown(value)}", hint="give true or false")
    return value


class AbTest:
    """A test that takes in values in one order, which is part of the record.

    Args:
        terms: who is compared, and by what.

    Attributes:
        position: how far what is recorded was taken in; kept for whoever reads it.
        kind: `binary` or `numeric`; empty until that is known.
        units: units that were taken in.
        winner: id of the version that won; empty while nobody has.
        decided_at: after how many units.
    """

    def __init__(self, terms: AbTerms) -> None:
        self.terms = terms
        self.position = self.units = self.decided_at = 0
        self.kind = self.winner = ""
        self._is_success = terms.options.metric == SUCCESS
        self._rivalries: dict[str, Rivalry] = {}
        self._first: list[_Value] = []
        self._cuts: list[float] = []
        self._arms = {name: [0.0, 0.0, 0.0] for name in (terms.reference, *terms.challengers)}
        """Version id → units, the sum of their values, and the newest weight."""
        self._seen, self._happened = Seen(KEY_BITS), Seen(KEY_BITS)
        if self._is_success:
            self._begin([0.0, 1.0])

    @property
    def limit(self) -> float:
        """The evidence that decides."""
        return 2.0 * len(self.terms.challengers) / self.terms.options.alpha

    def take(
        self, version_id: str, weights: Mapping[str, float], key: int, value: float, *, is_whole: bool = True
    ) -> None:
        """Take in a value of the metric.

        Args:
            version_id: the version that lots brought the unit to; values of others are passed over.
            weights: version id → its share of the keys, in the epoch that the unit entered.
            key: hash of the unit's key; 0 for a unit of its own.
            value: the metric's value; 0 or 1 where something came true or not.
            is_whole: False for one of which nothing is known but that something happened, because it happened.
        """
        if version_id not in self._arms or weights.get(version_id, 0.0) <= 0.0:
            return
        # What is compared of success are its failures: they are rare, and say more.
        mark = 1.0 - value if self._is_success else value
        is_first = is_whole and self._seen.add(key)
        is_event = self.kind != NUMERIC and mark > HALF and self._happened.add(key)
        if is_first:
            self._count(version_id, weights, value)
        if is_first or is_event:
            self._weigh(_Value(version_id, dict(weights), mark, is_first, is_event))

    def _count(self, version_id: str, weights: Mapping[str, float], value: float) -> None:
        """Count a unit, and note the weights that are the newest now."""
        self.units += 1
        self._arms[version_id][0] += 1
        self._arms[version_id][1] += value
        for name, arm in self._arms.items():
            arm[2] = weights.get(name, 0.0)

    def _weigh(self, found: _Value) -> None:
        """Bet on a value, or keep it for the thresholds as long as there are none."""
        if self.kind:
            self._compare(found)
            return
        self._first.append(found)
        if self.units >= WARM_UP:
            self._begin(sorted(one.mark for one in self._first if one.is_first))

    def standing(self) -> AbStanding:
        """How the test stands."""
        return AbStanding(
            kind=self.kind,
            units=self.units,
            arms=[
                AbArm(version_id=name, weight=weight, units=int(units), mean=total / units if units else None)
                for name, (units, total, weight) in self._arms.items()
            ],
            comparisons=[self._told(name) for name in self.terms.challengers],
            limit=self.limit,
            winner=self.winner,
            decided_at=self.decided_at,
        )

    def state(self) -> bytes:
        """Return all that it consists of; `restored` takes it."""
        return _encode(
            _State(
                position=self.position,
                kind=self.kind,
                units=self.units,
                winner=self.winner,
                decided_at=self.decided_at,
                arms=self._arms,
                cuts=self._cuts,
                first=self._first,
                rivalries={name: rivalry.state() for name, rivalry in self._rivalries.items()},
                seen=bytes(self._seen.bits),
                happened=bytes(self._happened.bits),
            )
        )

    def restore(self, state: _State) -> None:
        """Become what another one was."""
        self.position, self.kind, self.units = state.position, state.kind, state.units
        self.winner, self.decided_at = state.winner, state.decided_at
        self._cuts, self._first = state.cuts, state.first
        self._arms = {name: state.arms[name] for name in self._arms}
        self._seen.fill(state.seen)
        self._happened.fill(state.happened)
        self._rivalries = {}
        for name in self.terms.challengers if state.kind else ():
            self._rivalries[name] = Rivalry(state.cuts, is_binary=state.kind == BINARY)
            self._rivalries[name].restore(state.rivalries[name])

    def _begin(self, ordered: Sequence[float]) -> None:
        """Settle what kind of metric it is by its first values, in ascending order, and begin to compare."""
        is_binary = set(ordered) <= {0.0, 1.0}
        self.kind = BINARY if is_binary else NUMERIC
        cuts = [ordered[math.ceil(share * len(ordered)) - 1] for share in QUANTILES]
        self._cuts = [HALF] if is_binary else cuts
        self._rivalries = {name: Rivalry(self._cuts, is_binary=is_binary) for name in self.terms.challengers}
        waiting, self._first = self._first, []
        # The cut of a binary metric does not come from its values: they may be bet on.
        for found in waiting if is_binary else ():
            self._compare(found)

    def _compare(self, found: _Value) -> None:
        reference = self.terms.reference
        for name, rivalry in self._rivalries.items():
            own, base = found.weights.get(name, 0.0), found.weights.get(reference, 0.0)
            if found.version_id not in {name, reference} or own <= 0.0 or base <= 0.0:
                continue
            w = own / (own + base)
            if found.is_first:
                rivalry.take(found.mark, w, own=found.version_id == name)
            if found.is_event:
                rivalry.event(w, own=found.version_id == name)
            self._decide(rivalry)

    def _decide(self, rivalry: Rivalry) -> None:
        if not rivalry.verdict:
            better, worse = self._sides(rivalry)
            rivalry.verdict = BETTER if better >= self.limit else WORSE if worse >= self.limit else ""
        if rivalry.verdict and not self.winner:
            won = next((name for name, one in self._rivalries.items() if one.verdict == BETTER), "")
            if not won and all(one.verdict == WORSE for one in self._rivalries.values()):
                won = self.terms.reference
            self.winner, self.decided_at = won, self.units if won else 0

    def _sides(self, rivalry: Rivalry) -> tuple[float, float]:
        """The evidence that a challenger is better, and that it is worse."""
        is_good = self.terms.options.higher_is_better != self._is_success
        sides = rivalry.up.value, rivalry.down.value
        return sides if is_good else (sides[1], sides[0])

    def _told(self, name: str) -> AbComparison:
        rivalry = self._rivalries.get(name)
        if rivalry is None:
            return AbComparison(version_id=name)
        better, worse = self._sides(rivalry)
        sign = -1.0 if self._is_success else 1.0
        interval = rivalry.effect.interval(self.terms.options.alpha)
        low, high = sorted(sign * end for end in interval) if interval is not None else (None, None)
        return AbComparison(
            version_id=name,
            e_better=better,
            e_worse=worse,
            verdict=rivalry.verdict,
            effect=sign * rivalry.effect.estimate if rivalry.effect.count else None,
            low=low,
            high=high,
            needed=0 if rivalry.verdict else rivalry.needed(self.limit),
        )


class _Value(msgspec.Struct, frozen=True, array_like=True):
    """A value that was taken in; `mark` is what is compared of it."""

    version_id: str
    weights: dict[str, float]
    mark: float
    is_first: bool
    is_event: bool


class _State(msgspec.Struct, array_like=True):
    position: int
    kind: str
    units: int
    winner: str
    decided_at: int
    arms: dict[str, list[float]]
    cuts: list[float]
    first: list[_Value]
    rivalries: dict[str, RivalryState]
    seen: bytes
    happened: bytes


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(_State).decode


def restored(terms: AbTerms, stored: bytes) -> AbTest:
    """Return a test that is what another one of these terms was, to the last bit.

    Raises:
        RegistryCorrupt: the bytes stand for none.
    """
    test = AbTest(terms)
    try:
        test.restore(_decode(stored))
    except (msgspec.MsgspecError, ValueError, KeyError) as error:
        raise RegistryCorrupt(f"the stored state of a test is damaged: {error}") from error
    return test
