"""How things stand in the database, as gauges: routes, deployments, the judge's evidence, alerts.

These are the same whichever process is asked, so they are read and never added up.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Row

from modelyard.domain.deployment import STATES
from modelyard.domain.wire import Judgement
from modelyard.domain.wire.delivery import DeploymentRecord
from modelyard.errors import ModelyardError
from modelyard.metadata import deployments, endpoints, evidence, exports
from modelyard.metadata.database import Database, Transaction
from modelyard.telemetry.totals import OTHER, Series
from modelyard.watch import exposition as of

Gauges = dict[Series, float]


def standing(database: Database, most: int) -> Gauges | None:
    """Return how things stand; None where the database is away.

    Args:
        database: the registry's.
        most: versions at endpoints that have series of their own.
    """
    try:
        with database.read() as tx:
            # States that nothing is in yet count too: the first rollback has to be an increase.
            states = dict.fromkeys(STATES, 0) | exports.deployments_by_state(tx)
            gauges: Gauges = {(of.DEPLOYMENTS, state): float(count) for state, count in states.items()}
            gauges |= _routes(tx, most)
            for row in deployments.live(tx)[:most]:
                gauges |= _deployment(tx, row)
            for row in exports.firing(tx)[:most]:
                gauges[of.ALERTS, row.rule, row.severity] = row.number
            return gauges
    except ModelyardError:
        return None


def _routes(tx: Transaction, most: int) -> Gauges:
    gauges: Gauges = {}
    for row in endpoints.all_current(tx):
        for arm in endpoints.route_of(row).arms:
            series = (of.ROUTE_WEIGHT, row.name, row.environment, arm.version)
            if len(gauges) >= most:
                series = (of.ROUTE_WEIGHT, OTHER, OTHER, OTHER)
            gauges[series] = gauges.get(series, 0.0) + arm.weight
    return gauges


def _deployment(tx: Transaction, row: Row[object]) -> Gauges:
    found = deployments.record(row)
    place = (found.name, found.environment, found.version)
    gauges: Gauges = {(of.LIVE_WEIGHT, *place, found.strategy, found.state, found.verdict.state): found.weight}
    kept = evidence.judgement_of(tx, found.id)
    return gauges if kept is None else gauges | _judged(found, kept.document)


def _judged(found: DeploymentRecord, document: str) -> Gauges:
    judgement = msgspec.json.decode(document, type=Judgement)
    gauges: Gauges = {}
    for challenger in judgement.challengers:
        place = (found.name, found.environment, challenger.version)
        gauges[of.EVIDENCE, *place] = challenger.e_value
        gauges[of.EVIDENCE_LIMIT, *place] = judgement.limit
        gauges[of.HARM, *place] = challenger.harm
    return gauges
