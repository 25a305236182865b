"""What `webhook deliver` and `alert send` run: the senders of a server, in this process."""

from __future__ import annotations

import threading
from contextlib import closing

from modelyard.bootstrap import open_yard
from modelyard.config import Settings
from modelyard.metadata.changes import ChangeWatch
from modelyard.outside.outbound import outside_of
from modelyard.server.dispatcher import Dispatcher
from modelyard.watch.sending import Notifier


def deliver(settings: Settings, *, once: bool, interrupted: threading.Event) -> dict[str, int]:
    """Send what is due, once or until somebody interrupts; return how many attempts ended well and how many did not."""
    yard = open_yard(settings, expose_paths=False)
    with closing(yard.database), closing(ChangeWatch(yard.database)) as watch:
        with Dispatcher(yard, settings, changes=watch.count) as dispatcher:
            if once:
                dispatcher.drain()
            else:
                dispatcher.start()
                interrupted.wait()
        return {"delivered": dispatcher.delivered, "failed": dispatcher.failed}


def notify(settings: Settings, *, once: bool, interrupted: threading.Event) -> dict[str, int]:
    """Send the messages of alerts that are due; arguments and answer as in `deliver`."""
    yard = open_yard(settings, expose_paths=False)
    with (
        closing(yard.database),
        closing(ChangeWatch(yard.database)) as watch,
        closing(outside_of(settings)) as outside,
    ):
        with Notifier(yard, settings, outside, changes=watch.count) as notifier:
            if once:
                notifier.drain()
            else:
                notifier.start()
                interrupted.wait()
        return {"sent": notifier.sent, "failed": notifier.failed}
