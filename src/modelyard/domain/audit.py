"""Proof that nobody changed the record: the rules that a chain, its checkpoints and the tables must meet.

Rules of a chain
1. Its events have the positions 1, 2, 3, …; what is missing was dropped.
2. An event's hash is that of its canonical JSON; otherwise it was changed. Each holds the hash of the one before it;
   otherwise one of the two was rewritten.
3. Along a chain, neither times nor sequence numbers go back.
4. The chain of a model begins with the model's making.
5. It ends where the model's row says that it ends.

Rules of checkpoints
6. An event `audit.checkpoint` of the registry's own chain holds the ends, [model id, position, hash], of the chains
   that grew since the checkpoint before; so its hash commits to everything that had happened. `root` is the BLAKE3 of
   the ends of all chains, one line `id position hash` each, sorted by id. A long list of ends is spread over several
   events, of which the last one has `root` and `totals`.
7. A chain has the event that a checkpoint names, at that position and with that hash; otherwise its end was cut off, or
   it was written anew.
8. A checkpoint's hash that was kept outside, an anchor, is found in the registry's chain; otherwise that was written
   anew too.

Rules of tables
9. Models, versions, aliases, placements and stage graphs say what the fold of the events says; promotions, users,
   tokens and webhooks what the ledgers say (`modelyard.domain.ledgers`), and so do endpoints, routes, deployments with
   their history, and snapshots (`modelyard.domain.delivery_ledger`). A snapshot's digest is that of its content.

What follows from none of them is told by `limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from modelyard.domain.events import GENESIS, HASHED, event_hash
from modelyard.domain.history import ModelState, VersionState
from modelyard.domain.versions import SemVer, precedence_key
from modelyard.domain.wire.history import ChainedEvent

CHECKPOINT = "audit.checkpoint"
CHECKPOINT_EVERY = 1_000
"""Events after which a checkpoint is made."""
CHECKPOINT_CHAINS = 5_000
"""The most ends that one event of a checkpoint holds."""
LONGEST_FRAMEWORK = 100
LONGEST_SHOWN = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """The end of a chain as a checkpoint recorded it, and the place of that checkpoint."""

    position: int
    hash: str
    checkpoint: int


class Chain:
    """Follows one chain, event by event, in the order of positions.

    Args:
        position: the place before the first event that will be taken; 0 for a whole chain.
        previous: the hash of the event there.
        mark: what the newest checkpoint says about the chain.
    """

    def __init__(self, *, position: int = 0, previous: str = GENESIS, mark: Mark | None = None) -> None:
        self.position = position
        self.hash = previous
        self.mark = mark
        self.newest_sequence = 0
        self.newest_at = ""
        self._true_hash = previous

    def take(self, event: ChainedEvent) -> list[str]:
        """Return what is wrong with the next event."""
        problems = [] if event.position == self.position + 1 else [self._gap(event.position)]
        true_hash = true_hash_of(event)
        if true_hash != event.hash:
            problems.append("the event was changed after it was written")
        elif not problems and event.previous not in {self.hash, self._true_hash}:
            problems.append("it does not follow the event before it: one of the two was rewritten")
        if event.sequence <= self.newest_sequence:
            problems.append("it is stored out of order: its sequence number is not above that of the event before it")
        if event.at < self.newest_at:
            problems.append("its time lies before that of the event before it")
        if self.mark is not None and (self.mark.position == event.position and self.mark.hash != event.hash):
            problems.append(f"it is not the event that checkpoint {self.mark.checkpoint} recorded")
        self.position, self.hash, self._true_hash = event.position, event.hash, true_hash
        self.newest_sequence = max(self.newest_sequence, event.sequence)
        self.newest_at = max(self.newest_at, event.at)
        return problems

    def end(self, events: int, digest: str) -> list[str]:
        """Return what is wrong with the chain's end, where the model's row names its number of events and its hash."""
        problems = []
        if events > self.position:
            missing = _span(self.position + 1, events)
            problems.append(f"{missing} at the end: the chain has {self.position} events and its row counts {events}")
        elif events < self.position:
            problems.append(
                f"{_span(events + 1, self.position, 'was added', 'were added')} behind the end that its row names"
            )
        elif events and digest not in {self.hash, self._true_hash}:
            problems.append("the chain does not end with the event that its row names")
        if self.mark is not None and self.mark.position > self.position:
            cut = _span(self.position + 1, self.mark.position)
            problems.append(f"{cut}, though checkpoint {self.mark.checkpoint} recorded them")
        return problems

    def _gap(self, position: int) -> str:
        if position <= self.position:
            return "there is a second event at this position"
        return f"{_span(self.position + 1, position - 1)} before it"


class Checkpoints:
    """What the checkpoints of the registry's chain say, taken one after the other."""

    def __init__(self) -> None:
        self.marks: dict[str, Mark] = {}
        self.newest: ChainedEvent | None = None
        self.count = 0
        self.hashes: set[str] = set()
        self._last: ChainedEvent | None = None

    def take(self, event: ChainedEvent) -> None:
        """Take in an event of the registry's chain; only checkpoints count."""
        if event.type != CHECKPOINT:
            return
        for model_id, position, digest in ends_of(event):
            self.marks[model_id] = Mark(position=position, hash=digest, checkpoint=event.position)
        self._last = event
        self.hashes.add(event.hash)
        if "root" in event.data:
            self.newest = event
            self.count += 1

    def problems(self) -> list[str]:
        """Return what is wrong with the newest checkpoint: its root is that of all ends recorded so far."""
        if self.newest is None or self._last is not self.newest:
            return []
        ends = [(model_id, mark.position, mark.hash) for model_id, mark in self.marks.items()]
        if root_of(ends) != self.newest.data["root"]:
            return ["the root of the newest checkpoint is not that of the ends which the checkpoints list"]
        return []


