"""A model of the Hugging Face Hub as an arrival: its files at one commit, and what its card says.

Rules
- The Hub's own SDK asks and fetches, so that tokens, mirrors (`HF_ENDPOINT`) and its faster transports work as usual.
- A revision is resolved once, and everything is fetched of that commit. The commit tells an imported version again.
- Every file is compared with what the Hub lists: its size, and the SHA-256 of a large file or the git digest of a
  small one.
- A repository is called `owner/name`, and a model's name has no slash: the model is called `name`, or as the caller
  says.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from blake3 import blake3

from modelyard.domain.names import shown
from modelyard.errors import (
    IntegrityError,
    InvalidRequest,
    MissingExtra,
    NotFound,
    PermissionDenied,
    RemoteUnavailable,
)
from modelyard.integrations.arrivals import (
    Arrival,
    ForeignFile,
    ForeignModel,
    Identity,
    Progress,
    Ticket,
    trouble_of,
)

KIND: Final = "huggingface"
PIECE: Final = 1 << 20
_HINT: Final = "write hf://owner/name, or hf://owner/name@revision"


class HubOrigin:
    """One model of the Hub at one revision.

    Args:
        uri: `hf://owner/name`, with `@revision` behind it or not.
        name: what the model is called here; the repository's name without its owner, where it is left out.

    Raises:
        InvalidRequest: the address is no such thing.
        MissingExtra: huggingface_hub is not installed.
        NotFound: the Hub has no such repository, or no such revision, or does not show it.
        RemoteUnavailable: the Hub does not answer.
    """

    def __init__(self, uri: str, name: str = "") -> None:
        rest = uri.partition("://")[2].strip("/")
        self._repository, _, self._revision = rest.partition("@")
        if not self._repository or self._repository.count("/") > 1:
            raise InvalidRequest(f"{shown(uri)} is no address of a model", hint=_HINT)
        self._library = _library()
        self._api = self._library.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
        self._name = name or self._repository.rpartition("/")[2]
        with self._faults():
            self._info: Any = self._api.model_info(
                self._repository, revision=self._revision or None, files_metadata=True
            )
        if not self._info.sha:
            raise RemoteUnavailable(f"the Hub names no commit of {shown(uri)}", hint="")

    @property
    def address(self) -> str:
        """The repository and its commit."""
        return f"hf://{self._repository}@{self._info.sha}"

    def close(self) -> None:
        """Nothing is held open."""

    def models(self) -> list[ForeignModel]:
        """See `Origin`."""
        return [ForeignModel(name=self._name, description=f"{self._repository} of the Hugging Face Hub")]

    def tickets(self) -> Iterator[Ticket]:
        """See `Origin`; there is one."""
        label = f"{self._repository}@{self._info.sha[:12]}"
        identity = self.identity(self._imported()) or ()
        yield Ticket(model=self._name, label=label, identity=identity, look=self._look)

    def identity(self, imported: object) -> Identity | None:
        """See `Origin`."""
        if not isinstance(imported, Mapping) or imported.get("from") != KIND:
            return None
        return KIND, str(imported.get("name", "")), str(imported.get("commit", ""))

    def _imported(self) -> dict[str, Any]:
        info = self._info
        facts = {
            "from": KIND,
            "name": self._repository,
            "commit": info.sha,
            "revision": self._revision,
            "created_at": _moment(info.created_at),
            "updated_at": _moment(info.last_modified),
            "created_by": info.author or "",
            "card": _card(info),
        }
        return {key: value for key, value in facts.items() if value}

    def _look(self) -> Arrival:
        files = tuple(ForeignFile(path=each.rfilename, size=each.size) for each in self._info.siblings or ())
        trouble = trouble_of(files) if files else NotFound(f"{self.address} has no files", hint="")
        return Arrival(document=self._document(), files=files, fetch=None if trouble else self._fetch, trouble=trouble)

    def _document(self) -> dict[str, Any]:
        info, card = self._info, _card(self._info)
        datasets = _listed(card.get("datasets"))
        known = {"library": info.library_name, "task": info.pipeline_tag, "license": str(card.get("license", ""))}
        document = {
            "description": str(card.get("model_name", "")) or self._repository,
            "framework": info.library_name,
            "model_type": info.pipeline_tag,
            "tags": {key: value for key, value in known.items() if value},
            "metrics": _metrics(info),
            "data_lineage": {"datasets": datasets} if datasets else {},
            "created_by": info.author,
            "source": self.address,
            "extra": {"imported": self._imported()},
        }
        return {key: value for key, value in document.items() if value}

    def _fetch(self, folder: Path, progress: Progress | None) -> dict[str, str]:
        digests = {}
        # The SDK keeps notes beside what it fetches, which are no files of the model.
        with TemporaryDirectory(prefix="fetching-", dir=folder.parent) as scratch:
            for sibling in self._info.siblings:
                with self._faults():
                    place = self._api.hf_hub_download(
                        self._repository, sibling.rfilename, revision=self._info.sha, local_dir=scratch
                    )
                target = folder / sibling.rfilename
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(place, target)
                digests[sibling.rfilename] = _proven(sibling, target)
                if progress:
                    progress(target.stat().st_size)
        return digests

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the SDK's exceptions into ours."""
        errors = self._library.errors
        where = f"hf://{self._repository}{f'@{self._revision}' if self._revision else ''}"
        try:
            yield
        except errors.HFValidationError as error:
            raise InvalidRequest(f"{where} is no address of a model: {_line(error)}", hint=_HINT) from error
        except errors.GatedRepoError as error:
            hint = "accept its terms on the Hub, and set HF_TOKEN"
            raise PermissionDenied(
                f"{where} is given only to whom its owner lets: {_line(error)}", hint=hint
            ) from error
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError) as error:
            hint = "check the name; private ones need HF_TOKEN"
            raise NotFound(f"the Hub shows no {where}: {_line(error)}", hint=hint) from error
        except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, OSError) as error:
            raise RemoteUnavailable(f"{where} cannot be fetched: {_line(error)}", hint="repeat it later") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # How the SDK meets an answer that it does not expect.
            raise RemoteUnavailable(
                f"what the Hub answers for {where} makes no sense to its SDK: {_line(error)}", hint=""
            ) from error
        except Exception as error:
            # The SDK lets the exceptions of its HTTP client pass, whichever client that is.
            if type(error).__module__.partition(".")[0] in {"httpx", "httpcore", "requests", "urllib3"}:
                raise RemoteUnavailable(f"{where} cannot be fetched: {_line(error)}", hint="repeat it later") from error
            raise


