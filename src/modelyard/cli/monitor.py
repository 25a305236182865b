"""`monitor`: the registry's numbers and newest events, again and again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import click

from modelyard.cli.interrupts import interruptible
from modelyard.cli.lazy import drawing, tables
from modelyard.cli.session import Session, pass_session, write_json_line
from modelyard.cli.shape import command
from modelyard.domain.paging import token_after
from modelyard.domain.wire import EventRecord, Stats
from modelyard.facade.caller import Caller
from modelyard.operations import LIST_EVENTS, STATS, Empty, ListEvents

NEWEST = 10
"""Events that are shown."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """The registry at one moment: its numbers, and the events since the look before."""

    at: str
    stats: Stats
    events: list[EventRecord]


@command(
    "monitor",
    "modelyard monitor --interval 30",
    "modelyard monitor --once",
    "modelyard monitor --interval 5 --count 12 --output json",
)
@click.option(
    "--interval", type=click.FloatRange(min=0, min_open=True), default=5.0, show_default=True, metavar="SECONDS",
    help="Time between two looks.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Look once and end.")
@click.option("--count", "looks", type=click.IntRange(min=1), metavar="N", help="Look so many times and end.")
@pass_session
def monitor(session: Session, /, interval: float, looks: int | None, *, once: bool) -> None:
    """Follow the registry's numbers and newest events.

    Until Ctrl-C. On a terminal a table that renews itself; in a pipe, or with --output json, one line of JSON for each
    look.
    """
    with interruptible() as interrupted:
        show(session, watch(session.caller(), interval, 1 if once else looks, interrupted), once=once)


def show(session: Session, seen: Iterator[Look], *, once: bool) -> None:
    """Write one look after another in the form that the session asks for."""
    newest: deque[EventRecord] = deque(maxlen=NEWEST)
    if session.output == "table" and drawing.on_terminal():
        with drawing.Screen() as screen:
            for look in seen:
                newest.extend(look.events)
                screen.draw(drawing.picture(look.at, look.stats, list(newest)))
    elif session.output == "table" and once:
        look = next(seen)
        tables.render(drawing.picture(look.at, look.stats, look.events[-NEWEST:]))
    else:
        for look in seen:
            write_json_line(look)


def watch(caller: Caller, interval: float, looks: int | None, interrupted: threading.Event) -> Iterator[Look]:
    """Yield one look after another, the first at once; for ever where `looks` is None.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    last: int | None = None
    due = time.monotonic()
    for number in count(1):
        stats = caller.call(STATS, Empty())
        # Sequence numbers may have gaps but never run behind the count, so this misses none of the newest events.
        events = list(_events_after(caller, max(0, stats.total_events - NEWEST) if last is None else last))
        last = events[-1].sequence if events else last or 0
        yield Look(at=datetime.now(UTC).isoformat(timespec="seconds"), stats=stats, events=events)
        if number == looks:
            return
        due += interval
        if interrupted.wait(max(0.0, due - time.monotonic())):
            raise KeyboardInterrupt


def _events_after(caller: Caller, sequence: int) -> Iterator[EventRecord]:
    token = token_after(sequence)
    while token:
        page = caller.call(LIST_EVENTS, ListEvents(page_token=token))
        yield from page.events
        token = page.next_page_token
