"""An engine that plays what versions do, for tests of what is decided; the real one is tested with real workers."""

from __future__ import annotations

from collections.abc import Collection

from modelyard.domain.wire import EndpointConfiguration
from modelyard.errors import PredictionFailed


class PlayedEngine:
    """Answers probes as it is told.

    Attributes:
        broken: ids of versions that cannot be started.
        dead: ids of versions that run and answer no probe.
        started: ids of versions in the order in which they were started.
        behind: whether this process lags behind the routes.
        trouble: why it cannot serve them.
    """

    def __init__(self, *, broken: Collection[str] = (), dead: Collection[str] = ()) -> None:
        self.broken, self.dead = set(broken), set(dead)
        self.started: list[str] = []
        self.behind = False
        self.trouble = ""

    def preflight(
        self, version_id: str, configuration: EndpointConfiguration, probes: int
    ) -> list[tuple[bool, float, str]]:
        """Start a version, and probe it."""
        if version_id in self.broken:
            raise PredictionFailed("its file is no model")
        self.started.append(version_id)
        return [self._probe(version_id)] * probes

    def probe(self, version_id: str) -> tuple[bool, float, str] | None:
        """Probe a version that was started."""
        return self._probe(version_id)

    def applied(self, endpoint_id: str) -> int | None:
        """Every epoch at once, unless it lags behind."""
        return 0 if self.behind else None

    def fault(self, endpoint_id: str) -> str:
        """Why the endpoint cannot be served."""
        return self.trouble

    def _probe(self, version_id: str) -> tuple[bool, float, str]:
        return (False, 0.01, "no answer") if version_id in self.dead else (True, 0.01, "")
