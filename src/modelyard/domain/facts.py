"""What a fold reads of an event; the records of events have it."""

from __future__ import annotations

from typing import Any, Protocol


class Fact(Protocol):
    """An event of a model's chain."""

    @property
    def position(self) -> int:
        """Place in the model's chain, from 1."""
        ...

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def type(self) -> str:
        """What happened, such as `version.registered`."""
        ...

    @property
    def at(self) -> str:
        """When it happened."""
        ...

    @property
    def actor(self) -> str:
        """Who did it."""
        ...

    @property
    def version_id(self) -> str | None:
        """The version that it is about."""
        ...

    @property
    def data(self) -> dict[str, Any]:
        """The rest of the fact."""
        ...
