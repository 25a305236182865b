"""The feed of events: what happened, oldest first, so that a follower misses nothing; or newest first, to look back."""

from __future__ import annotations

from modelyard.domain.moments import moment
from modelyard.domain.names import person
from modelyard.domain.paging import MAX_LIMIT, UNBOUNDED, check_limit, check_sequence, number_of, token_after
from modelyard.domain.webhooks import event_patterns
from modelyard.domain.wire import EventPage, EventRecord
from modelyard.errors import InvalidRequest
from modelyard.metadata import feed
from modelyard.operations import LIST_EVENTS, ListEvents
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find, find_model


@serves(LIST_EVENTS)
def list_events(context: Context, request: ListEvents) -> EventPage:
    """Return a page of events: of one version, of one model, or of all that the caller may see.

    Raises:
        InvalidRequest: a pattern cannot match any type, the moment is none of the past, or more than `MAX_LIMIT` are
            wanted from the end.
    """
    limit = check_limit(request.limit)
    which = feed.Which(
        types=event_patterns(request.types),
        models=context.models,
        actor=person(request.actor, "an actor") if request.actor else "",
        until=moment(request.until, context.now) if request.until else "",
    )
    span = _span(request)
    one = request.name or request.reference
    found = (_of_line if one else _of_all)(context, request, which, span, limit + 1)
    token = token_after(found[limit - 1].sequence) if len(found) > limit else ""
    return EventPage(events=found[:limit], next_page_token=token)


def stand(yard: Yard) -> tuple[feed.Place, bool]:
    """Return the place of the last event that the feed shows, and whether it will show more by itself."""
    with yard.database.read() as tx:
        return feed.end(tx), feed.keeps_back(tx)


def keeps_back(yard: Yard) -> bool:
    """Tell whether the feed will show more by itself, because a transaction that ran has ended."""
    with yard.database.read() as tx:
        return feed.keeps_back(tx)


def _span(request: ListEvents) -> tuple[int, int | None]:
    """Return the sequences that the events lie between: the lower one, negative from the end, and the upper, if any."""
    after, token = check_sequence(request.after, "after"), number_of(request.page_token)
    if request.newest_first:
        if after < 0:
            raise InvalidRequest(
                f"after is {after} with newest_first, and both begin at the end", hint="limit says how many there are"
            )
        return after, token
    after = after if token is None else token
    if after < -MAX_LIMIT:
        raise InvalidRequest(f"after is {after}; the most that can be counted from the end are {MAX_LIMIT}")
    return after, None


def _of_line(
    context: Context, request: ListEvents, which: feed.Which, span: tuple[int, int | None], limit: int
) -> list[EventRecord]:
    """Return events of a model or a version, in the order of the model's chain."""
    line = feed.Line(
        version_id=find(context, request.reference).id if request.reference else "",
        model_id=find_model(context, request.name).id if request.name else "",
    )
    after, before = span
    if after < 0:
        after = feed.sequence_before_last(context.tx, -after, line, which)
    bounds = {"after": after, "before": UNBOUNDED if before is None else before}
    return feed.page_of_line(context.tx, line, which, **bounds, limit=limit, back=request.newest_first)


def _of_all(
    context: Context, request: ListEvents, which: feed.Which, span: tuple[int, int | None], limit: int
) -> list[EventRecord]:
    tx, (after, before) = context.tx, span
    begin = feed.place_of(tx, after) if after >= 0 else feed.place_before_last(tx, -after, which)
    end = None if before is None else feed.place_of(tx, before)
    return feed.page(tx, which, after=begin, before=end, limit=limit, back=request.newest_first)
