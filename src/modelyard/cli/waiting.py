"""`promote --wait`: make a move, or ask for it and wait until people have decided.

Rules
- A move that needs nobody's approval, and that the caller may make, is made at once, or refused at once.
- Else it is asked for. Where there is an open request for the same move, that one is waited for, so that a job can be
  repeated; a request that demands other things is no such one, and is refused.
- Gates that are not met refuse it, as they do without waiting; what was asked for here is then withdrawn.
- What has been approved is applied here if the caller may; else it is waited for somebody who may.
- It is looked again and again, and not at events: nobody tells when a request expires, and looking takes no permission
  but that of reading promotions. A server that is started anew meanwhile ends nothing.
- Whoever stops waiting, by a signal or by the time, leaves the request open, and is told so.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from modelyard.cli.interrupts import interruptible
from modelyard.cli.session import Session
from modelyard.cli.status import AWAY_S
from modelyard.domain.durations import told as length_of
from modelyard.domain.promotion import APPLIED, APPROVED, OPEN, REJECT
from modelyard.domain.wire import Promotion, PromotionRecord
from modelyard.errors import (
    ApprovalRequired,
    Conflict,
    GateRefused,
    ModelyardError,
    PermissionDenied,
    PromotionClosed,
    RemoteUnavailable,
    TimedOut,
)
from modelyard.facade.registry import ModelRegistry
from modelyard.reports import promotion as markdown

ENDS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and the signal by which CI systems end a job."""
LOOK_S = 0.5
"""How often a request is looked at."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A move that somebody wants: which version, where to, and under which conditions."""

    reference: str
    target_stage: str
    requirements: dict[str, Any] = field(default_factory=dict)
    archive_previous: bool | None = None
    comment: str = ""


def make(registry: ModelRegistry, wish: Wish) -> PromotionRecord:
    """Make a move in one call; errors are those of `ModelRegistry.promote_model`."""
    return registry.promote_model(
        wish.reference,
        wish.target_stage,
        wish.requirements,
        archive_previous=wish.archive_previous,
        comment=wish.comment,
    )


def make_or_wait(
    session: Session, registry: ModelRegistry, wish: Wish, *, timeout: float | None, summary: str
) -> PromotionRecord | Promotion:
    """Make a move, or ask for it and wait for its end.

    Args:
        session: the run; a person is told what is waited for.
        registry: the registry.
        wish: the move.
        timeout: the most seconds to wait; as long as the request is open where it is left out.
        summary: where a summary is added, as by `summarise`.

    Raises:
        GateRefused: a requirement is not met, or the request was rejected or withdrawn, or has expired.
        Conflict: there is an open request for the move that demands other things.
        TimedOut: it has not been decided in that time.
        KeyboardInterrupt: the program was told to end.
    """
    try:
        return make(registry, wish)
    except (ApprovalRequired, PermissionDenied):
        # Nothing is known of the gates yet. Who may not move a version there may still ask for it.
        promotion = _asked(registry, wish)
    session.note(f"{promotion.id} waits for approval, and stays open whatever becomes of this command")
    last = promotion
    try:
        with interruptible(*ENDS) as interrupted:
            for looked_at in _looks(session, registry, promotion, timeout, interrupted):
                last = looked_at
    except TimedOut:
        summarise(session, summary, markdown.of_request(last))
        raise
    except KeyboardInterrupt:
        summarise(session, summary, markdown.of_request(last))
        session.note(f"{last.id} stays open; `modelyard requests show {last.id}` tells what becomes of it")
        raise
    summarise(session, summary, markdown.of_request(last))
    if last.state != APPLIED:
        raise _ended(last)
    return last


def summarise(session: Session, path: str, text: str) -> None:
    """Add a text to the end of a file, such as the summary of a job; nothing without a path.

    A file that cannot be written is told, and changes nothing about how the command ends: what it tells is done.
    """
    if path and text:
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        except OSError as error:
            session.note(f"the summary {path} cannot be written: {error.strerror}")


