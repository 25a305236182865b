"""Following a deployment while the server comes and goes."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from modelyard.cli import status
from modelyard.domain.wire import DeploymentRecord, Plan
from modelyard.errors import RemoteUnavailable, TimedOut


def record(state: str, *, live: bool = True) -> DeploymentRecord:
    """A deployment."""
    return DeploymentRecord(
        id="dp_1", name="fraud", environment="production", endpoint_id="ep_1", version="1.1.0", version_id="mv_1",
        base=None, base_id=None, strategy="direct", state=state, step=0, weight=0.0, plan=Plan(steps=[]), live=live,
    )  # fmt: skip


class Coming:
    """A registry that answers with what it is given, one after the other; the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def follow_deployment(self, deployment: str) -> DeploymentRecord:
        """Answer, or fail."""
        assert deployment == "dp_1"
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def looks(registry: Any, timeout: float | None = None) -> list[str]:
    """The states that are seen."""
    return [one.state for one in status._looks(registry, record("PENDING"), 0.001, timeout, Event())]


AWAY = RemoteUnavailable("http://host cannot be reached")


def test_a_server_that_is_started_anew_does_not_end_the_looking():
    coming = Coming(AWAY, record("STAGE"), AWAY, AWAY, record("SUCCEEDED", live=False))
    assert looks(coming) == ["STAGE", "SUCCEEDED"]


def test_a_server_that_stays_away_ends_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status, "AWAY_S", 0.02)
    with pytest.raises(RemoteUnavailable):
        looks(Coming(record("STAGE"), AWAY))
    with pytest.raises(TimedOut, match="still PENDING"):
        looks(Coming(AWAY), timeout=0.005)