def root_of(ends: Iterable[tuple[str, int, str]]) -> str:
    """Return the BLAKE3 of the ends of all chains: model id, position, hash."""
    lines = (f"{model_id} {position} {digest}\n" for model_id, position, digest in sorted(ends))
    return blake3("".join(lines).encode()).hexdigest()


def ends_of(event: ChainedEvent) -> Iterator[tuple[str, int, str]]:
    """Return the ends that a checkpoint lists, leaving out what has another shape."""
    chains = event.data.get("chains")
    for entry in chains if isinstance(chains, list) else []:
        if isinstance(entry, list) and [type(part) for part in entry] == [str, int, str]:
            yield entry[0], entry[1], entry[2]


def beginning(event: ChainedEvent) -> list[str]:
    """Return what is wrong with the first event of a model's chain."""
    if event.position == 1 and (event.type != "model.created" or event.data.get("id") != event.model_id):
        return ["the chain does not begin with the making of this model"]
    return []


def model_differences(state: ModelState, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a model's row says something else than its events; documents in the row are decoded."""
    last = max((version.number for version in state.versions.values()), default=0)
    expected = {
        "name": state.name,
        "live_name": None if state.deleted else state.name,
        "description": state.description,
        "owner": state.owner,
        "team": state.team,
        "tags": state.tags,
        "last_number": last,
        "live_versions": len(state.live),
        "is_deleted": state.deleted,
    }
    yield from _differences(expected, row)


def version_differences(state: VersionState, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a version's row says something else than the events; documents in the row are decoded."""
    deprecation = state.deprecation or {}
    stored = row["deprecation"] or {}
    expected = {
        "number": state.number,
        "version": state.version,
        "precedence": precedence_key(SemVer.parse(state.version)),
        "label": state.label,
        "stage": state.stage,
        "parent_id": state.parent_id,
        "digest": state.digest,
        "model_hash": state.model_hash,
        "size": state.size,
        "framework": str(state.document.get("framework", ""))[:LONGEST_FRAMEWORK],
        "document": state.document,
        "is_deleted": state.deleted,
        "is_deprecated": state.deprecation is not None,
        **{f"deprecation {key}": deprecation.get(key, "") for key in ("reason", "by", "successor")},
    }
    present = {f"deprecation {key}": stored.get(key) or "" for key in ("reason", "by", "successor")}
    yield from _differences(expected, {**row, "is_deprecated": row["deprecation"] is not None, **present})


def mapping_differences(what: str, expected: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a table of named things, such as aliases, says something else than the events."""
    for name in sorted({*expected, *present}):
        if name not in present:
            yield f"{what} {name} is missing in its table"
        elif name not in expected:
            yield f"{what} {name} stands in its table, and no event tells of it"
        elif present[name] != expected[name]:
            yield f"{what} {name} is {short(present[name])} in its table, and {short(expected[name])} by the events"


def limits(*, anchored: bool, checkpoints: int, unanchored: int) -> list[str]:
    """Return in sentences what a check that found nothing cannot exclude."""
    told = []
    if not anchored:
        told.append(
            "no anchor from outside was given: whoever can write everything in the database could have written all of"
            " it anew, events, checkpoints and tables"
        )
    if unanchored or not checkpoints:
        told.append(
            f"no checkpoint covers the newest events ({unanchored}): if the last ones of a chain were cut off and every"
            " table set back to match, nothing here would show it"
        )
    told.append(
        "sequence numbers and transaction numbers are not hashed: the order of events of different models could have"
        " been changed, the order along each chain could not"
    )
    told.append("times are those of the clock of who wrote them")
    told.append(
        "no event tells of the secrets of tokens and webhooks, the paths of webhooks' addresses, what was queued for"
        " them, the index of words, and the copies of tags and runs that searches look at; nor do the files of the"
        " artifacts belong to this check (`modelyard verify`)"
    )
    told.append(
        "no event tells of what predictions did (observations, evidence, feedback, profiles), of who controls"
        " deployments at the moment (leases), of alerts and of what was sent because of them, and of a deployment's"
        " timers and progress within its state"
    )
    return told


def true_hash_of(event: ChainedEvent) -> str:
    """Return the hash that an event has by what it says; the empty text if it says what no event can say."""
    try:
        return event_hash({name: getattr(event, name) for name in HASHED})
    except (ValueError, TypeError, RecursionError):
        # Infinity, half a character, or lists without end: nothing that modelyard writes.
        return ""


def _differences(expected: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        if row[name] != value:
            yield f"{name} is {short(row[name])} in its table, and {short(value)} by the events"


def _span(first: int, last: int, one: str = "is missing", several: str = "are missing") -> str:
    return f"event {first} {one}" if first == last else f"events {first} to {last} {several}"


def short(value: object) -> str:
    """Return a value as a finding shows it."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
