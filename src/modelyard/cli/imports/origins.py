"""The addresses that `import` knows, and what is opened for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest
from modelyard.integrations.arrivals import Origin
from modelyard.integrations.huggingface import HubOrigin
from modelyard.integrations.mlflow import MlflowOrigin
from modelyard.integrations.wandb import WandbOrigin
from modelyard.outside.mlflow.artifacts import Reach


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What is taken: names of models, all where there are none, and what may be read besides an MLflow server."""

    patterns: tuple[str, ...] = ()
    name: str = ""
    """What a single model is to be called here."""
    local_files: bool = False
    other_servers: bool = False


@contextmanager
def opened_origin(source: str, choice: Choice) -> Iterator[Origin]:
    """Open what an address names, for as long as the block lasts.

    Raises:
        InvalidRequest: nothing here is imported from such an address.
        MissingExtra: the package that speaks to it is not installed.
    """
    origin = _open(source, choice)
    try:
        yield origin
    finally:
        origin.close()


def _open(source: str, choice: Choice) -> Origin:
    scheme = source.partition("://")[0].lower()
    if scheme.startswith("mlflow"):
        reach = Reach(local_files=choice.local_files, buckets=True, other_servers=choice.other_servers)
        return MlflowOrigin(source, choice.patterns, reach=reach)
    if scheme == "hf":
        return HubOrigin(source, choice.name)
    if scheme == "wandb":
        return WandbOrigin(source, choice.patterns)
    raise InvalidRequest(
        f"nothing is imported from {shown(source)}",
        hint="write mlflow://host:5000, wandb://entity/project or hf://owner/name; --from takes a registry's URL",
    )
