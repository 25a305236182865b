"""Puts what channels are told into their queues, in the transaction of the change that they are told of.

Rules
- A message that waits, and that no sender has in hand, takes up further alerts of its group; so many alerts at once are
  one message. One that was tried already does, too: what is sent in the end is how things stand then.
- A message takes up as many alerts as its kind of channel can send in one attempt; the next one begins another
  message of the same line. None is left out: an incident that was opened has to be closed.
- A new message waits for `group_wait_s` of its channel.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.domain.alert_checks import MOST_NOTICES
from modelyard.domain.alerts import gathered, group_of
from modelyard.domain.durations import later
from modelyard.domain.wire import AlertNotice
from modelyard.metadata import channels
from modelyard.registry.context import Context


def tell(context: Context, channel_ids: Sequence[str], notice: AlertNotice) -> None:
    """Queue a notice for some channels; one that was deleted meanwhile is left out."""
    by_id = {row.id: channels.channel_of(row) for row in channels.every(context.tx)} if channel_ids else {}
    for channel_id in channel_ids:
        channel = by_id.get(channel_id)
        if channel is None:
            continue
        group = group_of(notice, channel.group_by)
        present = channels.open_message(context.tx, channel_id, group)
        if present is not None:
            notices = gathered(channels.notices_of(present), notice)
            fits = len(notices) <= MOST_NOTICES[channel.kind]
            if fits and channels.take_up(context.tx, present.id, notices, context.now):
                continue
        due = later(context.now, channel.group_wait_s)
        message = context.yard.new_id("no")
        channels.queue(context.tx, message, channel_id, group, [notice], due_at=due, at=context.now)
