"""Numbers of imported versions: `models:/fraud/7` goes on meaning what it meant where the versions come from.

Rules
1. A registry counts a model's versions 1, 2, 3 and uses no number twice. Where a number is missing at the origin,
   because that version was deleted there, a placeholder is registered here and deleted at once.
2. Numbers are kept where the model is new here, or where all of its versions were imported from the same kind of
   origin. Elsewhere numbers differ, and `extra["imported"]` tells the old one.
3. More than `MOST_GAPS` numbers missing in a row are not filled, and neither is anything where we may not delete.
4. A placeholder that an interrupted import left behind is deleted by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from modelyard.domain.wire import VersionRecord
from modelyard.errors import NotFound, PermissionDenied, VersionExists
from modelyard.facade.registry import ModelRegistry

MOST_GAPS: Final = 200


class Numbers:
    """The last number of each model, as far as its numbers are those of the origin."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._last: dict[str, int | None] = {}

    def start(self, name: str, versions: Iterable[VersionRecord]) -> None:
        """Look at the versions that a model has already, and delete placeholders among them."""
        last: int | None = 0
        for version in versions:
            imported = version.extra.get("imported")
            if _is_placeholder(imported):
                # Whoever may not delete it leaves it; another import may have deleted it meanwhile.
                with suppress(NotFound, PermissionDenied):
                    self._registry.delete_model(version.id)
            is_same = isinstance(imported, dict) and imported.get("number") == version.number
            last = max(last, version.number) if last is not None and is_same else None
        self._last[name] = last

    def is_first(self, name: str) -> bool:
        """Whether the model has no version yet."""
        return self._last.get(name) == 0

    def reach(self, name: str, number: int) -> None:
        """Fill the numbers before `number` that are missing."""
        last = self._last.get(name)
        if last is None or not number:
            return
        if not last < number <= last + MOST_GAPS + 1:
            self._last[name] = None
            return
        for missing in range(last + 1, number):
            if not self._fill(name, missing):
                self._last[name] = None
                return

    def made(self, version: VersionRecord, number: int) -> bool:
        """Take note of a registered version; tell whether it has the number that it should have."""
        is_same = version.number == number
        if number:
            self._last[version.name] = number if is_same else None
        return is_same or not number

    def _fill(self, name: str, number: int) -> bool:
        facts: dict[str, Any] = {
            "description": f"stands for version {number}, which was deleted where this model comes from",
            "extra": {"imported": {"placeholder": True, "number": number}},
        }
        text = f"0.0.0-deleted.{number}"
        try:
            # Asked before it is made: a placeholder that may not be deleted would stay for good.
            with suppress(NotFound):
                self._registry.delete_model(f"{name}/{text}")
            made = self._registry.register_version(name, text, create=True, **facts)
            with suppress(NotFound):
                self._registry.delete_model(made)
        except VersionExists:
            # An import that was interrupted, or that runs beside this one, has filled it already.
            return True
        except PermissionDenied:
            return False
        return True


def _is_placeholder(imported: object) -> bool:
    return isinstance(imported, dict) and imported.get("placeholder") is True
