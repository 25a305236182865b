"""Which stage graph holds for a model: its own, else the registry's, else the default one.

Graphs are read once in a transaction, and only if somebody asks; parsing is remembered by the text. A gate that a graph
names and that is not installed here does not make the graph unreadable: the requirement is simply never met.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.domain.graph import StageGraph
from modelyard.domain.graph_documents import parse_graph
from modelyard.domain.stages import ModelStage
from modelyard.metadata import graphs
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import REGISTRY


class AnyGate(Collection[str]):
    """Holds the name of every gate there might be."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


ANY_GATE = AnyGate()


@lru_cache(maxsize=256)
def _parsed(text: str) -> StageGraph:
    return parse_graph(msgspec.json.decode(text), ANY_GATE)


class Graphs:
    """The stage graphs of a registry at one moment."""

    def __init__(self, tx: Transaction, default: StageGraph) -> None:
        self._tx = tx
        self._default = default

    @cached_property
    def _read(self) -> tuple[Mapping[str, Row[Any]], bool]:
        return graphs.every(self._tx)

    @property
    def rows(self) -> Mapping[str, Row[Any]]:
        """The graphs on record, by the id of their model."""
        return self._read[0]

    @property
    def has_endpoints(self) -> bool:
        """Whether the registry had any endpoint when the graphs were read: most have none."""
        return self._read[1]

    def of(self, model_id: str) -> StageGraph:
        """The graph that holds for a model."""
        row = self.rows.get(model_id) or self.rows.get(REGISTRY)
        return _parsed(row.document) if row is not None else self._default

    @property
    def registry(self) -> StageGraph:
        """The graph of models that have none of their own."""
        return self.of(REGISTRY)

    @cached_property
    def every(self) -> tuple[StageGraph, ...]:
        """The registry's graph, and then the models' own."""
        own = (_parsed(row.document) for key, row in self.rows.items() if key != REGISTRY)
        return (self.registry, *own)

    @cached_property
    def stages(self) -> tuple[ModelStage, ...]:
        """The stages of all graphs, each once."""
        return tuple(dict.fromkeys(stage for graph in self.every for stage in graph.stages))

    @cached_property
    def placed(self) -> frozenset[ModelStage]:
        """The stages that belong to an environment in some graph."""
        return frozenset(stage for graph in self.every for stage in graph.environments)
