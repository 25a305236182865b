"""Getting a version's files, and the model that they are.

Where `download_model` writes:

    the version has     target            result
    one file            none              ./FILE, which must not exist
                        a folder, or …/   target/FILE
                        another path      target
    several files       none              ./NAME-VERSION/, which must not exist
                        a path            the files below target
    path="a/b.json"     as for one file; FILE is b.json
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from modelyard.artifacts.faults import target_faults
from modelyard.domain.names import shown
from modelyard.domain.wire import VersionRecord
from modelyard.errors import ArtifactNotFound, InvalidRequest
from modelyard.facade.arguments import path_of, reference_of, selected
from modelyard.facade.base import Base
from modelyard.facade.caller import Progress
from modelyard.facade.deprecated import warned
from modelyard.operations import GET_VERSION
from modelyard.runtimes.flavours import flavour_named, for_files


class Files(Base):
    """The methods of `ModelRegistry` that fetch bytes."""

    def load_model(self, model_id: str) -> Any:
        """Load the model of a version into this process, from files whose digests were verified.

        What comes from a server is kept in the folder `cache.path`, and fetched once only.

        Formats that run code when they are loaded warn with `CodeBearingWarning` and say what is about to run; a
        deprecated version is loaded with a `DeprecatedVersionWarning`.

        Raises:
            ArtifactNotFound: the version has no files.
            IntegrityError: a file is damaged; nothing was loaded.
            InvalidArtifact: nothing here loads such files; `download_model` gives them.
        """
        version = self._with_files(reference_of(model_id))
        warned(version)
        paths = [file.path for file in version.files]
        flavour = flavour_named(version.flavour) if version.flavour else for_files(paths)
        with self._caller.folder(version) as folder:
            return flavour.load(folder, paths, reference=f"{version.name}/{version.version}")

    def download_model(
        self,
        model_id: str,
        target: str | os.PathLike[str] | None = None,
        local_path: str | os.PathLike[str] | None = None,
        *,
        path: str = "",
        progress: Progress | None = None,
    ) -> Path:
        """Write a version's files to disk, each verified against its digest before it appears.

        It is called as `download_model(reference, target)`, or as `download_model(name, version, local_path)`.

        Args:
            model_id: the version; or the model's name, where three arguments are given.
            target: a file or a folder, see the module's table; or the version, where three arguments are given.
            local_path: the third of three arguments.
            path: only the file that has this path in the version.
            progress: called with the number of bytes done since the last call.

        Returns:
            The file or the folder that was written.

        Raises:
            ArtifactNotFound: the version has no files, or none at this path.
            IntegrityError: a file is damaged; its target stays as it was.
            InvalidRequest: the target is no path, or exists and was not named, or cannot be written.
        """
        what, where = ("target", target) if local_path is None else ("local_path", local_path)
        goal = None if where is None else path_of(what, where)
        inside = where is not None and os.fspath(where).endswith(("/", os.sep))
        reference = reference_of(model_id) if local_path is None else selected(model_id, target)
        version = self._with_files(reference)
        names = [file.path for file in version.files]
        if path and path not in names:
            raise ArtifactNotFound(
                f"{version.name} {version.version} has no file {shown(path)}",
                hint=f"it has {', '.join(names[:10])}",
                details={"files": names[:100]},
            )
        if path or len(names) == 1:
            return self._one(version, path or names[0], goal, inside=inside, progress=progress)
        folder = _fresh(Path(f"{version.name}-{version.version}")) if goal is None else goal
        with target_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._caller.download(version.id, folder, progress=progress)
        return folder

    def _one(
        self, version: VersionRecord, path: str, goal: Path | None, *, inside: bool, progress: Progress | None
    ) -> Path:
        """Write one file to the goal; or into it, where it is a folder or was written as one."""
        file = PurePosixPath(path).name
        target = _fresh(Path(file)) if goal is None else goal
        if goal is not None and (inside or goal.is_dir()):
            target = goal / file
        if target.is_dir():
            raise InvalidRequest(f"{target} is a folder", hint="name the file that is to be written")
        with target_faults(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            # On the same file system, so that the verified file takes its name in one step.
            with TemporaryDirectory(prefix=".modelyard-", dir=target.parent) as folder:
                (written,) = self._caller.download(version.id, Path(folder), path=path, progress=progress)
                written.replace(target)
        return target

    def _with_files(self, reference: str) -> VersionRecord:
        version = self._call(GET_VERSION, reference=reference)
        if not version.files:
            raise ArtifactNotFound(
                f"{version.name} {version.version} has no files",
                hint="it was registered without any, as provider-backed models are",
            )
        return version


def _fresh(path: Path) -> Path:
    """A path in the working folder that nobody named: it must not replace anything."""
    if os.path.lexists(path):
        raise InvalidRequest(
            f"there is a {shown(str(path))} in the working folder", hint="name the target to replace it"
        )
    return path