def _library() -> Any:
    """The Hub's SDK, which takes its time to import."""
    try:
        library = import_module("huggingface_hub")
        import_module("huggingface_hub.errors")
        import_module("huggingface_hub.utils").disable_progress_bars()
    except ImportError as error:
        raise MissingExtra(
            "importing from the Hugging Face Hub needs the package huggingface_hub", hint="pip install 'modelyard[hub]'"
        ) from error
    return library


def _proven(sibling: Any, file: Path) -> str:
    """Return a file's BLAKE3, if its bytes are those that the Hub lists.

    Raises:
        IntegrityError: they are not.
    """
    size = file.stat().st_size
    # Git's digests are SHA-1: they identify, and protect nothing; a large file has the SHA-256 as well.
    ours, git = blake3(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    whole = hashlib.sha256()
    with file.open("rb") as source:
        while piece := source.read(PIECE):
            for digest in (ours, git, whole):
                digest.update(piece)
    lfs = sibling.lfs.sha256 if sibling.lfs else None
    wanted = lfs or sibling.blob_id
    found = whole.hexdigest() if lfs else git.hexdigest()
    if (wanted and wanted != found) or (sibling.size is not None and sibling.size != size):
        raise IntegrityError(f"{sibling.rfilename} has other bytes than the Hub lists", hint="repeat the import")
    return ours.hexdigest()


def _card(info: Any) -> dict[str, Any]:
    """What the front matter of the model's card says."""
    card = info.card_data.to_dict() if info.card_data else {}
    return {key: value for key, value in card.items() if value not in (None, "", [], {}) and key != "model-index"}


def _metrics(info: Any) -> dict[str, float]:
    """The results that a card states, the first of each metric."""
    results = (info.card_data.eval_results if info.card_data else None) or ()
    found: dict[str, float] = {}
    for result in results:
        value = result.metric_value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found.setdefault(str(result.metric_type), float(value))
    return found


def _listed(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value] if isinstance(value, list) else []


def _moment(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""


def _line(error: BaseException) -> str:
    """What happened, in one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
