"""Measures the judge: how often he errs, how soon he finds what is worse, and what an observation costs him.

    python bench/judge.py [--runs N] [--only TEXT] [--cost]

    table    simulated releases at 10 % of the traffic; "requests" are those of both versions, medians and 90th
             percentiles those of the new one at rollback; the standard error of a share stands in brackets
    cost     an error, and a request that is measured by all metrics    against  BLAKE2b of eight bytes

The table takes minutes for each hundred runs; `--runs 20` gives an impression. Releases with all metrics and 200,000
requests are simulated only where something is to be found. Ends with 1 if the cost misses its goal.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b
from random import Random
from statistics import median

from modelyard.domain.releases import Effect, Release, Scenario, World, release
from modelyard.domain.simulation import quantile
from modelyard.domain.trial import Trial
from modelyard.domain.units import NONE, Arrival, Batch, Unit
from modelyard.domain.wire.judge import JudgeOptions, Terms

ERRORS = Scenario(options=JudgeOptions(metrics=["errors"]), per_minute=60.0)
EVERYTHING = Scenario(p50_s=0.1, tokens=200.0, per_minute=60.0)
CASES = [
    *((f"equal {100 * rate:g} %", rate, Effect()) for rate in (0.001, 0.01, 0.05)),
    ("errors 1 -> 2 %", 0.01, Effect(error_rate=0.02)),
    ("errors 1 -> 5 %", 0.01, Effect(error_rate=0.05)),
    ("errors .1 -> 1 %", 0.001, Effect(error_rate=0.01)),
    ("errors 1 -> 100 %", 0.01, Effect(error_rate=1.0)),
    ("latency +20 %", 0.01, Effect(latency=1.2)),
    ("latency +100 %", 0.01, Effect(latency=2.0)),
    ("tokens +50 %", 0.01, Effect(tokens=1.5)),
]
REQUESTS = (2_000, 20_000, 200_000)
ALPHAS = (0.05, 0.01)
UNITS = 20_000
ROUNDS = 7
GOAL = 60.0
"""How many times as long as BLAKE2b of eight bytes an observation may take."""


def cells(only: str) -> Iterator[tuple[str, Scenario, Effect]]:
    """Yield the cells of the table whose names hold a text."""
    for name, rate, effect in CASES:
        for requests in REQUESTS:
            for alpha in ALPHAS:
                for kind, base in (("errors", ERRORS), ("all", EVERYTHING)):
                    label = f"{name:18} {requests:>7,}  {alpha:<5} {kind:7}"
                    is_blind = kind == "errors" and (effect.latency, effect.tokens) != (1.0, 1.0)
                    is_endless = kind == "all" and requests == max(REQUESTS) and effect == Effect()
                    if only in label and not is_blind and not is_endless:
                        options = replace(base.options, alpha=alpha)
                        yield label, replace(base, error_rate=rate, requests=requests, options=options), effect
    for w, ratio, requests in ((0.1, 2.0, 200_000), (0.5, 2.0, 100_000), (0.1, 1.5, 400_000), (0.5, 1.5, 200_000)):
        for name, effect in (("proof, equal", Effect()), ("proof, as bad", Effect(errors=ratio))):
            label = f"{name:14} x{ratio:g} w {w:g}"
            if only in label:
                options = replace(ERRORS.options, alpha=1e-6, require_proof=ratio)
                yield label, replace(ERRORS, steps=(w,), requests=requests, options=options), effect


def row(label: str, found: list[Release]) -> str:
    """A line of the table."""
    runs = len(found)
    back = [one.requests for one in found if one.rolled_back]
    proofs = [one.proof_requests for one in found if one.proof_requests is not None]
    share, proven = len(back) / runs, len(proofs) / runs
    error, proof_error = (100 * math.sqrt(one * (1 - one) / runs) for one in (share, proven))
    requests = f"{quantile(back, 0.5):>6,} / {quantile(back, 0.9):<6,}" if back else f"{'-':>6}   {'':6}"
    proof = f"{quantile(proofs, 0.5):>6,}" if proofs else f"{'-':>6}"
    return f"{label:48} {100 * share:5.1f} ({error:.1f})  {requests}  {100 * proven:5.1f} ({proof_error:.1f}) {proof}"


def table(runs: int, only: str) -> None:
    """Print the table."""
    print(f"{'case, requests, alpha, metrics':48} rolled back  median / 90th    proven, median   ({runs} runs)")
    for label, scenario, effect in cells(only):
        world = World(scenario, effect)
        chances = [Random(f"{label} {number}") for number in range(runs)]  # noqa: S311 - no secret
        print(row(label, [release(world, chance) for chance in chances]), flush=True)


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def judging(units: tuple[Unit, ...], weights: dict[str, float]) -> Callable[[], object]:
    """Work that lets a new trial take in units."""
    batch = Batch((Arrival("old", 1), Arrival("new", 1)), units)
    known = {"latency": [40, 60, 90], "tokens": [40, 60, 90]}
    terms = Terms(base_id="old", challengers=["new"], weights=weights, thresholds=known)
    return lambda: Trial(terms).take(batch, {1: {"old": 0.9, "new": 0.1}})


def cost() -> bool:
    """Print what observations cost; whether that is within the goal."""
    chance = Random(1)  # noqa: S311 - no secret
    arms = chance.choices((0, 1), (0.9, 0.1), k=UNITS)
    errors = tuple(Unit(arm=arm, key=0, failed=True, place=NONE) for arm in arms)
    whole = tuple(
        Unit(arm=arm, key=chance.getrandbits(64), failed=False, place=chance.randrange(100), size=chance.randrange(100))
        for arm in arms
    )
    keys = [chance.randbytes(8) for _ in range(UNITS)]
    work = {
        "an error": judging(errors, {"errors": 1.0}),
        "a measured request": judging(whole, {"errors": 0.5, "latency": 0.4, "tokens": 0.1}),
    }
    timed: dict[str, list[float]] = {name: [] for name in ("yardstick", *work)}
    for _ in range(ROUNDS):
        timed["yardstick"].append(seconds(lambda: [blake2b(key, digest_size=8).digest() for key in keys]))
        for name, one in work.items():
            timed[name].append(seconds(one))
    yardstick = median(timed["yardstick"])
    is_good = True
    for name in work:
        taken = median(timed[name])
        ratio = taken / yardstick
        is_good &= ratio <= GOAL
        print(f"{name:20} {1e6 * taken / UNITS:6.2f} us   {ratio:5.1f} x BLAKE2b of eight bytes   goal {GOAL:g}")
    return is_good


def main() -> int:
    """Measure, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", default="", help="only cells whose line holds this text")
    parser.add_argument("--cost", action="store_true", help="measure the cost only")
    asked = parser.parse_args()
    is_good = cost()
    if not asked.cost:
        table(asked.runs, asked.only)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
