"""Webhooks in MLflow's form: which of its events stand for which of ours, what is posted, and when it is tried again.

Rules
1. An event is named by what it is about and what happened: `model_version_tag.set`. One of our events may stand for
   several of MLflow's (two tags set at once): each is a message of its own. Events that change nothing MLflow tells of,
   such as a new label of a version, stand for none.
2. A model whose tag `mlflow.prompt.is_prompt` is `true` is a prompt, and so are its versions. Its events are a
   prompt's and never a model's. The tags by which MLflow marks prompts are left out of `tags`, and a prompt version's
   text stands in `template`.
3. A body is `{"entity", "action", "timestamp", "data"}`; the timestamp is that of the event.
4. Signed is `<delivery id>.<timestamp>.<body>` with HMAC-SHA256, keyed by the secret's UTF-8 as it was given, any text.
   One signature is sent, that of the newest secret; without a secret none is.
5. An answer 2xx means delivered. No answer, and 429, 500, 502, 503 and 504, are tried again up to `RETRIES` times,
   after pauses that double; a receiver that names a pause gets it, up to `LONGEST_WAIT_S`. Everything else is the end.
6. A webhook has a name of 1 to 63 letters, digits, dots, underscores and hyphens, and http or https for its address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from modelyard.domain.names import shown
from modelyard.domain.webhooks import address_of, matches
from modelyard.errors import InvalidRequest

FORMAT: Final = "mlflow"
"""The format of webhooks that speak as MLflow's do."""
IS_PROMPT: Final = "mlflow.prompt.is_prompt"
PROMPT_TEXT: Final = "mlflow.prompt.text"
PROMPT_MARKS: Final = frozenset({IS_PROMPT, PROMPT_TEXT, "_mlflow_prompt_type"})
"""Tags that make a prompt one, rather than describe it."""

EVENTS: Final = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
)
KINDS: Final = frozenset(
    {"model.created", "model.updated", "version.registered", "version.updated", "alias.set", "alias.removed"}
)
"""Types of our events that may stand for events of MLflow's."""

RETRIES: Final = 3
LONGEST_WAIT_S: Final = 21_600.0
LONGEST_SECRET: Final = 1_000
SCHEMES: Final = ("http", "https")

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):")
_NAME: Final = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One of our events, with what is known about its model.

    Attributes:
        kind: its type.
        model: the model's name.
        at: its moment.
        data: its facts.
        number: the version's number; None where it is about no version.
        is_prompt: whether the model is a prompt.
    """

    kind: str
    model: str
    at: str
    data: Mapping[str, Any]
    number: int | None
    is_prompt: bool


@dataclass(frozen=True, kw_only=True)
class Message:
    """An event of MLflow's: its name, and the body that tells of it."""

    event: str
    body: dict[str, Any]


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Whether a model with these tags is a prompt."""
    return tags.get(IS_PROMPT, "").lower() == "true"


def messages(happening: Happening) -> list[Message]:
    """The events of MLflow's that one of ours stands for, in the order of their tags' keys."""
    tell = _TELLERS.get(happening.kind)
    found = tell(happening) if tell else ()
    return [Message(event=event, body=body_of(event, data, happening.at)) for event, data in found]


def body_of(event: str, data: Mapping[str, Any], at: str) -> dict[str, Any]:
    """What is posted of an event."""
    entity, _, action = event.partition(".")
    return {"entity": entity, "action": action, "timestamp": at.replace("Z", "+00:00"), "data": dict(data)}


def _model_created(it: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    told = {
        "name": it.model,
        "tags": _told_tags(it, it.data.get("tags")),
        "description": it.data.get("description", ""),
    }
    yield ("prompt" if it.is_prompt else "registered_model") + ".created", told


def _model_updated(it: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    if it.is_prompt:
        yield from _tags_changed(it, "prompt_tag", {"name": it.model})


def _version_registered(it: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    recorded = it.data.get("metadata", {})
    tags = recorded.get("tags") or {}
    told = {"name": it.model, "version": str(it.number)}
    ending = {"tags": _told_tags(it, tags), "description": recorded.get("description") or None}
    if it.is_prompt:
        yield "prompt_version.created", told | {"template": tags.get(PROMPT_TEXT)} | ending
        return
    source = recorded.get("source") or f"models:/{it.model}/{it.number}"
    yield "model_version.created", told | {"source": source, "run_id": recorded.get("training_run_id") or None} | ending


def _version_updated(it: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    entity = "prompt_version_tag" if it.is_prompt else "model_version_tag"
    yield from _tags_changed(it, entity, {"name": it.model, "version": str(it.number)})


def _alias_set(it: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    yield f"{_alias(it)}.created", {"name": it.model, "alias": it.data["alias"], "version": str(it.number)}


def _alias_removed(it: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    yield f"{_alias(it)}.deleted", {"name": it.model, "alias": it.data["alias"]}


_TELLERS: Final = MappingProxyType(
    {
        "model.created": _model_created,
        "model.updated": _model_updated,
        "version.registered": _version_registered,
        "version.updated": _version_updated,
        "alias.set": _alias_set,
        "alias.removed": _alias_removed,
    }
)


def _alias(it: Happening) -> str:
    return "prompt_alias" if it.is_prompt else "model_version_alias"


def _told_tags(it: Happening, tags: Mapping[str, str] | None) -> dict[str, str]:
    hidden = PROMPT_MARKS if it.is_prompt else frozenset()
    return {key: value for key, value in (tags or {}).items() if key not in hidden}


def _tags_changed(it: Happening, entity: str, told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    old, new = ((tags or {}) for tags in it.data.get("changes", {}).get("tags", (None, None)))
    for key in sorted({*old, *new}):
        if key not in new:
            yield f"{entity}.deleted", {**told, "key": key}
        elif old.get(key) != new[key]:
            yield f"{entity}.set", {**told, "key": key, "value": new[key]}


def sample(event: str) -> dict[str, Any]:
    """The data that a test of a webhook sends, the same for everybody."""
    entity, _, action = event.partition(".")
    name = "example_prompt" if entity.startswith("prompt") else "example_model"
    told: dict[str, Any] = {"name": name}
    if entity.endswith("_tag"):
        told |= {} if entity == "prompt_tag" else {"version": "1"}
        return told | {"key": "example_key"} | ({"value": "example_value"} if action == "set" else {})
    if entity.endswith("_alias"):
        return told | {"alias": "example_alias"} | ({"version": "1"} if action == "created" else {})
    what, tags = _SAMPLES[entity]
    return told | what | {"tags": {"example_key": "example_value"}, "description": tags}


_SAMPLES: Final[Mapping[str, tuple[dict[str, str], str]]] = MappingProxyType(
    {
        "registered_model": ({}, "An example registered model"),
        "prompt": ({}, "An example prompt"),
        "model_version": (
            {"version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678"},
            "An example model version",
        ),
        "prompt_version": ({"version": "1", "template": "Hello {{name}}!"}, "An example prompt version"),
    }
)


def event_names(given: Sequence[str]) -> list[str]:
    """The names of the events that patterns choose, in the order given; none stands for all.

    Raises:
        InvalidRequest: a pattern chooses no event.
    """
    found: list[str] = []
    for pattern in given or ["*"]:
        chosen = [name for name in EVENTS if matches(pattern, name)]
        if not chosen:
            raise InvalidRequest(
                f"{shown(pattern)} is no event of MLflow's", hint=f"the events are {', '.join(EVENTS)}"
            )
        found += chosen
    return list(dict.fromkeys(found))


def check_name(name: str) -> str:
    """A webhook's name, if it is one.

    Raises:
        InvalidRequest: it is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"Webhook name {name!r} is invalid. It must start and end with a letter or digit, have 1 to 63 characters, "
            "and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    return name


