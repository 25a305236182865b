"""How long a test between two versions will take, before it starts.

Rules
- The evidence of the best bet grows like a Brownian motion with drift: by `growth` a unit, with the variance `spread`.
  The time at which it first reaches a level has the inverse Gaussian distribution.
- The level is what decides (2 / alpha), and the share of the wealth that lies on the bet: half of it on how often
  something happens, of that the bet's own.
- A test that is looked at all the time needs more units than one that is looked at once at its end. It ends early where
  the difference is larger than thought.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from modelyard.domain.rivalry import PRIOR, growths
from modelyard.domain.wire.feedback import SampleAdvice
from modelyard.errors import InvalidRequest

MOST_UNITS: Final = 10**12
_HALF: Final = 0.5
_Z: Final = NormalDist()


def advise(
    base_rate: float, effect: float, split: float = 0.5, *, alpha: float = 0.05, power: float = 0.8
) -> SampleAdvice:
    """Return how many units it takes to find a difference of rates.

    Args:
        base_rate: how often it happens with the reference, in 0..1.
        effect: the smallest difference that shall be found, such as 0.01; negative for a fall.
        split: the challenger's share of the units.
        alpha: the probability of a false decision.
        power: the probability with which the difference is found within the units that are told.

    Raises:
        InvalidRequest: a number is out of its range, or the difference is too small to be found at all.
    """
    for name, value in (("base_rate", base_rate), ("split", split), ("alpha", alpha), ("power", power)):
        _inside(name, value)
    _inside("base_rate and effect together", base_rate + effect)
    if effect == 0:
        raise InvalidRequest("an effect of 0 is no difference", hint="give the smallest one worth finding")
    rate, base, w = base_rate + effect, base_rate, split
    if effect < 0:
        # A fall is found by the bets with the arms exchanged.
        rate, base, w = base_rate, base_rate + effect, 1.0 - split
    found = [
        _units(growth, spread, math.log(2.0 / alpha / (_HALF * share)), power)
        for (growth, spread), share in zip(growths(w, rate, base), PRIOR, strict=True)
        if growth > 0
    ]
    units = min(found, default=MOST_UNITS)
    if units >= MOST_UNITS:
        raise InvalidRequest(
            f"a difference of {effect:g} on {base_rate:g} is too small to be found", hint="look for a larger one"
        )
    own = round(units * split)
    return SampleAdvice(
        base_rate=base_rate,
        effect=effect,
        split=split,
        alpha=alpha,
        power=power,
        units=units,
        challenger_units=own,
        reference_units=units - own,
    )


def _units(growth: float, spread: float, level: float, power: float) -> int:
    """The units after which the level was reached with a probability of `power`."""
    low, high = 1, MOST_UNITS
    while low < high:
        middle = (low + high) // 2
        if _reached(growth, spread, level, middle) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def _reached(growth: float, spread: float, level: float, units: int) -> float:
    """The probability that a Brownian motion with drift has reached a level."""
    root = math.sqrt(spread * units)
    straight = _Z.cdf((growth * units - level) / root)
    mirrored = _Z.cdf((-growth * units - level) / root)
    # Where the exponent is that large, the mirrored part is no number above 0.
    return straight + math.exp(min(2.0 * growth * level / spread, 700.0)) * mirrored


def _inside(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InvalidRequest(f"{name} is {value:g}, and lies between 0 and 1", hint="give 0.05 or 5% for five per cent")
