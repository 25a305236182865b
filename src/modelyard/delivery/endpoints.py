"""Endpoints: finding and making them, how they take requests, their feature flags, what they served.

Rules
- An endpoint is made by the first deployment to a model in an environment, or by its first configuration; its kind
  (cloud or edge) stays.
- A configuration is changed field by field and checked whole. Flags are part of it and of the route: to change one is
  the next epoch.
- A flag names a version of the model that may be deployed; who switches it on loads it. It says which requests it is
  for: one that says nothing would move all of them past probes and limits, so all of them have to be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from modelyard.delivery.changes import configure, plain, reroute
from modelyard.delivery.refusals import refuse_undeployable
from modelyard.domain.checks import check_number, check_text
from modelyard.domain.deployment import main_arm
from modelyard.domain.names import alias_name, printable, shown
from modelyard.domain.paging import check_limit, key_of, token_after
from modelyard.domain.routing import check_rule
from modelyard.domain.wire import EndpointConfiguration, EndpointPage, EndpointRecord, Limits, Route, RouteHistory, Rule
from modelyard.errors import EndpointNotFound, InvalidName, InvalidRequest
from modelyard.metadata import deployments, endpoints
from modelyard.metadata.database import known
from modelyard.operations import (
    CONFIGURE_ENDPOINT,
    DELETE_FLAG,
    GET_ENDPOINT,
    LIST_ENDPOINTS,
    ROUTE_HISTORY,
    SET_FLAG,
    ConfigureEndpoint,
    ListEndpoints,
    NamedEndpoint,
    NamedFlag,
    SetFlag,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision, find_model, find_within

PRODUCTION: Final = "production"
CLOUD, EDGE = "cloud", "edge"
KINDS: Final = (CLOUD, EDGE)
MOST_RULES: Final = 100
EVERYBODY: Final = 100.0
LONGEST_ENVIRONMENT: Final = 64
LONGEST_FIELD: Final = 500
MOST_REPLICAS: Final = 64
SHORTEST_LATENCY_S: Final = 1e-6
LONGEST_LATENCY_S: Final = 86_400.0
MOST_ROUTES: Final = 1000

_HEADER: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,200}")
"""What RFC 9110 calls a token."""
_LEAST: Final = {
    "replicas": 1,
    "timeout_s": 0.001,
    "max_concurrency": 1,
    "max_queue": 0,
    "max_batch": 1,
    "batch_delay_ms": 0,
    "memory_mb": 0,
    "probe_s": 0,
}
_MOST: Final = {
    "replicas": MOST_REPLICAS,
    "timeout_s": 86_400,
    "max_concurrency": 1_000_000,
    "max_queue": 1_000_000,
    "max_batch": 100_000,
    "batch_delay_ms": 60_000,
    "memory_mb": 1 << 24,
    "probe_s": 86_400,
}


@serves(LIST_ENDPOINTS)
def list_endpoints(context: Context, request: ListEndpoints) -> EndpointPage:
    """Return endpoints, those of one model if it is named."""
    after = key_of(request.page_token, str)
    limit = check_limit(request.limit)
    if request.name:
        find_model(context, request.name)
    rows = endpoints.page(
        context.tx, name=request.name, after=str(after or ""), limit=limit + 1, patterns=context.models
    )
    token = token_after(rows[limit - 1].id) if len(rows) > limit else ""
    return EndpointPage(endpoints=[record(context, row) for row in rows[:limit]], next_page_token=token)


@serves(GET_ENDPOINT)
def get_endpoint(context: Context, request: NamedEndpoint) -> EndpointRecord:
    """Return what an endpoint serves."""
    return record(context, find_endpoint(context, request.name, request.environment))


@serves(ROUTE_HISTORY)
def route_history(context: Context, request: NamedEndpoint) -> RouteHistory:
    """Return what an endpoint served, the newest first."""
    row = find_endpoint(context, request.name, request.environment)
    entries = endpoints.history(context.tx, row.id, MOST_ROUTES)
    return RouteHistory(name=row.name, environment=row.environment, routes=entries)


@serves(CONFIGURE_ENDPOINT)
def configure_endpoint(context: Context, request: ConfigureEndpoint) -> EndpointRecord:
    """Change how an endpoint takes requests; it is made where there is none."""
    model = find_model(context, request.name, lock=True)
    row = obtain(context, model, request.environment, request.kind)
    check_revision(row, request.if_match, f"the endpoint {row.name} in {row.environment}")
    wanted = changed(endpoints.configuration_of(row), request.configuration)
    if "rules" in request.configuration:
        raise InvalidRequest("flags are changed one by one", hint="modelyard flag set MODEL FLAG VERSION")
    return _configured(context, row, wanted)


@serves(SET_FLAG)
def set_flag(context: Context, request: SetFlag) -> EndpointRecord:
    """Add a flag to an endpoint, or replace the one of its name."""
    model = find_model(context, request.name, lock=True)
    row = find_endpoint(context, request.name, request.environment)
    version = find_within(context, model.name, request.version)
    refuse_undeployable(context, version)
    header = header_name(request.header.strip())
    if request.percentage is None and not header:
        hint = "give a header, a percentage, or both; to move all requests, deploy the version"
        raise InvalidRequest(f"the flag {shown(request.flag)} does not say which requests it is for", hint=hint)
    flag = Rule(
        name=alias_name(request.flag),
        version=version.version,
        version_id=version.id,
        header=header,
        equals=request.equals,
        percentage=EVERYBODY
        if request.percentage is None
        else check_within("a percentage", request.percentage, 0, 100),
    )
    check_rule(flag)
    present = endpoints.configuration_of(row)
    others = [rule for rule in present.rules if rule.name != flag.name]
    if len(others) >= MOST_RULES:
        raise InvalidRequest(f"an endpoint has {MOST_RULES} flags at most", hint="delete one that is not used")
    place = next((i for i, rule in enumerate(present.rules) if rule.name == flag.name), len(others))
    return _configured(context, row, replace(present, rules=[*others[:place], flag, *others[place:]]))


@serves(DELETE_FLAG)
def delete_flag(context: Context, request: NamedFlag) -> EndpointRecord:
    """Remove a flag from an endpoint.

    Raises:
        EndpointNotFound: the endpoint has no such flag.
    """
    find_model(context, request.name, lock=True)
    row = find_endpoint(context, request.name, request.environment)
    present = endpoints.configuration_of(row)
    left = [rule for rule in present.rules if rule.name != request.flag]
    if len(left) == len(present.rules):
        raise EndpointNotFound(
            f"the endpoint {row.name} in {row.environment} has no flag {shown(request.flag)}",
            hint="list them: modelyard flag list MODEL",
        )
    return _configured(context, row, replace(present, rules=left))


def find_endpoint(context: Context, name: str, environment: str) -> Row[Any]:
    """Return the row of a model's endpoint.

    Raises:
        EndpointNotFound: nothing was ever deployed there.
    """
    model = find_model(context, name)
    row = endpoints.by_name(context.tx, model.name, environment_name(environment))
    if row is None:
        raise EndpointNotFound(
            f"nothing was ever deployed to {model.name} in {environment}",
            details={"name": model.name, "environment": environment},
        )
    return row


def obtain(context: Context, model: Row[Any], environment: str, kind: str = "") -> Row[Any]:
    """Return the row of a model's endpoint, which is made if there is none; the caller holds the model's lock.

    Raises:
        InvalidRequest: the endpoint is of another kind than the one that is given.
    """
    name = environment_name(environment)
    if kind and kind not in KINDS:
        raise InvalidRequest(f"an endpoint is of the kind cloud or edge, not {shown(kind)}")
    row = endpoints.by_name(context.tx, model.name, name)
    if row is None:
        endpoint_id = context.yard.new_id("ep")
        made = {"id": endpoint_id, "model_id": model.id, "environment": name, "kind": kind or CLOUD}
        endpoints.add(context.tx, {**made, "at": context.now}, EndpointConfiguration())
        facts = {"environment": name, "kind": made["kind"], "endpoint": endpoint_id}
        context.tell(model_id=model.id, kind="endpoint.created", data=facts)
        row = known(endpoints.by_id(context.tx, endpoint_id))
    if kind and row.kind != kind:
        raise InvalidRequest(f"the endpoint {row.name} in {row.environment} is of the kind {row.kind}, and stays so")
    return row


def environment_name(text: str) -> str:
    """Return the name of an environment.

    Raises:
        InvalidName: it breaks the grammar of aliases, which environments share, or is too long.
    """
    try:
        name = alias_name(text or PRODUCTION)
    except InvalidName as problem:
        hint = f"it has 1 to {LONGEST_ENVIRONMENT} of A-Z a-z 0-9 _ - and is neither 'latest' nor a 'v' with digits"
        raise InvalidName(f"{shown(text)} cannot be an environment", hint=hint) from problem
    if len(name) > LONGEST_ENVIRONMENT:
        raise InvalidName(f"the environment {shown(name)} has more than {LONGEST_ENVIRONMENT} characters")
    return name


def record(context: Context, row: Row[Any]) -> EndpointRecord:
    """Return the record of an endpoint's row."""
    route = endpoints.route_of(row)
    arm = main_arm(route)
    live = deployments.live_of(context.tx, row.id)
    return EndpointRecord(
        id=row.id,
        name=row.name,
        environment=row.environment,
        kind=row.kind,
        epoch=row.epoch,
        version=arm.version if arm else None,
        version_id=arm.version_id if arm else None,
        route=route,
        configuration=endpoints.configuration_of(row),
        deployment=deployments.record(live) if live is not None else None,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def changed(present: EndpointConfiguration, given: dict[str, Any]) -> EndpointConfiguration:
    """Return a configuration with some fields changed, checked whole.

    Raises:
        InvalidRequest: a field is unknown, of the wrong type or out of its range.
    """
    names = [item.name for item in fields(EndpointConfiguration)]
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the fields are {', '.join(names)}"
            raise InvalidRequest(f"an endpoint has no setting {shown(name)}", hint=hint)
    guard = given.get("guard")
    for name in guard if isinstance(guard, Mapping) else ():
        if name not in {item.name for item in fields(Limits)}:
            raise InvalidRequest(f"there is no limit {shown(name)}", hint="give max_error_rate, max_p95_s or max_p99_s")
    try:
        made = msgspec.convert({**plain(present), **given}, EndpointConfiguration, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the configuration cannot be: {error}", hint="see EndpointConfiguration") from None
    return check_configuration(made)


def check_configuration(made: EndpointConfiguration) -> EndpointConfiguration:
    """Return a configuration whose numbers are possible.

    Raises:
        InvalidRequest: a number is out of its range.
    """
    for name, least in _LEAST.items():
        check_within(name, getattr(made, name), least, _MOST[name])
    check_text("key_field", made.key_field, LONGEST_FIELD)
    if made.guard is not None:
        check_limits(made.guard)
    return replace(made, key_header=header_name(made.key_header))


def header_name(text: object) -> str:
    """Return the name of a header in lower case; an empty one stands for none.

    Raises:
        InvalidRequest: no request can have such a header.
    """
    name = printable(text, "a header").lower()
    if name and not _HEADER.fullmatch(name):
        raise InvalidRequest(f"no header can be named {shown(name)}", hint="use letters, digits and -")
    return name


def check_limits(limits: Limits) -> Limits:
    """Return limits that are possible.

    Raises:
        InvalidRequest: a rate lies outside of 0..1, a latency is not positive, or nothing is limited.
    """
    given = [getattr(limits, name) for name in ("max_error_rate", "max_p95_s", "max_p99_s")]
    if given == [None, None, None]:
        raise InvalidRequest("the limits limit nothing", hint="give max_error_rate, max_p95_s or max_p99_s")
    rate, p95, p99 = given
    if rate is not None:
        check_within("an error rate", rate, 0, 1, hint="write 0.05 for five per cent")
    for name, value in (("max_p95_s", p95), ("max_p99_s", p99)):
        if value is not None:
            check_within(name, value, SHORTEST_LATENCY_S, LONGEST_LATENCY_S, hint="give a number of seconds above 0")
    check_whole("min_requests", limits.min_requests, 1, 1_000_000_000)
    return limits


def check_within(what: str, value: object, least: float, most: float, *, hint: str = "") -> float:
    """Return a number that lies within its bounds.

    Raises:
        InvalidRequest: it is no finite number, or lies outside of them.
    """
    told = f"{what} is from {least:g} to {most:.10g}, and not {shown(value)}"
    try:
        number = check_number(value)
    except ValueError:
        raise InvalidRequest(told, hint=hint) from None
    if not least <= number <= most:
        raise InvalidRequest(told, hint=hint)
    return number


def check_whole(what: str, value: object, least: int, most: int) -> int:
    """Return a whole number that lies within its bounds.

    Raises:
        InvalidRequest: it is no whole number, or lies outside of them.
    """
    number = check_within(what, value, least, most)
    if number != int(number):
        raise InvalidRequest(f"{what} is {shown(value)}", hint="give a whole number")
    return int(number)


def rules_of(row: Row[Any]) -> list[Rule]:
    """Return the flags of an endpoint's row, as its routes hold them."""
    return list(endpoints.configuration_of(row).rules)


def _configured(context: Context, row: Row[Any], wanted: EndpointConfiguration) -> EndpointRecord:
    present = endpoints.configuration_of(row)
    if wanted == present:
        return record(context, row)
    row = configure(context, row, wanted)
    route = endpoints.route_of(row)
    if wanted.rules != present.rules and route.arms:
        row = _reflagged(context, row, route, wanted.rules)
    return record(context, row)


def _reflagged(context: Context, row: Row[Any], route: Route, flags: Sequence[Rule]) -> Row[Any]:
    following = replace(route, epoch=row.epoch + 1, rules=list(flags))
    return reroute(context, row, following, cause="endpoint.configured")
