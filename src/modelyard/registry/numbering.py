"""Which number a version gets, and whether its signature keeps what the number promises.

Rules
- A model's first version without a number is 0.1.0. A later one follows the highest there ever was: by a major, minor
  or patch number, as the change of the signature since the highest release demands (`domain.promise`), and by a patch
  where a signature is unknown.
- An explicit number is compared with its baseline: the parent, where that is a release of this model whose callers the
  number promises to serve; else the highest release before it that is neither deleted nor deprecated.
- Inputs and outputs have each their own baseline: the first of these releases, within the line that the number promises
  to serve, of which that side is known. So one release without a signature does not end the promise.
- A registered version whose schemas are changed later is judged as if it were registered with them: by its number and
  the releases before it. What is removed, and what was not known, breaks nothing.
- A number that promises more than the signature keeps is refused, unless the caller says why it may. Then the reason
  stands in the version's metadata, and the changes in its event. A reason that was not needed is not recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import Row

from modelyard.domain.promise import is_promised, line_of, required_bump
from modelyard.domain.signature import Signature
from modelyard.domain.signature_diff import SignatureDiff, diff
from modelyard.domain.versions import Part, SemVer, next_version, precedence_key
from modelyard.errors import BreakingChange, VersionExists
from modelyard.metadata import versions
from modelyard.registry.context import Context
from modelyard.registry.lookup import document as document_of

NAMED_CHANGES = 5
"""Changes that a message names; its details hold all of them."""


class Baseline(NamedTuple):
    """What a signature is compared with: that of the versions named, of which each side may have its own."""

    signature: Signature
    inputs: str = ""
    outputs: str = ""

    @property
    def version(self) -> str:
        """The versions in words; empty where nothing is known."""
        if self.inputs and self.outputs and self.inputs != self.outputs:
            return f"{self.inputs} (inputs) and {self.outputs} (outputs)"
        return self.inputs or self.outputs

    def of(self, side: str) -> str:
        """The version that a side is compared with."""
        return self.inputs if side == "input" else self.outputs


class Following(NamedTuple):
    """The number that follows, and from what: the highest number, and the baseline with what changed since."""

    version: SemVer
    bump: Part | None
    highest: str | None
    baseline: Baseline | None
    diff: SignatureDiff


class Numbered(NamedTuple):
    """The number of a version to be, and the facts about the promise that it was allowed to break, if any."""

    version: SemVer
    broken: dict[str, Any]


def number(
    context: Context, model: Row[Any], text: str | None, document: dict[str, Any], parent: Row[Any] | None
) -> Numbered:
    """Return the number of a version that is registered now; the caller holds the model's lock.

    Args:
        context: the request.
        model: the model's row.
        text: the number that the caller wants; None for the one that follows.
        document: the checked metadata; `allow_breaking` in it lets a breaking change pass.
        parent: the row of the version's parent, of this model or of another.

    Raises:
        VersionExists: the model has, or had, this number.
        BreakingChange: the number promises more than the signature keeps.
    """
    signature = Signature.of(document)
    if text is None:
        return Numbered(follow(context, model, signature).version, {})
    version = SemVer.parse(text)
    if versions.is_taken(context.tx, model.id, version.text):
        raise VersionExists(
            f"{model.name} has, or had, a version {version.text}", details={"name": model.name, "version": version.text}
        )
    baseline = _baseline(_promised(context, model.id, version, parent), signature)
    found = diff(baseline.signature, signature)
    if not found.breaking:
        return Numbered(version, {})
    if not document.get("allow_breaking", "").strip():
        raise _refusal(context, model.id, f"{model.name} {version.text}", baseline, found)
    return Numbered(version, _broken(baseline, found))


def judge_change(context: Context, row: Row[Any], document: dict[str, Any], reason: str) -> dict[str, Any]:
    """Return the facts about the promise that changed schemas break, if any; the caller holds the model's lock.

    Args:
        context: the request.
        row: the version that has its number already.
        document: its checked metadata with the new schemas.
        reason: why the change may break callers; empty where nobody said so.

    Raises:
        BreakingChange: its number promises more than the signature would keep.
    """
    parent = versions.by_id(context.tx, row.parent_id) if row.parent_id else None
    rows = _promised(context, row.model_id, SemVer.parse(row.version), parent)
    signature = Signature.of(document)
    baseline = _baseline((other for other in rows if other.id != row.id), signature)
    found = diff(baseline.signature, signature)
    if not found.breaking:
        return {}
    if not reason.strip():
        raise _refusal(context, row.model_id, f"{row.name} {row.version}", baseline, found)
    return _broken(baseline, found)


def follow(context: Context, model: Row[Any], signature: Signature) -> Following:
    """Return the number that a version with this signature gets where the caller names none."""
    highest = versions.highest_ever(context.tx, model.id)
    if highest is None:
        return Following(next_version([]), None, None, None, SignatureDiff())
    last = SemVer.parse(highest)
    baseline = _baseline(_of_last_line(context, model, last), signature)
    found = diff(baseline.signature, signature)
    bump = required_bump(found.outcome, last)
    version = last.bump(bump)
    while versions.is_taken(context.tx, model.id, version.text):
        version = version.bump("patch")
    return Following(version, bump, highest, baseline if baseline.version else None, found)


def _promised(context: Context, model_id: str, version: SemVer, parent: Row[Any] | None) -> Iterator[Row[Any]]:
    """Yield the versions whose callers the number promises to serve, the nearest first."""
    if parent is not None and parent.model_id == model_id and is_promised(SemVer.parse(parent.version), version):
        yield parent
    for row in versions.known_releases_before(context.tx, model_id, precedence_key(version)):
        if not is_promised(SemVer.parse(row.version), version):
            return
        yield row


def _of_last_line(context: Context, model: Row[Any], last: SemVer) -> Iterator[Row[Any]]:
    """Yield the releases up to the highest number, as far as they are of one line with the highest of them."""
    highest = versions.release_before(context.tx, model.id, precedence_key(last))
    if highest is None:
        return
    line = line_of(SemVer.parse(highest.version))
    for row in versions.known_releases_before(context.tx, model.id, precedence_key(last)):
        if line_of(SemVer.parse(row.version)) != line:
            return
        yield row


def _baseline(rows: Iterable[Row[Any]], signature: Signature) -> Baseline:
    """Return, for each side that the signature knows, the first version that knows it too."""
    found = Baseline(Signature())
    if not signature.fingerprint:
        return found
    for row in rows:
        # Documents may be large; most of the time the digest tells enough.
        known = signature if row.signature == signature.fingerprint else Signature.of(document_of(row))
        inputs, outputs = found.signature.inputs, found.signature.outputs
        if known.inputs and not inputs:
            found = found._replace(signature=Signature(inputs=known.inputs, outputs=outputs), inputs=row.version)
        if known.outputs and not outputs:
            inputs = found.signature.inputs
            found = found._replace(signature=Signature(inputs=inputs, outputs=known.outputs), outputs=row.version)
        if (found.inputs or not signature.inputs) and (found.outputs or not signature.outputs):
            break
    return found


def _broken(baseline: Baseline, found: SignatureDiff) -> dict[str, Any]:
    return {"baseline": _held_to(baseline, found), "changes": [asdict(change) for change in found.breaking]}


def _held_to(baseline: Baseline, found: SignatureDiff) -> str:
    """Return the version whose callers the first breaking change breaks."""
    return baseline.of(found.breaking[0].side)


def _refusal(context: Context, model_id: str, what: str, baseline: Baseline, found: SignatureDiff) -> BreakingChange:
    reasons = [change.reason for change in found.breaking]
    more = f"; and {len(reasons) - NAMED_CHANGES} more changes" if len(reasons) > NAMED_CHANGES else ""
    held_to = _held_to(baseline, found)
    old = SemVer.parse(held_to)
    wanted = old.bump(required_bump("breaking", old))
    if versions.is_taken(context.tx, model_id, wanted.text):
        last = SemVer.parse(versions.highest_ever(context.tx, model_id) or wanted.text)
        wanted = last.bump(required_bump("breaking", last))
    name, _, version = what.rpartition(" ")
    return BreakingChange(
        f"{what} would break callers of {held_to}, which its number promises to serve: "
        f"{'; '.join(reasons[:NAMED_CHANGES])}{more}",
        hint=f"register it as {wanted.text}, or say why it is safe with allow_breaking=REASON",
        details={
            "name": name,
            "version": version,
            "next_version": wanted.text,
            **_broken(baseline, found),
        },
    )
