"""The part of the check of the record that delivery has: its tables against what the events of a model tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from modelyard.domain.delivery_ledger import DeliveryLedger, Facts
from modelyard.domain.ledgers import row_differences
from modelyard.domain.snapshots import digest_of
from modelyard.metadata import audit_delivery as rows
from modelyard.metadata.database import Transaction

Reader = Callable[[Transaction, str], dict[str, Facts]]


def delivery_differences(
    tx: Transaction, model_id: str, ledger: DeliveryLedger, there: Collection[str]
) -> Iterator[Iterator[str]]:
    """Yield, for each table of delivery that is there, where its rows say something else than the events.

    Each is read when it is walked through, so that one that cannot be read does not hide the others.
    """
    compared: tuple[tuple[str, str, Reader, dict[str, Facts]], ...] = (
        ("endpoints", "the endpoint", rows.endpoint_facts, ledger.endpoints),
        ("routes", "the route", rows.route_facts, ledger.routes),
        ("deployments", "the deployment", rows.deployment_facts, ledger.deployments),
        ("deployment_history", "the history of", rows.history_facts, ledger.history),
        ("snapshots", "the snapshot", rows.snapshot_facts, ledger.snapshots),
    )
    for table, what, read, told in compared:
        if table in there:
            yield _differences(tx, model_id, ledger, (what, read, told))
    if "snapshots" in there:
        yield _digests(tx, model_id)


def _differences(
    tx: Transaction, model_id: str, ledger: DeliveryLedger, table: tuple[str, Reader, dict[str, Facts]]
) -> Iterator[str]:
    what, read, told = table
    yield from row_differences(what, told, ledger.present(read(tx, model_id), told))


def _digests(tx: Transaction, model_id: str) -> Iterator[str]:
    for key, facts in rows.snapshot_facts(tx, model_id).items():
        if digest_of(facts["content"]) != facts["digest"]:
            yield f"the snapshot {key}: its digest is not that of its content"
