"""One MLflow server: its REST endpoints, page by page, with who asks taken from MLflow's own environment variables.

Rules
- Credentials are what MLflow's client uses: `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, else
  `MLFLOW_TRACKING_TOKEN`. They are sent to this server only, and stand in no message.
- GET and DELETE are repeated after a fault, and so is what the caller says to be repeatable.
- What the server refuses is an error of our tree, by its HTTP status; `details["error_code"]` keeps MLflow's own code.
- Numbers may come as text, and fields that are empty may be absent: whoever reads an answer expects that. What is no
  answer of MLflow's at all is told as such; see `understood`.
- A list ends: no page token comes twice, and all pages together are no larger than one answer may be.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlencode

import msgspec

from modelyard.domain.names import shown
from modelyard.errors import (
    Conflict,
    InvalidRequest,
    ModelyardError,
    NotFound,
    Overloaded,
    PermissionDenied,
    RemoteUnavailable,
    Unauthenticated,
)
from modelyard.outside.http import LARGEST_ANSWER, Ask, Http, checked_address

if TYPE_CHECKING:
    import httpx2

PREFIX: Final = "/api/2.0/mlflow/"
PAGE: Final = 1000
LONGEST_MESSAGE: Final = 2000

_HINT: Final = (
    "write mlflow://host:5000 or mlflow+https://host; who asks is told by MLFLOW_TRACKING_USERNAME and the like"
)
_SCHEMES: Final = {"mlflow": "http", "mlflow+http": "http", "mlflow+https": "https", "http": "http", "https": "https"}
_BY_STATUS: Final[dict[int, type[ModelyardError]]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: Overloaded,
}


class Connection:
    """Asks one MLflow server; safe to use from several threads. To be closed.

    Args:
        uri: `http://…`, `https://…`, `mlflow://host:port` (which is http) or `mlflow+https://host`.
        transport: what carries the requests instead of the network; for tests.
        environ: where credentials are looked up, instead of this process's environment.

    Raises:
        InvalidRequest: the address is none of these.
    """

    def __init__(
        self, uri: str, transport: httpx2.BaseTransport | None = None, *, environ: Mapping[str, str] | None = None
    ) -> None:
        scheme, separator, rest = uri.strip().partition("://")
        if not separator or scheme.lower() not in _SCHEMES:
            raise InvalidRequest(f"{shown(uri)} is not the address of an MLflow server", hint=_HINT)
        self.url = checked_address(f"{_SCHEMES[scheme.lower()]}://{rest}", hint=_HINT)
        found = os.environ if environ is None else environ
        name, password = (found.get(f"MLFLOW_TRACKING_{what}", "") for what in ("USERNAME", "PASSWORD"))
        self.http = Http(
            self.url,
            self._refusal,
            headers=_headers(found, has_user=bool(name and password)),
            auth=(name, password) if name and password else None,
            verify=_verify(found),
            transport=transport,
        )

    def close(self) -> None:
        """End the connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def call(
        self, method: str, endpoint: str, params: Mapping[str, Any] | None = None, *, repeatable: bool | None = None
    ) -> dict[str, Any]:
        """Ask an endpoint of the REST API and return its answer.

        Args:
            method: GET sends the parameters in the query (lists as repeated keys), every other method as JSON.
            endpoint: what follows `/api/2.0/mlflow/`, such as `runs/get`; one that begins with a slash stands as it is.
            params: None leaves a parameter out.
            repeatable: whether asking twice does no harm; by default GET, DELETE and PATCH.

        Raises:
            ModelyardError: what the server refused, by its status.
            RemoteUnavailable, TimedOut: it did not answer, also after repetitions, or not as MLflow does.
        """
        return self._read(endpoint, self._asked(method, endpoint, params or {}, repeatable=repeatable))

    def _asked(self, method: str, endpoint: str, params: Mapping[str, Any], *, repeatable: bool | None) -> bytes:
        """The answer to `call` as it came."""
        target = endpoint if endpoint.startswith("/") else PREFIX + endpoint
        given = {key: value for key, value in params.items() if value is not None}
        may = method in {"GET", "DELETE", "PATCH"} if repeatable is None else repeatable
        if method == "GET":
            query = f"?{urlencode(_query(given))}" if given else ""
            return self.http.whole(Ask(method=method, target=target + query))
        body = msgspec.json.encode(given)
        ask = Ask(
            method=method,
            target=target,
            headers={"Content-Type": "application/json"},
            body=lambda: body,
            repeatable=may,
        )
        return self.http.whole(ask)

    def pages(
        self, endpoint: str, key: str, params: Mapping[str, Any] | None = None, *, method: str = "GET"
    ) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, over all its pages; `key` names the list in the answer.

        Raises:
            RemoteUnavailable: the server gives a page token twice, so that the list would never end, or the list is
                larger than `LARGEST_ANSWER`.
            ModelyardError: as in `call`.
        """
        given: set[str] = set()
        token, size = "", 0
        while True:
            body = self._asked(method, endpoint, {**(params or {}), "page_token": token or None}, repeatable=True)
            # A page without entries counts, too.
            size += len(body) + PAGE
            if size > LARGEST_ANSWER:
                raise RemoteUnavailable(f"the list {endpoint} of {self.url} has no end, or is too large", hint="")
            answer = self._read(endpoint, body)
            yield from answer.get(key, [])
            token = str(answer.get("next_page_token") or "")
            if not token:
                return
            if token in given:
                raise RemoteUnavailable(f"{self.url} gives the same page of {endpoint} again and again", hint="")
            given.add(token)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run, with `info`, `data`, and `inputs` and `outputs` where it has any.

        Raises:
            NotFound: there is no such run.
        """
        return dict(self.call("GET", "runs/get", {"run_id": run_id}).get("run", {}))

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        """Return an experiment.

        Raises:
            NotFound: there is no such experiment.
        """
        return dict(self.call("GET", "experiments/get", {"experiment_id": experiment_id}).get("experiment", {}))

    def logged_model(self, model_id: str) -> dict[str, Any]:
        """Return a logged model (`m-…`), with `info` and `data`.

        Raises:
            NotFound: there is no such logged model.
        """
        return dict(self.call("GET", f"logged-models/{quote(model_id, safe='')}").get("model", {}))

    def _read(self, target: str, body: bytes) -> dict[str, Any]:
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise RemoteUnavailable(
                f"what {self.url} answers to {target} is not MLflow's: {error}", hint="check the address"
            ) from error
        if not isinstance(answer, dict):
            raise RemoteUnavailable(f"what {self.url} answers to {target} is not MLflow's", hint="check the address")
        return answer

    def _refusal(self, status: int, body: bytes) -> ModelyardError:
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            answer = None
        document = answer if isinstance(answer, dict) else {}
        code, message = str(document.get("error_code", "")), str(document.get("message", ""))[:LONGEST_MESSAGE]
        kind = Conflict if code.endswith("ALREADY_EXISTS") else _BY_STATUS.get(status, RemoteUnavailable)
        hint = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        return kind(
            f"MLflow at {self.url} answers {status}: {shown(message or code or 'no reason', LONGEST_MESSAGE)}",
            hint=hint if kind in {Unauthenticated, PermissionDenied} else "",
            details={"error_code": code, "status": status},
        )


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Tell what is not as MLflow answers as a fault of the server, wherever in reading the answer that is seen.

    Raises:
        RemoteUnavailable: the block met a field that is missing, or of another kind.
    """
    try:
        yield
    except ModelyardError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {shown(str(error), LONGEST_MESSAGE)}"
        raise RemoteUnavailable(f"what {url} answers is not MLflow's: {reason}", hint="check the address") from error


def _headers(environ: Mapping[str, str], *, has_user: bool) -> dict[str, str]:
    token, workspace = environ.get("MLFLOW_TRACKING_TOKEN", ""), environ.get("MLFLOW_WORKSPACE", "")
    for what, value in (("MLFLOW_TRACKING_TOKEN", token), ("MLFLOW_WORKSPACE", workspace)):
        if not (value.isascii() and value.isprintable()):
            raise InvalidRequest(f"{what} has characters that no header can hold")
    return {
        **({"Authorization": f"Bearer {token}"} if token and not has_user else {}),
        **({"X-MLFLOW-WORKSPACE": workspace} if workspace else {}),
    }


def _verify(environ: Mapping[str, str]) -> bool | str:
    """Whom connections trust, as MLflow's client decides it."""
    if environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"1", "true"}:
        return False
    return environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True


def _query(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    listed = ((key, value if isinstance(value, list | tuple) else [value]) for key, value in params.items())
    return [(key, _text(item)) for key, values in listed for item in values]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
