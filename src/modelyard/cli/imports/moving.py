"""Moving models from another system into a registry: ahead of its registration, each version is fetched.

Rules
1. A version that was imported before is told by `extra["imported"]`, and left as it is: an import that was interrupted,
   by whatever, is continued by repeating it, and nothing is fetched twice.
2. A few versions are fetched at once, into a temporary folder; they are registered one after the other, in the order in
   which they were made, so that numbers and parents come out right.
3. A stage and aliases come last. Until they are there, `extra["imported"]` says `unfinished`, and a repetition finishes
   the version; after that, nobody touches what people here have changed.
4. A version whose files cannot be read comes without them, and is told. What may pass, such as a server that does not
   answer, makes the version fail, and the later ones of its model are not tried, so that they keep their numbers.
5. A SemVer that is taken here gives way to the next number.
6. What was imported is proven: see `proof`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelyard.cli.imports.finishing import move, point
from modelyard.cli.imports.numbers import Numbers
from modelyard.cli.imports.proof import Proof, prove
from modelyard.cli.outcomes import DONE, FAILED, PART, PLANNED, THERE, UNTRIED, Outcome, Outcomes
from modelyard.cli.progress import Advance
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import VersionRecord
from modelyard.domain.wording import counted, size
from modelyard.errors import (
    InvalidName,
    ModelExists,
    ModelNotFound,
    ModelyardError,
    Overloaded,
    RemoteUnavailable,
    TimedOut,
    VersionExists,
)
from modelyard.facade.registry import ModelRegistry
from modelyard.integrations.arrivals import Arrival, ForeignModel, Identity, Origin, Ticket

AT_ONCE: Final = 4
AHEAD: Final = 8
"""Versions that may be fetched and not registered yet; they take room on this machine's disk."""
FIRST: Final = "0.1.0"
PASSING: Final = (RemoteUnavailable, TimedOut, Overloaded)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A version that was looked at: where its files are now, and the BLAKE3 of each; empty where none were fetched."""

    arrival: Arrival
    folder: Path | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Moving:
    """One import of another system's models.

    Attributes:
        registry: where they go; None in a dry run where there is none yet.
        origin: where they come from.
        dry_run: only tell what would come.
        verify: fetch again what is there, and compare digests.
    """

    registry: ModelRegistry | None
    origin: Origin
    dry_run: bool = False
    verify: bool = False
    outcomes: Outcomes = field(default_factory=Outcomes)
    proofs: list[Proof] = field(default_factory=list)
    _present: dict[Identity, VersionRecord] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)

    def run(self, advance: Advance | None) -> None:
        """Move everything; `advance` is told of each version. Faults of single versions are outcomes."""
        models = self.origin.models()
        tickets = list(self.origin.tickets())
        numbers = Numbers(self.registry) if self.registry and not self.dry_run else None
        for model in models:
            self._start(model, numbers)
        with tempfile.TemporaryDirectory(prefix="modelyard-import-") as scratch:
            for entry, (ticket, waiting) in enumerate(self._fetching(tickets, Path(scratch)), 1):
                self._one(entry, ticket, waiting, numbers)
                if advance:
                    advance(1)

    def _start(self, model: ForeignModel, numbers: Numbers | None) -> None:
        """Make a model, or see what is there of it."""
        versions: list[VersionRecord] = []
        try:
            with suppress(ModelNotFound):
                versions = self.registry.list_versions(model.name) if self.registry else []
            if numbers and self.registry:
                with suppress(ModelExists):
                    self.registry.create_model(model.name, model.description, tags=model.tags)
                numbers.start(model.name, reversed(versions))
        except InvalidName:
            # Each of its versions says so, too.
            pass
        for version in versions:
            identity = self.origin.identity(version.extra.get("imported"))
            if identity:
                self._present[identity] = version

    def _fetching(self, tickets: Iterable[Ticket], scratch: Path) -> Iterator[tuple[Ticket, Future[Fetched]]]:
        """Yield the tickets, each with what is being fetched for it, some of them ahead."""
        waiting: deque[tuple[Ticket, Future[Fetched]]] = deque()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="modelyard-import") as pool:
            try:
                for ticket in tickets:
                    waiting.append((ticket, pool.submit(self._fetch, ticket, scratch)))
                    if len(waiting) == AHEAD:
                        yield waiting.popleft()
                while waiting:
                    yield waiting.popleft()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, ticket: Ticket, scratch: Path) -> Fetched:
        """Look at a version, and fetch its files, unless they are here."""
        arrival = ticket.look()
        is_needed = self.verify or ticket.identity not in self._present
        if arrival.fetch is None or self.dry_run or not is_needed:
            return Fetched(arrival=arrival)
        folder = Path(tempfile.mkdtemp(dir=scratch))
        return Fetched(arrival=arrival, folder=folder, digests=arrival.fetch(folder, None))

    def _one(self, entry: int, ticket: Ticket, waiting: Future[Fetched], numbers: Numbers | None) -> None:
        if ticket.model in self._stopped:
            waiting.cancel()
            self.outcomes.add(
                Outcome(
                    entry=entry, version=ticket.label, outcome=UNTRIED, detail="an earlier version failed; repeat it"
                )
            )
            self.proofs.append(Proof(model=ticket.model))
            return
        fetched: Fetched | None = None
        try:
            fetched = waiting.result()
            self.outcomes.add(self._settled(entry, ticket, fetched, numbers))
        except ModelyardError as error:
            if isinstance(error, PASSING):
                self._stopped.add(ticket.model)
            self.proofs.append(Proof(model=ticket.model))
            failed = Outcome(entry=entry, version=ticket.label, outcome=FAILED, detail=str(error), code=error.code)
            self.outcomes.add(failed)
        finally:
            if fetched and fetched.folder:
                shutil.rmtree(fetched.folder, ignore_errors=True)

    def _settled(self, entry: int, ticket: Ticket, fetched: Fetched, numbers: Numbers | None) -> Outcome:
        """Make one version, unless it is there, and finish it."""
        present = self._present.get(ticket.identity)
        if self.dry_run or self.registry is None or numbers is None:
            word = THERE if present else PLANNED
            return Outcome(entry=entry, version=ticket.label, outcome=word, detail=_content(fetched.arrival))
        notes: list[str] = []
        version = present or self._registered(self.registry, ticket, fetched, numbers, notes)
        self._present[ticket.identity] = version
        proof = prove(fetched.arrival, version, fetched.digests)
        problem = self._finished(self.registry, ticket, version)
        self.proofs.append(proof)
        lost = None if version.files else fetched.arrival.trouble
        lacking = [(lost, "without its files: "), (problem, "")]
        troubles = [(error, what) for error, what in lacking if error is not None]
        word = THERE if present else DONE
        return Outcome(
            entry=entry,
            version=ticket.label,
            outcome=PART if troubles else word,
            detail="; ".join([*notes, *(f"{what}{error}" for error, what in troubles)]),
            id=version.id,
            code=troubles[-1][0].code if troubles else "",
        )

    def _registered(
        self, registry: ModelRegistry, ticket: Ticket, fetched: Fetched, numbers: Numbers, notes: list[str]
    ) -> VersionRecord:
        numbers.reach(ticket.model, ticket.number)
        facts = dict(fetched.arrival.document)
        if ticket.stage != ModelStage.DEVELOPMENT or ticket.aliases:
            facts["extra"] = {**facts["extra"], "imported": {**facts["extra"]["imported"], "unfinished": True}}
        facts["allow_breaking"] = f"imported as {ticket.label} was"
        if ticket.parent in self._present:
            facts["parent"] = self._present[ticket.parent].id
        wanted = fetched.arrival.version or (FIRST if numbers.is_first(ticket.model) else None)
        try:
            made = _register(registry, ticket.model, wanted, fetched.folder, facts)
        except VersionExists:
            notes.append(f"{wanted} is taken here")
            made = _register(registry, ticket.model, None, fetched.folder, facts)
        version = registry.get_model(made)
        if not numbers.made(version, ticket.number):
            notes.append(f"its number here is {version.number}")
        return version

    def _finished(self, registry: ModelRegistry, ticket: Ticket, version: VersionRecord) -> ModelyardError | None:
        """Give a version its stage and its aliases, if it waits for them; return what stood in the way."""
        imported = version.extra.get("imported", {})
        if not imported.get("unfinished"):
            return None
        try:
            move(registry, version, ticket.stage)
            point(registry, version.name, ticket.aliases, version.id)
        except ModelyardError as error:
            return error
        done = {key: value for key, value in imported.items() if key != "unfinished"}
        registry.update_version(version.id, extra={**version.extra, "imported": done})
        return None


def _register(
    registry: ModelRegistry, name: str, version: str | None, folder: Path | None, facts: dict[str, Any]
) -> str:
    if folder is None:
        return registry.register_version(name, version, create=True, **facts)
    return registry.register_model(folder, name, version, **facts)


def _content(arrival: Arrival) -> str:
    if arrival.trouble:
        return f"without its files: {arrival.trouble}"
    return f"{counted(len(arrival.files), 'file')}, {size(arrival.size)}" if arrival.files else "no files"
