"""Reports that can be sent to people who have no registry."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.domain.names import shown
from modelyard.domain.wire import ComparisonReport
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import path_of, reference_of, selected, texts_of
from modelyard.facade.base import Base
from modelyard.operations import COMPARE_MANY, RESOLVE


class Reporting(Base):
    """The methods of `ModelRegistry` that write reports."""

    def compare_many(
        self,
        references: Sequence[str],
        *,
        metrics: Sequence[str] | None = None,
        format: str = "",  # noqa: A002
    ) -> ComparisonReport:
        """Compare two or more versions, of one model or of several; the first is the baseline.

        Args:
            references: the versions.
            metrics: the metrics to look at; all where it is left out.
            format: "html" or "markdown" for a document in the answer.

        Raises:
            InvalidRequest: there are fewer than two versions or more than 50, or one comes twice.
            InvalidMetric: no version has a metric of that name.
        """
        wanted = [self._unambiguous(reference_of(item)) for item in _items("references", references)]
        chosen = texts_of("metrics", metrics)
        return self._call(COMPARE_MANY, version=wanted, metrics=chosen, format=format)

    def generate_comparison_report(
        self,
        model_name: str | Sequence[str],
        versions: Sequence[str | int] | None = None,
        path: str | os.PathLike[str] | None = None,
        *,
        format: str = "html",  # noqa: A002
        metrics: Sequence[str] | None = None,
    ) -> str:
        """Write a report about several versions: metrics, parameters, signatures, lineage, files, what happened.

        Args:
            model_name: the model that the versions are of; or a list of references, of one model or of several.
            versions: two or more versions of the model, the baseline first: SemVers, numbers, aliases (`@champion`).
            path: a file to write the report to.
            format: "html", a page that needs nothing else, or "markdown", for issues and pull requests.
            metrics: the metrics to show; all where it is left out.

        Returns:
            The report.

        Raises:
            InvalidRequest: the format is unknown, there are fewer than two versions, or the file cannot be written.
        """
        references = _references(model_name, versions)
        if format not in {"html", "markdown"}:
            raise InvalidRequest(f"a report has no format {shown(format)}", hint="a report is html or markdown")
        target = path_of("path", path) if path is not None else None
        document = self.compare_many(references, metrics=metrics, format=format).document
        if target is not None:
            with replacing(target) as descriptor:
                write_all(descriptor, memoryview(document.encode("utf-8", "backslashreplace")))
        return document

    def _unambiguous(self, reference: str) -> str:
        # In a query a comma parts two values; the name of a model may hold one, and an id never does.
        return self._call(RESOLVE, reference=reference).id if "," in reference else reference


def _references(model: object, versions: object) -> list[Any]:
    if versions is None:
        return _items("model_name", model)
    return [selected(model, version) for version in _items("versions", versions)]


def _items(what: str, values: object) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidRequest(f"{what} is {shown(values)}, not a list", hint=f"write {what}=['fraud/1.0.0', …]")
    return list(values)
