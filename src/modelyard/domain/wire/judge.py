"""Records of the judge: how he shall judge, what he goes by, and what he says."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeOptions:
    """How a deployment is judged against the version that served before."""

    mode: str = "act"
    """`act` rolls back, `observe` only says what it would have done, `off` does not judge."""
    alpha: float = 0.05
    """Probability with which a version that is no worse is rolled back all the same, over the whole deployment."""
    metrics: list[str] = field(default_factory=lambda: ["errors", "latency", "tokens"])
    tolerate_errors: float = 1.0
    """How many times as many errors are no reason, 1 or more."""
    tolerate_latency: float = 0.0
    """How much slower is no reason: 0.1 for ten per cent."""
    fast_enough_s: float = 0.005
    """Latencies up to so many seconds are all alike: nobody is slower who stays below."""
    tolerate_tokens: float = 0.0
    """How many more tokens are no reason: 0.1 for ten per cent."""
    max_error_rate: float | None = None
    """A rate of errors, in 0..1, that the new version must not exceed, whatever the old one does."""
    require_proof: float | None = None
    """A step is left only with proof that the new version has not so many times as many errors, such as 2."""
    beta: float = 0.05
    """Probability with which a version that is just so many times worse is proven not to be."""

    @property
    def asks_proof(self) -> bool:
        """Whether a step waits for proof; one who only observes holds nothing up."""
        return self.mode == "act" and self.require_proof is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a judge goes by from the beginning of a deployment to its end."""

    base_id: str
    challengers: list[str]
    """Ids of the versions that are judged, the deployed one first."""
    options: JudgeOptions = field(default_factory=JudgeOptions)
    weights: dict[str, float] = field(default_factory=dict)
    """Metric → its share of the evidence; they add up to 1. `slo` is the limit of errors."""
    thresholds: dict[str, list[int]] = field(default_factory=dict)
    """Metric → bins that quantiles of the old version fell into before; a metric that is missing gets them from the
    first units, of whichever version they are."""
    hold_s: float = 30.0
    """Seconds that lots have to look wrong in a row before anybody believes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricEvidence:
    """What one metric has to say against a version."""

    metric: str
    """`errors`, `latency`, `tokens`, or `slo`."""
    e_value: float
    weight: float
    """Its share of the whole."""
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChallengerEvidence:
    """What is known of one version against the old one. Units are keys, or requests without a key."""

    version_id: str
    version: str = ""
    e_value: float = 1.0
    """The whole evidence that it is worse, now."""
    peak: float = 1.0
    """The most that it ever was: this is what decides."""
    metrics: list[MetricEvidence] = field(default_factory=list)
    proof: float = 1.0
    """Evidence that it is not so many times worse (`proof_ratio`)."""
    proof_ratio: float = 2.0
    units: int = 0
    base_units: int = 0
    failed: int = 0
    """Units with an error."""
    base_failed: int = 0
    harm: float = 0.0
    """Errors that were suffered beyond what the old version would have made: units x difference of the rates."""
    needed: int | None = None
    """About how many more units of the version a proof takes; None where nothing tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What the judge says, and on what evidence."""

    state: str = "PENDING"
    reason: str = ""
    alpha: float = 0.05
    limit: float = 20.0
    """The evidence at which a version is rolled back: challengers / alpha."""
    challengers: list[ChallengerEvidence] = field(default_factory=list)
    skew: float = 1.0
    """Evidence that lots are not drawn as the weights say."""
    void: str = ""
    """Why nothing follows from all this; empty where it does."""
    position: int = 0
    """How many batches of evidence it rests on."""
    dropped: int = 0
    """Requests that the evidence leaves out, because there were too many; all of them are counted elsewhere."""
    damaged: int = 0
    """Batches that could not be read, and count as none."""
