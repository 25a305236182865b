"""Signatures compared: of two versions, and of a version to be with those there are."""

from __future__ import annotations

from modelyard.domain.promise import required_bump
from modelyard.domain.signature import Signature
from modelyard.domain.signature_diff import SignatureDiff, diff
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import NextVersion, SignatureDiffRecord
from modelyard.operations import NEXT_VERSION, SIGNATURE_DIFF, CompareSignatures, ProposeVersion
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import document, find, find_model, resolved
from modelyard.registry.numbering import Following, follow


@serves(SIGNATURE_DIFF)
def signature_diff(context: Context, request: CompareSignatures) -> SignatureDiffRecord:
    """Tell how the signature of version b differs from that of version a, and whether b can stand in for a."""
    a, b = find(context, request.version_a), find(context, request.version_b)
    found = diff(Signature.of(document(a)), Signature.of(document(b)))
    old, new = SemVer.parse(a.version), SemVer.parse(b.version)
    return SignatureDiffRecord(
        a=resolved(a),
        b=resolved(b),
        outcome=found.outcome,
        changes=list(found.changes),
        unknown=list(found.unknown),
        required_bump=required_bump(found.outcome, old),
        compatible=old.is_compatible(new) and not found.breaking,
        reason=_judgement(old, new, found),
    )


@serves(NEXT_VERSION)
def propose(context: Context, request: ProposeVersion) -> NextVersion:
    """Tell which number a version with these schemas would get, and why; nothing is reserved."""
    model = find_model(context, request.name)
    given = {"input_schema": request.input_schema, "output_schema": request.output_schema}
    following = follow(context, model, Signature.from_json(given))
    return NextVersion(
        name=model.name,
        version=following.version.text,
        bump=following.bump or "",
        highest=following.highest,
        baseline=following.baseline.version if following.baseline else None,
        outcome=following.diff.outcome if following.baseline is not None else "unknown",
        changes=list(following.diff.changes),
        reason=_explained(following),
    )


def _judgement(old: SemVer, new: SemVer, found: SignatureDiff) -> str:
    if not old.is_compatible(new):
        return f"{old.text} and {new.text} have different major numbers, between which nothing is promised"
    if found.breaking:
        return "; ".join(change.reason for change in found.breaking)
    numbers = f"{old.text} and {new.text} have the same major number"
    if found.unknown:
        sides = " and ".join(f"{side}s" for side in found.unknown)
        return f"{numbers}; the {sides} of at least one of them are not known, so only the numbers speak for it"
    return f"{numbers}, and {'no change breaks callers' if found.changes else 'the signature is the same'}"


def _explained(following: Following) -> str:
    if following.highest is None:
        return "the first version of a model"
    if following.baseline is None:
        return f"there is no signature to compare, so a patch follows {following.highest}"
    changes = following.diff.breaking or following.diff.changes
    told = {
        "breaking": "a breaking change",
        "compatible": "a compatible change",
        "unknown": "no known change",
        "none": "no change",
    }
    reasons = f": {'; '.join(change.reason for change in changes)}" if changes else ""
    outcome = told[following.diff.outcome]
    return f"{outcome} since {following.baseline.version}, so a {following.bump} number follows{reasons}"