def _asked(registry: ModelRegistry, wish: Wish) -> Promotion:
    """Ask for a move, or find the open request for it; its gates are met."""
    try:
        promotion = registry.request_promotion(
            wish.reference,
            target_stage=wish.target_stage,
            requirements=wish.requirements,
            archive_previous=wish.archive_previous,
            comment=wish.comment,
        )
    except Conflict as error:
        if "promotion" not in error.details:
            raise
        return _joined(registry, str(error.details["promotion"]), wish)
    if _unmet(promotion):
        registry.withdraw_promotion(promotion, comment="its gates are not met")
        raise _refused(promotion)
    return promotion


def _joined(registry: ModelRegistry, promotion_id: str, wish: Wish) -> Promotion:
    promotion = registry.evaluate_promotion(promotion_id)
    if promotion.requirements != wish.requirements or promotion.archive_previous != wish.archive_previous:
        raise Conflict(
            f"the open request {promotion.id} for this move has other requirements",
            hint=f"withdraw it with `modelyard requests withdraw {promotion.id}`, or ask for the same",
            details={"promotion": promotion.id, "requirements": promotion.requirements},
        )
    if _unmet(promotion):
        raise _refused(promotion)
    return promotion


class _Hand:
    """Looks at a request, and applies it when it is approved, as long as the caller may."""

    def __init__(self, session: Session, registry: ModelRegistry) -> None:
        self._session = session
        self._registry = registry
        self._may_apply = True

    def look(self, promotion: Promotion) -> Promotion:
        """Return a request as it is now."""
        present = self._registry.get_promotion(promotion)
        if present.state != APPROVED or not self._may_apply:
            return present
        try:
            return self._registry.apply_promotion(present)
        except PermissionDenied:
            self._may_apply = False
            self._session.note(f"{present.id} is approved; somebody who may move it has to apply it")
        except (ApprovalRequired, PromotionClosed):
            # Somebody, or a stricter rule, was faster; the next look tells what it is now.
            pass
        return present


def _looks(
    session: Session, registry: ModelRegistry, promotion: Promotion, timeout: float | None, interrupted: Event
) -> Iterator[Promotion]:
    """Look at a request until it has ended, and apply it when it is approved."""
    seen = time.monotonic()
    deadline = None if timeout is None else seen + timeout
    hand = _Hand(session, registry)
    while True:
        try:
            promotion = hand.look(promotion)
        except (RemoteUnavailable, TimedOut):
            if time.monotonic() - seen > AWAY_S:
                raise
        else:
            seen = time.monotonic()
            yield promotion
            if promotion.state not in OPEN:
                return
        if deadline is not None and time.monotonic() >= deadline:
            raise TimedOut(
                f"the promotion {promotion.id} is still {promotion.state} after {length_of(timeout or 0.0)}",
                hint=f"it stays open: modelyard requests show {promotion.id}",
                details={"promotion": promotion.id, "state": promotion.state},
            )
        if interrupted.wait(LOOK_S):
            raise KeyboardInterrupt


def _unmet(promotion: Promotion) -> bool:
    return any(not verdict.met for verdict in promotion.verdicts)


def _refused(promotion: Promotion) -> GateRefused:
    names = ", ".join(verdict.requirement for verdict in promotion.verdicts if not verdict.met)
    return GateRefused(
        f"{promotion.name} {promotion.version} may not move to {promotion.target_stage}: {names}",
        details={
            "name": promotion.name,
            "version": promotion.version,
            "target_stage": promotion.target_stage,
            "verdicts": [asdict(verdict) for verdict in promotion.verdicts],
            "promotion": promotion.id,
        },
    )


def _ended(promotion: Promotion) -> ModelyardError:
    """The error for a request that came to no good end."""
    said = [f"{vote.by}: {vote.comment}" for vote in promotion.votes if vote.decision == REJECT and vote.comment]
    return GateRefused(
        f"the promotion {promotion.id} is {promotion.state}{f' ({said[-1]})' if said else ''}",
        hint=f"see it with `modelyard requests show {promotion.id}`, and ask again when its reason is gone",
        details={"promotion": promotion.id, "state": promotion.state},
    )
