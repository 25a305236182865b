"""Signatures, the numbers that follow from them, and what changed from version to version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelyard.artifacts.schemas import schemas_of_path
from modelyard.domain.changelog import changelog
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import Compatibility, NextVersion, SignatureDiffRecord
from modelyard.errors import InvalidVersion
from modelyard.facade.arguments import metadata_of, name_of, path_of, reference_of, selected
from modelyard.facade.base import Base
from modelyard.operations import LIST_VERSIONS, NEXT_VERSION, RESOLVE, SIGNATURE_DIFF
from modelyard.runtimes.schemas import infer_schema


class Signatures(Base):
    """The methods of `ModelRegistry` about what versions take and give, and what their numbers promise."""

    def compare_signatures(self, version_a: str, version_b: str) -> SignatureDiffRecord:
        """Return how the signature of one version differs from that of another.

        Args:
            version_a: the version that callers were made for.
            version_b: the version that they shall call instead.

        Returns:
            Each change with its reason and whether it breaks callers, the outcome of all (`breaking`, `compatible`,
            `none` or `unknown`), and the part of the number that has to grow for it.
        """
        return self._call(SIGNATURE_DIFF, version_a=reference_of(version_a), version_b=reference_of(version_b))

    def is_compatible(self, version_a: str, version_b: str) -> Compatibility:
        """Return whether version b serves the callers of version a: same major number, and no breaking change.

        The answer is true or false as it stands (`if registry.is_compatible(a, b)`), and tells its reason. Where a
        signature is not known, only the numbers speak.
        """
        found = self.compare_signatures(version_a, version_b)
        return Compatibility(compatible=found.compatible, reason=found.reason, changes=found.changes)

    def propose_version(
        self,
        name: str,
        *,
        input_schema: Mapping[str, Any] | None = None,
        output_schema: Mapping[str, Any] | None = None,
        input_example: object = None,
        model_path: str | os.PathLike[str] | None = None,
    ) -> NextVersion:
        """Return the number that the next version of a model would get, and why; nothing is reserved.

        Args:
            name: the model's name.
            input_schema: what the version takes.
            output_schema: what it gives.
            input_example: some rows of input, which tell the input schema where it is not given.
            model_path: an ONNX file, or a folder with one or with an `MLmodel` file, which tell what nothing else does;
                the answer's `reason` says so where that file cannot be read.

        Raises:
            ModelNotFound: there is no such model.
        """
        given = metadata_of("propose_version", {"input_schema": input_schema, "output_schema": output_schema})
        if input_example is not None:
            given = {"input_schema": infer_schema(input_example), **given}
        troubles: list[str] = []
        if model_path is not None:
            given = {**schemas_of_path(path_of("model_path", model_path), troubles.append), **given}
        found = self._call(NEXT_VERSION, name=name_of(name), **given)
        return replace(found, reason="; ".join([found.reason, *troubles]), troubles=troubles)

    def changelog(self, name: str, since: str | None = None) -> str:
        """Return what changed from version to version as Markdown, the highest version first.

        Args:
            name: the model's name.
            since: only versions above this one: a SemVer, or any reference to a version.
        """
        model = name_of(name)
        above = None
        if since is not None:
            above = self._number(model, since)
        found = self._all(LIST_VERSIONS, lambda page: page.versions, limit=None, name=model)
        return changelog(model, found, above)

    def _number(self, model: str, since: object) -> SemVer:
        try:
            return SemVer.parse(since)  # type: ignore[arg-type]
        except InvalidVersion:
            return SemVer.parse(self._call(RESOLVE, reference=selected(model, since)).version)
