"""The tables' part of the check of the record: each compared with what the events tell.

Rules
- A table that is missing is told once, and not compared.
- What cannot be read, because it is not of the form that modelyard writes, is a finding; the check goes on behind it.
- Versions are read in pages, with what was derived from them; nothing is held but the state of one model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Row, exc

from modelyard.domain.audit import mapping_differences, model_differences, short, version_differences
from modelyard.domain.delivery_ledger import DeliveryLedger
from modelyard.domain.history import ModelState
from modelyard.domain.ledgers import PeopleLedger, PromotionLedger, inputs, kept_differences, ranking, row_differences
from modelyard.metadata import audit, audit_rows
from modelyard.metadata.audit_rows import UNREADABLE
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, REGISTRY
from modelyard.registry.audit_delivery import delivery_differences

PAGE = 500


class Problem(NamedTuple):
    """Where a table says something else than the events."""

    subject: str
    text: str


@dataclass
class Told:
    """What the events of one chain tell."""

    state: ModelState = field(default_factory=ModelState)
    promotions: PromotionLedger = field(default_factory=PromotionLedger)
    people: PeopleLedger = field(default_factory=PeopleLedger)
    delivery: DeliveryLedger = field(default_factory=DeliveryLedger)
    waited: set[str] = field(default_factory=set)
    """Ids of versions whose first event has the time of the event before it."""


class Tables:
    """The tables of one database, and the comparisons that they allow.

    Args:
        tx: the reading transaction.
        revision: the schema that the database says to have.
    """

    def __init__(self, tx: Transaction, revision: str) -> None:
        self._tx = tx
        self.missing = audit_rows.missing_tables(tx, revision)
        self._there = audit_rows.tables_of(tx)
        self._revision = revision
        self._governed = revision != audit_rows.OLDEST
        self.versions = 0
        """How many versions were compared."""

    def whole(self) -> Iterator[Problem]:
        """Yield what is wrong with the database as a whole."""
        for name in self.missing:
            yield Problem(name, "the table is missing")
        if self._there & audit_rows.later_tables(self._revision):
            yield Problem("schema", "the database says to have an older schema than its tables")
        for name in audit_rows.added_objects(self._tx):
            yield Problem(name, "modelyard did not make it, and it can change or hide rows")

    def shared(self) -> Iterator[Problem]:
        """Yield what is wrong with what belongs to no single model."""
        yield from guarded("versions", self._strays())
        if self._has("manifests", "manifest_blobs", "versions"):
            yield from guarded("manifests", self._manifests())

    def of_model(self, row: Row[Any], name: str, told: Told) -> Iterator[Problem]:
        """Yield what is wrong with the rows of one model, or with those of the registry."""
        yield from guarded(name, self._model(row, name, told.state))
        if self._has("versions"):
            yield from guarded(name, self._versions(row.id, name, told))
        if self._has("aliases"):
            pointing = {key: (alias.version_id, alias.position) for key, alias in told.state.aliases.items()}
            differences = mapping_differences("the alias", pointing, audit.alias_facts(self._tx, row.id))
            yield from guarded(name, named(name, differences))
        if self._governed:
            yield from self._governance(row.id, name, told)
        if self._revision not in audit_rows.BEFORE_DELIVERY:
            for difference in delivery_differences(self._tx, row.id, told.delivery, self._there):
                yield from guarded(name, named(name, difference))

    def _governance(self, model_id: str, name: str, told: Told) -> Iterator[Problem]:
        if self._has("placements", "versions"):
            yield from guarded(name, named(name, self._places(model_id, told.state)))
        if self._has("stage_graphs"):
            yield from guarded(name, self._graph(model_id, name, told.state))
        if self._has("promotions"):
            yield from guarded(name, named(name, self._promotions(model_id, told.promotions)))
        if model_id == REGISTRY:
            yield from self._people(name, told.people)

    def _model(self, row: Row[Any], name: str, state: ModelState) -> Iterator[Problem]:
        if row.id == REGISTRY:
            if row.deleted_at is None or row.live_name is not None:
                yield Problem(name, "the row that carries the registry's own chain was made a model")
        else:
            yield from named(name, model_differences(state, audit.model_facts(row)))
        if row.workspace != DEFAULT_WORKSPACE:
            yield Problem(name, f"the model was put into another workspace, {row.workspace!r}")

    def _versions(self, model_id: str, name: str, told: Told) -> Iterator[Problem]:
        missing = set(told.state.versions)
        rows = audit.version_rows(self._tx, model_id)
        while page := list(islice(rows, PAGE)):
            missing.difference_update(facts["id"] for facts in page)
            derived = self._derived(model_id, [facts["seq"] for facts in page])
            for facts in page:
                self.versions += 1
                subject = f"{name}/{facts['version']}"
                yield from guarded(subject, named(subject, self._version(facts, told, derived)))
        for version_id in sorted(missing):
            yield Problem(f"{name}/{told.state.versions[version_id].version}", "the version is missing in its table")

    def _derived(self, model_id: str, seqs: list[int]) -> dict[str, dict[int, Any]]:
        found: dict[str, dict[int, Any]] = {}
        if self._governed:
            found["signature"] = audit_rows.signatures(self._tx, seqs)
        if self._has("version_metrics"):
            found["ranking"] = audit_rows.rankings(self._tx, seqs, model_id)
        if self._governed and self._has("lineage_refs"):
            found["inputs"] = audit_rows.inputs(self._tx, seqs, model_id)
        return found

    def _version(self, facts: dict[str, Any], told: Told, derived: dict[str, dict[int, Any]]) -> Iterator[str]:
        version, seq = told.state.versions.get(facts["id"]), facts["seq"]
        if version is None:
            yield "the version stands in its table, and no event tells of it"
            return
        yield from version_differences(version, facts)
        row = {**facts, "signature": derived.get("signature", {}).get(seq)}
        yield from kept_differences(version, row, waited=version.id in told.waited)
        if facts["workspace"] != DEFAULT_WORKSPACE:
            yield f"the version was put into another workspace, {facts['workspace']!r}"
        if "ranking" in derived and derived["ranking"][seq] != (expected := ranking(version)):
            present = derived["ranking"][seq]
            yield f"the metrics in their table are {short(present)}, and {short(expected)} by the events"
        if "inputs" in derived and derived["inputs"][seq] != inputs(version):
            yield "the inputs in their table (lineage_refs) are not those of its metadata"

    def _places(self, model_id: str, state: ModelState) -> Iterator[str]:
        placed = {
            f"{version.id} in {environment}": stage
            for version in state.live
            for environment, stage in version.environments.items()
        }
        yield from mapping_differences("the place of", placed, audit.placement_facts(self._tx, model_id))

    def _graph(self, model_id: str, name: str, state: ModelState) -> Iterator[Problem]:
        if audit.graph_fact(self._tx, model_id) != state.graph:
            yield Problem(name, "the stage graph in its table is not the one that its events tell of")

    def _promotions(self, model_id: str, ledger: PromotionLedger) -> Iterator[str]:
        present = ledger.present(audit_rows.promotion_facts(self._tx, model_id))
        yield from row_differences("the promotion", ledger.facts, present)

    def _people(self, name: str, people: PeopleLedger) -> Iterator[Problem]:
        if self._has("principals"):
            yield from guarded(name, named(name, self._users(people)))
        if self._has("tokens"):
            yield from guarded(name, named(name, self._tokens(people)))
        if self._has("webhooks"):
            yield from guarded(name, named(name, self._webhooks(people)))

    def _users(self, people: PeopleLedger) -> Iterator[str]:
        yield from row_differences("the user", people.users, audit_rows.user_facts(self._tx))

    def _tokens(self, people: PeopleLedger) -> Iterator[str]:
        present = people.present_tokens(audit_rows.token_facts(self._tx))
        yield from row_differences("the token", people.tokens, present)

    def _webhooks(self, people: PeopleLedger) -> Iterator[str]:
        yield from row_differences("the webhook", people.webhooks, audit_rows.webhook_facts(self._tx))

    def _strays(self) -> Iterator[Problem]:
        for table, model_id, count in audit.strays(self._tx, self._there):
            yield Problem(str(model_id), f"{count} rows of the table {table} belong to no model")

    def _manifests(self) -> Iterator[Problem]:
        for digest, problem in audit_rows.manifest_problems(self._tx):
            yield Problem(f"manifest {digest[:12]}", problem)
        for model_id, version in audit_rows.without_manifest(self._tx):
            yield Problem(f"{model_id}/{version}", "its manifest, the list of its files, is missing")

    def _has(self, *names: str) -> bool:
        return self._there.issuperset(names)


def named(subject: str, differences: Iterator[str]) -> Iterator[Problem]:
    """Yield differences as problems of a subject."""
    for difference in differences:
        yield Problem(subject, difference)


def guarded(subject: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    """Yield problems, and one more where a value cannot be read."""
    try:
        yield from problems
    except UNREADABLE as error:
        yield Problem(subject, f"a row of it cannot be read, modelyard did not write it so ({type(error).__name__})")
    except exc.DBAPIError as error:
        if not audit_rows.is_about_schema(error):
            raise
        yield Problem(subject, f"a column of its tables is missing: {str(error.orig).splitlines()[0]}")
