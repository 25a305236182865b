"""What became of a deployment under its judge, in sentences with their numbers, so that anybody can check them.

Rules
1. The counts come first, then how rare so much evidence is, then what is missing to a proof, then what followed.
2. What was not judged says why, and what would have made it judged.
3. Nothing is said to be safe: there is evidence of harm, no evidence of harm, or proof within a ratio.
4. What is left out, unreadable, deleted or too long to be computed again is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelyard.domain.deployment import BAKE, BEFORE_TRAFFIC, PREFLIGHT, ROLLED_BACK, ROLLING_BACK, STAGE, SUCCEEDED
from modelyard.domain.durations import elapsed
from modelyard.domain.judge import HEALTHY, PENDING, REGRESSED
from modelyard.domain.verdicts import MOST_SAID, OBSERVE, OFF
from modelyard.domain.wire.delivery import DeploymentRecord
from modelyard.domain.wire.judge import ChallengerEvidence, Judgement
from modelyard.domain.wording import counted, moment, percent

PREFLIGHT_PASSED: Final = "preflight_passed"
_METRICS: Final = {
    "errors": "errors",
    "latency": "latency",
    "tokens": "tokens",
    "slo": "the limit of errors",
}
_STATES: Final = {STAGE: "in progress", PREFLIGHT: "being probed", BAKE: "being watched", ROLLING_BACK: "rolling back"}
"""States whose names say little to people; the others are words already."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """How computing it again from the log went.

    Attributes:
        same: whether it came to the same, to the last bit; None where it was not done.
        batches: how many batches of the log are still there.
        units: how many units are in these.
        most: how many units are computed again at once; where there are more, it was not done.
        late: batches that came when the deployment had ended.
    """

    same: bool | None = None
    batches: int = 0
    units: int = 0
    most: int = 0
    late: int = 0


def told(found: DeploymentRecord, judgement: Judgement | None, replay: Replay) -> list[str]:
    """Return the sentences that explain a deployment.

    Args:
        found: the deployment, with its history.
        judgement: what the judge said last; None where nobody judges.
        replay: how computing it again went.
    """
    if judgement is None:
        return [_not_judged(found), *_followed(found, None)]
    return [
        *(line for one in judgement.challengers for line in _challenger(found, one, judgement)),
        *_standing(found, judgement),
        *_followed(found, judgement),
        *_left_out(judgement, replay),
        *_replayed(found, judgement, replay),
    ]


def rarity(e_value: float) -> str:
    """Say in how many releases of a version that is no worse so much evidence turns up: `1 of 46 releases`."""
    if e_value > MOST_SAID:
        return f"less than 1 of {MOST_SAID:,} releases"
    return f"1 of {e_value:,.0f} releases" if e_value >= 1.5 else "nearly every release"  # noqa: PLR2004 - what rounds to 2


def _not_judged(found: DeploymentRecord) -> str:
    options, base = found.options.judge, found.base_id
    if options.mode == OFF:
        why = "the judge is off for it (judge mode off)"
    elif base is None:
        why = f"nothing served before {found.version} that it could be compared with"
    elif base == found.version_id:
        why = f"{found.version} served before, so there is nothing new to judge"
    elif found.state in BEFORE_TRAFFIC or (found.history and not _begun(found)):
        why = "it has had no traffic"
    elif not _shares_traffic(found):
        why = (
            f"{found.version} and {found.base} never answer side by side by this strategy; a canary lets them, and"
            " an error limit of the judge (max_error_rate) needs no second version"
        )
    else:
        why = "no record of a judge was made when its traffic began: it is from before there was one"
    return f"Nobody judges this deployment: {why}."


def _shares_traffic(found: DeploymentRecord) -> bool:
    steps = [{arm.version_id: arm.weight for arm in step.arms} for step in found.plan.steps]
    return any(step.get(found.base_id or "") and step.get(found.version_id) for step in steps)


def _challenger(found: DeploymentRecord, one: ChallengerEvidence, judgement: Judgement) -> Iterator[str]:
    if not one.units + one.failed:
        yield f"No unit of {one.version} has been seen yet; a unit is a key, or a request without one."
        return
    yield f"{_counts(found, one)}."
    shared = f", shared by {len(judgement.challengers)} versions" if len(judgement.challengers) > 1 else ""
    beyond = "that is beyond" if one.peak >= judgement.limit else "that is within"
    yield (
        f"If {one.version} were no worse, so much evidence (E = {_short(one.peak)}) would turn up in"
        f" {rarity(one.peak)}; {beyond} the limit of 1 in {judgement.limit:,.4g}"
        f" (alpha {percent(judgement.alpha)}{shared})."
    )
    if len(one.metrics) > 1:
        parts = ", ".join(
            f"{_METRICS.get(metric.metric, metric.metric)} E = {_short(metric.e_value)} with a weight of"
            f" {percent(metric.weight)}"
            for metric in one.metrics
        )
        yield f"By metric, as it stands now: {parts}."


def _counts(found: DeploymentRecord, one: ChallengerEvidence) -> str:
    own = f"{one.version} failed in {one.failed:,} of {counted(one.units, 'unit')}{_rate(one.failed, one.units)}"
    if not one.base_units:
        return own
    return f"{own}, {found.base} in {one.base_failed:,} of {one.base_units:,}{_rate(one.base_failed, one.base_units)}"


def _rate(failed: int, units: int) -> str:
    return f" ({percent(failed / units)})" if units else ""


def _standing(found: DeploymentRecord, judgement: Judgement) -> Iterator[str]:
    if judgement.void:
        yield f"Nothing follows from this: {judgement.void}."
        return
    if not judgement.challengers or judgement.state in {REGRESSED, PENDING}:
        return
    deployed, asked = judgement.challengers[0], found.options.judge
    required = asked.require_proof if asked.asks_proof else None
    if judgement.state == HEALTHY:
        yield (
            f"{deployed.version} is proven not to fail {deployed.proof_ratio:g} times as often as {found.base}:"
            f" so good a result would turn up in {rarity(deployed.proof)} that do."
        )
    else:
        yield f"There is no evidence of harm, and no proof of the contrary.{_needed(deployed)}"
    if required is not None and judgement.state != HEALTHY:
        yield f"No step is left without proof that it does not fail {required:g} times as often."


def _needed(one: ChallengerEvidence) -> str:
    if not one.needed:
        return ""
    return (
        f" About {counted(one.needed, 'more unit')} of {one.version} would prove that it does not fail"
        f" {one.proof_ratio:g} times as often, if it is as good as the old version."
    )


def _followed(found: DeploymentRecord, judgement: Judgement | None) -> Iterator[str]:
    if judgement is not None and judgement.state == REGRESSED and found.options.judge.mode == OBSERVE:
        yield "It would have been rolled back for that, but the judge only observes."
    if found.state == ROLLED_BACK:
        yield from _went_back(found, judgement)
    else:
        yield from _stands(found)


def _stands(found: DeploymentRecord) -> Iterator[str]:
    if found.state == SUCCEEDED:
        steps = ", ".join(str(step + 1) for step in found.unproven)
        passed = f"step {steps} was" if len(found.unproven) == 1 else f"the steps {steps} were"
        more = f"; {passed} passed by time, without proof" if steps else ""
        yield f"It succeeded at {moment(found.finished_at or found.updated_at)}{more}."
    elif found.live or found.reason:
        why = f": {found.reason}" if found.reason else ""
        state = _STATES.get(found.state, found.state.lower())
        yield f"It is {state} now{why}." if found.live else f"It ended as {state}{why}."


def _went_back(found: DeploymentRecord, judgement: Judgement | None) -> Iterator[str]:
    at, cause, reason = found.finished_at or found.updated_at, "", found.reason
    if found.rollback is not None:
        at, cause, reason = found.rollback.at or at, found.rollback.cause, found.rollback.reason
    begun = _begun(found)
    after = f" after {elapsed(begun, at):.4g} s of traffic" if begun else ""
    by_judge = cause == "verdict" and judgement is not None and judgement.state == REGRESSED
    why = "" if by_judge else f", for another reason: {reason}"
    yield f"It was rolled back to {found.base} at {moment(at)}{after}{why}."
    harm = max((one.harm for one in judgement.challengers), default=0.0) if judgement is not None else 0.0
    if harm > 0:
        yield f"About {harm:.1f} units failed that would not have failed on {found.base}."


def _begun(found: DeploymentRecord) -> str:
    """When a deployment got its first traffic; empty where it got none."""
    return next((line.at for line in found.history if line.event == PREFLIGHT_PASSED), "")


def _left_out(judgement: Judgement, replay: Replay) -> Iterator[str]:
    if judgement.dropped:
        yield (
            f"{counted(judgement.dropped, 'request')} came too fast to be looked at one by one and count as no units;"
            " the metrics have them all."
        )
    if judgement.damaged:
        yield f"{_batches(judgement.damaged)} of evidence could not be read."
    if replay.late:
        yield f"{_batches(replay.late)} of evidence came when it had been decided, and counted no more."


def _replayed(found: DeploymentRecord, judgement: Judgement, replay: Replay) -> Iterator[str]:
    if not judgement.position:
        return
    batches = _batches(judgement.position)
    if replay.same:
        yield f"Computed again from its log of {batches}, all of this is the same to the last bit."
    elif replay.same is False:
        yield f"Computed again from its log of {batches}, this is NOT the same: the log or the judgement was changed."
    elif replay.batches < judgement.position:
        ended = f" of a deployment that ended at {moment(found.finished_at)}" if found.finished_at else ""
        yield f"The log{ended} is not kept any more, so this cannot be computed again."
    else:
        yield (
            f"Its log has {replay.units:,} units, more than the {replay.most:,} that are computed again without"
            " being asked to (full)."
        )


def _short(value: float) -> str:
    return f"{value:,.0f}" if 100 <= value <= MOST_SAID else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _batches(count: int) -> str:
    return "1 batch" if count == 1 else f"{count:,} batches"
