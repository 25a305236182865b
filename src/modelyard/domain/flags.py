"""Feature flags for OpenFeature: which version a key would get, and whether a flag of an endpoint is on.

    fraud                the version (a text) that the endpoint of the model in production would give this context
    fraud@eu             the same in the environment eu
    fraud/beta           whether the flag `beta` of that endpoint is on for this context
    fraud@eu/beta        the same in the environment eu

Rules
1. The answer is what the gateway would do with a request of this key and these headers; nothing is drawn twice.
2. `targetingKey` is the key. Every other member of the context is a header: its name in lower case with `-` for `_`, a
   text as it is, numbers and booleans as JSON writes them. Members of other types are no headers.
3. Where the answer hangs on the key, there has to be one; a static answer needs none.
4. Reasons: STATIC if every context gets this answer, TARGETING_MATCH if a header decided, SPLIT if the key did, DEFAULT
   if flags looked at the context and none of them concerned it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from modelyard.domain.names import alias_name, model_name, shown
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import Route, Rule
from modelyard.errors import InvalidName, InvalidRequest

PRODUCTION: Final = "production"
STATIC, SPLIT, TARGETING_MATCH, DEFAULT = "STATIC", "SPLIT", "TARGETING_MATCH", "DEFAULT"
FLAG_NOT_FOUND, TARGETING_KEY_MISSING = "FLAG_NOT_FOUND", "TARGETING_KEY_MISSING"

_TARGETING_KEY: Final = "targetingKey"
_EVERYBODY: Final = 100.0


@dataclass(frozen=True, kw_only=True)
class FlagKey:
    """What a flag key names: an endpoint, and one of its flags or, with an empty `flag`, its version."""

    model: str
    environment: str = PRODUCTION
    flag: str = ""

    def __str__(self) -> str:
        place = "" if self.environment == PRODUCTION else f"@{self.environment}"
        return self.model + place + (f"/{self.flag}" if self.flag else "")


@dataclass(frozen=True, kw_only=True)
class FlagContext:
    """What is known of who asks: the key, if there is one, and the headers."""

    key: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The value of a flag for a context, why it has it, and which variant that is."""

    value: str | bool
    reason: str
    variant: str
    metadata: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NoValue:
    """Why a flag has no value: an error code of OpenFeature, and a sentence."""

    code: str
    details: str


def parse_key(text: str) -> FlagKey | None:
    """Return what a flag key names; None where nothing can have this name."""
    place, slash, flag = text.partition("/")
    model, at, environment = place.partition("@")
    try:
        return FlagKey(
            model=model_name(model),
            environment=alias_name(environment) if at else PRODUCTION,
            flag=alias_name(flag) if slash else "",
        )
    except InvalidName:
        return None


def context_of(given: object) -> FlagContext:
    """Return a context as it is sent; None is an empty one.

    Raises:
        InvalidRequest: it is no object, or its targeting key is no text.
    """
    if given is None:
        return FlagContext()
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"the context is {shown(given)}", hint="send an object")
    key = given.get(_TARGETING_KEY)
    if key is not None and not isinstance(key, str):
        raise InvalidRequest(f"{_TARGETING_KEY} is {shown(key)}", hint="send a text")
    headers = {
        str(name).lower().replace("_", "-"): value if isinstance(value, str) else json.dumps(value)
        for name, value in given.items()
        if isinstance(value, str | bool | int | float)
    }
    return FlagContext(key=key.encode("utf-8", "surrogatepass") if key else None, headers=headers)


def evaluate(route: Route, wanted: FlagKey, context: FlagContext) -> Evaluation | NoValue:
    """Return the value of a flag of an endpoint that has a route."""
    if not wanted.flag:
        found = _version(route, context)
    else:
        rule = next((rule for rule in route.rules if rule.name == wanted.flag), None)
        found = None if rule is None else _flag(rule, context)
    if found is None:
        return NoValue(code=FLAG_NOT_FOUND, details=f"there is no flag {shown(str(wanted))}")
    return found


def keys_of(route: Route, model: str, environment: str) -> list[FlagKey]:
    """Return what can be asked of an endpoint: its version and its flags."""
    names = ["", *(rule.name for rule in route.rules)]
    return [FlagKey(model=model, environment=environment, flag=name) for name in names]


def _version(route: Route, context: FlagContext) -> Evaluation | NoValue | None:
    compiled = CompiledRoute(route)
    shared = sum(arm.weight > 0 for arm in route.arms) > 1
    if context.key is None and (shared or any(map(_draws, route.rules))):
        return NoValue(code=TARGETING_KEY_MISSING, details="the traffic is shared out by the key; send a targetingKey")
    key = context.key or b""
    rule = compiled.rule_of(key, context.headers.get)
    if rule is not None:
        return _answer(rule.version, _reason(rule), rule.version_id, route)
    chosen = compiled.choose(key, context.headers.get)
    if chosen is None:
        return None
    version = {arm.version_id: arm.version for arm in route.arms}[chosen]
    return _answer(version, SPLIT if shared else DEFAULT if route.rules else STATIC, chosen, route)


def _flag(rule: Rule, context: FlagContext) -> Evaluation | NoValue:
    if not _matches(replace(rule, percentage=_EVERYBODY), context):
        return _on(rule, value=False, reason=DEFAULT)
    if context.key is None and _draws(rule):
        return NoValue(code=TARGETING_KEY_MISSING, details=f"the flag {rule.name} is on for a share of the keys")
    return _on(rule, value=_matches(rule, context), reason=SPLIT if _draws(rule) else _reason(rule))


def _matches(rule: Rule, context: FlagContext) -> bool:
    return CompiledRoute(Route(rules=[rule])).rule_of(context.key or b"", context.headers.get) is not None


def _on(rule: Rule, *, value: bool, reason: str) -> Evaluation:
    metadata = {"version": rule.version, "version_id": rule.version_id}
    return Evaluation(value=value, reason=reason, variant="on" if value else "off", metadata=metadata)


def _answer(version: str, reason: str, version_id: str, route: Route) -> Evaluation:
    metadata: dict[str, str | int] = {"epoch": route.epoch, "deployment": route.deployment_id}
    return Evaluation(value=version, reason=reason, variant=version_id, metadata=metadata)


def _reason(rule: Rule) -> str:
    return TARGETING_MATCH if rule.header else SPLIT if _draws(rule) else STATIC


def _draws(rule: Rule) -> bool:
    return 0 < rule.percentage < _EVERYBODY
