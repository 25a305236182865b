"""Evidence for a regulator: what an export of the record consists of, and how it is read.

README.md           this format, for whoever has to check it
manifest.json       the period, each file's digest, where each chain begins and ends
events.jsonl        the events of the period with their hashes, one a line
checkpoints.jsonl   the checkpoints that cover them
promotions.jsonl    each promotion: its events, verdicts and approvals together
versions.jsonl      each version as it stood at the end of the period, deleted ones too
endpoints.jsonl     what each endpoint served at the end of the period; not in exports of format 1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from modelyard.domain.history import ModelState, aliases_of
from modelyard.domain.served import main_version
from modelyard.domain.wire.history import ChainedEvent

FORMAT = 2
README, MANIFEST = "README.md", "manifest.json"
EVENTS, CHECKPOINTS, PROMOTIONS, VERSIONS = "events.jsonl", "checkpoints.jsonl", "promotions.jsonl", "versions.jsonl"
ENDPOINTS = "endpoints.jsonl"
FILES = (README, EVENTS, CHECKPOINTS, PROMOTIONS, VERSIONS, ENDPOINTS)

DESCRIPTION = """\
# Evidence from a model registry

Written by modelyard, format 2. Everything here is UTF-8 text; each line of a `.jsonl` file is one JSON object. Times
are ISO 8601 in UTC, digests are BLAKE3 in lower-case hexadecimal.

| File | What it holds |
|---|---|
| `manifest.json` | the period, the digest of every other file, where each chain begins and ends |
| `events.jsonl` | every event of the period: who did what to which model, and when |
| `checkpoints.jsonl` | the checkpoints that cover these events |
| `promotions.jsonl` | each promotion with its events, verdicts and approvals |
| `versions.jsonl` | each version as it stood at the end of the period; deleted ones too |
| `endpoints.jsonl` | what each endpoint served at the end of the period, since when, and by whom |

## How events are chained

Each model has a chain of its own, and the registry has one (`model_id` is `md_registry`). Along a chain `position`
counts 1, 2, 3, …. `hash` is the BLAKE3 of the event's canonical form: the JSON object with exactly the fields `model`,
`position`, `type`, `at`, `actor`, `version_id`, `data` and `previous`, its keys sorted at every depth, no blanks
between tokens (separators `,` and `:`), characters outside ASCII written as themselves, encoded as UTF-8. Numbers are
written as the shortest text that reads back as the same number. `previous` is the `hash` of the event before it in the
same chain, and 64 zeros for the first one. `sequence` and `model_id` are not part of the canonical form.

In Python:

    canonical = json.dumps({name: event[name] for name in FIELDS}, sort_keys=True, separators=(",", ":"),
                           ensure_ascii=False)
    assert blake3(canonical.encode()).hexdigest() == event["hash"]

So an event that is changed, left out, put in or put elsewhere shows, except at the end of a chain. The ends are held
by checkpoints: an event `audit.checkpoint` in the registry's own chain has in `data.chains` the ends,
`[model_id, position, hash]`, of the chains that grew since the checkpoint before it, and in `data.root` the BLAKE3 of
the ends of all chains, one line `model_id position hash` and a line feed each, sorted by `model_id`. Whoever kept the
hash of a checkpoint outside the registry can tell whether anything before it was written anew.

## How to check

    modelyard audit verify --export THIS_FOLDER --anchor HASH

needs no registry. It compares the digests of the files, computes every hash again, follows every chain, compares the
chains with the checkpoints and, where a chain is here from its first event on, computes the versions again.

## What it cannot show

Who can write the whole database of the registry can write a whole new record, unless a checkpoint's hash was kept where
they cannot write. Times are those of the registry's clock. Events after the newest checkpoint are held by none.
"""


def version_lines(state: ModelState) -> Iterator[dict[str, Any]]:
    """Yield the versions of a model, each as a line of `versions.jsonl`."""
    for version in state.versions.values():
        yield {
            "model_id": state.id,
            "model": state.name,
            "version_id": version.id,
            "number": version.number,
            "version": version.version,
            "label": version.label,
            "stage": version.stage,
            "standings": {name: asdict(standing) for name, standing in sorted(version.standings.items())},
            "aliases": aliases_of(state, version.id),
            "deprecation": version.deprecation,
            "deleted": version.deleted or state.deleted,
            "parent_id": version.parent_id,
            "digest": version.digest,
            "model_hash": version.model_hash,
            "size": version.size,
            "registered_at": version.created_at,
            "metadata": version.document,
        }


def endpoint_lines(state: ModelState) -> Iterator[dict[str, Any]]:
    """Yield the endpoints of a model, each as a line of `endpoints.jsonl`."""
    for environment, endpoint in sorted(state.endpoints.items()):
        yield {
            "model_id": state.id,
            "model": state.name,
            "endpoint_id": endpoint.id,
            "environment": environment,
            "kind": endpoint.kind,
            "version": main_version(endpoint.route),
            "epoch": endpoint.epoch,
            "since": endpoint.since,
            "position": endpoint.position,
            "by": endpoint.by,
            "cause": endpoint.cause,
            "deployment": endpoint.deployment,
            "route": endpoint.route,
            "configuration": endpoint.configuration,
        }


def files_of(export_format: int) -> tuple[str, ...]:
    """Return the files that an export of some format consists of, besides its manifest."""
    return FILES if export_format > 1 else tuple(name for name in FILES if name != ENDPOINTS)


class Promotions:
    """Puts the events of each promotion together."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}

    def take(self, event: ChainedEvent) -> None:
        """Take in an event; only those that name a promotion count."""
        key = event.data.get("promotion")
        if not isinstance(key, str) or not key:
            return
        line = self._found.setdefault(
            key,
            {"promotion": key, "model_id": event.model_id, "model": event.model, "version_id": event.version_id},
        )
        told = {"type": event.type, "at": event.at, "by": event.actor, "position": event.position, "data": event.data}
        line.setdefault("events", []).append(told)
        if event.type.startswith("promotion."):
            line["last"] = event.type.removeprefix("promotion.")
        if event.data.get("verdicts"):
            line["verdicts"] = event.data["verdicts"]
        if event.type == "promotion.approved":
            line.setdefault("approvals", []).append({"by": event.data.get("by") or event.actor, "at": event.at})

    def lines(self) -> list[dict[str, Any]]:
        """Return the promotions in the order of their first events, each as a line of `promotions.jsonl`."""
        return list(self._found.values())
