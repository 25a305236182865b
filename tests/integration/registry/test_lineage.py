"""Lineage on both databases: lines of thousands, cycles, tombstones, the index of inputs, and who is live."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from sqlalchemy import delete, insert, select, update

from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.wire import LineageUse, VersionRecord
from modelyard.errors import InvalidMetric, InvalidRequest
from modelyard.metadata.tables import lineage_refs, models, versions
from modelyard.operations import (
    CREATE_MODEL,
    DELETE,
    LINEAGE,
    LINEAGE_GRAPH,
    LINEAGE_REFS,
    PROMOTE,
    REGISTER_VERSION,
    SET_ALIAS,
    SET_MODEL_GRAPH,
    TREND,
    UPDATE_VERSION,
    USED_BY,
    CreateModel,
    Delete,
    ListRefs,
    Named,
    Promote,
    RegisterVersion,
    SetAlias,
    SetModelGraph,
    Trend,
    UpdateVersion,
    UsedBy,
    WalkLineage,
)
from modelyard.registry.dispatch import perform

MANY = 10_000


def register(caller: EmbeddedCaller, name: str, **fields) -> VersionRecord:
    return caller.call(REGISTER_VERSION, RegisterVersion(name=name, create=True, **fields))


def uses(
    caller: EmbeddedCaller, name: str, *, kind: str = "dataset", live: bool = True, limit: int = 2
) -> Iterator[LineageUse]:
    """All pages, small ones."""
    token = ""
    while True:
        page = caller.call(USED_BY, UsedBy(kind=kind, name=name, live=live, limit=limit, page_token=token))
        assert len(page.uses) <= limit
        yield from page.uses
        token = page.next_page_token
        if not token:
            return


def multiply(caller: EmbeddedCaller, pattern: VersionRecord, *, in_line: bool) -> list[str]:
    """Make thousands of versions of one, quickly, each the parent of the next or all without parents."""
    with caller.yard.database.write() as tx:
        row = dict(tx.all(select(versions).where(versions.c.id == pattern.id))[0]._mapping)
        del row["seq"]
        ids = [pattern.id, *(f"mv_{number:026d}" for number in range(2, MANY + 1))]
        made = [
            {**row, "id": key, "number": number, "version": f"0.0.{number}", "parent_id": before if in_line else None}
            for number, (before, key) in enumerate(pairwise(ids), 2)
        ]
        tx.run(insert(versions), made)
        tx.run(update(models).where(models.c.id == row["model_id"]).values(last_number=MANY, live_versions=MANY))
    return ids


@pytest.mark.feature("LIN-01", "LIN-06")
def test_walks_through_a_registry_agree_in_both_directions(caller: EmbeddedCaller) -> None:
    made: list[VersionRecord] = []
    chance = random.Random(7)
    for number in range(24):
        parent = chance.choice([None, *made]) if made else None
        model = chance.choice(["fraud", "churn"])
        made.append(register(caller, model, parent=parent.id if parent else None, data_version=f"d{number % 3}"))
    for gone in (made[2], made[7]):
        caller.call(DELETE, Delete(reference=gone.id, force=True))
    live = [record.id for record in made if record not in (made[2], made[7])]
    up, down = (
        {key: {node.id for node in caller.call(LINEAGE_GRAPH, WalkLineage(reference=key, **way)).nodes} for key in live}
        for way in ({"down": False}, {"up": False})
    )
    for a in live:
        for b in live:
            assert (a in up[b]) == (b in down[a])
    parents = {record.id: record.parent_id for record in made}
    for key in live:
        line = [key]
        while parents[line[-1]]:
            line.append(str(parents[line[-1]]))
        assert {node for node in up[key] if node.startswith("mv_")} == set(line)


@pytest.mark.feature("LIN-01")
def test_a_line_of_ten_thousand_parents_is_walked(caller: EmbeddedCaller) -> None:
    ids = multiply(caller, register(caller, "fraud", metrics={"f1": 0.5}, data_version="p"), in_line=True)
    graph = caller.call(LINEAGE_GRAPH, WalkLineage(reference=ids[-1]))
    assert not graph.truncated
    assert [node.id for node in graph.nodes if node.kind == "version"] == ids[::-1]
    assert len(graph.edges) == 2 * MANY - 1
    below = caller.call(LINEAGE_GRAPH, WalkLineage(reference=ids[0], up=False))
    assert [node.id for node in below.nodes] == ids
    few = caller.call(LINEAGE_GRAPH, WalkLineage(reference=ids[5000], depth=2))
    assert [node.number for node in few.nodes if node.kind == "version"] == [5001, 5000, 5002, 4999, 5003]
    assert caller.call(LINEAGE, Named(reference=ids[-1])).versions == ids
    trend = caller.call(TREND, Trend(reference=ids[-1], metric="f1"))
    assert ([point.number for point in trend.points], trend.truncated) == (list(range(1, MANY + 1)), False)
    register(caller, "fraud", parent=ids[-1], version="9.0.0", metrics={"f1": 0.7})
    assert caller.call(LINEAGE_GRAPH, WalkLineage(reference="fraud/9.0.0")).truncated
    across = caller.call(TREND, Trend(reference="fraud", metric="f1", across="versions"))
    assert (across.truncated, len(across.points), across.points[-1].change) == (True, MANY, "better")


def test_a_line_of_ten_thousand_numbers_is_walked(caller: EmbeddedCaller) -> None:
    ids = multiply(caller, register(caller, "fraud"), in_line=False)
    assert caller.call(LINEAGE, Named(reference=ids[-1])).versions == ids


def test_a_cycle_that_somebody_made_by_hand_ends(caller: EmbeddedCaller) -> None:
    first = register(caller, "fraud")
    second = register(caller, "fraud", parent=first.id)
    with caller.yard.database.write() as tx:
        tx.run(update(versions).where(versions.c.id == first.id).values(parent_id=second.id))
    graph = caller.call(LINEAGE_GRAPH, WalkLineage(reference=second.id))
    assert {node.id for node in graph.nodes} == {first.id, second.id}
    assert len(graph.edges) == 2
    assert caller.call(LINEAGE, Named(reference=second.id)).versions == [first.id, second.id]


@pytest.mark.feature("LIN-01", "LIN-08")
def test_deleted_ancestors_are_shown_as_such(caller: EmbeddedCaller) -> None:
    old = register(caller, "old", data_version="p", created_by="ana", training_timestamp="2026-02-01")
    middle = register(caller, "fraud", parent=old.id)
    newest = register(caller, "fraud", parent=middle.id)
    caller.call(DELETE, Delete(reference="old", force=True))
    caller.call(DELETE, Delete(reference=middle.id, force=True))
    graph = caller.call(LINEAGE_GRAPH, WalkLineage(reference=newest.id))
    told = {
        node.name: (node.deleted, node.created_by, node.trained_at[:10], node.registered_by) for node in graph.nodes
    }
    assert told == {
        "fraud/0.1.1": (False, "", "", "local"),
        "fraud/0.1.0": (True, "", "", "local"),
        "old/0.1.0": (True, "ana", "2026-02-01", "local"),
        "p": (False, "", "", ""),
    }
    assert list(uses(caller, "p", live=False)) == []
    assert caller.call(LINEAGE_REFS, ListRefs()).refs == []


@pytest.mark.feature("LIN-03", "LIN-06")
def test_which_live_versions_use_a_dataset(caller: EmbeddedCaller) -> None:
    staged = register(caller, "fraud", data_version="payments-2026-03")
    produced = register(caller, "churn", data_lineage={"dataset": "payments-2026-03", "version": 2})
    named = register(caller, "churn", data_lineage={"datasets": ["Payments-2026-03", "payments-2026-03"]})
    register(caller, "churn", data_version="payments-2026-03-b")
    for stage in ("staging", "production"):
        caller.call(PROMOTE, Promote(reference=produced.id, target_stage=stage))
    caller.call(PROMOTE, Promote(reference=staged.id, target_stage="staging"))
    assert [use.id for use in uses(caller, "payments-2026-03")] == [produced.id]
    caller.call(SET_ALIAS, SetAlias(name="churn", alias="challenger", version=named.id))
    live = list(uses(caller, "payments-2026-03", limit=1))
    assert [(use.id, use.input, use.live_as) for use in live] == [
        (named.id, "payments-2026-03", ["alias challenger"]),
        (produced.id, "payments-2026-03@2", ["stage production"]),
    ]
    every = list(uses(caller, "payments-2026-03", live=False, limit=1))
    assert [(use.id, use.live) for use in every] == [(staged.id, False), (named.id, True), (produced.id, True)]
    assert [use.input for use in uses(caller, "pay*", live=False)] == [
        "payments-2026-03", "payments-2026-03", "payments-2026-03-b", "payments-2026-03@2",
    ]  # fmt: skip
    assert len(list(uses(caller, "*", live=False))) == 5
    assert list(uses(caller, "payments-2026", live=False)) == []
    for wrong in (
        UsedBy(kind="dataset", name=" "),
        UsedBy(kind="cat", name="p"),
        UsedBy(kind="dataset", name="p", limit=0),
        UsedBy(kind="dataset", name="p", page_token="WyJ4Il0"),
        UsedBy(kind="dataset", name="p", page_token="WyJ4OnkiXQ"),
    ):
        with pytest.raises(InvalidRequest):
            caller.call(USED_BY, wrong)


def test_a_stage_of_an_environment_makes_live_where_its_graph_calls_it_exclusive(caller: EmbeddedCaller) -> None:
    moves = {"development": ["eu-production", "shelf"], "eu-production": [], "shelf": [], "archived": []}
    moves["development"].append("archived")
    graph = {"initial": "development", "environments": {"eu": ["eu-production"]}, "moves": moves}
    placed, shelved = (register(caller, name, data_version="p") for name in ("fraud", "churn"))
    caller.call(
        SET_MODEL_GRAPH, SetModelGraph(name="fraud", document={**graph, "exclusive": ["eu-production", "shelf"]})
    )
    caller.call(SET_MODEL_GRAPH, SetModelGraph(name="churn", document={**graph, "exclusive": []}))
    caller.call(PROMOTE, Promote(reference=placed.id, target_stage="eu-production"))
    caller.call(PROMOTE, Promote(reference=shelved.id, target_stage="shelf"))
    assert [(use.id, use.stage, use.live_as) for use in uses(caller, "p", limit=1)] == [
        (placed.id, "development", ["stage eu-production (eu)"])
    ]
    assert [use.live for use in uses(caller, "p", live=False)] == [True, False]


def test_the_index_follows_what_is_said_about_a_version(caller: EmbeddedCaller) -> None:
    version = register(caller, "fraud", data_version="a", code_version="4f2a-dirty")
    caller.call(UPDATE_VERSION, UpdateVersion(reference=version.id, metadata={"data_version": "b", "description": "x"}))
    assert [(ref.kind, ref.name) for ref in caller.call(LINEAGE_REFS, ListRefs()).refs] == [
        ("code", "4f2a"), ("dataset", "b"),
    ]  # fmt: skip
    assert [use.id for use in uses(caller, "4f2a", kind="commit", live=False)] == [version.id]
    caller.call(
        UPDATE_VERSION, UpdateVersion(reference=version.id, metadata={"data_version": None, "code_version": None})
    )
    assert caller.call(LINEAGE_REFS, ListRefs()).refs == []


def test_inputs_are_listed_in_pages(caller: EmbeddedCaller) -> None:
    names = ["a", "B", "é", "a b", "a@1", "🦜"]
    register(caller, "fraud", data_lineage={"datasets": names}, training_run_id="a")
    register(caller, "churn", data_lineage={"datasets": ["a"]})
    found, token = [], ""
    while True:
        page = caller.call(LINEAGE_REFS, ListRefs(limit=2, page_token=token))
        found += [(ref.kind, ref.name, ref.versions) for ref in page.refs]
        token = page.next_page_token
        if not token:
            break
    assert found == [*(("dataset", name, 1 + (name == "a")) for name in sorted(names)), ("run", "a", 1)]
    assert [ref.name for ref in caller.call(LINEAGE_REFS, ListRefs(kind="dataset", name="a")).refs] == ["a", "a@1"]
    assert [ref.name for ref in caller.call(LINEAGE_REFS, ListRefs(kind="datasets", name="a*")).refs] == [
        "a",
        "a b",
        "a@1",
    ]


def test_odd_lineage_breaks_no_registration(caller: EmbeddedCaller) -> None:
    odd: dict[str, object] = {
        "": None,
        "dataset": [None, True, 1e300, {"name": "é" * 400}],
        "\u202e": {"source": "\x01"},
        "features": {"": []},
    }
    version = register(caller, "fraud", data_lineage=odd, data_version="x" * 5000)
    graph = caller.call(LINEAGE_GRAPH, WalkLineage(reference=version.id))
    stored = {(ref.kind, ref.name) for ref in caller.call(LINEAGE_REFS, ListRefs()).refs}
    assert stored == {(node.kind, node.name) for node in graph.nodes if node.kind != "version"}
    assert [use.id for use in uses(caller, "x" * 5000, live=False)] == [version.id]
    with caller.yard.database.write() as tx:
        tx.run(delete(lineage_refs))
    assert len(caller.call(LINEAGE_GRAPH, WalkLineage(reference=version.id)).nodes) == len(graph.nodes)


def test_what_somebody_may_not_see_is_left_out(caller: EmbeddedCaller) -> None:
    hidden = register(caller, "secret", data_version="p")
    shown = register(caller, "fraud", parent=hidden.id, data_version="p", metrics={"f1": 0.5})
    register(caller, "secret", parent=shown.id)
    guest = Principal(name="guest", proven=True, grants=(Grant(allow="version.read", model="fraud"),))

    def ask(operation, request):
        return perform(caller.yard, operation, request, principal=guest)

    graph = ask(LINEAGE_GRAPH, WalkLineage(reference="fraud"))
    assert "secret" not in msgspec.json.encode(graph).decode()
    assert [node.name for node in graph.nodes] == ["fraud/0.1.0", "p"]
    assert [use.name for use in ask(USED_BY, UsedBy(kind="dataset", name="p", live=False)).uses] == ["fraud"]
    assert [(ref.name, ref.versions) for ref in ask(LINEAGE_REFS, ListRefs()).refs] == [("p", 1)]
    assert ask(LINEAGE, Named(reference="fraud")).versions == [shown.id]
    assert [point.id for point in ask(TREND, Trend(reference="fraud", metric="f1")).points] == [shown.id]


@pytest.mark.feature("LIN-07")
def test_a_metric_that_is_not_there_is_refused_with_those_that_are(caller: EmbeddedCaller) -> None:
    register(caller, "fraud", metrics={"f1": 0.5})
    with pytest.raises(InvalidMetric, match="no version there has the metric 'auc'") as refusal:
        caller.call(TREND, Trend(reference="fraud", metric="auc"))
    assert "'f1'" in refusal.value.hint
    caller.call(CREATE_MODEL, CreateModel(name="bare"))
    register(caller, "bare")
    with pytest.raises(InvalidMetric) as refusal:
        caller.call(TREND, Trend(reference="bare", metric="auc"))
    assert "no metrics" in refusal.value.hint
    for wrong in ({"across": "time"}, {"direction": "up"}):
        with pytest.raises(InvalidRequest):
            caller.call(TREND, Trend(reference="fraud", metric="f1", **wrong))
    with pytest.raises(InvalidRequest, match="depth is -1"):
        caller.call(LINEAGE_GRAPH, WalkLineage(reference="fraud", depth=-1))
