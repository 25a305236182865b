"""From the arguments of `deploy` to its request.

Rules
- The version is named as everywhere: by a model and a version apart, by one reference, or by a record.
- Limits, windows and what the judge goes by are records, or mappings with the records' fields; a field that they do not
  have is refused, for a limit that nobody reads is worse than none.
- A window may be a text: days, from and to, time zone, such as `sat,sun 02:00-05:00 Europe/Berlin`; days and zone may
  be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypedDict, TypeVar

from modelyard.domain.names import shown
from modelyard.domain.references import Reference
from modelyard.domain.wire import JudgeOptions, Limits, Window
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import build, moment_of, selected
from modelyard.operations import Deploy

Kind = TypeVar("Kind", Limits, Window, JudgeOptions)

_WINDOW = re.compile(
    r"(?:(?P<days>[A-Za-z]{3,}(?: ?, ?[A-Za-z]{3,})*) )?"
    r"(?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2})(?: (?P<timezone>[A-Za-z0-9_+/-]+))?"
)


class DeployOptions(TypedDict, total=False):
    """What `deploy` takes besides version and strategy; what is left out is as the strategy says."""

    environment: str
    steps: Sequence[float]
    """Shares of the new version step by step, in percent, such as [10, 50, 100]."""
    step_seconds: float
    """Seconds that each step lasts at least."""
    min_requests: int
    """Requests that the new version has to answer in each step."""
    max_step_seconds: float
    """Seconds after which a step that did not get there is inconclusive."""
    on_inconclusive: str
    """`hold`, `promote` or `rollback`."""
    bake_seconds: float
    """Seconds that the last step is watched before the deployment has succeeded."""
    holdback: float
    """Share of the old version through the bake, in percent."""
    keep_warm_seconds: float
    """How long the old version stays loaded afterwards."""
    replicas: int
    """Worker processes of the version; rolling replaces them one by one."""
    split: Mapping[str, float]
    """For A/B tests: version → share, in percent; the deployed version takes what is left."""
    limits: Limits | Mapping[str, Any]
    """Beyond which the deployment is rolled back, such as {"max_error_rate": 0.05, "max_p95_s": 0.3}."""
    judge: JudgeOptions | Mapping[str, Any]
    """How it is judged against the version that served before, such as {"alpha": 0.01, "require_proof": 2}."""
    probes: int
    """Probes that all have to pass before any traffic moves."""
    max_probe_s: float
    """Seconds that 95 of 100 probes may take at most."""
    start_at: str | datetime
    """When it begins."""
    window: Window | Mapping[str, Any] | str
    """When it may begin and go on, such as "sat,sun 02:00-05:00 Europe/Berlin"."""
    expected_version: str
    """The version that the caller believes to be served; the deployment is refused where it is not."""
    supersede: bool
    """Roll a live deployment of the endpoint back first."""
    deprecate: bool
    """Whether a rollback by verdict marks the version as not to be used any more."""
    reason: str
    kind: str
    """`cloud` or `edge`; of a new endpoint only."""
    options: Mapping[str, Any]
    """For A/B tests, such as {"metric": "converted", "promote_winner": True}; or what a strategy of others takes."""


def version_apart(model: object, version: object) -> tuple[str, str] | str:
    """The name of a model and what names its version; or a reference that names a version without its model.

    Raises:
        InvalidReference, InvalidName: it names no version.
    """
    text = selected(model, version)
    found = Reference.parse(text)
    if found.model is None:
        return text
    return str(found.model), f"@{found.value}" if found.kind == "alias" else found.value


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `deploy`, as fields of its request.

    Raises:
        InvalidRequest: an option is unknown, or its value is none.
    """
    known = [*DeployOptions.__annotations__, "dry_run"]
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(known)}"
            raise InvalidRequest(f"deploy has no option {name!r}", hint=hint)
    found = {
        **given,
        "limits": limits_of(given.get("limits")),
        "judge": judge_of(given.get("judge")),
        "window": window_of(given.get("window")),
        "start_at": moment_of("start_at", given.get("start_at") or None),
    }
    for name in ("split", "options"):
        if isinstance(found.get(name), Mapping):
            found[name] = dict(found[name])
    return found


def limits_of(value: object) -> Limits | None:
    """Limits, given by a record or by a mapping.

    Raises:
        InvalidRequest: it is neither, or has a limit that does not exist.
    """
    return value if value is None or isinstance(value, Limits) else _record(Limits, "limits", value)


def judge_of(value: object) -> JudgeOptions | None:
    """What a judge goes by, given by a record or by a mapping.

    Raises:
        InvalidRequest: it is neither, or has an option that does not exist.
    """
    return value if value is None or isinstance(value, JudgeOptions) else _record(JudgeOptions, "judge", value)


def window_of(value: object) -> Window | None:
    """A window, given by a record, a mapping, or a text.

    Raises:
        InvalidRequest: it is none of these.
    """
    if value is None or isinstance(value, Window):
        return value
    if not isinstance(value, str):
        return _record(Window, "window", value)
    found = _WINDOW.fullmatch(value.strip())
    if found is None:
        raise InvalidRequest(
            f"the window {shown(value)} cannot be read", hint="write: sat,sun 02:00-05:00 Europe/Berlin"
        )
    days = [day.strip().lower()[:3] for day in (found["days"] or "").split(",") if day.strip()]
    return Window(days=days, start=found["start"], end=found["end"], timezone=found["timezone"] or "UTC")


def deploy_request(name: str, version: str, strategy: str, given: Mapping[str, Any]) -> Deploy:
    """The request of a deployment."""
    return build(Deploy, {"name": name, "version": version, "strategy": strategy, **options_of(given)})


def _record(kind: type[Kind], what: str, value: object) -> Kind:
    known = [field.name for field in fields(kind)]
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{what} is {shown(value)}, not a mapping", hint=f"its fields are {', '.join(known)}")
    for name in value:
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise InvalidRequest(f"{what} has no field {shown(name)}", hint=hint)
    return build(kind, dict(value))
