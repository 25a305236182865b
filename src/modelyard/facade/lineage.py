"""Where versions come from, what uses an input, and how a metric went along the way."""

from __future__ import annotations

from typing import Any

from modelyard.domain.wire import LineageGraph, LineageRef, LineageUse, TrendRecord
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import count_of, reference_of
from modelyard.facade.base import Base
from modelyard.operations import LINEAGE_GRAPH, LINEAGE_REFS, TREND, USED_BY


class Lineage(Base):
    """The methods of `ModelRegistry` that follow lineage."""

    def lineage_graph(
        self, reference: str, up: bool = True, down: bool = True, depth: int | None = None
    ) -> LineageGraph:
        """Return what a version was made from, and what was made from it, as nodes and edges.

        Nodes are versions (by the parents that they name; deleted ones too, marked), datasets, features, commits and
        runs; edges lead from what was made to what it was made from. Each node is there once.

        Args:
            reference: the version.
            up: follow what it was made from.
            down: follow what was made from it.
            depth: how many edges away, at most; all the way where it is left out.
        """
        return self._call(
            LINEAGE_GRAPH,
            reference=reference_of(reference),
            up=_truth("up", up),
            down=_truth("down", down),
            depth=count_of("depth", depth),
        )

    def used_by(self, kind: str, name: str, live: bool = True, *, limit: int | None = None) -> list[LineageUse]:
        """Return the versions that name an input: which live versions used this dataset?

        A version is live where it stands in a stage that holds one version only (production, unless the stage graph
        says otherwise), its own or an environment's, or under an alias; `live_as` tells by what.

        Args:
            kind: "dataset", "feature", "code" or "run".
            name: the input's name, or its beginning with `*` behind it (`payments-*`). `payments` finds `payments@3`,
                version 3 of it, too.
            live: only live versions; otherwise all that were not deleted.
            limit: how many at most; all where it is left out.

        Raises:
            InvalidRequest: there are no such inputs, or the name is empty.
        """
        values: dict[str, Any] = {"kind": kind, "name": name, "live": _truth("live", live)}
        return self._all(USED_BY, lambda page: page.uses, limit=limit, **values)

    def lineage_refs(
        self, kind: str | None = None, name: str | None = None, *, limit: int | None = None
    ) -> list[LineageRef]:
        """Return the inputs that versions name, by kind and name, with how many versions name each.

        Args:
            kind: only this kind: "dataset", "feature", "code" or "run".
            name: only those of this name, or with this beginning where `*` stands behind it.
            limit: how many at most; all where it is left out.
        """
        return self._all(LINEAGE_REFS, lambda page: page.refs, limit=limit, kind=kind, name=name)

    def metric_trend(
        self, reference: str, metric: str, *, across: str = "line", direction: str | None = None
    ) -> TrendRecord:
        """Follow a metric from version to version, the oldest first.

        Args:
            reference: the version whose line of ancestors is followed, or whose model.
            metric: the metric's name, in any spelling.
            across: "line" for the line of `get_model_lineage`, "versions" for all versions of the model.
            direction: "higher" or "lower", for metrics of which modelyard does not know which is better.

        Raises:
            InvalidMetric: no version there has the metric.
        """
        return self._call(TREND, reference=reference_of(reference), metric=metric, across=across, direction=direction)


def _truth(what: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{what} is {value!r}, not True or False")
    return value
