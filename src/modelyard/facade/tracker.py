"""`PerformanceTracker`: an application that predicts by itself tells how its predictions went.

    tracker = PerformanceTracker("./model_registry")
    tracker.track_prediction("gemini", "1.0.0", latency=1.5, tokens=100)
    tracker.get_metrics("gemini", "1.0.0")["avg_latency"]

Rules
- Telling costs the application a few microseconds: predictions are added up here by the minute, and sent once a second
  in the background. Only the first one of a version asks whether there is such a version.
- A registry that is away never raises into the application: what is told waits, added up, and is sent later. A wrong
  name or an impossible number is an error where it is told.
- Each batch is numbered, and does not change once it was sent: a repeat counts nothing twice.
- What the registry refuses, because the version was deleted meanwhile, is dropped with a warning; so is what still
  waits when the process ends without the registry having come back.
- After a fork the child begins anew: what waits is its parent's to send.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
import weakref
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeAlias

import msgspec

from modelyard.domain.cells import Cell
from modelyard.domain.names import shown
from modelyard.domain.references import Reference
from modelyard.domain.spans import moment_of as moment_of_minute
from modelyard.domain.tracking import FAILED, cost_of, latency_of, minute_of, tokens_of, window_of
from modelyard.domain.wire import TrackedWindow
from modelyard.errors import InvalidRequest, ModelyardError, Overloaded
from modelyard.facade.arguments import moment_of, name_of, selector_of
from modelyard.facade.managers import Manager
from modelyard.facade.metrics import When
from modelyard.facade.registry import ModelRegistry

INTERVAL_S: Final = 1.0
MOST_WAITING: Final = 10_000
"""Minutes of versions that are kept apart while the registry is away; what comes then counts in the last one."""
MOST_SENT: Final = 500
"""Windows in one batch."""
MOST_BINS: Final = 100_000
"""Bins in one batch, about; so that it is no larger than what a server takes."""
EVER: Final = "36500d"
"""How far back `get_metrics` looks where nothing is said: at everything that is kept."""
_SERVER_FAULT: Final = 500

_log = logging.getLogger("modelyard.tracking")

_Window: TypeAlias = tuple[str, str, str]
"""Model, version as it was named, and the minute."""


class _Batch(NamedTuple):
    """What is sent at once."""

    name: str
    number: int
    windows: list[TrackedWindow]


class Outbox:
    """What was told and is not sent yet; safe to use from several threads.

    Args:
        registry: where it is sent.
    """

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry, self._process = registry, os.getpid()
        self._writer = secrets.token_hex(16)
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._waiting: dict[_Window, Cell] = {}
        self._last: dict[tuple[str, str], _Window] = {}
        self._batch: _Batch | None = None
        self._number = 0
        self._is_away = False
        self._closed = threading.Event()

    @property
    def is_here(self) -> bool:
        """Whether this process made it, and not the one that it was forked from."""
        return self._process == os.getpid()

    def add(self, window: _Window, seconds: float, code: str, tokens: int, cost: float) -> None:
        """Count a prediction."""
        with self._lock:
            if window not in self._waiting and len(self._waiting) >= MOST_WAITING:
                window = self._last.get(window[:2], window)
            cell = self._waiting.get(window)
            if cell is None:
                cell = self._waiting[window] = Cell()
                self._last[window[:2]] = window
            cell.add(seconds, code, tokens, cost)

    def send(self) -> bool:
        """Send everything that waits; False where the registry does not take it now."""
        with self._sending:
            while batch := self._next():
                try:
                    self._registry.track_predictions(
                        batch.name, windows=batch.windows, writer=self._writer, number=batch.number
                    )
                except ModelyardError as error:
                    if may_pass(error):
                        self._wait(error)
                        return False
                    count = sum(window.requests for window in batch.windows)
                    _log.warning("%d predictions of %s are dropped: %s", count, batch.name, error.message)
                self._batch, self._is_away = None, False
            return True

    def run(self, interval: float) -> None:
        """Send again and again, until it is closed."""
        while not self._closed.wait(interval):
            try:
                self.send()
            except Exception:  # noqa: BLE001 - the thread has nobody to raise it to, and the next one may go well
                _log.exception("what was told of predictions could not be sent")

    def close(self) -> None:
        """Send the rest, and take nothing more; harmless when repeated."""
        if self._closed.is_set() or not self.is_here:
            return
        self._closed.set()
        if not self.send():
            _log.error("the registry is away at the end: %d predictions are not recorded", self._count())

    def _next(self) -> _Batch | None:
        """The batch that is sent next; one that was sent without success is the same again."""
        with self._lock:
            if self._batch is None and self._waiting:
                name = next(iter(self._waiting))[0]
                chosen = self._chosen(name)
                cells = [(window, self._waiting.pop(window)) for window in chosen]
                self._last = {key: window for key, window in self._last.items() if window in self._waiting}
                self._number += 1
                made = [window_of(version, minute, cell) for (_, version, minute), cell in cells]
                self._batch = _Batch(name, self._number, made)
            return self._batch

    def _chosen(self, name: str) -> list[_Window]:
        """Which windows of a model go into one batch."""
        chosen: list[_Window] = []
        bins = 0
        for window, cell in self._waiting.items():
            if window[0] == name:
                chosen.append(window)
                bins += len(cell.bins) + len(cell.sizes)
            if len(chosen) == MOST_SENT or bins >= MOST_BINS:
                break
        return chosen

    def _wait(self, error: ModelyardError) -> None:
        if not self._is_away:
            _log.warning("what was told of predictions waits: %s", error.message)
        self._is_away = True

    def _count(self) -> int:
        with self._lock:
            sent = sum(window.requests for window in self._batch.windows) if self._batch else 0
            return sent + sum(cell.requests for cell in self._waiting.values())


class PerformanceTracker(Manager):
    """Records how an application's own predictions went, and shows what all of them did.

    Args:
        target: a path, a server's URL, or the URL of a database; or a registry that is open already.
        interval: seconds between two batches.
        opening: what `ModelRegistry` takes besides.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | ModelRegistry | None = None,
        *,
        interval: float = INTERVAL_S,
        **opening: Any,
    ) -> None:
        super().__init__(target, **opening)
        self._interval = interval
        self._begin = threading.Lock()
        self._known: dict[tuple[object, object], tuple[str, str]] = {}
        self._minute = (0, "")
        self._outbox: Outbox | None = None
        self._is_closed = False

    def track_prediction(
        self,
        name: str,
        version: str | int,
        latency: float,
        tokens: int = 0,
        success: bool = True,
        cost: float = 0.0,
        at: When = None,
    ) -> None:
        """Count one prediction; it is sent in the background.

        Args:
            name: the model.
            version: its version: a SemVer, a number, an alias with `@`.
            latency: how long it took, in seconds.
            tokens: how many tokens it took, in and out.
            success: whether it went well.
            cost: what it cost, in the currency of the version's prices.
            at: when it was; now where it is left out.

        Raises:
            ModelNotFound, VersionNotFound, InvalidName, InvalidReference: there is no such version.
            InvalidRequest: the latency, the tokens or the cost are negative or no numbers, or the moment is none.
            PermissionDenied: who tells may not.
        """
        if not isinstance(success, bool):
            raise InvalidRequest(f"success is {shown(success)}, not a truth value", hint="write success=False")
        numbers = latency_of(latency), "" if success else FAILED, tokens_of(tokens), cost_of(cost)
        minute = minute_of(moment_of("at", at) or "", _now()) if at is not None else self._present()
        outbox = self._opened()
        # A text or a number that was looked up once is known; what else names a version is looked at each time.
        is_plain = type(name) is str and (type(version) is str or type(version) is int)
        named = self._known.get((name, version)) if is_plain else None
        outbox.add((*(named or self._named(name, version)), minute), *numbers)

    def get_metrics(
        self,
        name: str,
        version: str | int,
        *,
        environment: str | None = None,
        role: str = "tracked",
        since: When = None,
        until: When = None,
        points: int | None = None,
    ) -> dict[str, Any]:
        """Return the figures of a version, of everything that was told of it unless a range is given.

        Among them are requests, errors, `success_rate` in per cent, `avg_latency`, `p50_s`, `p95_s` and `p99_s` in
        seconds, `throughput` in requests a second, tokens and cost; arguments and errors as in
        `ModelRegistry.get_metrics`. What this process has told is in it.
        """
        self.flush()
        found = self.registry.get_metrics(
            name,
            version,
            environment=environment,
            role=role,
            since=since if since is not None else EVER,
            until=until,
            points=points,
        )
        figures: dict[str, Any] = msgspec.to_builtins(found.versions[0])
        return figures

    def compare_versions(
        self,
        name: str,
        version_a: str | int,
        version_b: str | int,
        *,
        environment: str | None = None,
        role: str = "tracked",
        since: When = None,
        until: When = None,
    ) -> dict[str, Any]:
        """Return the figures of two versions side by side, and which of them is shown to be better.

        Arguments as in `get_metrics`; see `ModelRegistry.compare_live`.
        """
        self.flush()
        found = self.registry.compare_live(
            name,
            version_a,
            version_b,
            environment=environment,
            role=role,
            since=since if since is not None else EVER,
            until=until,
        )
        comparison: dict[str, Any] = msgspec.to_builtins(found)
        return comparison

    def flush(self) -> bool:
        """Send what was told so far; False where the registry does not take it now."""
        outbox = self._outbox
        return outbox is None or not outbox.is_here or outbox.send()

    def close(self) -> None:
        """Send the rest, and give back connections; nothing can be told any more. Harmless when repeated."""
        self._is_closed = True
        if self._outbox is not None:
            self._outbox.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> Outbox:
        """The outbox of this process, with its thread."""
        outbox = self._outbox
        if outbox is not None and outbox.is_here and not self._is_closed:
            return outbox
        with self._begin:
            if self._is_closed:
                raise InvalidRequest("the tracker was closed", hint="open another PerformanceTracker")
            if self._outbox is None or not self._outbox.is_here:
                outbox = self._outbox = Outbox(self.registry)
                # It also runs at the end of the interpreter; the outbox must not know the tracker, or neither ends.
                weakref.finalize(self, outbox.close)
                run = threading.Thread(target=outbox.run, args=(self._interval,), name="modelyard-tracker", daemon=True)
                run.start()
            return self._outbox

    def _present(self) -> str:
        """The present minute, as rows have it."""
        number = int(time.time()) // 60
        if self._minute[0] != number:
            self._minute = (number, moment_of_minute(number))
        return self._minute[1]

    def _named(self, name: object, version: object) -> tuple[str, str]:
        """A model and a version as they are sent; asks the registry about a version that was never told of."""
        named = name_of(name), selector_of(version) or ""
        if named not in self._known.values():
            Reference.within(*named)
            try:
                self.registry.track_predictions(named[0], windows=[TrackedWindow(version=named[1])])
            except ModelyardError as error:
                if not may_pass(error):
                    raise
                return named
        if isinstance(name, str) and isinstance(version, str | int):
            self._known[name, version] = named
        return named


def may_pass(error: ModelyardError) -> bool:
    """Whether something may succeed later as it is."""
    return error.status >= _SERVER_FAULT or isinstance(error, Overloaded)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
