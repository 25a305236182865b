"""Judging a move: what it needs, what is on record, and what has to be found out first.

    prepare  outside of any transaction: custom gates are asked, and tests that are wanted and not there are run
    judge    inside the transaction that moves: on what is on record and what was prepared, by pure rules

Rules
- A move needs what the stage graph demands of it, and what the caller demands beyond that.
- Tests that passed on a version within the last day are not run again: its files cannot have changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from modelyard.domain import gates
from modelyard.domain.durations import elapsed
from modelyard.domain.evidence import Evidence, Finding, Holder, SuiteOutcome
from modelyard.domain.gates import Requirement, parse_requirements
from modelyard.domain.graph import Move, MoveRule, StageGraph, check_standing, normalise_stage
from modelyard.domain.metadata import completeness, performance
from modelyard.domain.permissions import Principal
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import VerdictRecord
from modelyard.metadata import journal, placements
from modelyard.registry.context import Context, Yard
from modelyard.registry.extensions import GateRequest, ask
from modelyard.registry.graphs import ANY_GATE
from modelyard.registry.lookup import content, document, find, record, versions_in_stage
from modelyard.registry.moves import standing_of
from modelyard.registry.testing import TESTED, run_suite

FRESH_S = 86_400.0
"""Seconds for which a passed run of the tests is good enough."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A version and the move that is in question."""

    row: Row[Any]
    graph: StageGraph
    source: ModelStage
    target: ModelStage
    move: Move
    rule: MoveRule
    requirements: tuple[Requirement, ...]


def case_of(
    context: Context, reference: str, target_stage: str, asked: Mapping[str, Any] | None, *, lock: bool = False
) -> Case:
    """Return the case of a version that shall enter a stage.

    Raises:
        InvalidRequest: what is asked beyond the graph cannot be understood.
        InvalidStage, InvalidTransition: the graph has no such stage or move.
    """
    beyond = parse_requirements(asked, context.yard.gates)
    row = find(context, reference, lock=lock)
    graph = context.graphs.of(row.model_id)
    target = normalise_stage(graph, target_stage)
    move, source = check_standing(graph, standing_of(context, row), target)
    rule = graph.rule(source, target)
    demanded = parse_requirements(rule.requirements, ANY_GATE)
    requirements = (*demanded, *(it for it in beyond if it not in demanded))
    return Case(row=row, graph=graph, source=source, target=target, move=move, rule=rule, requirements=requirements)


def judge(context: Context, case: Case) -> tuple[VerdictRecord, ...]:
    """Return the verdict on each requirement of a case."""
    return gates.evaluate(case.requirements, _evidence(context, case)) if case.requirements else ()


def prepare(
    yard: Yard,
    principal: Principal,
    permission: str,
    reference: str,
    target_stage: str,
    asked: Mapping[str, Any] | None,
    *,
    run_tests: bool = True,
) -> dict[str, Finding]:
    """Find out what a judgement will need and the record does not tell; the answers are kept for the transaction."""
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, permission=permission, now=yard.clock())
        case = case_of(context, reference, target_stage, asked)
        # Nothing is run for a caller whom the transaction will refuse.
        context.require(permission, case.row.name, str(case.target))
        custom = [it for it in case.requirements if it.kind == "custom"]
        due = _suites_due(context, case) if run_tests else []
        if not custom and not due:
            return {}
        held = versions_in_stage(context, case.row.model_id, case.target) if custom else []
        version = record(context, case.row)
        holder = record(context, held[-1]) if held else None
    for suite in due:
        run_suite(yard, principal, version, suite)
    request = {"version": version, "target_stage": str(case.target), "holder": holder}
    return {
        gates.question(it): ask(yard.gates.get(it.name), it.name, GateRequest(wanted=it.wanted, **request))  # type: ignore[arg-type]
        for it in custom
    }


def outcomes(context: Context, version_id: str) -> dict[str, SuiteOutcome]:
    """Return how each suite of tests of a version ended last."""
    found: dict[str, SuiteOutcome] = {}
    for event in journal.of_kind(context.tx, version_id, TESTED):
        told = event.data
        found[told["suite"]] = SuiteOutcome(
            passed=told["passed"],
            at=event.at,
            by=event.actor,
            source=told["source"],
            exit_code=told.get("exit_code"),
        )
    return found


def _suites_due(context: Context, case: Case) -> list[str]:
    """The suites that a command can run and that have not passed lately."""
    wanted = [suite for suite in gates.suites(case.requirements) if suite in context.yard.commands.commands]
    if not wanted:
        return []
    known = outcomes(context, case.row.id)
    return [suite for suite in wanted if not _is_fresh(known.get(suite), context.now)]


def _is_fresh(outcome: SuiteOutcome | None, now: str) -> bool:
    return outcome is not None and outcome.passed and elapsed(outcome.at, now) < FRESH_S


def _evidence(context: Context, case: Case) -> Evidence:
    metadata = document(case.row)
    kinds = {it.kind for it in case.requirements}
    files = content(context, case.row).files if "evidence" in kinds else ()
    return Evidence(
        metrics=metadata.get("metrics", {}),
        validation_metrics=metadata.get("validation_metrics", {}),
        training_metrics=metadata.get("training_metrics", {}),
        tags=metadata.get("tags", {}),
        description=metadata.get("description", ""),
        missing=completeness(metadata).missing,
        files=[entry.path for entry in files],
        tests=outcomes(context, case.row.id) if kinds & {"tests", "evidence"} else {},
        holders=_holders(context, case),
        age_s=elapsed(case.row.created_at, context.now),
        stage_age_s=_stage_age(context, case) if "age" in kinds else 0.0,
        findings=context.findings,
    )


def _holders(context: Context, case: Case) -> dict[str, Holder]:
    found: dict[str, Holder] = {}
    for it in case.requirements:
        if it.kind != "not_worse_than":
            continue
        stage = normalise_stage(case.graph, it.words[0])
        rows = versions_in_stage(context, case.row.model_id, stage)
        if rows:
            # Of several holders, the one that was registered last is who has to be matched.
            metrics = performance(document(rows[-1]))
            here = rows[-1].id == case.row.id
            found[it.words[0]] = Holder(version=rows[-1].version, metrics=metrics, is_candidate=here)
    return found


def _stage_age(context: Context, case: Case) -> float:
    entered = placements.entered(context.tx, case.row.seq).get(str(case.source))
    if entered is None:
        moves = _moves_into(context, case)
        entered = moves[0] if moves else case.row.created_at
    return elapsed(entered, context.now)


def _moves_into(context: Context, case: Case) -> Sequence[str]:
    """When a version entered the stage that it stands in, the last time first."""
    moves = journal.stage_moves(context.tx, case.row.model_id)
    return [event.at for event in moves if event.version_id == case.row.id and event.data.get("to") == case.source]
