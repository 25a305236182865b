"""The feed of events: what happened, oldest first, so that a follower misses nothing and sees nothing twice."""

from __future__ import annotations

from modelyard.domain.paging import MAX_LIMIT, check_limit, check_sequence, number_of, token_after
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
        InvalidRequest: a pattern cannot match any type, or more than `MAX_LIMIT` are wanted from the end.
    """
    limit = check_limit(request.limit)
    after = number_of(request.page_token)
    after = check_sequence(request.after, "after") if after is None else after
    if after < -MAX_LIMIT:
        raise InvalidRequest(f"after is {after}; the most that can be counted from the end are {MAX_LIMIT}")
    types = event_patterns(request.types)
    one = request.name or request.reference
    found = (_of_line if one else _of_all)(context, request, types, after, limit + 1)
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


def _of_line(context: Context, request: ListEvents, types: list[str], after: int, limit: int) -> list[EventRecord]:
    """Return events of a model or a version, in the order of the model's chain."""
    version_id = find(context, request.reference).id if request.reference else ""
    model_id = find_model(context, request.name).id if request.name else ""
    if after < 0:
        after = feed.sequence_before_last(context.tx, -after, model_id=model_id, version_id=version_id, types=types)
    return feed.page_of_line(
        context.tx, after=after, limit=limit, model_id=model_id, version_id=version_id, types=types
    )


def _of_all(context: Context, _request: ListEvents, types: list[str], after: int, limit: int) -> list[EventRecord]:
    tx, models = context.tx, context.models
    place = feed.place_of(tx, after) if after >= 0 else feed.place_before_last(tx, -after, types=types, models=models)
    return feed.page(tx, after=place, limit=limit, types=types, models=models)
