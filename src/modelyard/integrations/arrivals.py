"""Models of other systems on their way into a registry: what every kind of source gives, and nothing of any registry.

Rules
- A `Ticket` is cheap: it tells which version of which model comes. Looking at it asks the source, and gives an
  `Arrival` with all that is to be recorded, and with what fetches the files.
- An arrival without files has a reason where there should be some: what was lost is told, and never passed over.
- No listed path leads out of the folder that files are fetched into; see `trouble_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from modelyard.domain.manifest import safe_path
from modelyard.domain.stages import ModelStage
from modelyard.errors import InvalidArtifact, ModelyardError

Progress = Callable[[int], None]
Identity = tuple[str, ...]
"""What tells a version of another system again, wherever it was imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignFile:
    """A file that the source lists: its path in the version and its size in bytes; None where that is not told."""

    path: str
    size: int | None = None


def trouble_of(files: Iterable[ForeignFile]) -> ModelyardError | None:
    """Why listed files cannot be taken over; None where they can. To be asked before anything is made of their paths.

    An SDK may write a file wherever a path leads that somebody else has chosen.
    """
    for file in files:
        try:
            safe_path(file.path)
        except ModelyardError as error:
            return InvalidArtifact(f"a file is listed that cannot be taken over: {error.message}", hint="")
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignModel:
    """A model that comes."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A version that comes.

    Attributes:
        version: the SemVer that it should get; None for the next one.
        document: its metadata; `extra["imported"]` tells it again.
        files: what is listed where it comes from.
        fetch: writes the files below a folder and returns the BLAKE3 of each by path, in hexadecimal; None where there
            are none, or none that can be read.
        trouble: why files that should be there cannot be read.
    """

    document: Mapping[str, Any]
    version: str | None = None
    files: tuple[ForeignFile, ...] = ()
    fetch: Callable[[Path, Progress | None], Mapping[str, str]] | None = None
    trouble: ModelyardError | None = None

    @property
    def size(self) -> int:
        """Bytes of the files, as far as they are known."""
        return sum(file.size or 0 for file in self.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A version that is to come.

    Attributes:
        model: the name of its model, here as there.
        label: how messages call it.
        identity: what tells it again.
        number: its number in the model; 0 where the source does not count.
        stage: where it stands there, by our stages.
        aliases: the names that point to it there.
        parent: the model and the identity of the version that it is a copy of.
        look: asks the source for the rest.
    """

    model: str
    label: str
    identity: Identity
    look: Callable[[], Arrival]
    number: int = 0
    stage: ModelStage = ModelStage.DEVELOPMENT
    aliases: tuple[str, ...] = ()
    parent: tuple[str, Identity] | None = None


class Origin(Protocol):
    """Another system that versions come from; to be closed."""

    @property
    def address(self) -> str:
        """What messages call it."""
        ...

    def models(self) -> list[ForeignModel]:
        """The models that come, by name."""
        ...

    def tickets(self) -> Iterator[Ticket]:
        """The versions that come, in the order in which they were made; of a model, by number."""
        ...

    def identity(self, imported: object) -> Identity | None:
        """The version of such a system that a record's `extra["imported"]` names; None where it names none."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
