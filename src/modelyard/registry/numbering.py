"""Which number a version gets, and whether its signature keeps what the number promises.

Rules
- A model's first version without a number is 0.1.0. A later one follows the highest there ever was: by a major, minor
  or patch number, as the change of the signature since the highest release demands (`domain.promise`), and by a patch
  where a signature is unknown.
- An explicit number is compared with its baseline: the parent, where that is a release of this model whose callers the
  number promises to serve; else the highest release before it that is neither deleted nor deprecated.
- A number that promises more than the signature keeps is refused, unless the caller says why it may. Then the reason
  stands in the version's metadata, and the changes in its event. A reason that was not needed is not recorded.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import Row

from modelyard.domain.promise import is_promised, required_bump
from modelyard.domain.signature import Signature
from modelyard.domain.signature_diff import SignatureDiff, diff
from modelyard.domain.versions import Part, SemVer, next_version, precedence_key
from modelyard.errors import BreakingChange, VersionExists
from modelyard.metadata import versions
from modelyard.registry.context import Context
from modelyard.registry.lookup import document as document_of

NAMED_CHANGES = 5
"""Changes that a message names; its details hold all of them."""


class Following(NamedTuple):
    """The number that follows, and from what: the highest number, and the baseline with what changed since."""

    version: SemVer
    bump: Part | None
    highest: str | None
    baseline: Row[Any] | None
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
    baseline = _baseline(context, model, version, parent) if signature.fingerprint else None
    if baseline is None:
        return Numbered(version, {})
    found = _compared(baseline, signature)
    if not found.breaking:
        return Numbered(version, {})
    if not document.get("allow_breaking", "").strip():
        raise _refusal(context, model, version, baseline, found)
    changes = [asdict(change) for change in found.breaking]
    return Numbered(version, {"baseline": baseline.version, "changes": changes})


def follow(context: Context, model: Row[Any], signature: Signature) -> Following:
    """Return the number that a version with this signature gets where the caller names none."""
    highest = versions.highest_ever(context.tx, model.id)
    if highest is None:
        return Following(next_version([]), None, None, None, SignatureDiff())
    last = SemVer.parse(highest)
    known = bool(signature.fingerprint)
    baseline = versions.release_before(context.tx, model.id, precedence_key(last)) if known else None
    nothing = SignatureDiff(unknown=("input", "output"))
    found = nothing if baseline is None else _compared(baseline, signature)
    bump = required_bump(found.outcome, last)
    version = last.bump(bump)
    while versions.is_taken(context.tx, model.id, version.text):
        version = version.bump("patch")
    return Following(version, bump, highest, baseline, found)


def _baseline(context: Context, model: Row[Any], version: SemVer, parent: Row[Any] | None) -> Row[Any] | None:
    """Return the version whose callers the number promises to serve."""
    if parent is not None and parent.model_id == model.id and is_promised(SemVer.parse(parent.version), version):
        return parent
    before = versions.release_before(context.tx, model.id, precedence_key(version))
    return before if before is not None and is_promised(SemVer.parse(before.version), version) else None


def _compared(baseline: Row[Any], signature: Signature) -> SignatureDiff:
    if baseline.signature == signature.fingerprint and signature.inputs and signature.outputs:
        return SignatureDiff()
    return diff(Signature.of(document_of(baseline)), signature)


def _refusal(
    context: Context, model: Row[Any], version: SemVer, baseline: Row[Any], found: SignatureDiff
) -> BreakingChange:
    reasons = [change.reason for change in found.breaking]
    more = f"; and {len(reasons) - NAMED_CHANGES} more changes" if len(reasons) > NAMED_CHANGES else ""
    old = SemVer.parse(baseline.version)
    wanted = old.bump(required_bump("breaking", old))
    if versions.is_taken(context.tx, model.id, wanted.text):
        last = SemVer.parse(versions.highest_ever(context.tx, model.id) or wanted.text)
        wanted = last.bump(required_bump("breaking", last))
    return BreakingChange(
        f"{model.name} {version.text} would break callers of {baseline.version}, which its number promises to serve: "
        f"{'; '.join(reasons[:NAMED_CHANGES])}{more}",
        hint=f"register it as {wanted.text}, or say why it is safe with allow_breaking=REASON",
        details={
            "name": model.name,
            "version": version.text,
            "baseline": baseline.version,
            "next_version": wanted.text,
            "changes": [asdict(change) for change in found.breaking],
        },
    )
