"""What `forwards send` runs: the sender of a server, in this process."""

from __future__ import annotations

import threading
from contextlib import closing

from modelyard.bootstrap import open_yard
from modelyard.config import Settings
from modelyard.errors import InvalidConfig
from modelyard.metadata.changes import ChangeWatch
from modelyard.watch.forwarding.sender import Forwarder


def forward(settings: Settings, *, once: bool, interrupted: threading.Event) -> dict[str, int]:
    """Send what is due, once or until somebody interrupts; return how many attempts ended well and how many did not.

    Raises:
        InvalidConfig: nothing is to be sent anywhere.
    """
    yard = open_yard(settings, expose_paths=False)
    with closing(yard.database), closing(ChangeWatch(yard.database)) as watch:
        if not yard.forwards:
            raise InvalidConfig(
                "versions are sent on to nothing: neither mlflow.enabled nor wandb.enabled is on",
                hint="set one of them in registry_config.yaml",
            )
        with Forwarder(yard, settings, changes=watch.count) as forwarder:
            if once:
                forwarder.drain()
            else:
                forwarder.start()
                interrupted.wait()
        return {"sent": forwarder.sent, "failed": forwarder.failed}
