"""All routes of the blueprint, and what stands before each of them.

Rules
- A route is a row of the operations table, or one of the few that carry bytes or are no operation. Each request passes
  `Site.enter` first, and its answer is counted when it has been sent.
- Errors of modelyard, and faults of its own, are told as problem documents by the view itself, so that handlers of the
  application around the blueprint do not get hold of them.
- What no route takes is answered by a last rule: below the whole prefix, or, where the blueprint has none, below the
  paths that are modelyard's.
- A route answers the methods that it names and no others: Flask would let HEAD come to every GET, and would answer
  OPTIONS by itself, before anybody has asked who sends it.
- `{reference}` takes slashes; which of two fitting rules wins is said by `modelyard.server.paths`, and a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from flask import Blueprint, Flask, Request, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException

from modelyard.client.address import is_address
from modelyard.config import Settings, load_from_process
from modelyard.delivery.serving import Backends
from modelyard.domain.names import shown
from modelyard.domain.permissions import PUBLIC
from modelyard.errors import InvalidRequest, ModelyardError
from modelyard.integrations.flask import artifacts, calls, pages, streams, transfers
from modelyard.integrations.flask.exchange import response_of, scope_of
from modelyard.integrations.flask.rows import View, row
from modelyard.integrations.flask.site import Site
from modelyard.mlflow.routes import BASES
from modelyard.operations import DELETE
from modelyard.server import flags, frames, receiving, traffic
from modelyard.server.artifacts import METHODS, PREFIX
from modelyard.server.auth import authorise
from modelyard.server.chat import MODELS
from modelyard.server.dashboard import ASSETS, PAGES, Dashboard, is_looked_at
from modelyard.server.infer import ROOT
from modelyard.server.inference import AFTER, BEFORE
from modelyard.server.messages import Scope
from modelyard.server.paths import in_order
from modelyard.server.problems import not_by, nothing_there, problem_of_error, problem_of_fault

EXTENSION = "modelyard"
"""Where an application's `extensions` have the `Site` of a blueprint."""

_ANY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_READ = ("GET", "HEAD")
_ROUTING = frozenset({404, 405})
_OWN_ROOTS = ("/api", "/docs", "/ofrep", "/v1", "/v2")
"""Below these a blueprint without a prefix answers whatever no route takes."""

_PLAINLY: Any = {"merge_slashes": False, "provide_automatic_options": False}
"""How rules are added: no path is led on to another one, and nothing is answered in our place."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_WITH_SLASHES = frozenset({"reference", "key", "rest"})


class Registry(Protocol):
    """A registry that is open in this process, such as `ModelRegistry("./model_registry")`."""

    @property
    def address(self) -> str:
        """What it was opened by."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings that hold for it."""
        ...


def create_blueprint(
    registry: Registry | None = None,
    *,
    name: str = "modelyard",
    host: str | None = None,
    insecure: bool = False,
    fleet: Backends | None = None,
) -> Blueprint:
    """A blueprint that answers as `modelyard serve` does.

    It opens the registry for itself, so the given one may go on being used, or be closed.

    Args:
        registry: the registry to serve; where it is left out, what `registry_config.yaml` and `MODELYARD_*` say.
        name: of the blueprint.
        host: the address that the web server listens on, where it is not `server.host`.
        insecure: whether to answer other machines although everyone there is an administrator.
        fleet: what runs versions, instead of worker processes and providers.

    Raises:
        InvalidRequest: the registry is one on a server.
        PermissionDenied: other machines could reach it, and neither `auth.enabled` nor `insecure` is set.
        RegistryUnusable: the registry cannot be opened.
    """
    return _front(registry, name, host=host, insecure=insecure, fleet=fleet).blueprint


def create_app(
    registry: Registry | None = None,
    *,
    host: str | None = None,
    insecure: bool = False,
    fleet: Backends | None = None,
) -> Flask:
    """A Flask application that serves a registry and nothing else; arguments and errors as in `create_blueprint`."""
    # Flask would serve a folder of static files otherwise, which there is none of.
    app = Flask(__name__, static_folder=None)
    front = _front(registry, "modelyard", host=host, insecure=insecure, fleet=fleet)
    # Its pages lie at the root, by addresses of their own; below a prefix, or beside other pages, they would not work.
    front.add_dashboard(Dashboard())
    app.register_blueprint(front.blueprint)
    app.register_error_handler(HTTPException, front.refused)
    return app


