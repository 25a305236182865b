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
   Of a model that cannot be here, by its name or because somebody may not make it, nothing is fetched.
5. A SemVer that is taken here gives way to the next number.
6. What was imported is proven: see `proof`.
7. Two imports at once make one version: it is registered under a key that follows from its identity, and whoever comes
   second finds it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from modelyard.cli.imports.finishing import move, point
from modelyard.cli.imports.numbers import Numbers
from modelyard.cli.imports.proof import Proof, prove
from modelyard.cli.outcomes import DONE, FAILED, PART, PLANNED, THERE, UNTRIED, Outcome, Outcomes
from modelyard.cli.progress import Advance
from modelyard.domain.names import model_name, shown
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import VersionRecord
from modelyard.domain.wording import counted, size
from modelyard.errors import (
    IdempotencyConflict,
    InvalidRequest,
    ModelExists,
    ModelNotFound,
    ModelyardError,
    NotFound,
    Overloaded,
    PermissionDenied,
    RemoteUnavailable,
    TimedOut,
    VersionExists,
)
from modelyard.facade.publishing import register_arrival
from modelyard.facade.registry import ModelRegistry
from modelyard.integrations.arrivals import Arrival, ForeignModel, Identity, Origin, Ticket

AT_ONCE: Final = 4
AHEAD: Final = 8
"""Versions that may be fetched and not registered yet; they take room on this machine's disk."""
FIRST: Final = "0.1.0"
REGISTRATIONS: Final = 3
"""How often a registration is tried with what others do at the same moment."""
Known = tuple[str, Identity]
"""A model here and the identity of what was imported into it: a copy in another model is another version."""
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
    _present: dict[Known, VersionRecord] = field(default_factory=dict)
    _stopped: dict[str, ModelyardError | None] = field(default_factory=dict)
    """Models of which nothing more comes: because of what, or None where an earlier version failed."""

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
        try:
            versions = self._versions_of(model_name(model.name))
            if numbers and self.registry:
                if versions is None:
                    self._make(self.registry, model)
                numbers.start(model.name, reversed(versions or ()))
        except (InvalidRequest, PermissionDenied) as error:
            self._stopped[model.name] = error
            self._tell_of(model, FAILED, error)

    def _versions_of(self, model: str) -> list[VersionRecord] | None:
        """The versions that a model has here, the newest first, noted by identity; None where there is no model."""
        if self.registry is None:
            return None
        try:
            versions = self.registry.list_versions(model)
        except ModelNotFound:
            return None
        for version in versions:
            identity = self.origin.identity(version.extra.get("imported"))
            if identity:
                self._present[model, identity] = version
        return versions

    def _make(self, registry: ModelRegistry, model: ForeignModel) -> None:
        """Make a model; without its description and tags, where they cannot be recorded."""
        with suppress(ModelExists):
            try:
                registry.create_model(model.name, model.description, tags=model.tags)
            except InvalidRequest as error:
                registry.create_model(model.name)
                self._tell_of(model, PART, error)

    def _tell_of(self, model: ForeignModel, outcome: str, error: ModelyardError) -> None:
        detail = str(error) if outcome == FAILED else f"without its description and tags: {error}"
        label = model.name if model.name.isprintable() else shown(model.name)
        self.outcomes.add(Outcome(entry=0, version=label, outcome=outcome, detail=detail, code=error.code))

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
        if ticket.model in self._stopped:
            return Fetched(arrival=Arrival(document={}))
        arrival = ticket.look()
        is_needed = self.verify or _known(ticket) not in self._present
        if arrival.fetch is None or self.dry_run or not is_needed:
            return Fetched(arrival=arrival)
        folder = Path(tempfile.mkdtemp(dir=scratch))
        return Fetched(arrival=arrival, folder=folder, digests=arrival.fetch(folder, None))

    def _one(self, entry: int, ticket: Ticket, waiting: Future[Fetched], numbers: Numbers | None) -> None:
        fetched: Fetched | None = None
        try:
            fetched = waiting.result()
            if ticket.model in self._stopped:
                self._pass_over(entry, ticket)
                return
            self.outcomes.add(self._settled(entry, ticket, fetched, numbers))
        except ModelyardError as error:
            if isinstance(error, PASSING):
                self._stopped.setdefault(ticket.model)
            self.proofs.append(Proof(model=ticket.model))
            failed = Outcome(entry=entry, version=ticket.label, outcome=FAILED, detail=str(error), code=error.code)
            self.outcomes.add(failed)
        finally:
            if fetched and fetched.folder:
                shutil.rmtree(fetched.folder, ignore_errors=True)

    def _pass_over(self, entry: int, ticket: Ticket) -> None:
        """Tell of a version of a model that was stopped."""
        reason = self._stopped[ticket.model]
        detail = "an earlier version failed; repeat it" if reason is None else f"not without its model: {reason}"
        self.outcomes.add(Outcome(entry=entry, version=ticket.label, outcome=UNTRIED, detail=detail))
        self.proofs.append(Proof(model=ticket.model))

    def _settled(self, entry: int, ticket: Ticket, fetched: Fetched, numbers: Numbers | None) -> Outcome:
        """Make one version, unless it is there, and finish it."""
        present = self._present.get(_known(ticket))
        if self.dry_run or self.registry is None or numbers is None:
            word = THERE if present else PLANNED
            return Outcome(entry=entry, version=ticket.label, outcome=word, detail=_content(fetched.arrival))
        notes: list[str] = []
        version = present or self._registered(self.registry, ticket, fetched, numbers, notes)
        self._present[_known(ticket)] = version
        proof = prove(fetched.arrival, version, fetched.digests)
        problems = self._finished(self.registry, ticket, version)
        self.proofs.append(proof)
        lost = fetched.arrival.trouble if not version.files else None
        done = Outcome(entry=entry, version=ticket.label, outcome=THERE if present else DONE, id=version.id)
        return _in_full(done, notes, lost, problems)

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
        version = self._once(registry, ticket, wanted, fetched.folder, facts, notes)
        if not numbers.made(version, ticket.number):
            notes.append(f"its number here is {version.number}")
        return version

    def _once(
        self,
        registry: ModelRegistry,
        ticket: Ticket,
        wanted: str | None,
        folder: Path | None,
        facts: Mapping[str, Any],
        notes: list[str],
    ) -> VersionRecord:
        """Register a version, or find the one that another import has registered at the same moment."""
        key = f"import-{blake3(repr(_known(ticket)).encode()).hexdigest()}"
        for _ in range(REGISTRATIONS):
            try:
                return registry.get_model(register_arrival(registry, ticket.model, wanted, folder, facts, key))
            except (IdempotencyConflict, NotFound):
                # It was registered under this key before: with other facts, or it has been deleted since.
                self._versions_of(ticket.model)
                if _known(ticket) in self._present:
                    return self._present[_known(ticket)]
                key = ""
            except VersionExists:
                if wanted is None:
                    raise
                notes.append(f"{wanted} is taken here")
                wanted = None
        return registry.get_model(register_arrival(registry, ticket.model, wanted, folder, facts, key))

    def _finished(self, registry: ModelRegistry, ticket: Ticket, version: VersionRecord) -> list[ModelyardError]:
        """Give a version its aliases and its stage, if it waits for them; return what stood in the way."""
        imported = version.extra.get("imported", {})
        if not imported.get("unfinished"):
            return []
        problems = []
        # A gate that refuses the stage says nothing about the aliases.
        try:
            point(registry, version.name, ticket.aliases, version.id)
        except ModelyardError as error:
            problems.append(error)
        try:
            move(registry, version, ticket.stage)
        except ModelyardError as error:
            problems.append(error)
        if not problems:
            done = {key: value for key, value in imported.items() if key != "unfinished"}
            registry.update_version(version.id, extra={**version.extra, "imported": done})
        return problems


def _known(ticket: Ticket) -> Known:
    return ticket.model, ticket.identity


def _in_full(done: Outcome, notes: list[str], lost: ModelyardError | None, problems: list[ModelyardError]) -> Outcome:
    """An outcome with all that there is to tell, and in part where something is lacking."""
    troubles = [*([lost] if lost else []), *problems]
    words = [*notes, *([f"without its files: {lost}"] if lost else []), *map(str, problems)]
    return replace(
        done,
        outcome=PART if troubles else done.outcome,
        detail="; ".join(words),
        code=troubles[-1].code if troubles else "",
    )


def _content(arrival: Arrival) -> str:
    if arrival.trouble:
        return f"without its files: {arrival.trouble}"
    return f"{counted(len(arrival.files), 'file')}, {size(arrival.size)}" if arrival.files else "no files"
