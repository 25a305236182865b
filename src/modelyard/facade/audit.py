"""The auditor's questions: what was true when, who did what, and whether anybody changed the record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from modelyard.domain.moments import moment
from modelyard.domain.wire import AsOfRecord, AuditReport, ChainedEvent, CheckpointRecord
from modelyard.facade.arguments import moment_of, name_of, path_of, stage_of
from modelyard.facade.base import PAGE, Base
from modelyard.facade.evidence import Scope, write_evidence
from modelyard.operations import AUDIT_CHECKPOINT, AUDIT_LOG, VERIFY_RECORD, WHO_WAS_LIVE

END_OF_TIME = "9999-12-31"
"""Later than any moment; whether one lies in the future is for the registry to say."""


class Audit(Base):
    """The methods of `ModelRegistry` that look back."""

    def who_was_live(
        self, name: str, at: str | date | datetime | None = None, *, stage: str | None = None
    ) -> AsOfRecord:
        """Tell which version stood in a stage at a moment, who put it there, and on which evidence.

        Args:
            name: the name that the model had then.
            at: ISO 8601, a date (its beginning, in UTC) or a datetime with a time zone; now where it is left out.
            stage: production unless said otherwise; a stage of an environment too.

        Returns:
            The version as it was then, since when and until when it stood there, by whom, the event with its verdicts,
            approvals, and all aliases of that moment. Its `version` is None where nobody stood there.

        Raises:
            InvalidRequest: it is no moment, or lies in the future.
            ModelNotFound: no model had the name then.
        """
        return self._call(WHO_WAS_LIVE, name=name_of(name), at=moment_of("at", at), stage=stage_of(stage) or None)

    def audit_log(
        self,
        name: str | None = None,
        *,
        actor: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's name in events
        version: str | None = None,
        since: str | date | datetime | None = None,
        until: str | date | datetime | None = None,
        limit: int | None = None,
    ) -> list[ChainedEvent]:
        """Return who did what, the oldest first; events of deleted models and of the registry itself too.

        Args:
            name: only of models that have, or had, this name.
            actor: only by this person or service.
            type: only of this type, such as "version.stage_moved"; "version.*" for all that begin so.
            version: only of the version with this id.
            since: only from this moment on; forms as in `who_was_live`.
            until: only up to this moment.
            limit: the most to return; None for all.
        """
        wanted = {"actor": actor, "type": type, "version": version}
        period = {"since": moment_of("since", since), "until": moment_of("until", until)}
        subject = name_of(name) if name is not None else None
        return self._all(AUDIT_LOG, lambda page: page.events, limit=limit, name=subject, **wanted, **period)

    def audit_checkpoint(self) -> CheckpointRecord:
        """Record the ends of all chains of events; the hash in the answer is the anchor to keep outside.

        Where nothing has happened since the last checkpoint, that one is returned.
        """
        return self._call(AUDIT_CHECKPOINT)

    def verify_record(self, anchor: str | None = None) -> AuditReport:
        """Check all events, checkpoints and tables against each other.

        Args:
            anchor: the hash of a checkpoint that was kept outside.

        Returns:
            What was found; `sound` is whether that is nothing, and `limits` say what such a check cannot see.
        """
        return self._call(VERIFY_RECORD, anchor=anchor)

    def export_audit(
        self,
        target: str | os.PathLike[str],
        name: str | None = None,
        *,
        since: str | date | datetime | None = None,
        until: str | date | datetime | None = None,
    ) -> Path:
        """Write the evidence of a period for a regulator: events, checkpoints, promotions, versions, and how to check.

        Args:
            target: a folder, which must not exist or be empty, or a file that ends in .zip.
            name: only of models that have, or had, this name.
            since: the beginning of the period; all that ever happened where it is left out.
            until: its end; now where it is left out.

        Returns:
            Where it is; `modelyard audit verify --export` checks it without any registry.
        """
        place = path_of("target", target)
        scope = Scope(
            name=name_of(name) if name is not None else "",
            since=moment_of("since", since) or "",
            until=moment_of("until", until) or "",
        )
        begins = moment(scope.since, END_OF_TIME) if scope.since else ""
        return write_evidence(
            place,
            self._events(name=scope.name, until=scope.until),
            self._events(type="audit.checkpoint"),
            scope,
            is_exported=lambda event: event.at >= begins,
        )

    def _events(self, **wanted: str) -> Iterator[ChainedEvent]:
        token = ""
        while True:
            page = self._call(AUDIT_LOG, **wanted, limit=PAGE, page_token=token)
            yield from page.events
            token = page.next_page_token
            if not token:
                return
