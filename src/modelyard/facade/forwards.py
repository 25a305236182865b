"""Versions that are sent on to tracking systems: which ones went where, and which wait."""

from __future__ import annotations

from modelyard.domain.wire import ForwardRecord, VersionRecord
from modelyard.errors import InvalidRequest
from modelyard.facade.base import Base
from modelyard.operations import LIST_FORWARDS, RETRY_FORWARD


class Forwards(Base):
    """The methods of `ModelRegistry` about versions that are logged to MLflow and to Weights & Biases."""

    def forwards(
        self,
        reference: str | VersionRecord | None = None,
        *,
        state: str | None = None,
        target: str | None = None,
        limit: int | None = 100,
    ) -> list[ForwardRecord]:
        """Return which versions were sent on to tracking systems, and which still will be, the newest first.

        Args:
            reference: only those of a model, by its name, or of one version.
            state: only those that are "pending", "sent" or "failed".
            target: only those to "mlflow" or "wandb".
            limit: the most to return; None for all.

        Returns:
            Records; `run_id` and `url` tell where a version went, `last_error` why it did not.
        """
        given = reference.id if isinstance(reference, VersionRecord) else reference
        return self._all(
            LIST_FORWARDS, lambda page: page.forwards, limit=limit, reference=given, state=state, target=target
        )

    def retry_forward(self, forward: int | ForwardRecord) -> ForwardRecord:
        """Send a version on again that could not be sent; a server, or this process, does it in the background.

        Raises:
            NotFound: there is no such forward.
            Conflict: it has not failed.
        """
        number = forward.id if isinstance(forward, ForwardRecord) else forward
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidRequest(f"a forward is named by its number, not by {number!r}", hint="forwards() returns them")
        return self._call(RETRY_FORWARD, forward=str(number))
