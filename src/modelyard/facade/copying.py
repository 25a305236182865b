"""Copying versions: to another model of the same registry, and to another registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from modelyard.domain.copying import check_same, fields_of, is_copy_of
from modelyard.domain.wire import CopyRecord, VersionRecord
from modelyard.errors import Conflict, IntegrityError, InvalidRequest, NotFound
from modelyard.facade.arguments import build, name_of, reference_of
from modelyard.facade.base import Base
from modelyard.facade.caller import Caller, Progress
from modelyard.facade.opening import connect, other_token
from modelyard.operations import (
    COPY_VERSION,
    CREATE_MODEL,
    GET_VERSION,
    LIST_ALIASES,
    REGISTER_VERSION,
    SET_ALIAS,
    CreateModel,
    NamedModelThen,
    NamedThen,
    RegisterVersion,
    SetAlias,
)


class Copying(Base):
    """The method of `ModelRegistry` that copies."""

    def copy_version(
        self,
        reference: str,
        *,
        name: str | None = None,
        version: str | None = None,
        to: Base | str | os.PathLike[str] | None = None,
        with_aliases: bool = False,
        progress: Progress | None = None,
    ) -> CopyRecord:
        """Copy a version, with its files, its metadata and its label, to another model or another registry.

        Within a registry files are shared, and the original becomes the copy's parent. To another registry files are
        fetched and sent, and the copy has the same digest; its parent is the copy of the original's parent, if that is
        there. The stage is not copied: a version comes to its stage by the gates of the place where it is. A copy that
        is there already is left as it is.

        Args:
            reference: the version.
            name: the model that gets the copy; the original's name, where another registry is given.
            version: the copy's number; the original's, where it is left out.
            to: the other registry, or its path or URL.
            with_aliases: point the aliases of the original to the copy, too.
            progress: called with the number of bytes done since the last call, fetched and sent alike.

        Raises:
            InvalidRequest: neither a model nor a registry is given, or the copy would be a copy of itself.
            VersionExists: the model has this version with other content.
            Conflict: an alias points to another version there.
        """
        original = self._call(GET_VERSION, reference=reference_of(reference))
        wanted = original.name if name is None else name_of(name)
        if to is None:
            if name is None:
                raise InvalidRequest("where to is not said", hint="name a model with name=, or a registry with to=")
            made = self._call(COPY_VERSION, reference=original.id, name=wanted, version=version)
            _point(self._caller, original, made.version, with_aliases=with_aliases)
            return made
        with _opened(to) as caller:
            made = self._sent(caller, original, wanted, version or original.version, progress)
            _point(caller, original, made.version, with_aliases=with_aliases)
        return made

    def _sent(
        self, target: Caller, original: VersionRecord, name: str, version: str, progress: Progress | None
    ) -> CopyRecord:
        with suppress(NotFound):
            present = target.call(GET_VERSION, NamedThen(reference=f"{name}/{version}"))
            check_same(name, version, original, present)
            return CopyRecord(version=present, copied=False)
        fields = {**fields_of(original), "name": name, "version": version, "parent": self._parent(target, original)}
        if not original.files:
            _make_model(target, name)
            return CopyRecord(version=target.call(REGISTER_VERSION, build(RegisterVersion, fields)), copied=True)
        request = build(RegisterVersion, {**fields, "create": True})
        with TemporaryDirectory(prefix="modelyard-copy-") as folder:
            self._caller.download(original.id, Path(folder), progress=progress)
            made = target.upload(request, Path(folder), progress=progress)
        if made.digest != original.digest:
            raise IntegrityError(f"{name}/{made.version} has the digest {made.digest}, and not {original.digest}")
        return CopyRecord(version=made, copied=True)

    def _parent(self, target: Caller, original: VersionRecord) -> str | None:
        """The copy of the original's parent, where it was copied under its own name."""
        if original.parent_id is None:
            return None
        with suppress(NotFound):
            parent = self._call(GET_VERSION, reference=original.parent_id)
            found = target.call(GET_VERSION, NamedThen(reference=f"{parent.name}/{parent.version}"))
            if is_copy_of(found.extra, parent.id):
                return found.id
        return None


def _make_model(target: Caller, name: str) -> None:
    with suppress(Conflict):
        target.call(CREATE_MODEL, CreateModel(name=name))


def _point(target: Caller, original: VersionRecord, copy: VersionRecord, *, with_aliases: bool) -> None:
    """Point the original's aliases to its copy, unless somebody has pointed them elsewhere."""
    if not (with_aliases and original.aliases):
        return
    listed = target.call(LIST_ALIASES, NamedModelThen(name=copy.name)).aliases
    present = {alias.alias: alias.version_id for alias in listed}
    taken = sorted(alias for alias in original.aliases if present.get(alias, copy.id) != copy.id)
    if taken:
        raise Conflict(
            f"{copy.name}/{copy.version} was copied, and {', '.join(taken)} of {copy.name} points to another version",
            hint="move the alias yourself, if that is what you want",
            details={"id": copy.id, "aliases": taken},
        )
    for alias in original.aliases:
        if alias not in present:
            target.call(SET_ALIAS, SetAlias(name=copy.name, alias=alias, version=copy.id))


@contextmanager
def _opened(target: Base | str | os.PathLike[str]) -> Iterator[Caller]:
    if isinstance(target, Base):
        yield target._caller  # noqa: SLF001 - another object of the same kind
        return
    caller = connect(target, token=other_token(target)).caller
    try:
        yield caller
    finally:
        caller.close()
