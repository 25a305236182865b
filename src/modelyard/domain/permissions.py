"""Who asks, and what they may do.

A permission is a word such as `version.read`; every row of the operations table names the one that it needs. A role is
a set of permissions:

    viewer       everything that ends in .read
    developer    viewer; model.create, model.update, version.create, version.update, version.test, promotion.request,
                 promotion.comment, endpoint.predict, prediction.record, artifact.write; stage.move to development,
                 staging and rejected
    reviewer     viewer; promotion.approve, promotion.comment
    deployer     viewer; stage.move, alias.move, version.deprecate, promotion.request, promotion.comment,
                 deployment.start, deployment.control, endpoint.update, endpoint.predict, snapshot.create,
                 prediction.record, alert.manage
    caller       endpoint.predict, prediction.record: an application that asks for predictions and tells how they went
    admin        everything

Rules
1. A grant allows a role, a permission or `*` for everything, on the models, stages and aliases that its three patterns
   match. In a pattern only a `*` at its end is special: it stands for any characters.
2. The stage counts for the permissions that have a stage as their target (`stage.move`, and asking for a promotion
   and approving it), the alias for `alias.move`. Other permissions look at the model only.
3. What nobody granted is refused. Grants add up; none takes anything away.
4. A token may narrow its principal's grants. What remains is what both allow.
5. Permissions about the registry as a whole (`REGISTRY_WIDE`) are worth nothing for some models only.
6. Everybody who proved who they are may ask who they are and what they may do (`SELF`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from modelyard.errors import PermissionDenied

EVERYTHING: Final = "*"
EVERY_READ: Final = "*.read"
NOTHING: Final = ""
"""The pattern that nothing matches: what is left of two that have nothing in common."""
PUBLIC: Final = "public"
"""The permission that everybody has, whoever they are: of what tells nothing about the registry."""
SELF: Final = "self"
"""The permission of what concerns the caller alone; whoever proved who they are has it."""

REGISTRY_WIDE: Final = frozenset(
    {
        "registry.admin",
        "registry.export",
        "user.manage",
        "token.manage",
        "webhook.manage",
        "channel.manage",
        "audit.read",
        "artifact.read",
        "artifact.write",
    }
)
"""Permissions that reach beyond any one model."""

ADMIN_ONLY: Final = frozenset(
    {
        "registry.admin",
        "registry.export",
        "user.manage",
        "token.manage",
        "webhook.manage",
        "channel.manage",
        "policy.manage",
        "model.delete",
        "version.delete",
    }
)
"""Permissions that no role but admin has, on purpose; they can be granted one by one."""

STAGE_TARGETS: Final = frozenset({"stage.move", "promotion.request", "promotion.approve"})
ALIAS_TARGETS: Final = frozenset({"alias.move"})


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role, a permission, or `*` for everything, on the models, stages and aliases that three patterns match."""

    allow: str = EVERYTHING
    model: str = EVERYTHING
    stage: str = EVERYTHING
    alias: str = EVERYTHING

    def matches(self, permission: str, model: str = "", target: str = "") -> bool:
        """Whether the grant, which names no role, covers a permission, on this model and target where they are given.

        An empty model or target asks whether there is any.
        """
        if not covers(self.allow, permission) or (model and not covers(self.model, model)):
            return False
        if permission in REGISTRY_WIDE and self.model != EVERYTHING:
            return False
        pattern = _target_pattern(self, permission)
        return pattern != NOTHING and (not target or covers(pattern, target))

    def meet(self, other: Grant) -> Grant | None:
        """What this grant and another one both allow; None for nothing. Neither names a role."""
        pairs = zip(self.parts, other.parts, strict=True)
        allow, model, stage, alias = (_narrower(one, two) for one, two in pairs)
        met = Grant(allow=allow, model=model, stage=stage, alias=alias)
        return None if NOTHING in {allow, model, _target_pattern(met, allow)} else met

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """What is allowed, then the three patterns."""
        return self.allow, self.model, self.stage, self.alias

    def plain(self) -> Grant:
        """The same without patterns for what the permission does not look at, so that equal rights are equal."""
        if self.allow == EVERYTHING:
            return self
        return Grant(
            allow=self.allow,
            model=self.model,
            stage=self.stage if self.allow in STAGE_TARGETS else EVERYTHING,
            alias=self.alias if self.allow in ALIAS_TARGETS else EVERYTHING,
        )


def _target_pattern(grant: Grant, permission: str) -> str:
    """The pattern of a grant that the target of a permission has to match."""
    if permission in STAGE_TARGETS:
        return grant.stage
    return grant.alias if permission in ALIAS_TARGETS else EVERYTHING


def _all(*permissions: str) -> tuple[Grant, ...]:
    return tuple(Grant(allow=permission) for permission in (EVERY_READ, *permissions))


