"""The auditor's use cases: the log, checkpoints, and the check of the whole record.

`examine` is the one verifier: the operation, `modelyard audit verify` on a copy, and `modelyard db check` all use it.
It reads one consistent moment, writes nothing, and needs no artifact file. It follows the chains one after the other,
so that it holds one model at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from modelyard.domain import history
from modelyard.domain.audit import Chain, Checkpoints, beginning, limits
from modelyard.domain.moments import moment
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import AuditFinding, AuditLog, AuditReport, ChainedEvent, CheckpointRecord
from modelyard.errors import IntegrityError, ModelyardError
from modelyard.metadata import audit, schema
from modelyard.metadata.audit_rows import UNREADABLE
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import AUDIT_CHECKPOINT, AUDIT_LOG, VERIFY_RECORD, MakeCheckpoint, ReadLog, VerifyRecord
from modelyard.registry import checkpoints
from modelyard.registry.audit_tables import Problem, Tables, Told, guarded
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves

LISTED = 1_000
"""The most findings that a report lists."""
OWN_CHAIN = "registry"


@serves(AUDIT_LOG)
def read_log(context: Context, request: ReadLog) -> AuditLog:
    """Return a page of events, the oldest first; those of deleted models too."""
    limit = check_limit(request.limit)
    wanted = audit.Filter(
        model_ids=audit.homes(context.tx, request.name) if request.name else None,
        version_id=request.version,
        actor=request.actor,
        type=request.type,
        since=moment(request.since, context.now) if request.since else "",
        until=moment(request.until, context.now) if request.until else "",
    )
    found = audit.log(context.tx, wanted, after=number_of(request.page_token) or 0, limit=limit + 1)
    token = token_after(found[limit - 1].sequence) if len(found) > limit else ""
    return AuditLog(events=found[:limit], next_page_token=token)


@serves(AUDIT_CHECKPOINT)
def make_checkpoint(context: Context, _request: MakeCheckpoint) -> CheckpointRecord:
    """Record the ends of all chains."""
    return checkpoints.make(context.tx, now=context.now, actor=context.actor)


@serves(VERIFY_RECORD)
def verify_record(yard: Yard, request: VerifyRecord, _principal: Principal) -> AuditReport:
    """Check all events, checkpoints and tables against each other."""
    with yard.database.read() as tx:
        return examine(tx, anchor=request.anchor)


def examine(tx: Transaction, *, anchor: str = "") -> AuditReport:
    """Check a whole record; see `modelyard.domain.audit` for the rules."""
    return Examination(tx).run(anchor.strip().lower())


class Examination:
    """One check of a record: what was found so far, and the checkpoints to compare chains with."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._tables = Tables(tx, schema.revision_of(tx.connection) or "")
        self._checkpoints = Checkpoints()
        self._findings: list[AuditFinding] = []
        self._count = self._events = self._chains = self._covered = 0

    def run(self, anchor: str) -> AuditReport:
        """Check everything, and report."""
        for problem in guarded("schema", self._tables.whole()):
            self._find("state", problem.subject, problem.text)
        if {"models", "events"}.isdisjoint(self._tables.missing):
            self._check_chains(anchor)
            for problem in self._tables.shared():
                self._find("state", problem.subject, problem.text)
        return self._report(anchor)

    def _check_chains(self, anchor: str) -> None:
        for entry in audit.chain(self._tx, REGISTRY):
            if entry.readable:
                self._checkpoints.take(entry.event)
        self._check_checkpoints(anchor)
        unseen = set(self._checkpoints.marks)
        for row in audit.every_model(self._tx):
            name = str(row.name) if row.id != REGISTRY else OWN_CHAIN
            for problem in guarded(name, self._check_model(row, name)):
                self._find("state", problem.subject, problem.text, row.id)
            unseen.discard(row.id)
        for model_id in sorted(unseen):
            place = self._checkpoints.marks[model_id].checkpoint
            self._find("checkpoint", model_id, f"the model is gone, though checkpoint {place} recorded its chain")

    def _report(self, anchor: str) -> AuditReport:
        newest = self._checkpoints.newest
        anchored = anchor in self._checkpoints.hashes
        open_events = max(0, self._events - self._covered)
        return AuditReport(
            sound=not self._count,
            events=self._events,
            chains=self._chains,
            versions=self._tables.versions,
            checkpoints=self._checkpoints.count,
            findings=self._findings,
            unlisted=self._count - len(self._findings),
            anchor=newest.hash if newest is not None else "",
            anchor_at=newest.at if newest is not None else "",
            anchored=anchored,
            unanchored_events=open_events,
            limits=limits(anchored=anchored, checkpoints=self._checkpoints.count, unanchored=open_events),
        )

    def _check_checkpoints(self, anchor: str) -> None:
        for problem in self._checkpoints.problems():
            self._find("checkpoint", OWN_CHAIN, problem)
        if anchor and anchor not in self._checkpoints.hashes:
            problem = f"no checkpoint has the hash {anchor[:64]}: the record was written anew or cut off before it"
            self._find("checkpoint", OWN_CHAIN, problem)

    def _check_model(self, row: Row[Any], name: str) -> Iterator[Problem]:
        """Check a chain, and yield what is wrong with the tables beside it."""
        mark = self._checkpoints.marks.get(row.id)
        chain, told = Chain(mark=mark), Told()
        foldable = True
        for entry in audit.chain(self._tx, row.id):
            event = entry.event
            if not entry.readable:
                foldable = False
                for problem in entry.problems:
                    self._find("event", name, problem, row.id, None, event.sequence)
                continue
            before = chain.newest_at
            problems = [*entry.problems, *chain.take(event)]
            if row.id != REGISTRY:
                problems += beginning(event)
            if not _taken(told, event, before):
                foldable = False
                problems = problems or ["it does not fit the events before it"]
            for problem in problems:
                self._find("event", name, problem, row.id, event.position, event.sequence)
        self._events += chain.position
        self._chains += chain.position > 0
        self._covered += self._covered_by(row, chain.position)
        if type(row.events) is not int:
            yield Problem(name, f"events is {row.events!r} in its table, which is no number")
        else:
            for problem in chain.end(row.events, row.last_event_hash):
                self._find("chain", name, problem, row.id, min(chain.position, row.events) or None)
        if foldable:
            yield from self._tables.of_model(row, name, told)

    def _covered_by(self, row: Row[Any], position: int) -> int:
        """Return how many events of a chain the newest checkpoint commits to."""
        if row.id == REGISTRY:
            return min(position, self._checkpoints.newest.position) if self._checkpoints.newest else 0
        mark = self._checkpoints.marks.get(row.id)
        return min(position, mark.position) if mark is not None else 0

    def _find(
        self,
        kind: str,
        subject: str,
        problem: str,
        model_id: str = "",
        position: int | None = None,
        sequence: int | None = None,
    ) -> None:
        self._count += 1
        if self._count <= LISTED:
            found = AuditFinding(
                kind=kind, subject=subject, position=position, sequence=sequence, problem=problem, model_id=model_id
            )
            self._findings.append(found)


def _taken(told: Told, event: ChainedEvent, before: str) -> bool:
    """Take an event into the state and the ledgers; tell whether it fits."""
    if event.type == "version.registered" and event.at <= before:
        told.waited.add(str(event.version_id))
    try:
        history.apply(told.state, event)
        told.promotions.take(event)
        told.delivery.take(event)
        if event.model_id == REGISTRY:
            told.people.take(event)
    except UNREADABLE:
        return False
    return True


def problem_of(report: AuditReport) -> ModelyardError | None:
    """Return the error that says that a report is not sound; None for one that is."""
    if report.sound:
        return None
    total = len(report.findings) + report.unlisted
    return IntegrityError(
        f"the record is not as it was written: {total} {'place' if total == 1 else 'places'}",
        hint="compare with a backup; the findings name the events and the rows",
        details={"findings": total},
    )
