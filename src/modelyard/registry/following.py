"""Following the feed of events in this process."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from modelyard.domain.permissions import Principal
from modelyard.domain.wire import EventRecord
from modelyard.metadata.changes import ChangeWatch
from modelyard.operations import LIST_EVENTS, ListEvents
from modelyard.registry.context import Yard
from modelyard.registry.dispatch import perform
from modelyard.registry.feed import keeps_back

PAGE = 500
TICK_S = 0.1
"""How often the database is asked whether it has changed."""


def follow(yard: Yard, request: ListEvents, principal: Principal) -> Generator[EventRecord]:
    """Yield what happens behind `request.after`, and wait for more at the end; it never ends by itself."""
    request = replace(request, limit=PAGE, page_token="")
    seen, kept_back = -1, False
    with closing(ChangeWatch(yard.database)) as watch:
        while True:
            state = watch.count()
            if state == seen and not kept_back:
                time.sleep(TICK_S)
                continue
            kept_back = keeps_back(yard)
            page = perform(yard, LIST_EVENTS, request, principal=principal)
            yield from page.events
            if page.events:
                request = replace(request, after=page.events[-1].sequence)
            if page.next_page_token:
                continue
            seen = state
            if kept_back:
                time.sleep(TICK_S)
