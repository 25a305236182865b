"""Forwards: which one is sent next, and what becomes of an attempt. How it is sent, the targets know.

Rules
1. Before an attempt the forward is claimed for as long as the lease, and the claim is renewed while the attempt goes
   on, which may take as long as a large file takes. A sender that dies leaves the claim, which runs out.
2. An attempt whose claim is lost, or that is to end because the sender ends, is called off.
3. What failed is tried again, with a pause that doubles from the first one on up to the longest. It is given up after
   `give_up_after` seconds, or at once where waiting cannot help: a package is missing, a setting is wrong.
4. A version that was deleted meanwhile is not sent.
5. Nothing is held open while a target is waited for: no transaction, no lock.
6. No error that is kept holds a secret of the environment.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import Row

from modelyard.domain.durations import elapsed, later
from modelyard.domain.forwards import FAILED, PENDING, SENT, Landing, Told, told_of
from modelyard.domain.manifest import Manifest
from modelyard.domain.permissions import LOCAL
from modelyard.domain.webhooks import Patience
from modelyard.errors import InvalidRequest, MissingExtra, ModelyardError
from modelyard.metadata import forwards, versions
from modelyard.metadata.forwards import Outcome
from modelyard.registry.context import SEEING, Context, Yard
from modelyard.registry.lookup import content, record

TICK_S: Final = 0.1
LONGEST_ERROR: Final = 1000
SHORTEST_SECRET: Final = 6
HOPELESS: Final = (MissingExtra, InvalidRequest)

_SECRET: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Due:
    """The forwards that may be claimed now, and when the next one may be."""

    ready: tuple[Row[Any], ...]
    next_at: str | None


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One attempt: what is sent, where to, and for how long it has been tried."""

    forward: int
    target: str
    told: Told
    manifest: Manifest
    landing: Landing
    wanted: int
    attempts: int
    since: str
    claimed_until: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of an attempt: where the version is now, or why it is not there."""

    landing: Landing
    error: ModelyardError | None = None


class Claim:
    """Keeps a claim as long as an attempt goes on; to be used as a context.

    Args:
        yard: the registry.
        parcel: what was claimed.
        lease: for how many seconds it is claimed each time.
        stopped: set when the sender ends.
    """

    def __init__(self, yard: Yard, parcel: Parcel, lease: float, stopped: threading.Event) -> None:
        self._yard, self._forward, self._lease, self._stopped = yard, parcel.forward, lease, stopped
        self.until = parcel.claimed_until
        self._over, self._gone = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], object]] = []
        self._thread = threading.Thread(target=self._keep, name="modelyard-claim", daemon=True)

    @property
    def is_gone(self) -> bool:
        """Whether the attempt is called off."""
        return self._gone.is_set()

    def on_gone(self, call: Callable[[], object]) -> None:
        """Have something called, from another thread, when the attempt is called off."""
        with self._lock:
            self._calls.append(call)
        if self._gone.is_set():
            call()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._over.wait(TICK_S):
            if self._stopped.is_set():
                break
            if time.monotonic() - renewed < self._lease / 3:
                continue
            try:
                if not self._renew():
                    break
                renewed = time.monotonic()
            except Exception:  # noqa: BLE001 - drivers raise what they like, and a thread that died would call nothing off
                # The database is away: it may be back before somebody else can take over.
                if time.monotonic() - renewed >= self._lease:
                    break
        else:
            return
        self._gone.set()
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call()

    def _renew(self) -> bool:
        until = later(self._yard.clock(), self._lease)
        with self._yard.database.write() as tx:
            is_ours = forwards.renew(tx, self._forward, until=self.until, ending=until)
        if is_ours:
            self.until = until
        return is_ours


def look(yard: Yard) -> Due:
    """See what is to be done."""
    now = yard.clock()
    with yard.database.read() as tx:
        rows = forwards.heads(tx, yard.forwards)
    moments = [(row, max(row.due_at, row.claimed_until or "")) for row in rows]
    coming = [at for _, at in moments if at > now]
    return Due(ready=tuple(row for row, at in moments if at <= now), next_at=min(coming, default=None))


def take(yard: Yard, forward_id: int, lease: float) -> Parcel | None:
    """Claim a forward; None where another sender was faster, or its version is not there any more."""
    now = yard.clock()
    until = later(now, lease)
    with yard.database.write() as tx:
        row = forwards.claim(tx, forward_id, now=now, until=until)
        if row is None:
            return None
        version = versions.by_id(tx, row.version_id)
        if version is None:
            forwards.drop(tx, forward_id)
            return None
        context = Context(yard=yard, tx=tx, principal=LOCAL, now=now, permission=SEEING)
        told, manifest = told_of(record(context, version)), content(context, version)
    return Parcel(
        forward=forward_id,
        target=row.target,
        told=told,
        manifest=manifest,
        landing=forwards.landing_of(row),
        wanted=row.wanted,
        attempts=row.attempts,
        since=row.created_at,
        claimed_until=until,
    )


def settle(yard: Yard, parcel: Parcel, until: str, result: Result, *, patience: Patience, chance: float) -> bool:
    """Record what came of an attempt; False where the claim has passed to somebody else.

    Args:
        yard: where to record it.
        parcel: what was sent.
        until: the moment that the claim holds until.
        result: what came of it.
        patience: how long it is tried.
        chance: a random number from 0 up to 1.
    """
    now = yard.clock()
    state, due = SENT, now
    if result.error is not None:
        over = elapsed(parcel.since, now) >= patience.give_up_after or isinstance(result.error, HOPELESS)
        state = FAILED if over else PENDING
        due = later(now, patience.pause(parcel.attempts, chance))
    outcome = Outcome(
        wanted=parcel.wanted,
        state=state,
        due_at=due,
        error=None if result.error is None else str(result.error)[:LONGEST_ERROR],
        landing=result.landing,
        at=now,
    )
    with yard.database.write() as tx:
        return forwards.finish(tx, parcel.forward, until=until, outcome=outcome)


def give_back(yard: Yard, parcel: Parcel, until: str) -> None:
    """Give up the claim of what was not sent."""
    with yard.database.write() as tx:
        forwards.release(tx, parcel.forward, until=until)


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """A text in which the values of variables that hold secrets are left out."""
    secrets = {value for name, value in environ.items() if _SECRET.search(name) and len(value) >= SHORTEST_SECRET}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
