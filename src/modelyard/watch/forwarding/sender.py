"""Sends forwards in the background: of a server, of a process of its own, or of whoever registers in their own process.

Who sends where there is no server: a thread of the process that registered, which begins with the first change. A
process of its own would outlive the program that it was started by, and nobody would look after it; sending before the
registration returns would make people wait for somebody else's server. At the end of the program, or when the registry
is closed, what is due is waited for, for `forwards.close_wait_s` at most. What is not sent by then stays queued, for
the next change in such a process, for a server, or for `modelyard forwards send`.

Rules
- An attempt is ended when its sender is: files may take long, and what was sent is found again. A thread that does not
  end in time is left behind, so that nobody's exit waits for a server that does not answer.
- One attempt runs for each version and target; several run at once.
- The rest is as in `modelyard.registry.sender`; the claims are those of `modelyard.watch.forwarding.claims`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any, Final

from sqlalchemy import Row

from modelyard.config import Settings
from modelyard.config.table import find
from modelyard.domain.webhooks import Patience
from modelyard.errors import ModelyardError, RemoteUnavailable
from modelyard.registry.context import Yard
from modelyard.registry.sender import Sender
from modelyard.watch.forwarding.claims import Claim, Due, Parcel, Result, give_back, look, settle, take, without_secrets
from modelyard.watch.forwarding.targets import MAKERS, Target, tracking_uri

logger: Final = logging.getLogger(__name__)
LEAVE_S: Final = 5.0
"""How long the end waits for attempts that were called off."""
POLL_S: Final = 0.05


class DaemonThreads(Executor):
    """Runs each call in a daemon thread of its own; the interpreter's end does not wait for them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads: set[threading.Thread] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Begin a call."""
        future: Future[Any] = Future()
        thread = threading.Thread(target=self._run, args=(future, fn, args, kwargs), name=self._name, daemon=True)
        self._threads = {one for one in self._threads if one.is_alive()} | {thread}
        thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the base's signature
        """Wait for the calls that run, for a while."""
        end = time.monotonic() + LEAVE_S
        for thread in list(self._threads) if wait else ():
            thread.join(max(0.0, end - time.monotonic()))

    @staticmethod
    def _run(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - whoever holds the future is told
            future.set_exception(error)


class Forwarder(Sender):
    """Claims, sends and records.

    Args:
        yard: the registry, with the targets that it sends to.
        settings: the `forwards.*` settings, and those of the targets.
        changes: a number that stays the same as long as the database does, if there is one.
        environ: where the targets look up credentials; the process's own environment where it is left out.
        targets: what sends, instead of the real ones; for tests.
    """

    def __init__(
        self,
        yard: Yard,
        settings: Settings,
        *,
        changes: Callable[[], int] | None = None,
        environ: Mapping[str, str] | None = None,
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        super().__init__(yard, "forwards", threads=settings["forwards.threads"], changes=changes)
        self._pool = DaemonThreads("modelyard-forward")
        self._environ = os.environ if environ is None else environ
        self._targets = targets or {name: MAKERS[name](settings, self._environ) for name in yard.forwards}
        self._lease = float(settings["forwards.lease_s"])
        self._patience = Patience(
            first_pause=settings["forwards.first_retry_s"],
            longest_pause=settings["forwards.longest_retry_s"],
            give_up_after=settings["forwards.give_up_after_s"],
        )
        self._uri = tracking_uri(settings, self._environ)
        self._busy: set[int] = set()
        self.sent, self.failed = 0, 0
        """How many attempts ended well, and how many did not."""

    def look(self) -> Due:
        """Return what there is to send."""
        return look(self._yard)

    def claims(self, row: Row[Any]) -> bool:
        """Whether another attempt may begin."""
        if row.id in self._busy or len(self._busy) >= self._threads:
            return False
        self._busy.add(row.id)
        return True

    def releases(self, row: Row[Any]) -> None:
        """The attempt has ended."""
        self._busy.discard(row.id)

    @property
    def is_working(self) -> bool:
        """Whether an attempt runs."""
        return bool(self._busy)

    def nudge(self) -> None:
        """Have it look for work at once."""
        self._wake.set()

    def attempt(self, row: Row[Any]) -> None:
        """Send a version to a target once."""
        parcel = None if self._stopped.is_set() else take(self._yard, row.id, self._lease)
        if parcel is None:
            return
        with Claim(self._yard, parcel, self._lease, self._stopped) as claim:
            result = self._sent(parcel, claim)
        if result.error is not None and claim.is_gone:
            give_back(self._yard, parcel, claim.until)
            return
        with self._lock:
            self.sent += result.error is None
            self.failed += result.error is not None
        if result.error is not None:
            self._log.warning("%s %s did not go to %s: %s", *_named(parcel), result.error.message)
        settle(self._yard, parcel, claim.until, result, patience=self._patience, chance=self.chance.random())

    def wait_until_done(self, seconds: float) -> None:
        """Wait until nothing is due any more and no attempt runs, for so many seconds at most."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopped.is_set():
            # In this order: an attempt counts as running before what it sends is claimed, and so not ready any more.
            is_ready = bool(self.look().ready)
            with self._lock:
                is_working = self.is_working
            if not is_ready and not is_working:
                return
            self._wake.set()
            self._stopped.wait(POLL_S)

    def _sent(self, parcel: Parcel, claim: Claim) -> Result:
        try:
            landing = self._targets[parcel.target].send(self._yard.store, parcel, claim)
        except ModelyardError as error:
            return Result(landing=parcel.landing, error=self._told(error))
        except Exception as error:  # noqa: BLE001 - whatever a target meets, it is tried again and given up like all
            if not claim.is_gone:
                self._log.debug("%s %s met something that nobody foresaw at %s", *_named(parcel), exc_info=True)
            fault = RemoteUnavailable(f"{type(error).__name__}: {error}", hint="")
            return Result(landing=parcel.landing, error=self._told(fault))
        return Result(landing=landing)

    def _told(self, error: ModelyardError) -> ModelyardError:
        """The same error without secrets."""
        masked = str(find("mlflow.tracking_uri", "").masked(self._uri))
        message, hint = (
            without_secrets(text.replace(self._uri, masked), self._environ) for text in (error.message, error.hint)
        )
        return type(error)(message, hint=hint)


class EmbeddedForwarder:
    """The sender of a process that has no server: it begins with the first change, and ends with the process.

    Args:
        yard: the registry.
        settings: as for `Forwarder`.
    """

    def __init__(self, yard: Yard, settings: Settings) -> None:
        self._yard, self._settings = yard, settings
        self._forwarder: Forwarder | None = None
        self._lock = threading.Lock()

    def nudge(self) -> None:
        """Say that something may have been queued; what was queued stays so where no sender can begin."""
        try:
            self._begun().nudge()
        except Exception as error:  # noqa: BLE001 - what was registered is registered, whatever keeps a sender away
            logger.warning("no sender can begin here (%s); what waits is sent on later", type(error).__name__)

    def _begun(self) -> Forwarder:
        with self._lock:
            if self._forwarder is None:
                forwarder = Forwarder(self._yard, self._settings)
                forwarder.start()
                self._forwarder = forwarder
                # Whoever does not close the registry leaves the interpreter; daemon threads still run by then.
                atexit.register(self.close)
            return self._forwarder

    def close(self) -> None:
        """Wait a while for what is due, then end; harmless when repeated."""
        with self._lock:
            forwarder, self._forwarder = self._forwarder, None
        if forwarder is None:
            return
        atexit.unregister(self.close)
        try:
            forwarder.wait_until_done(self._settings["forwards.close_wait_s"])
        finally:
            forwarder.stop()


def _named(parcel: Parcel) -> tuple[str, str, str]:
    return parcel.told.model, parcel.told.version, parcel.target