ROLES: Final[Mapping[str, tuple[Grant, ...]]] = MappingProxyType(
    {
        "viewer": _all(),
        "developer": (
            *_all(
                "model.create",
                "model.update",
                "version.create",
                "version.update",
                "version.test",
                "promotion.request",
                "promotion.comment",
                "endpoint.predict",
                "prediction.record",
                "artifact.write",
            ),
            *(Grant(allow="stage.move", stage=stage) for stage in ("development", "staging", "rejected")),
        ),
        "reviewer": _all("promotion.approve", "promotion.comment"),
        "deployer": _all(
            "stage.move",
            "alias.move",
            "version.deprecate",
            "promotion.request",
            "promotion.comment",
            "deployment.start",
            "deployment.control",
            "endpoint.update",
            "endpoint.predict",
            "snapshot.create",
            "prediction.record",
            "alert.manage",
        ),
        "caller": (Grant(allow="endpoint.predict"), Grant(allow="prediction.record")),
        "admin": (Grant(),),
    }
)


def covers(pattern: str, text: str) -> bool:
    """Whether everything that a text stands for matches a pattern; the text may be a pattern itself."""
    if pattern == EVERY_READ:
        return text.endswith(".read")
    return text.startswith(pattern[:-1]) if pattern.endswith(EVERYTHING) else pattern == text


def expanded(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """The same grants with each role replaced by its permissions; none comes twice."""
    found: dict[Grant, None] = {}
    for grant in grants:
        scope = Grant(model=grant.model, stage=grant.stage, alias=grant.alias)
        for each in ROLES.get(grant.allow, (Grant(allow=grant.allow),)):
            met = each.meet(scope)
            if met is not None:
                found[met.plain()] = None
    return tuple(found)


def narrowed(grants: Iterable[Grant], limits: Iterable[Grant]) -> tuple[Grant, ...]:
    """What two sets of grants both allow, role by role and pattern by pattern."""
    limited = expanded(limits)
    met = (one.meet(two) for one in expanded(grants) for two in limited)
    return tuple(dict.fromkeys(grant for grant in met if grant is not None))


def lacking(holder: Principal, grants: Iterable[Grant]) -> Grant | None:
    """The first of some grants that goes beyond what a principal has itself; None if none does."""
    for wanted in expanded(grants):
        if not any(own.meet(wanted) == wanted for own in holder.rights):
            return wanted
    return None


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks.

    Attributes:
        name: as it stands in events.
        proven: whether they proved who they are, by a token.
        grants: what they were granted.
        limits: what the token that they came with may do of it; None for all of it.
    """

    name: str
    proven: bool = False
    grants: tuple[Grant, ...] = ()
    limits: tuple[Grant, ...] | None = None

    @cached_property
    def rights(self) -> tuple[Grant, ...]:
        """What they may do: the grants without roles, narrowed by the limits."""
        return expanded(self.grants) if self.limits is None else narrowed(self.grants, self.limits)

    @cached_property
    def reach(self) -> str:
        """A text that two principals share only if they may do the same."""
        return "\n".join(sorted("\t".join(right.parts) for right in self.rights))

    def allows(self, permission: str, model: str = "", target: str = "") -> bool:
        """Whether they have a permission, on this model and this target (a stage, an alias) where they are given.

        `EVERYTHING` as the model asks for the permission on all models there are or will be.
        """
        if permission == SELF and self.proven:
            return True
        return any(right.matches(permission, model, target) for right in self.rights)

    def require(self, permission: str, model: str = "", target: str = "") -> None:
        """Refuse what they may not do; arguments as in `allows`.

        Raises:
            PermissionDenied: naming the permission that is missing.
        """
        if not self.allows(permission, model, target):
            raise denial(self, permission, model, target)

    def models(self, permission: str) -> tuple[str, ...]:
        """The patterns of the models on which they have a permission, none within another; `*` alone for all."""
        found = {right.model for right in self.rights if right.matches(permission)}
        return tuple(sorted(one for one in found if not any(two != one and covers(two, one) for two in found)))


def denial(principal: Principal, permission: str, model: str = "", target: str = "") -> PermissionDenied:
    """The refusal that names who lacks which permission, and where."""
    places = ["all models" if model == EVERYTHING else f"the model {model}"] if model else []
    places += [f"the target {target}"] if target else []
    where = f" on {', '.join(places)}" if places else ""
    return PermissionDenied(
        f"{principal.name} does not have the permission {permission}{where}",
        hint="`modelyard whoami` shows what you may do; an administrator can grant more",
        details={"permission": permission, "model": model, "target": target},
    )


def _narrower(one: str, two: str) -> str:
    """What two patterns both match, as a pattern."""
    if covers(one, two):
        return two
    return one if covers(two, one) else NOTHING


LOCAL = Principal(name="local", grants=(Grant(),))
"""Whoever uses a registry in their own process, or a server that asks nobody who they are: may do everything."""


def local(name: str) -> Principal:
    """The principal of an own process, by the name that it gives itself."""
    return Principal(name=name, grants=LOCAL.grants)
