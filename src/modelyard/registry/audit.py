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
from modelyard.domain.audit import (
    Chain,
    Checkpoints,
    beginning,
    limits,
    mapping_differences,
    model_differences,
    version_differences,
)
from modelyard.domain.history import ModelState
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import AuditFinding, AuditLog, AuditReport, CheckpointRecord
from modelyard.errors import IntegrityError, ModelyardError
from modelyard.metadata import audit
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, REGISTRY
from modelyard.operations import AUDIT_CHECKPOINT, AUDIT_LOG, VERIFY_RECORD, MakeCheckpoint, ReadLog, VerifyRecord
from modelyard.registry import checkpoints
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
        since=history.moment(request.since, context.now) if request.since else "",
        until=history.moment(request.until, context.now) if request.until else "",
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
        self._governed = audit.has_governance(tx)
        self._checkpoints = Checkpoints()
        self._findings: list[AuditFinding] = []
        self._count = self._events = self._chains = self._versions = self._covered = 0

    def run(self, anchor: str) -> AuditReport:
        """Check everything, and report."""
        for entry in audit.chain(self._tx, REGISTRY):
            self._checkpoints.take(entry.event)
        self._check_checkpoints(anchor)
        unseen = set(self._checkpoints.marks)
        for row in audit.every_model(self._tx):
            self._check_model(row)
            unseen.discard(row.id)
        for model_id in sorted(unseen):
            place = self._checkpoints.marks[model_id].checkpoint
            self._find("checkpoint", model_id, f"the model is gone, though checkpoint {place} recorded its chain")
        for table, model_id, count in audit.strays(self._tx):
            self._find("state", model_id, f"{count} rows of the table {table} belong to no model")
        return self._report(anchor)

    def _report(self, anchor: str) -> AuditReport:
        newest = self._checkpoints.newest
        anchored = anchor in self._checkpoints.hashes
        open_events = max(0, self._events - self._covered)
        return AuditReport(
            sound=not self._count,
            events=self._events,
            chains=self._chains,
            versions=self._versions,
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

    def _check_model(self, row: Row[Any]) -> None:
        name = row.name if row.id != REGISTRY else OWN_CHAIN
        mark = self._checkpoints.marks.get(row.id)
        chain, state = Chain(mark=mark), ModelState()
        foldable = True
        for entry in audit.chain(self._tx, row.id):
            event = entry.event
            problems = [*entry.problems, *chain.take(event)]
            if row.id != REGISTRY:
                problems += beginning(event)
            try:
                history.apply(state, event)
            except IntegrityError:
                foldable = False
                problems = problems or ["it does not fit the events before it"]
            for problem in problems:
                self._find("event", name, problem, row.id, event.position, event.sequence)
        for problem in chain.end(row.events, row.last_event_hash):
            self._find("chain", name, problem, row.id, min(chain.position, row.events) or None)
        self._events += chain.position
        self._chains += chain.position > 0
        self._covered += self._covered_by(row, chain.position)
        if foldable:
            self._check_tables(row, name, state)

    def _covered_by(self, row: Row[Any], position: int) -> int:
        """Return how many events of a chain the newest checkpoint commits to."""
        if row.id == REGISTRY:
            return min(position, self._checkpoints.newest.position) if self._checkpoints.newest else 0
        mark = self._checkpoints.marks.get(row.id)
        return min(position, mark.position) if mark is not None else 0

    def _check_tables(self, row: Row[Any], name: str, state: ModelState) -> None:
        if row.id != REGISTRY:
            for problem in model_differences(state, audit.model_facts(row)):
                self._find("state", name, problem, row.id)
        if row.workspace != DEFAULT_WORKSPACE:
            self._find("state", name, f"the model was put into another workspace, {row.workspace!r}", row.id)
        self._check_versions(row.id, name, state)
        for problem in self._mapping_problems(row.id, state):
            self._find("state", name, problem, row.id)

    def _check_versions(self, model_id: str, name: str, state: ModelState) -> None:
        missing = set(state.versions)
        for facts in audit.version_rows(self._tx, model_id):
            self._versions += 1
            subject = f"{name}/{facts['version']}"
            version = state.versions.get(facts["id"])
            if version is None:
                self._find("state", subject, "the version stands in its table, and no event tells of it", model_id)
                continue
            missing.discard(version.id)
            for problem in version_differences(version, facts):
                self._find("state", subject, problem, model_id)
        for version_id in sorted(missing):
            subject = f"{name}/{state.versions[version_id].version}"
            self._find("state", subject, "the version is missing in its table", model_id)

    def _mapping_problems(self, model_id: str, state: ModelState) -> Iterator[str]:
        pointing = {name: (alias.version_id, alias.position) for name, alias in state.aliases.items()}
        yield from mapping_differences("the alias", pointing, audit.alias_facts(self._tx, model_id))
        if not self._governed:
            return
        placed = {
            f"{version.id} in {environment}": stage
            for version in state.live
            for environment, stage in version.environments.items()
        }
        yield from mapping_differences("the place of", placed, audit.placement_facts(self._tx, model_id))
        graph = audit.graph_fact(self._tx, model_id)
        if graph != state.graph:
            yield "the stage graph in its table is not the one that its events tell of"

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
