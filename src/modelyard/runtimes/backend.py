"""What runs a version: worker processes, a server elsewhere, or a provider of LLMs, behind one interface.

Rules
- A back end is started once, then probed, then used by many requests at once; it is closed after its last answer.
- `BackendLost` promises that nothing was answered and that asking again does no harm: the gateway tries another one.
- `InvalidInput` is the caller's mistake; every other error counts against the version.
- A stream raises its errors before its first piece, or ends early; then the caller's connection is cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from modelyard.domain.wire import FileRecord
from modelyard.errors import BackendLost

__all__ = [
    "CHAT",
    "INFER",
    "PREDICT",
    "Answer",
    "Backend",
    "BackendLost",
    "Call",
    "Probe",
    "Runnable",
    "Sizing",
    "Usage",
]

PREDICT, INFER, CHAT = "predict", "v2", "chat"
"""Protocols of a call: modelyard's own, the Open Inference Protocol, OpenAI's chat completions."""


@dataclass(frozen=True, kw_only=True)
class Runnable:
    """A version, with all that is needed to run it."""

    version_id: str
    name: str
    version: str
    flavour: str = ""
    files: tuple[FileRecord, ...] = ()
    provider: Mapping[str, Any] = field(default_factory=dict)
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    input_example: Any = None

    @property
    def reference(self) -> str:
        """How people name the version."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """How much of it runs; the fields are those of `wire.EndpointConfiguration`."""

    replicas: int = 1
    max_batch: int = 64
    batch_delay_ms: float = 0.0
    memory_mb: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One prediction that is asked for."""

    body: bytes
    """The JSON body, as the caller sent it."""
    protocol: str = PREDICT
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; never those that prove who the caller is."""
    timeout_s: float = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What an answer took of a provider; `cost` in the currency of the version's prices, None without prices."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back.

    `output` is JSON: the value of `output` for PREDICT, the whole answer for INFER (without model name and version) and
    CHAT.
    """

    output: bytes
    usage: Usage | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How one probe went."""

    ok: bool
    seconds: float
    detail: str = ""


class Backend(Protocol):
    """Runs one version. All methods belong to one event loop."""

    @property
    def runnable(self) -> Runnable:
        """What it runs."""
        ...

    @property
    def healthy(self) -> bool:
        """Whether it would take a call now."""
        ...

    async def start(self) -> None:
        """Load and warm up; raises what keeps it from serving."""
        ...

    async def probe(self) -> Probe:
        """Ask for one prediction of the stored input example, or for a sign of life where there is none."""
        ...

    async def predict(self, call: Call) -> Answer:
        """Answer a call.

        Raises:
            InvalidInput: the version cannot take this input.
            BackendLost: nothing was answered; another try may do better.
            Overloaded, TimedOut, PredictionFailed: as they say.
        """
        ...

    def stream(self, call: Call) -> AsyncIterator[bytes]:
        """Answer a call piece by piece, as the server-sent events of the call's protocol."""
        ...

    async def resize(self, sizing: Sizing) -> None:
        """Run more or less of it; answers under way are not lost."""
        ...

    async def close(self) -> None:
        """Finish what is under way, then end; harmless when repeated."""
        ...

    def describe(self) -> dict[str, Any]:
        """How it is, for people: kind, replicas, restarts, last error."""
        ...