def _front(registry: Registry | None, name: str, *, host: str | None, insecure: bool, fleet: Backends | None) -> _Front:
    if registry is not None and is_address(registry.address):
        raise InvalidRequest(
            f"{shown(registry.address)} is a server already", hint="give a registry on a path or on a database"
        )
    settings = load_from_process() if registry is None else registry.settings
    return _Front(Site(settings, host=host, insecure=insecure, fleet=fleet), name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """A route: what its paths look like, and what answers them."""

    pattern: re.Pattern[str]
    template: str
    methods: tuple[str, ...]
    view: View

    @property
    def is_loose(self) -> bool:
        """Whether a reference in its path takes slashes, and so takes paths that are meant for others."""
        return "{reference}" in self.template


class _Front:
    """The blueprint of a site.

    Attributes:
        blueprint: to be registered with an application, with a prefix or without.
    """

    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        self._known: list[_Known] = []
        self._dashboard: Dashboard | None = None
        self.blueprint = Blueprint(name, __name__)
        self._add_pages()
        self._add_streams()
        for operation in in_order():
            self._add(operation.path, [operation.method], operation.name, row(site, operation))
        # What answers all the rest comes last: of two equal rules Flask takes the first.
        self.blueprint.record(self._registered)

    def _add_pages(self) -> None:
        site = self._site
        self._add("/health", _READ, "health", lambda _request, scope, _values: pages.health(scope))
        self._add("/health/ready", _READ, "ready", lambda _request, scope, _values: pages.ready(site, scope))
        self._add("/openapi.json", _READ, "openapi", self._document)
        self._add("/docs/openapi.json", _READ, "openapi_for_viewer", self._document_for_viewer)
        self._add("/docs", _READ, "docs", partial(self._page, ""))
        for number, name in enumerate(sorted(pages.NAMES)):
            self._add(f"/docs/{name}", _READ, f"docs_{number}", partial(self._page, name))
        self._add(traffic.PATH, ["GET"], "prometheus", lambda request, scope, _: pages.metrics(site, request, scope))
        self._add(flags.PATH, ["POST"], "evaluate_flags", partial(pages.flag, site))
        self._add(f"{flags.PATH}/{{key}}", ["POST"], "evaluate_flag", partial(pages.flag, site))

    def add_dashboard(self, built: Dashboard) -> None:
        """Add the pages of the dashboard, and their files; to be called before the blueprint is registered."""
        self._dashboard = built
        shown_by = partial(pages.dashboard, built.document)
        named = [(path, shown_by) for path in PAGES]
        named += [(f"/{name}", partial(pages.dashboard, file)) for name, file in built.others.items()]
        for number, (path, view) in enumerate(named):
            self._add(path, _READ, f"dashboard_{number}", view)
        self._add(f"{ASSETS}/{{file}}", _READ, "dashboard_assets", partial(self._asset, built))

    def _add_streams(self) -> None:
        site, places = self._site, streams.Places(self._site.most_streams)
        self._add(receiving.PATH, ["POST"], "upload", lambda request, scope, _: transfers.upload(site, request, scope))
        self._add(
            "/api/models/{reference}/download",
            _READ,
            "download",
            lambda _request, scope, values: transfers.download(site, scope, values),
        )
        self._add(
            frames.PATH,
            ["GET"],
            "stream_events",
            lambda request, scope, _: streams.stream(site, places, request, scope),
        )
        self._add(f"{BEFORE}{{name}}{AFTER}", ["POST"], "predict", self._call)
        for path, endpoint in (
            (ROOT, "open_inference"),
            (f"{ROOT}/", "open_inference_root"),
            (f"{ROOT}/{{rest}}", "open_inference_below"),
            ("/v1/chat/completions", "chat_completions"),
            (MODELS, "chat_models"),
            (f"{MODELS}/{{rest}}", "chat_model"),
        ):
            self._add(path, _ANY, endpoint, self._call)
        for number, base in enumerate(BASES):
            self._add(base, _ANY, f"mlflow_root_{number}", self._mlflow)
            self._add(f"{base}{{rest}}", _ANY, f"mlflow_{number}", self._mlflow)
        self._add(f"{PREFIX}{{rest}}", METHODS, "mlflow_artifacts", self._artifacts)

    def _add(self, template: str, methods: Iterable[str], endpoint: str, view: View) -> None:
        """Add a route; its template is written as in the operations table."""
        known = _Known(pattern=pattern_of(template), template=template, methods=tuple(methods), view=view)
        if endpoint != DELETE.name:
            # Deleting takes any reference, and so its path matches whatever is misspelt below /api/models/.
            self._known.append(known)
        view = partial(self._exactly if known.is_loose else self._named, known)
        rule = rule_of(template)
        self.blueprint.add_url_rule(
            rule,
            endpoint,
            self._answering(view, rule, template),
            methods=known.methods,
            strict_slashes=not rule.endswith("/"),
            **_PLAINLY,
        )

    def _named(self, known: _Known, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        """Answer by a route, if it has the method."""
        if asked.method not in known.methods:
            return self._lost(asked, scope, values)
        return known.view(asked, scope, values)

    def _exactly(self, loose: _Known, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        """Answer by a path without `{reference}` where one fits too; Flask prefers what ends in a fixed word."""
        for known in self._known:
            found = None if known.is_loose else known.pattern.fullmatch(scope["path"])
            if found and asked.method in known.methods:
                return known.view(asked, scope, found.groupdict())
        return self._named(loose, asked, scope, values)

    def _registered(self, state: BlueprintSetupState) -> None:
        """Add what answers all the rest below the blueprint's place in an application."""
        prefix = (state.url_prefix or "").rstrip("/")
        if "<" in prefix:
            raise InvalidRequest(
                f"the prefix {shown(prefix)} has a placeholder", hint="give each registry a fixed path"
            )
        state.app.extensions[EXTENSION] = self._site
        for number, root in enumerate(("",) if prefix else _OWN_ROOTS):
            rule = f"{root}/<path:rest>"
            lost = self._answering(self._lost, rule, None)
            state.add_url_rule(rule, f"lost_{number}", lost, methods=_ANY, **_PLAINLY)

    def _answering(self, view: View, rule: str, template: str | None) -> Any:
        """A view function of Flask's. What stands before its rule is the blueprint's place in the application."""

        def answering(**values: str) -> Response:
            begun = perf_counter()
            asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
            scope = scope_of(asked, str(asked.url_rule).removesuffix(rule))
            response = self._answered(view, asked, scope, values)
            if template != traffic.PATH:

                def count() -> None:
                    label = template or traffic.UNMATCHED
                    self._site.counts.count(asked.method, label, response.status_code, perf_counter() - begun)

                response.call_on_close(count)
            return response

        return answering

    def _answered(self, view: View, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        try:
            self._site.enter(scope)
            return view(asked, scope, values)
        except ConnectionAbortedError:
            # The client has gone: nobody reads the answer.
            return Response(status=400)
        except ModelyardError as error:
            return response_of(problem_of_error(error))
        except HTTPException as error:
            return pages.refused(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem document
            return response_of(problem_of_fault(error))

    def refused(self, error: HTTPException) -> Response:
        """Answer for an application that has nothing but the blueprint to what Flask itself refuses."""
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
        lost = self._lost if error.code in _ROUTING else lambda *_: pages.refused(error)
        return self._answered(lost, asked, scope_of(asked, ""), {})

    def _lost(self, asked: Request, scope: Scope, _values: Mapping[str, str]) -> Response:
        """Tell what is there instead."""
        path = scope["path"]
        methods = {method for known in self._known if known.pattern.fullmatch(path) for method in known.methods}
        if methods:
            return response_of(not_by(asked.method, path, methods))
        return self._nowhere(asked, scope)

    def _nowhere(self, asked: Request, scope: Scope) -> Response:
        if self._dashboard is not None and is_looked_at(scope):
            return response_of(self._dashboard.document.answer(scope, is_lost=True))
        return response_of(nothing_there(asked.method, scope["path"], (known.template for known in self._known)))

    def _call(self, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        answered = calls.call(self._site, self._site.predictions.answered, asked, scope)
        return self._lost(asked, scope, values) if answered is None else answered

    def _mlflow(self, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        answered = calls.call(self._site, self._site.mlflow.answered, asked, scope)
        return self._lost(asked, scope, values) if answered is None else answered

    def _artifacts(self, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        return artifacts.answered(self._site, asked, scope, values["rest"])

    def _document(self, _asked: Request, scope: Scope, _values: Mapping[str, str]) -> Response:
        authorise(scope, PUBLIC)
        return pages.document(scope)

    def _document_for_viewer(self, _asked: Request, scope: Scope, _values: Mapping[str, str]) -> Response:
        authorise(scope, PUBLIC)
        return pages.document(scope, is_for_viewer=True)

    def _page(self, name: str, _asked: Request, scope: Scope, _values: Mapping[str, str]) -> Response:
        authorise(scope, PUBLIC)
        return pages.page(name)

    def _asset(self, built: Dashboard, asked: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        file = built.assets.get(values["file"])
        return self._nowhere(asked, scope) if file is None else pages.dashboard(file, asked, scope, values)


def rule_of(template: str) -> str:
    """A path template of the table as Flask writes it."""
    return _PLACEHOLDER.sub(lambda found: f"<{'path:' if found[1] in _WITH_SLASHES else ''}{found[1]}>", template)


def pattern_of(template: str) -> re.Pattern[str]:
    """A path template of the table as an expression with a group for each placeholder."""
    parts = _PLACEHOLDER.split(template)
    # Fixed words and the names of placeholders take turns.
    told = (
        (f"(?P<{part}>{'.+' if part in _WITH_SLASHES else '[^/]+'})" if number % 2 else re.escape(part))
        for number, part in enumerate(parts)
    )
    return re.compile("".join(told))
