"""What became of each entry of a command that does many things: `bulk-register` and `import`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import click

from modelyard.cli.lazy import tables
from modelyard.cli.session import Session
from modelyard.errors import BY_CODE, ModelyardError

DONE, THERE, PLANNED, PART, FAILED, INVALID, UNTRIED = (
    "registered",
    "already there",
    "would register",
    "in part",
    "failed",
    "invalid",
    "not tried",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One entry: what it is about, what became of it, and why; `code` is the error's code where there was one."""

    entry: int
    version: str
    outcome: str
    detail: str = ""
    id: str = ""
    code: str = ""


@dataclass(kw_only=True)
class Outcomes:
    """The outcomes so far."""

    rows: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> Outcome:
        """Note one more outcome, and return it."""
        self.rows.append(outcome)
        return outcome

    def attempt(self, entry: int, version: str, act: Callable[[], Outcome]) -> Outcome:
        """Note what an action returns, or the failure that it raises."""
        try:
            return self.add(act())
        except ModelyardError as error:
            failed = Outcome(entry=entry, version=version, outcome=FAILED, detail=str(error), code=error.code)
            return self.add(failed)

    @property
    def exit_code(self) -> int:
        """The exit code of the first failure; 0 where everything is done."""
        codes = (BY_CODE[row.code].exit_code if row.code in BY_CODE else 1 for row in self._bad())
        return next(codes, 0)

    def finish(self, ctx: click.Context, session: Session) -> None:
        """Print the outcomes and a line that counts them, and end the command with its exit code."""
        rows = [(row.entry, row.version, row.outcome, row.detail) for row in self.rows]
        session.emit(
            self.rows,
            lambda: tables.table(("#", "VERSION", "OUTCOME", "DETAIL"), rows, right=("#",), empty="nothing to do"),
        )
        session.note(self.summary())
        ctx.exit(self.exit_code)

    def summary(self) -> str:
        """Return how many entries came to which outcome, in words."""
        words = dict.fromkeys(row.outcome for row in self.rows)
        return ", ".join(f"{sum(row.outcome == word for row in self.rows)} {word}" for word in words)

    def _bad(self) -> list[Outcome]:
        return [row for row in self.rows if row.outcome in {FAILED, INVALID, PART}]
