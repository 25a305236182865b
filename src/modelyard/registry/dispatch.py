"""From an operation and a request to a response: the one way in, embedded and over HTTP.

A use case is a plain function `use_case(context, request) -> response`, bound to its row of the operations table by
`@serves(ROW)`; that of a long operation is `use_case(yard, request, principal)` and opens its own transactions.
`perform` opens the transaction that the row asks for, runs the use case, keeps the answer for a repeated request,
commits, and then refreshes the readable trees that the change made stale. Before all that it asks whether the principal
has the row's permission at all; `lookup.find_model` and `find_reference` ask again about the model that they find.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, overload

import msgspec
from blake3 import blake3

from modelyard.domain.evidence import Finding
from modelyard.domain.permissions import EVERYTHING, LOCAL, Principal
from modelyard.errors import IdempotencyConflict, InvalidRequest, ModelyardError
from modelyard.metadata import requests
from modelyard.operations import Numbered, Operation, Secretive
from modelyard.registry.checkpoints import make_in_passing
from modelyard.registry.context import Context, Yard
from modelyard.registry.views import settle

Request = TypeVar("Request")
Response = TypeVar("Response")
UseCase = Callable[..., Any]
Preparation = Callable[[Yard, Any, Principal], Mapping[str, Finding]]

SERVED: dict[str, UseCase] = {}
"""Operation name → its use case; a test proves that each row of the table has exactly one."""

PREPARED: dict[str, Preparation] = {}
"""Operation name → what is found out before its transaction begins; most have nothing."""

MAX_KEY = 255
_encoder = msgspec.json.Encoder(enc_hook=str, order="sorted")


class Binder(Protocol[Request, Response]):
    """Takes the use case of an operation, short or long, and gives it back."""

    @overload
    def __call__(self, use_case: Callable[[Context, Request], Response]) -> Callable[[Context, Request], Response]: ...
    @overload
    def __call__(
        self, use_case: Callable[[Yard, Request, Principal], Response]
    ) -> Callable[[Yard, Request, Principal], Response]: ...


def serves(operation: Operation[Request, Response], *, prepare: Preparation | None = None) -> Binder[Request, Response]:
    """Bind a function to an operation as its only use case.

    `prepare(yard, request, principal)` runs before the transaction of a change is opened, so it may take its time; what
    it finds stands in `context.findings`.
    """

    def bind(use_case: UseCase) -> UseCase:
        if operation.name in SERVED:
            raise AssertionError(f"two use cases serve {operation.name}")
        SERVED[operation.name] = use_case
        if prepare is not None:
            PREPARED[operation.name] = prepare
        return use_case

    return bind


def perform(
    yard: Yard,
    operation: Operation[Request, Response],
    request: Request,
    *,
    principal: Principal = LOCAL,
    idempotency_key: str = "",
) -> Response:
    """Run an operation in a transaction of its own.

    Args:
        yard: the parts to run on.
        operation: a row of the table.
        request: an instance of the row's request type.
        principal: who asks; recorded in events.
        idempotency_key: repeats of a change under one key run once and get the first answer.

    Raises:
        PermissionDenied: the principal has the operation's permission on no model.
        ModelyardError: whatever the use case refuses; nothing has been changed then.
    """
    principal.require(operation.permission, EVERYTHING if operation.everywhere else "")
    use_case = SERVED[operation.name]
    if operation.long:
        return use_case(yard, request, principal)  # type: ignore[no-any-return]
    if operation.mutates:
        return change(yard, operation, request, use_case, principal=principal, idempotency_key=idempotency_key)
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=operation.permission)
        return use_case(context, request)  # type: ignore[no-any-return]


def change(
    yard: Yard,
    operation: Operation[Any, Response],
    request: Any,
    use_case: UseCase,
    *,
    principal: Principal,
    idempotency_key: str = "",
) -> Response:
    """Run a use case that may change things, once for each idempotency key."""
    findings = _prepared(yard, operation, request, principal, idempotency_key)
    with yard.database.write() as tx:
        context = Context(
            yard=yard,
            tx=tx,
            principal=principal,
            now=yard.clock(),
            permission=operation.permission,
            findings=findings,
        )
        earlier = _earlier_answer(context, operation.name, request, idempotency_key)
        if earlier is not None:
            return msgspec.json.decode(earlier, type=operation.response)
        response = use_case(context, request)
        # Whoever tells predictions sends batches all day; their answers would fill the database.
        is_numbered = isinstance(request, Numbered) and request.is_numbered
        if idempotency_key and not context.refusals and not is_numbered:
            _keep_answer(context, operation.name, request, idempotency_key, response)
    settle(yard, context.stale_views)
    if context.tx.wants_checkpoint:
        make_in_passing(yard)
    if context.refusals:
        raise context.refusals[0]
    return response  # type: ignore[no-any-return]


def _prepared(
    yard: Yard, operation: Operation[Any, Any], request: Any, principal: Principal, key: str
) -> Mapping[str, Finding]:
    """What is found out before the transaction; nothing for a repeat, which may find that all is done already."""
    prepare = PREPARED.get(operation.name)
    if prepare is None or _was_answered(yard, principal, key):
        return {}
    try:
        return prepare(yard, request, principal)
    except ModelyardError:
        if _was_answered(yard, principal, key):
            return {}
        raise


def _was_answered(yard: Yard, principal: Principal, key: str) -> bool:
    if not 0 < len(key) <= MAX_KEY:
        return False
    with yard.database.read() as tx:
        return requests.answered(tx, key, principal.name) is not None


def fingerprint(name: str, request: Any) -> str:
    """Return a digest that equal requests share."""
    return blake3(name.encode() + b"\0" + _encoder.encode(request)).hexdigest()


def _earlier_answer(context: Context, name: str, request: Any, key: str) -> str | None:
    if not key:
        return None
    if len(key) > MAX_KEY:
        raise InvalidRequest(f"the idempotency key has {len(key)} characters; the most is {MAX_KEY}")
    requests.claim(context.tx, key, context.actor)
    row = requests.answered(context.tx, key, context.actor)
    if row is None:
        return None
    if row.fingerprint != fingerprint(name, request):
        raise IdempotencyConflict(f"the idempotency key {key!r} was used for another request ({row.operation})")
    answer: str = row.response
    return answer


def _keep_answer(context: Context, name: str, request: Any, key: str, response: Any) -> None:
    kept = response.stored() if isinstance(response, Secretive) else response
    values = {
        "key": key,
        "actor": context.actor,
        "operation": name,
        "fingerprint": fingerprint(name, request),
        "response": _encoder.encode(kept).decode(),
        "at": context.now,
    }
    requests.keep(context.tx, values)