def check_url(url: str) -> str:
    """An address that webhooks may have; whether it may be reached is another matter.

    Raises:
        InvalidRequest: it is blank, has another scheme than http and https, or is no address; in MLflow's words.
    """
    if not url.strip():
        raise InvalidRequest(f"Webhook URL cannot be empty or just whitespace: {url!r}")
    found = _SCHEME.match(url)
    scheme = found["scheme"].lower() if found else ""
    if scheme not in SCHEMES:
        raise InvalidRequest(f"Invalid webhook URL scheme: {scheme!r}. Allowed schemes are: {', '.join(SCHEMES)}.")
    try:
        address_of(url)
    except InvalidRequest as error:
        raise InvalidRequest(f"Invalid webhook URL: {error.message}") from None
    return url


def check_secret(secret: str) -> str:
    """A secret that signs in MLflow's way: any text that is not too long; the message does not repeat it.

    Raises:
        InvalidRequest: it is too long, or cannot be written down.
    """
    try:
        size = len(secret.encode())
    except UnicodeEncodeError:
        raise InvalidRequest("the secret has half of a character") from None
    if size > LONGEST_SECRET:
        raise InvalidRequest(f"the secret has {size} bytes; the most is {LONGEST_SECRET}")
    return secret


def sign(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one attempt, as it stands in the header."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()}"


def signed_headers(secrets: Sequence[str], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt; the first secret, the newest, signs."""
    headers = {"X-MLflow-Delivery-Id": delivery_id, "X-MLflow-Timestamp": str(timestamp)}
    if secrets:
        headers["X-MLflow-Signature"] = sign(secrets[0], delivery_id, timestamp, body)
    return headers


def pause_after(attempts: int, status: int | None, *, asked: float, first: float) -> float | None:
    """Seconds until a failed delivery is tried again, or None where it is given up.

    Args:
        attempts: how often it was tried.
        status: the status of the last answer; None where none came.
        asked: for how long the receiver asks to be left alone, in seconds; 0 where it does not.
        first: the first pause, in seconds.
    """
    if attempts > RETRIES or (status is not None and status not in _PASSING):
        return None
    return min(asked, LONGEST_WAIT_S) or first * 2.0 ** (attempts - 1)
