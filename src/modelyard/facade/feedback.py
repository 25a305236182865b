"""Feedback: telling how predictions went, and tests between versions that go by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelyard.domain import sample_size
from modelyard.domain.feedback import MOST_ITEMS, value_of
from modelyard.domain.wire import (
    AbResult,
    DeploymentRecord,
    FeedbackReceipt,
    FeedbackSummary,
    PredictionRecord,
    SampleAdvice,
)
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import name_of
from modelyard.facade.base import Base
from modelyard.facade.deployments import deployment_id
from modelyard.operations import AB_RESULT, FEEDBACK_SUMMARY, RECORD_FEEDBACK


class Feedback(Base):
    """The methods of `ModelRegistry` for feedback and tests between versions."""

    def feedback(
        self, prediction: str | PredictionRecord, metric: str, value: float | bool, *, at: str | None = None
    ) -> FeedbackReceipt:
        """Tell how a prediction went.

            answer = registry.predict("fraud", rows, key="user-17")
            registry.feedback(answer, "converted", True)

        The first value of a metric counts; telling the same again does no harm.

        Args:
            prediction: what `predict` returned, or its `prediction_id`.
            metric: what is told, such as "converted"; not what modelyard measures itself.
            value: a finite number, or whether it came true.
            at: when it happened, in ISO 8601; now where it is left out.

        Raises:
            PredictionNotFound: no prediction of this registry has this id.
            FeedbackDiffers: another value is recorded already.
        """
        given = {"metric": metric, "value": _plain(value), "at": at}
        return self._call(RECORD_FEEDBACK, prediction_id=_id_of(prediction), **given)

    def feedback_many(self, items: Iterable[Mapping[str, Any]]) -> FeedbackReceipt:
        """Tell how many predictions went: each item has prediction_id, metric, value, and `at` if not now.

        They are sent in parts of 1,000; each part is recorded as a whole, or not at all.

        Raises:
            PredictionNotFound, FeedbackDiffers: as in `feedback`; parts that were sent before stay recorded.
        """
        plain = [_item(item) for item in items]
        recorded = repeated = 0
        for start in range(0, len(plain), MOST_ITEMS):
            receipt = self._call(RECORD_FEEDBACK, items=plain[start : start + MOST_ITEMS])
            recorded, repeated = recorded + receipt.recorded, repeated + receipt.repeated
        return FeedbackReceipt(recorded=recorded, repeated=repeated)

    def feedback_summary(self, name: str, version: str | None = None) -> FeedbackSummary:
        """Return counts and means of a model's feedback, by version and metric; of one version if given."""
        return self._call(FEEDBACK_SUMMARY, name=name_of(name), version=version)

    def ab_result(self, deployment: str | DeploymentRecord) -> AbResult:
        """Return how a test between versions stands: who has won, or how far it is to that.

        Raises:
            DeploymentNotFound: there is no such deployment.
            InvalidRequest: it is no test.
        """
        return self._call(AB_RESULT, id=deployment_id(deployment))

    @staticmethod
    def advise_test(
        base_rate: float, effect: float, *, split: float = 0.5, alpha: float = 0.05, power: float = 0.8
    ) -> SampleAdvice:
        """Return how many units a test will take to find a difference of rates; see `modelyard abtest advise`.

        Args:
            base_rate: how often it happens now, in 0..1.
            effect: the smallest difference worth finding, such as 0.01; negative for a fall.
            split: the challenger's share of the units.
            alpha: the probability of a false decision.
            power: the probability with which the difference is found.
        """
        return sample_size.advise(base_rate, effect, split, alpha=alpha, power=power)


def _id_of(prediction: object) -> str:
    value = prediction.prediction_id if isinstance(prediction, PredictionRecord) else prediction
    if not isinstance(value, str) or not value:
        raise InvalidRequest(
            f"a prediction is named by its prediction_id, not by {value!r}", hint="pass what predict returned"
        )
    return value


def _item(given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{given!r} is no item of feedback", hint="give prediction_id, metric and value of each")
    return {**given, "value": _plain(given["value"])} if "value" in given else dict(given)


def _plain(value: Any) -> float | bool:
    """A value as JSON carries it; arrays' scalars become numbers."""
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, bool) else value_of(plain)
