"""Comparing versions, following where they come from, and looking at the registry as a whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.domain.wire import ComparisonRecord, GarbageReport, Verification, VersionRecord
from modelyard.facade.arguments import path_of, reference_of, taken, texts_of
from modelyard.facade.base import Base
from modelyard.operations import (
    COLLECT_GARBAGE,
    COMPARE,
    EXPORT,
    LINEAGE,
    LIST_ALL_VERSIONS,
    STATS,
    VERIFY,
)


class Analysis(Base):
    """The methods of `ModelRegistry` that compare and count."""

    def compare_models(
        self,
        model_a_id: str,
        model_b_id: str,
        metrics_to_compare: Sequence[str] | None = None,
        *,
        metrics: Sequence[str] | None = None,
    ) -> ComparisonRecord:
        """Compare two versions, of one model or of two.

        Args:
            model_a_id: one version.
            model_b_id: the other one.
            metrics_to_compare: the metrics that decide; all that both have where it is left out.
            metrics: another name of the same argument.

        Returns:
            The winner's id, or None where nothing decides; how sure that is and on what basis; each metric side by
            side; the parameters that differ.

        Raises:
            InvalidMetric: neither version has a metric of that name.
        """
        given = {
            "metrics_to_compare": texts_of("metrics_to_compare", metrics_to_compare),
            "metrics": texts_of("metrics", metrics),
        }
        chosen = taken(given, ("metrics_to_compare", "metrics"))
        return self._call(
            COMPARE, version_a=reference_of(model_a_id), version_b=reference_of(model_b_id), metrics=chosen
        )

    def get_model_lineage(self, model_id: str) -> list[VersionRecord]:
        """Return a version's line of ancestors, the oldest first and the version itself last.

        A version comes from its parent, or from the version of its model that was registered before it.
        """
        return self._call(LINEAGE, reference=reference_of(model_id)).versions

    def get_registry_stats(self) -> dict[str, Any]:
        """Return the registry in numbers.

        Among them are total_models, total_versions, total_size_bytes, models_by_stage and frameworks.
        """
        stats: dict[str, Any] = msgspec.to_builtins(self._call(STATS))
        return stats

    def export_registry(self, output_path: str | os.PathLike[str]) -> Path:
        """Write all models, versions and events of one moment to a JSON file, without the bytes of the models.

        The file appears whole or not at all.

        Returns:
            Where it is.

        Raises:
            InvalidRequest: it is no path, or cannot be written.
        """
        target = path_of("output_path", output_path)
        data = msgspec.json.format(msgspec.json.encode(self._call(EXPORT), enc_hook=str), indent=2)
        with replacing(target) as descriptor:
            write_all(descriptor, memoryview(data + b"\n"))
        return target

    def verify(self, reference: str | None = None) -> list[Verification]:
        """Read files back where they are stored, and compare every digest.

        Args:
            reference: one version; None for all that have files.

        Returns:
            One entry a version; an empty `damage` in it means that every byte is right.
        """
        if reference is not None:
            return [self._call(VERIFY, reference=reference_of(reference))]
        every = self._all(LIST_ALL_VERSIONS, lambda page: page.versions, limit=None)
        return [self._call(VERIFY, reference=version.id) for version in every if version.files]

    def collect_garbage(self, *, dry_run: bool = False, grace_seconds: float | None = None) -> GarbageReport:
        """Remove stored files that no version refers to; tell only what would go with `dry_run`.

        Args:
            dry_run: change nothing.
            grace_seconds: keep files that are younger; an hour where it is left out.
        """
        return self._call(COLLECT_GARBAGE, dry_run=dry_run, grace_seconds=grace_seconds)
