"""Lineage: the same graph, the same uses and the same trend, wherever the registry is."""

from __future__ import annotations

import pytest

from modelyard import InvalidMetric, InvalidReference, InvalidRequest, ModelNotFound


@pytest.fixture
def line(registry, weights):
    """Three versions, each the parent of the next, the second in production."""
    first = registry.register_model(
        weights,
        "fraud",
        metrics={"accuracy": 0.8},
        data_lineage={"dataset": "payments-2026-02", "source": "s3://lake/payments", "features": ["fs-6"]},
        created_by="ana",
        training_timestamp="2026-02-01T08:00:00Z",
    )
    second = registry.register_model(
        weights,
        "fraud",
        parent=first,
        metrics={"accuracy": 0.9},
        data_version="payments-2026-03",
        feature_version="fs-7",
        code_version="4f2a91c-dirty",
        training_run_id="run-9",
    )
    third = registry.register_model(weights, "churn", parent=second, data_version="payments-2026-03")
    for stage in ("staging", "production"):
        registry.promote_model(second, stage)
    return [first, second, third]


@pytest.mark.feature("LIN-01", "LIN-02", "LIN-03", "LIN-04", "LIN-05", "LIN-06", "LIN-08")
@pytest.mark.every_way
def test_the_graph_of_a_version(registry, line):
    graph = registry.lineage_graph("fraud/2")
    assert graph.root == line[1]
    nodes = {node.id: node for node in graph.nodes}
    assert set(nodes) == {
        *line, "dataset:payments-2026-02", "dataset:payments-2026-03", "feature:fs-6", "feature:fs-7",
        "code:4f2a91c", "run:run-9",
    }  # fmt: skip
    assert {(edge.source, edge.target, edge.relation, edge.note) for edge in graph.edges} == {
        (line[1], line[0], "parent", ""),
        (line[2], line[1], "parent", ""),
        (line[0], "dataset:payments-2026-02", "dataset", ""),
        (line[0], "feature:fs-6", "feature", ""),
        ("feature:fs-6", "dataset:payments-2026-02", "dataset", ""),
        (line[1], "dataset:payments-2026-03", "dataset", ""),
        (line[1], "feature:fs-7", "feature", ""),
        (line[1], "code:4f2a91c", "code", "uncommitted changes"),
        (line[1], "run:run-9", "run", ""),
    }
    assert nodes["dataset:payments-2026-02"].facts == {"source": "s3://lake/payments"}
    trained = nodes[line[0]]
    assert (trained.created_by, trained.trained_at) == ("ana", "2026-02-01T08:00:00Z")
    assert trained.registered_by
    assert trained.registered_at == registry.get_model(line[0]).created_at
    assert (nodes[line[1]].stage, nodes[line[1]].name) == ("production", "fraud/0.1.1")


def test_the_graph_goes_where_it_is_sent(registry, line):
    assert {node.id for node in registry.lineage_graph(line[1], up=False).nodes} == set(line[1:])
    assert {node.id for node in registry.lineage_graph(line[1], down=False, depth=1).nodes} >= {line[0], "run:run-9"}
    assert [node.id for node in registry.lineage_graph(line[1], depth=0).nodes] == [line[1]]
    for wrong in ({"depth": -1}, {"depth": "all"}, {"up": "yes"}):
        with pytest.raises(InvalidRequest):
            registry.lineage_graph(line[1], **wrong)
    with pytest.raises(ModelNotFound):
        registry.lineage_graph("nobody")
    with pytest.raises(InvalidReference):
        registry.metric_trend("", "accuracy")


@pytest.mark.feature("LIN-03", "LIN-06")
@pytest.mark.every_way
def test_which_live_versions_use_an_input(registry, line):
    assert [(use.id, use.live_as) for use in registry.used_by("dataset", "payments-2026-03")] == [
        (line[1], ["stage production"])
    ]
    registry.set_alias("churn", "next", 1)
    live = registry.used_by("dataset", "payments-*", limit=5)
    assert [(use.name, use.live_as) for use in live] == [("fraud", ["stage production"]), ("churn", ["alias next"])]
    assert [use.id for use in registry.used_by("dataset", "payments-*", live=False)] == line
    assert [use.id for use in registry.used_by("commit", "4f2a*", live=False)] == [line[1]]
    assert registry.used_by("run", "run-10") == []
    assert [(ref.name, ref.versions) for ref in registry.lineage_refs("dataset")] == [
        ("payments-2026-02", 1), ("payments-2026-03", 2),
    ]  # fmt: skip
    assert {ref.kind for ref in registry.lineage_refs()} == {"code", "dataset", "feature", "run"}
    for call in (
        lambda: registry.used_by("cats", "tom"),
        lambda: registry.used_by("dataset", ""),
        lambda: registry.used_by("dataset", "x", live=None),
    ):
        with pytest.raises(InvalidRequest):
            call()


@pytest.mark.feature("LIN-07")
@pytest.mark.every_way
def test_a_metric_along_the_line_and_across_the_versions(registry, line, weights):
    fourth = registry.register_model(weights, "fraud", parent=line[0], metrics={"accuracy": 0.7})
    along = registry.metric_trend(fourth, "Accuracy")
    assert [(point.id, point.value, point.change) for point in along.points] == [
        (line[0], 0.8, ""), (fourth, 0.7, "worse"),
    ]  # fmt: skip
    assert (along.direction, along.trend, along.best) == ("higher", "worse", line[0])
    across = registry.metric_trend("fraud", "accuracy", across="versions")
    assert [point.version for point in across.points] == ["0.1.0", "0.1.1", "0.1.2"]
    assert (across.best, across.points[1].stage) == (line[1], "production")
    assert registry.metric_trend(fourth, "accuracy", direction="lower").trend == "better"
    with pytest.raises(InvalidMetric):
        registry.metric_trend("fraud", "auc")
    with pytest.raises(InvalidRequest):
        registry.metric_trend("fraud", "accuracy", across="time")
