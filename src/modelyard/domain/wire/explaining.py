"""Records of an explanation: what was judged of a deployment, how it came about, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain.wire.judge import Judgement


@dataclass(frozen=True, kw_only=True, slots=True)
class ChallengerCourse:
    """How one version stood against the old one after a batch of evidence."""

    version_id: str
    version: str
    weight: float
    """Its share of what both have of the traffic, in 0..1."""
    units: int
    base_units: int
    failed: int
    base_failed: int
    e_value: float
    """The whole evidence that it is worse, then."""
    peak: float
    """The most that it was until then."""
    proof: float
    """Evidence that it is not so many times worse."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Metric → its evidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CoursePoint:
    """How a trial stood after a batch of evidence."""

    at: str
    """When the batch was made."""
    position: int
    """The batch's place in the log, from 1."""
    challengers: list[ChallengerCourse]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What the judge says of a deployment, computed again from his log, and in words."""

    id: str
    name: str
    environment: str
    version: str
    base: str | None = None
    strategy: str = ""
    state: str = ""
    words: list[str] = field(default_factory=list)
    """Sentences that tell what was found, and what followed from it."""
    judgement: Judgement | None = None
    """What stands; None where nobody judged."""
    replayed: bool | None = None
    """Whether the log gives the same again, to the last bit; None where it was not computed again."""
    course: list[CoursePoint] = field(default_factory=list)
    """At most 200 moments, for plots; empty where it was not computed again."""
    batches: int = 0
    """Batches of the log that are still there."""
    units: int = 0
    """Units in them."""
