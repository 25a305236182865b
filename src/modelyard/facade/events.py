"""Reading the events of a registry: what happened, and what happens."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime

from modelyard.domain.wire import EventRecord
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import build, moment_of, name_of, texts_of
from modelyard.facade.base import PAGE, Base
from modelyard.operations import LIST_EVENTS, ListEvents


class Events(Base):
    """The methods of `ModelRegistry` that read the feed of events."""

    def events(
        self,
        *,
        after: int = 0,
        types: Sequence[str] | None = None,
        name: str | None = None,
        actor: str | None = None,
        until: str | date | datetime | None = None,
        newest_first: bool = False,
    ) -> Iterator[EventRecord]:
        """Yield what happened, the oldest first unless said otherwise, until there is no more.

        Whoever keeps the `sequence` of the last event and passes it as `after` next time misses nothing and gets
        nothing twice. Sequences have gaps, and on PostgreSQL their order is not quite the order of the feed.

        Args:
            after: the sequence of the last event that was seen; negative for the last so many events.
            types: only events of these types, such as "version.registered" or "version.*".
            name: only events of this model.
            actor: only what somebody of this name did.
            until: only up to a moment, itself included: ISO 8601, a date (its beginning, in UTC), or a datetime with a
                time zone.
            newest_first: from the newest back, down to the one behind `after`.
        """
        wanted = self._wanted(after, types, name, actor)
        given = {"until": moment_of("until", until) or "", "newest_first": newest_first}
        return self._pages(build(ListEvents, {**asdict(wanted), **given}))

    def follow_events(
        self,
        *,
        after: int | None = None,
        types: Sequence[str] | None = None,
        name: str | None = None,
        actor: str | None = None,
    ) -> Generator[EventRecord]:
        """Yield events as they happen, for ever; the arguments are those of `events`.

        Args:
            after: where to begin; from now on where it is left out.
            types: only events of these types.
            name: only events of this model.
            actor: only what somebody of this name does.

        Raises:
            RemoteUnavailable: the server has been out of reach for a minute.
        """
        wanted = self._wanted(-1 if after is None else after, types, name, actor)
        if wanted.after < 0:
            # Where it begins is found out now, and not when the first event is asked for.
            back = wanted.after if after is None else wanted.after - 1
            newest = list(self._pages(replace(wanted, after=back)))
            whole = len(newest) == -back
            begin = newest[-1 if after is None else 0].sequence if newest and (after is None or whole) else 0
            wanted = replace(wanted, after=begin)
        return self._caller.follow(wanted)

    def _pages(self, wanted: ListEvents) -> Iterator[EventRecord]:
        token = ""
        while True:
            page = self._caller.call(LIST_EVENTS, replace(wanted, limit=PAGE, page_token=token))
            yield from page.events
            token = page.next_page_token
            if not token:
                return

    @staticmethod
    def _wanted(after: object, types: Sequence[str] | None, name: str | None, actor: str | None) -> ListEvents:
        if isinstance(after, bool) or not isinstance(after, int):
            raise InvalidRequest(f"after is {after!r}, not the sequence of an event")
        model = None if name is None else name_of(name)
        return build(ListEvents, {"after": after, "types": texts_of("types", types), "name": model, "actor": actor})
