"""Records of feedback and of tests between versions: what came of predictions, how a test stands, what it will take."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackItem:
    """What an application says of one prediction: `value` is a finite number, or whether something came true."""

    prediction_id: str
    metric: str
    value: float | bool
    at: str = ""
    """When it happened; now where it is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackReceipt:
    """How much feedback was recorded, and how much had been before, with the same value."""

    recorded: int
    repeated: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackLine:
    """What was said of one version's predictions by one metric."""

    version: str
    version_id: str
    metric: str
    count: int
    mean: float
    least: float
    most: float
    first_at: str
    last_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackSummary:
    """Feedback by version and metric."""

    name: str
    lines: list[FeedbackLine] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class AbOptions:
    """What a test between versions decides by; fixed when it starts."""

    metric: str = "success"
    """`success`, `latency`, `cost`, `tokens`, or a metric that the application tells as feedback."""
    alpha: float = 0.05
    """Probability of any false decision, over the whole test and however often somebody looks."""
    higher_is_better: bool = True
    promote_winner: bool = False
    """Whether the test ends by itself as soon as there is a winner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AbTerms:
    """A test: its options, and who is compared with whom, by version id."""

    options: AbOptions
    reference: str
    challengers: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class AbArm:
    """What a test has seen of one version. Units are keys, or requests without a key."""

    version_id: str
    version: str = ""
    weight: float = 0.0
    units: int = 0
    mean: float | None = None
    """Mean of the metric, or the share of units in which it came true."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AbComparison:
    """One challenger against the reference."""

    version_id: str
    version: str = ""
    e_better: float = 1.0
    """Evidence that it is better: a version that is not would ever get so far in one of E tests at most."""
    e_worse: float = 1.0
    verdict: str = ""
    """`better` or `worse`, once that is decided; it stays."""
    effect: float | None = None
    """Mean of the challenger less mean of the reference."""
    low: float | None = None
    high: float | None = None
    """Where the effect lies, at any time, approximately: an asymptotic confidence sequence at 1 - alpha, for the eye.
    What decides is the evidence."""
    needed: int | None = None
    """About how many more units of the two it takes if the difference stays as it is; None where nothing tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AbStanding:
    """How a test stands, by version id."""

    kind: str = ""
    """`binary` or `numeric`; empty until that is known."""
    units: int = 0
    arms: list[AbArm] = field(default_factory=list)
    comparisons: list[AbComparison] = field(default_factory=list)
    limit: float = 0.0
    """The evidence that decides: 2 x challengers / alpha."""
    winner: str = ""
    """Id of the version that won; empty while nobody has."""
    decided_at: int = 0
    """After how many units that was decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AbResult:
    """How the test of a deployment stands."""

    deployment_id: str
    name: str
    environment: str
    state: str
    """Of the deployment."""
    options: AbOptions
    reference: str
    """The version that the others are compared with."""
    winner: str = ""
    """The version that won; empty while nobody has."""
    said: str = ""
    """All this in words."""
    standing: AbStanding = field(default_factory=AbStanding)


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleAdvice:
    """How many units a test will take until it finds a difference of a size with a probability (`power`)."""

    base_rate: float
    effect: float
    """The smallest difference of the rates that shall be found."""
    split: float
    """The challenger's share of the units of both."""
    alpha: float
    power: float
    units: int
    """Of both together."""
    challenger_units: int
    reference_units: int
