"""Records of profiles and of drift: how values are spread, and how far they have moved."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDocument:
    """How the values of one feature are spread; see `modelyard.domain.profiles` for the bins."""

    level: int = 0
    """How coarse the bins of the numbers are."""
    bins: list[tuple[int, int]] = field(default_factory=list)
    """Pairs of a bin and its count, by bin."""
    categories: dict[str, int] = field(default_factory=dict)
    """Texts and truth values with their counts; a long text only as its hash."""
    other: int = 0
    """Values that are neither, or that were too many to be told apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileDocument:
    """What went into a model, and what came out: distributions, and no rows."""

    rows: int = 0
    """Rows of inputs; where a feature has fewer values than that, the rest is missing."""
    answers: int = 0
    """Rows of outputs."""
    inputs: dict[str, FeatureDocument] = field(default_factory=dict)
    outputs: dict[str, FeatureDocument] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceRecord:
    """The training reference of a version."""

    name: str
    version: str
    version_id: str
    rows: int
    answers: int
    features: list[str]
    outputs: list[str]
    digest: str
    """BLAKE3 of the profile, as the event tells it."""
    updated_at: str
    profile: ProfileDocument


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDrift:
    """How far one feature has moved."""

    feature: str
    role: str
    """`input` or `prediction`."""
    kind: str
    """`number`, `category`, or `mixed`."""
    drift: str
    """`none`, `slight`, `strong`, or `not_enough_data`."""
    psi: float | None
    """Population stability index; None where one side has no rows."""
    expected_psi: float | None
    """What it would be on average if nothing had moved: the noise of so few values."""
    noise_limit: float | None
    """What it would exceed once in a thousand times if nothing had moved."""
    ks: float | None
    """Largest distance between the two cumulative distributions of the numbers, in 0..1."""
    ks_p_value: float | None
    """How probable at least that distance is if nothing had moved."""
    baseline_rows: int
    rows: int
    baseline_missing: float | None
    """Share of rows without a value, in 0..1."""
    missing: float | None
    baseline_median: float | None
    median: float | None
    new_categories: dict[str, float] = field(default_factory=dict)
    """Categories that the baseline does not have, with their share of the rows; the commonest five."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReport:
    """How far the inputs and predictions of a version have moved, feature by feature, the furthest first."""

    name: str
    version: str
    version_id: str
    environment: str
    """Empty for all environments."""
    since: str
    until: str
    against: str
    """`reference`, the version that it is compared with, or empty where there is nothing to compare with."""
    drift: str
    """The worst of the features: `none`, `slight`, `strong`, or `not_enough_data`."""
    reason: str
    """The same in a sentence."""
    baseline_rows: int
    rows: int
    """Rows that were sampled, not all that were predicted."""
    features: list[FeatureDrift] = field(default_factory=list)
    only_in_baseline: list[str] = field(default_factory=list)
    """Features that never came, such as the label of the training data; they count for nothing."""
    only_live: list[str] = field(default_factory=list)
    """Features that the baseline does not know."""
