"""From a trial to what the judge says, in words that people can check, and how it joins the limits that people set.

Rules
1. REGRESSED needs evidence of `challengers / alpha` against one of them, ever; it is never taken back.
2. HEALTHY needs proof that the deployed version is not `proof_ratio` times worse. PENDING is no unit at all; everything
   between is INCONCLUSIVE, and says how many more units a proof takes.
3. Lots that look wrong for longer than any request lasts void the trial; then nothing follows from it. Requests that
   are still under way can make lots look wrong for so long.
4. A limit that a person set counts beside the trial: whichever is broken sends the version back.
5. Where proof is required, nothing else is enough to go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from modelyard.domain.duel import ERRORS, LATENCY, SLO, TOKENS
from modelyard.domain.durations import elapsed
from modelyard.domain.judge import HEALTHY, INCONCLUSIVE, PENDING, REGRESSED
from modelyard.domain.names import shown
from modelyard.domain.trial import Trial
from modelyard.domain.wire.delivery import DeploymentVerdict
from modelyard.domain.wire.judge import ChallengerEvidence, Judgement, JudgeOptions, Terms
from modelyard.errors import InvalidRequest

ACT, OBSERVE, OFF = "act", "observe", "off"
WEIGHTS: Final = {ERRORS: 0.5, LATENCY: 0.4, TOKENS: 0.1}
SLO_WEIGHT: Final = 0.2
MOST_SAID: Final = 1_000_000_000
"""Evidence beyond which the number is not written out."""
_SKEWED: Final = (
    "lots do not fall as the weights say (evidence {:.3g}): the router is wrong, or one version hangs, or refuses as"
    " its callers' mistakes what the other one takes"
)
_WORSE: Final = {
    ERRORS: "it fails more often",
    LATENCY: "it is slower",
    TOKENS: "it takes more tokens",
    SLO: "it fails more often than it may",
}


def check_options(options: JudgeOptions) -> JudgeOptions:
    """Return options that a judge can go by.

    Raises:
        InvalidRequest: naming the one that he cannot, and what it may be.
    """
    if options.mode not in {ACT, OBSERVE, OFF}:
        raise InvalidRequest(f"the judge's mode is act, observe or off, not {shown(options.mode)}")
    _within("alpha", options.alpha, 1e-6, 0.5)
    _within("beta", options.beta, 1e-6, 0.5)
    unknown = [name for name in options.metrics if name not in WEIGHTS]
    if unknown or not options.metrics or len(set(options.metrics)) < len(options.metrics):
        raise InvalidRequest(
            f"the judge's metrics are some of {', '.join(WEIGHTS)}, not {shown(', '.join(map(str, options.metrics)))}",
            hint="name each once, and at least one",
        )
    _within("tolerate_errors", options.tolerate_errors, 1.0, 100.0)
    _within("tolerate_latency", options.tolerate_latency, 0.0, 100.0)
    _within("fast_enough_s", options.fast_enough_s, 0.0, 3600.0)
    _within("tolerate_tokens", options.tolerate_tokens, 0.0, 100.0)
    if options.max_error_rate is not None:
        _within("the judge's max_error_rate", options.max_error_rate, 1e-6, 0.999)
    if options.require_proof is not None:
        _within("require_proof", options.require_proof, 1.01, 100.0)
    return options


def weights_of(options: JudgeOptions, *, has_tokens: bool, is_comparable: bool) -> dict[str, float]:
    """Return the share of each metric in the evidence; empty where there is nothing to judge by.

    Args:
        options: what was asked for.
        has_tokens: whether the version takes any.
        is_comparable: whether both versions have traffic at some time.
    """
    chosen = [name for name in options.metrics if is_comparable and (has_tokens or name != TOKENS)]
    whole = sum(WEIGHTS[name] for name in chosen)
    if options.max_error_rate is None:
        return {name: WEIGHTS[name] / whole for name in chosen}
    rest = 1.0 - SLO_WEIGHT if chosen else 0.0
    return {**{name: rest * WEIGHTS[name] / whole for name in chosen}, SLO: 1.0 - rest}


def judged(trial: Trial, names: Mapping[str, str], *, now: str, dropped: int = 0, damaged: int = 0) -> Judgement:
    """Return what the judge says of a trial.

    Args:
        trial: what he has taken in.
        names: version id → version.
        now: the present moment.
        dropped: how many requests the evidence leaves out.
        damaged: how many of its batches could not be read.
    """
    terms = trial.terms
    found = [replace(one, version=names.get(one.version_id, one.version_id)) for one in trial.evidence()]
    limit = len(found) / terms.options.alpha
    is_void = bool(trial.skewed_since) and elapsed(trial.skewed_since, now) >= terms.hold_s
    void = _SKEWED.format(trial.skew) if is_void else ""
    state, reason = (INCONCLUSIVE, f"nothing follows: {void}") if void else _said(found, terms, limit)
    return Judgement(
        state=state,
        reason=reason + (f"; {damaged} of {trial.position} batches of evidence could not be read" if damaged else ""),
        alpha=terms.options.alpha,
        limit=limit,
        challengers=found,
        skew=trial.skew,
        void=void,
        position=trial.position,
        dropped=dropped,
        damaged=damaged,
    )


def verdict_with(
    judgement: Judgement | None, options: JudgeOptions, limits: DeploymentVerdict | None
) -> DeploymentVerdict | None:
    """Join what the judge says with what the limits say; None where neither says anything."""
    if judgement is None:
        is_asked = options.asks_proof
        is_broken = limits is not None and limits.state == REGRESSED
        return _unproven(limits) if is_asked and not is_broken else limits
    said = _verdict(judgement, options)
    for one in (said, limits):
        if one is not None and one.state == REGRESSED:
            return one
    if options.asks_proof and said.state != HEALTHY:
        return replace(said, state=PENDING)
    return _joined(said, limits)


def _joined(said: DeploymentVerdict, limits: DeploymentVerdict | None) -> DeploymentVerdict | None:
    """What follows where nothing speaks against the version."""
    if limits is None:
        return None if said.state == PENDING else said
    return replace(limits, reason=f"{limits.reason}; {said.reason}", evidence={**said.evidence, **limits.evidence})


def one_in(e_value: float) -> str:
    """Say how rare evidence is if nothing is worse: `1 in 250`."""
    if e_value > MOST_SAID:
        return f"1 in over {MOST_SAID:,}"
    return f"1 in {e_value:,.0f}" if e_value >= 1 else "nothing unusual"


def _said(found: list[ChallengerEvidence], terms: Terms, limit: float) -> tuple[str, str]:
    worst = max(found, key=lambda one: one.peak)
    if worst.peak >= limit:
        return REGRESSED, f"{worst.version}: {_against(worst)}"
    deployed = found[0]
    if not deployed.units + deployed.failed:
        return PENDING, "no unit of it has been seen yet"
    if deployed.proof >= 1.0 / terms.options.beta:
        return HEALTHY, f"it is proven not to fail {deployed.proof_ratio:g} times as often, {_counts(deployed)}"
    more = "" if deployed.needed is None else f"; about {deployed.needed:,} more of its units would prove it no worse"
    return INCONCLUSIVE, f"no evidence of harm, {_counts(deployed)}{more}"


def _against(one: ChallengerEvidence) -> str:
    loudest = max(one.metrics, key=lambda metric: metric.weight * metric.e_value)
    return f"{_WORSE[loudest.metric]}; chance alone makes it look so {one_in(one.peak)}, {_counts(one)}"


def _counts(one: ChallengerEvidence) -> str:
    return f"{one.failed} of {one.units} units failed against {one.base_failed} of {one.base_units}"


def _verdict(judgement: Judgement, options: JudgeOptions) -> DeploymentVerdict:
    state, reason = judgement.state, judgement.reason
    if options.mode == OBSERVE and state == REGRESSED:
        state, reason = INCONCLUSIVE, f"it would be rolled back, but is only observed: {reason}"
    return DeploymentVerdict(state=state, reason=reason, evidence=evidence_of(judgement))


def evidence_of(judgement: Judgement) -> dict[str, Any]:
    """What a judgement rests on, as JSON values; `version` and `metric` are those with the most evidence."""
    if not judgement.challengers:
        return {"judge": asdict(judgement)}
    worst = max(judgement.challengers, key=lambda one: one.peak)
    loudest = max(worst.metrics, key=lambda metric: metric.weight * metric.e_value)
    return {
        "version": worst.version,
        "metric": loudest.metric,
        "e_value": worst.peak,
        "limit": judgement.limit,
        "alpha": judgement.alpha,
        "judge": asdict(judgement),
    }


def _unproven(limits: DeploymentVerdict | None) -> DeploymentVerdict:
    evidence = limits.evidence if limits is not None else {}
    return DeploymentVerdict(
        state=PENDING, reason="proof is required, and there is nothing to prove it by", evidence=evidence
    )


def _within(what: str, value: object, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):  # type: ignore[operator]  # only numbers are compared
        raise InvalidRequest(f"{what} is from {least:g} to {most:g}, and not {shown(value)}")
