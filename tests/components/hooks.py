"""Webhooks in tests: made in one line, sent at once, with short pauses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from components.receiver import Heard
from modelyard.bootstrap import EmbeddedCaller
from modelyard.config import Settings, load
from modelyard.domain.posting import Parcel, Reply
from modelyard.domain.wire import DeliveryRecord, WebhookSecret
from modelyard.metadata.changes import ChangeWatch
from modelyard.operations import (
    CREATE_MODEL,
    CREATE_WEBHOOK,
    LIST_DELIVERIES,
    UPDATE_MODEL,
    CreateModel,
    CreateWebhook,
    ListDeliveries,
    UpdateModel,
)
from modelyard.registry.deliveries import Post
from modelyard.server.dispatcher import Dispatcher

QUICK: dict[str, Any] = {
    "allow_private": True,
    "first_retry_s": 0.02,
    "longest_retry_s": 0.05,
    "timeout_s": 5.0,
    "lease_s": 20.0,
    "give_up_after_s": 60.0,
    "threads": 4,
}


def quick(**changed: Any) -> Settings:
    """Settings of a sender that does not wait long."""
    given = {f"webhooks.{name}": value for name, value in (QUICK | changed).items()}
    return load(environ={}, working_folder=Path("/nowhere"), overrides=given)


class Takes:
    """A receiver that takes everything, without a network."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    def __call__(self, parcel: Parcel) -> Reply:
        """Take a parcel."""
        self.parcels.append(parcel)
        return Reply(status=200)


@contextmanager
def sending(caller: EmbeddedCaller, post: Post | None = None, **changed: Any) -> Iterator[Dispatcher]:
    """Send in the background."""
    with (
        closing(ChangeWatch(caller.yard.database)) as watch,
        Dispatcher(caller.yard, quick(**changed), changes=watch.count, post=post) as dispatcher,
    ):
        dispatcher.start()
        yield dispatcher


def send_once(caller: EmbeddedCaller, post: Post | None = None, **changed: Any) -> Dispatcher:
    """Try once what is due."""
    with Dispatcher(caller.yard, quick(**changed), post=post) as dispatcher:
        dispatcher.drain()
    return dispatcher


def hook(caller: EmbeddedCaller, url: str = "https://example.com/hook", **fields: Any) -> WebhookSecret:
    """Make a webhook."""
    return caller.call(CREATE_WEBHOOK, CreateWebhook(url=url, **fields))


def create(caller: EmbeddedCaller, *names: str) -> None:
    """Make models: an event each."""
    for name in names:
        caller.call(CREATE_MODEL, CreateModel(name=name))


def change(caller: EmbeddedCaller, name: str, times: int) -> None:
    """Change a model so often: an event each time."""
    for number in range(times):
        caller.call(UPDATE_MODEL, UpdateModel(name=name, description=f"{name} {number}"))


def listed(caller: EmbeddedCaller, webhook: WebhookSecret, state: str = "") -> list[DeliveryRecord]:
    """A webhook's deliveries, the newest first."""
    return caller.call(LIST_DELIVERIES, ListDeliveries(webhook=webhook.id, state=state, limit=1000)).deliveries


def by_model(heard: list[Heard]) -> dict[str, list[int]]:
    """The positions of what was heard, without repeats, in the order of the first time."""
    found: dict[str, list[int]] = {}
    known = set()
    for one in heard:
        if one.id not in known:
            known.add(one.id)
            found.setdefault(one.event["model"], []).append(one.event["position"])
    return found
