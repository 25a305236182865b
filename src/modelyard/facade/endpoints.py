"""Endpoints: what they serve, how they take requests, their feature flags, and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from modelyard.domain.names import shown
from modelyard.domain.wire import EndpointRecord, PredictionRecord, RouteEntry
from modelyard.errors import InvalidInput, InvalidRequest, RemoteUnavailable
from modelyard.facade.arguments import name_of
from modelyard.facade.base import Base
from modelyard.operations import (
    CONFIGURE_ENDPOINT,
    DELETE_FLAG,
    GET_ENDPOINT,
    LIST_ENDPOINTS,
    ROUTE_HISTORY,
    SET_FLAG,
)

KEY_HEADER = "x-modelyard-key"
TIMEOUT_HEADER = "x-modelyard-timeout"
_prediction = msgspec.json.Decoder(PredictionRecord)


class Endpoints(Base):
    """The methods of `ModelRegistry` for endpoints. An endpoint is a model in an environment."""

    def predict(
        self,
        name: str,
        input: Any = None,  # noqa: A002 - the name of the field in every request
        *,
        key: str | None = None,
        environment: str = "production",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **fields: Any,
    ) -> PredictionRecord:
        """Ask whatever version is served for a prediction.

            registry.predict("fraud", [[0.1, 3.0, 0.7]]).output
            registry.predict("gemini", "Explain AI in one sentence", key="user-17").output

        Args:
            name: the model.
            input: rows, records, columns, a text, … as the version takes it; arrays and frames too.
            key: what sticks to a version: the same key gets the same one as long as the weights allow.
            environment: production unless said otherwise.
            headers: what rules of the endpoint look at, such as {"x-channel": "beta"}.
            timeout: the most seconds that the answer may take.
            fields: other fields of the request, such as parameters={"method": "predict_proba"} or messages=[…].

        Returns:
            The output, and which version gave it.

        Raises:
            EndpointNotFound: nothing was ever deployed there.
            InvalidInput: the version cannot take this input.
            NotServing, Overloaded, PredictionFailed, TimedOut: as they say.
        """
        if "input" in fields or (input is None and not fields):
            raise InvalidRequest("nothing to predict from was given", hint="pass the input")
        body = {"input": input, **fields} if input is not None else fields
        sent = _headers(headers)
        if key is not None:
            sent[KEY_HEADER] = str(key)
        if timeout is not None:
            sent[TIMEOUT_HEADER] = f"{timeout:g}"
        answer = self._caller.predict(name_of(name), encoded(body), environment, sent)
        try:
            return _prediction.decode(answer)
        except msgspec.DecodeError as error:
            raise RemoteUnavailable(f"{self.address} did not answer as modelyard does: {error}") from error

    def list_endpoints(self, name: str | None = None, *, limit: int | None = None) -> list[EndpointRecord]:
        """Return endpoints, by model and environment; of one model if given."""
        given = None if name is None else name_of(name)
        return self._all(LIST_ENDPOINTS, lambda page: page.endpoints, limit=limit, name=given)

    def get_endpoint(self, name: str, environment: str | None = None) -> EndpointRecord:
        """Return what an endpoint serves, how it is configured, and its live deployment.

        Raises:
            EndpointNotFound: nothing was ever deployed there.
        """
        return self._call(GET_ENDPOINT, name=name_of(name), environment=environment)

    def configure_endpoint(
        self,
        name: str,
        environment: str | None = None,
        *,
        kind: str | None = None,
        if_match: int | None = None,
        **configuration: Any,
    ) -> EndpointRecord:
        """Say how an endpoint takes requests and runs versions; it is made where there is none.

            registry.configure_endpoint("fraud", timeout_s=5, replicas=2, guard={"max_error_rate": 0.05})

        Args:
            name: the model.
            environment: production unless said otherwise.
            kind: `cloud` or `edge`; of a new endpoint only.
            if_match: demand that the endpoint's revision is still this one.
            configuration: fields of `EndpointConfiguration` that change.
        """
        plain = {field: msgspec.to_builtins(value) for field, value in configuration.items()}
        given = {"environment": environment, "kind": kind, "configuration": plain, "if_match": if_match}
        return self._call(CONFIGURE_ENDPOINT, name=name_of(name), **given)

    def route_history(self, name: str, environment: str | None = None) -> list[RouteEntry]:
        """Return what an endpoint served, epoch by epoch, the newest first."""
        return self._call(ROUTE_HISTORY, name=name_of(name), environment=environment).routes

    def set_flag(
        self,
        name: str,
        flag: str,
        version: str,
        *,
        environment: str | None = None,
        header: str | None = None,
        equals: str | None = None,
        percentage: float | None = None,
    ) -> EndpointRecord:
        """Give some requests one version, whatever the weights say.

            registry.set_flag("fraud", "beta-users", "2.0.0", header="x-channel", equals="beta")
            registry.set_flag("fraud", "early", "2.0.0", percentage=5)

        Args:
            name: the model.
            flag: the flag's name; a flag of this name is replaced.
            version: the version that they get.
            environment: production unless said otherwise.
            header: only requests that have this header …
            equals: … with this value; with any value where it is left out.
            percentage: only this share of the keys, in 0..100; a key stays in while it grows. A flag needs a header or
                a percentage.
        """
        given = {"environment": environment, "header": header, "equals": equals, "percentage": percentage}
        return self._call(SET_FLAG, name=name_of(name), flag=flag, version=version, **given)

    def delete_flag(self, name: str, flag: str, *, environment: str | None = None) -> EndpointRecord:
        """Remove a feature flag."""
        return self._call(DELETE_FLAG, name=name_of(name), flag=flag, environment=environment)


def encoded(body: Mapping[str, Any]) -> bytes:
    """A request's body as JSON; arrays, tensors and frames become lists.

    Raises:
        InvalidInput: a value is nothing that JSON can carry.
    """
    try:
        return msgspec.json.encode(body, enc_hook=_plain)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the input cannot be sent: {error}", hint="pass lists, numbers and texts") from error


def _plain(value: Any) -> Any:
    for method in ("tolist", "to_list"):
        found = getattr(value, method, None)
        if callable(found):
            return found()
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        return to_dict(orient="list")
    raise TypeError(f"a {type(value).__name__} is no value of JSON")


def _headers(given: Mapping[str, str] | None) -> dict[str, str]:
    """Headers by their lower-case names.

    Raises:
        InvalidRequest: one cannot be a header.
    """
    found = {str(name).strip().lower(): str(value) for name, value in (given or {}).items()}
    for name, value in found.items():
        if not name or not (name + value).isascii() or not (name + value).isprintable():
            raise InvalidRequest(f"the header {shown(name)}: {shown(value)} cannot be sent", hint="use plain ASCII")
    return found
