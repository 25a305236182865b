"""How two signatures differ, and which differences break those who call the old one.

Rules
 1. Fields are matched by name; their order does not count.
 2. An input that was removed breaks, also an optional one: callers go on sending it, a model that reads its inputs by
    position or tensor then reads another one in its place, and a table with an unknown column is usually refused.
 3. An input that was added breaks if it is required, and is compatible if it is optional.
 4. An output that was removed breaks, one that was added is compatible.
 5. What a field admits may grow on inputs and shrink on outputs; the other direction breaks. A wider type admits more
    (see `element_types`), so does a dimension of any size (-1) instead of a fixed one, and a field that may be absent.
 6. A type that neither holds the other nor is held by it breaks, and so do another number of dimensions and a fixed
    dimension of another size. `any` says nothing of a type, and nothing follows from it.
 7. A side without known fields (no schema, or one in another form such as JSON Schema) is unknown, and never breaking.
 8. The outcome is breaking if one change is; else compatible if there is one; else unknown if a side is; else none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeAlias

from modelyard.domain.element_types import relation
from modelyard.domain.names import shown
from modelyard.domain.signature import Field, Signature
from modelyard.domain.wire import SignatureChange

Outcome: TypeAlias = Literal["breaking", "compatible", "none", "unknown"]
Side: TypeAlias = Literal["input", "output"]
Direction: TypeAlias = Literal["wider", "narrower", "other"]

ANY_SIZE = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureDiff:
    """The changes from one signature to another, those of the inputs first, and the sides that are not known."""

    changes: tuple[SignatureChange, ...] = ()
    unknown: tuple[Side, ...] = ()

    @property
    def breaking(self) -> tuple[SignatureChange, ...]:
        """The changes that break callers."""
        return tuple(change for change in self.changes if change.breaking)

    @property
    def outcome(self) -> Outcome:
        """What all changes come to; see rule 8."""
        if self.breaking:
            return "breaking"
        if self.changes:
            return "compatible"
        return "unknown" if self.unknown else "none"


def diff(old: Signature, new: Signature) -> SignatureDiff:
    """Return how the new signature differs from the old one."""
    sides: tuple[tuple[Side, tuple[Field, ...], tuple[Field, ...]], ...] = (
        ("input", old.inputs, new.inputs),
        ("output", old.outputs, new.outputs),
    )
    known = [(side, before, after) for side, before, after in sides if before and after]
    return SignatureDiff(
        changes=tuple(chain.from_iterable(_changes(side, before, after) for side, before, after in known)),
        unknown=tuple(side for side, before, after in sides if not (before and after)),
    )


def _changes(side: Side, old: tuple[Field, ...], new: tuple[Field, ...]) -> Iterator[SignatureChange]:
    before, after = {item.name: item for item in old}, {item.name: item for item in new}
    for name, item in before.items():
        if name in after:
            yield from _changed(side, item, after[name])
        else:
            yield _removed(side, item)
    for name, item in after.items():
        if name not in before:
            yield _added(side, item)


def _removed(side: Side, item: Field) -> SignatureChange:
    told = "callers may still send it" if side == "input" else "callers may read it"
    reason = f"the {side} {shown(item.name)} was removed, and {told}"
    return SignatureChange(
        side=side, field=item.name, change="removed", breaking=True, reason=reason, old=_form(item), new=""
    )


def _added(side: Side, item: Field) -> SignatureChange:
    breaking = side == "input" and not item.optional
    told = {True: "required, and callers do not send it", False: "optional"}[breaking]
    reason = f"the input {shown(item.name)} was added; it is {told}"
    if side == "output":
        reason = f"the output {shown(item.name)} was added"
    return SignatureChange(
        side=side, field=item.name, change="added", breaking=breaking, reason=reason, old="", new=_form(item)
    )


def _changed(side: Side, old: Field, new: Field) -> Iterator[SignatureChange]:
    what = f"the {side} {shown(old.name)}"
    kind = relation(old.type, new.type)
    if kind in {"wider", "narrower", "other"}:
        direction: Direction = "wider" if kind == "wider" else "narrower" if kind == "narrower" else "other"
        told = {"wider": "holds more", "narrower": "holds less", "other": "is another type"}[direction]
        reason = f"{what} changed its type from {old.type} to {new.type}, which {told}"
        yield _change(side, old.name, "type", direction, (reason, old.type, new.type))
    if old.shape != new.shape:
        direction, told = _resized(old.shape, new.shape)
        before, after = _sizes(old.shape), _sizes(new.shape)
        reason = f"{what} changed its shape from {before} to {after}: {told}"
        yield _change(side, old.name, "shape", direction, (reason, before, after))
    if old.optional != new.optional:
        words = ("required", "optional")
        before, after = words[old.optional], words[new.optional]
        reason = f"{what} was {before} and is {after}"
        yield _change(side, old.name, "optional", "wider" if new.optional else "narrower", (reason, before, after))


def _change(side: Side, name: str, change: str, direction: Direction, told: tuple[str, str, str]) -> SignatureChange:
    breaking = direction in {"other", "narrower" if side == "input" else "wider"}
    reason, old, new = told
    return SignatureChange(side=side, field=name, change=change, breaking=breaking, reason=reason, old=old, new=new)


def _resized(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[Direction, str]:
    """Return what two different shapes are to each other, in a word and in words."""
    if len(old) != len(new):
        return "other", f"{len(old)} dimensions became {len(new)}"
    pairs = [(before, after) for before, after in zip(old, new, strict=True) if before != after]
    if all(after == ANY_SIZE for _, after in pairs):
        return "wider", "a fixed size became any size"
    if all(before == ANY_SIZE for before, _ in pairs):
        return "narrower", "any size became a fixed size"
    return "other", "a size changed"


def _sizes(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _form(item: Field) -> str:
    shape = f" {_sizes(item.shape)}" if item.shape else ""
    return f"{item.type}{shape}{', optional' if item.optional else ''}"
