"""Checks evidence that `modelyard audit export` wrote, without any registry.

Rules
- Every file has the digest that the manifest names; every event has its hash; every chain is whole between the ends
  that the manifest names, and has the events that the checkpoints recorded.
- Where a chain is there from its first event on, versions and endpoints are computed again and compared. An export of
  format 1 tells nothing of endpoints.
- What is read is not trusted: a file that is missing, cut or no JSON is a finding, and names inside a zip are looked
  up, never unpacked.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from modelyard.domain import dossier
from modelyard.domain.audit import Chain, Checkpoints, Mark, ends_of, limits, true_hash_of
from modelyard.domain.history import ModelState, apply
from modelyard.domain.wire import AuditFinding, AuditReport, ChainedEvent
from modelyard.errors import IntegrityError, InvalidRequest, NotFound
from modelyard.facade.evidence import ChainPart, digest_of

LISTED = 1_000
LONGEST_LINE = 1 << 28

Source = Callable[[str], IO[bytes] | None]
"""Opens one of the files by its name; None where it is missing."""


@dataclass
class _Manifest:
    format: int
    files: dict[str, str]
    chains: list[ChainPart]
    model: str = ""
    since: str = ""
    until: str = ""
    events: int = 0


_manifests = msgspec.json.Decoder(_Manifest)
_events = msgspec.json.Decoder(ChainedEvent)
_lines = msgspec.json.Decoder(dict[str, Any])


def check_evidence(place: Path, anchor: str = "") -> AuditReport:
    """Check an export.

    Args:
        place: the folder or the zip file.
        anchor: the hash of a checkpoint that was kept outside.

    Raises:
        NotFound: there is nothing at this place.
        InvalidRequest: it is neither a folder nor a zip file.
    """
    if not place.exists():
        raise NotFound(f"there is no {place}", hint="name the folder or the file that `modelyard audit export` wrote")
    with _opened(place) as source:
        return _Check(source).run(anchor.strip().lower())


@contextmanager
def _opened(place: Path) -> Iterator[Source]:
    if place.is_dir():
        yield lambda name: (place / name).open("rb") if (place / name).is_file() else None
        return
    try:
        archive = zipfile.ZipFile(place)
    except (zipfile.BadZipFile, OSError) as error:
        hint = "name what `modelyard audit export` wrote"
        raise InvalidRequest(f"{place} is no zip file: {error}", hint=hint) from None
    with archive:
        names = set(archive.namelist())
        yield lambda name: archive.open(name) if name in names else None


@dataclass(frozen=True)
class _Kind:
    """A file of lines that the events make: what a line is about, what names it, and for people."""

    file: str
    what: str
    key: str
    name: str
    lines: Callable[[ModelState], Iterator[dict[str, Any]]]


_VERSIONS = _Kind(dossier.VERSIONS, "version", "version_id", "version", dossier.version_lines)
_ENDPOINTS = _Kind(dossier.ENDPOINTS, "endpoint", "endpoint_id", "environment", dossier.endpoint_lines)


@dataclass
class _Check:
    """One check of an export."""

    source: Source
    findings: list[AuditFinding] = field(default_factory=list)
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    marks: dict[str, Mark] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    states: dict[str, ModelState] = field(default_factory=dict)
    events: int = 0

    def run(self, anchor: str) -> AuditReport:
        try:
            stream = self.source(dossier.MANIFEST)
            if stream is None:
                raise msgspec.DecodeError("it is missing")
            with stream:
                manifest = _manifests.decode(stream.read(LONGEST_LINE))
        except (msgspec.MsgspecError, zipfile.BadZipFile) as error:
            self._find("file", dossier.MANIFEST, f"it cannot be read: {error}")
            return self._report(_Manifest(format=0, files={}, chains=[]), anchor, 0)
        parts = {part.model_id: part for part in manifest.chains}
        self._check_files(manifest)
        self._check_checkpoints(parts)
        self._check_events(parts)
        versions = self._check_lines(_VERSIONS, parts)
        if dossier.ENDPOINTS in dossier.files_of(manifest.format):
            self._check_lines(_ENDPOINTS, parts)
        if anchor and anchor not in self.checkpoints.hashes:
            self._find("checkpoint", "registry", f"no checkpoint here has the hash {anchor[:64]}")
        return self._report(manifest, anchor, versions)

    def _check_files(self, manifest: _Manifest) -> None:
        for name in sorted({*dossier.files_of(manifest.format), *manifest.files}):
            stream = self.source(name)
            if stream is None:
                self._find("file", name, "the file is missing")
                continue
            digest = digest_of(stream)
            if name not in manifest.files:
                self._find("file", name, "the manifest does not name the file")
            elif digest != manifest.files[name]:
                self._find("file", name, "the file was changed after it was exported")

    def _check_checkpoints(self, parts: Mapping[str, ChainPart]) -> None:
        before: ChainedEvent | None = None
        for event in self._decoded(dossier.CHECKPOINTS, _events):
            if true_hash_of(event) != event.hash:
                self._find("checkpoint", "registry", "the checkpoint was changed after it was written", event)
            follows = before is not None and before.position + 1 == event.position
            if follows and before is not None and before.hash != event.previous:
                self._find("checkpoint", "registry", "it does not follow the checkpoint before it", event)
            self.checkpoints.take(event)
            for model_id, position, digest in ends_of(event):
                part = parts.get(model_id)
                # A later end cannot be compared: the events up to it are not here.
                if part is not None and part.first <= position <= part.last:
                    self.marks[model_id] = Mark(position=position, hash=digest, checkpoint=event.position)
            before = event

    def _check_events(self, parts: Mapping[str, ChainPart]) -> None:
        for event in self._decoded(dossier.EVENTS, _events):
            self.events += 1
            part = parts.get(event.model_id)
            if part is None:
                self._find("event", event.model, "the manifest does not name its chain", event)
                continue
            fresh = Chain(position=part.first - 1, previous=part.previous, mark=self.marks.get(event.model_id))
            for problem in self.chains.setdefault(event.model_id, fresh).take(event):
                self._find("event", event.model, problem, event)
            self._fold(part, event)
        for model_id, part in parts.items():
            chain = self.chains.get(model_id, Chain(position=part.first - 1, previous=part.previous))
            for problem in chain.end(part.last, part.hash):
                self._find("chain", part.model, problem)

    def _fold(self, part: ChainPart, event: ChainedEvent) -> None:
        if part.first != 1:
            return
        try:
            apply(self.states.setdefault(event.model_id, ModelState()), event)
        except IntegrityError:
            self._find("event", event.model, "it does not fit the events before it", event)

    def _check_lines(self, kind: _Kind, parts: Mapping[str, ChainPart]) -> int:
        """Compare the lines of a file with what the events tell, and return how many they are."""
        expected = {
            line[kind.key]: line
            for state in self.states.values()
            for line in msgspec.to_builtins(list(kind.lines(state)))
        }
        count = 0
        for line in self._decoded(kind.file, _lines):
            count += 1
            part = parts.get(line.get("model_id", ""))
            if part is not None and part.first == 1 and expected.pop(line.get(kind.key), None) != line:
                subject = f"{line.get('model')}/{line.get(kind.name)}"
                self._find("state", subject, f"the {kind.what} is not what its events tell of")
        for line in expected.values():
            self._find("state", f"{line['model']}/{line[kind.name]}", f"the {kind.what} is missing")
        return count

    def _decoded(self, name: str, decoder: Any) -> Iterator[Any]:
        stream = self.source(name)
        if stream is None:
            return
        with stream:
            for number, line in enumerate(stream, 1):
                try:
                    yield decoder.decode(line)
                except msgspec.MsgspecError as error:
                    self._find("file", name, f"line {number} cannot be read: {error}")

    def _report(self, manifest: _Manifest, anchor: str, versions: int) -> AuditReport:
        newest = self.checkpoints.newest
        anchored = anchor in self.checkpoints.hashes
        starts = {part.model_id: part.first - 1 for part in manifest.chains}
        covered = {**starts, **{key: mark.position for key, mark in self.marks.items()}}
        if newest is not None:
            # The registry's own chain, which has no model's name, is covered by the place of the checkpoint in it.
            own = [part.model_id for part in manifest.chains if not part.model]
            covered.update(dict.fromkeys(own, newest.position))
        uncovered = sum(max(0, chain.position - covered[key]) for key, chain in self.chains.items())
        return AuditReport(
            sound=not self.findings,
            events=self.events,
            chains=len(manifest.chains),
            versions=versions,
            checkpoints=self.checkpoints.count,
            findings=self.findings[:LISTED],
            unlisted=max(0, len(self.findings) - LISTED),
            anchor=newest.hash if newest is not None else "",
            anchor_at=newest.at if newest is not None else "",
            anchored=anchored,
            unanchored_events=uncovered,
            limits=limits(anchored=anchored, checkpoints=self.checkpoints.count, unanchored=uncovered),
        )

    def _find(self, kind: str, subject: str, problem: str, event: ChainedEvent | None = None) -> None:
        self.findings.append(
            AuditFinding(
                kind=kind,
                subject=subject or "registry",
                position=event.position if event is not None else None,
                sequence=event.sequence if event is not None else None,
                problem=problem,
                model_id=event.model_id if event is not None else "",
            )
        )
