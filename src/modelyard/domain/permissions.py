"""Who asks, and what they may do.

Rules
1. A permission is a word such as `version.read` or `stage.move`; every row of the operations table names the one
   that it needs. Some permissions have a target besides the model: the stage of `stage.move`, the alias of
   `alias.move`.
2. What nobody granted is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

EVERYTHING = "*"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A permission, or `*` for all, on the models and targets that two patterns match."""

    permission: str = EVERYTHING
    model: str = EVERYTHING
    target: str = EVERYTHING


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks: their name, whether it was proven, and what they were granted."""

    name: str
    proven: bool = False
    grants: tuple[Grant, ...] = ()

    def allows(self, permission: str, model: str = "", target: str = "") -> bool:
        """Whether a permission was granted, on this model and this target where they are given."""
        return any(
            grant.permission in {EVERYTHING, permission}
            and (not model or fnmatchcase(model, grant.model))
            and (not target or fnmatchcase(target, grant.target))
            for grant in self.grants
        )


LOCAL = Principal(name="local", grants=(Grant(),))
"""Whoever uses a registry in their own process, or a server that asks nobody who they are: may do everything."""


def local(name: str) -> Principal:
    """The principal of an own process, by the name that it gives itself."""
    return Principal(name=name, grants=LOCAL.grants)
