"""Feedback: what the application says of a prediction later, and tests between versions that go by it.

Rules
- The name of a prediction says by itself where it came from; one that this registry never gave is not found.
- Feedback is told under the model's lock. So what counts in a test comes in one order, and nothing comes into it that
  is told after it has ended; it is kept for the version all the same.
- All of a request is recorded, or nothing. It is no event: like what predictions did, it is measured and not decided.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.delivery.deployments import find_deployment
from modelyard.domain import deployment as states
from modelyard.domain import feedback as rules
from modelyard.domain.prediction_ids import Origin, origin_of
from modelyard.domain.wire import AbResult, FeedbackItem, FeedbackLine, FeedbackReceipt, FeedbackSummary
from modelyard.errors import FeedbackDiffers, InvalidRequest, PredictionNotFound
from modelyard.metadata import deployments, endpoints, feedback, models, secrets
from modelyard.operations import (
    AB_RESULT,
    FEEDBACK_SUMMARY,
    RECORD_FEEDBACK,
    NamedDeployment,
    RecordFeedback,
    SummariseFeedback,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find_model, find_within
from modelyard.watch.abtests import result_of


@serves(RECORD_FEEDBACK)
def record_feedback(context: Context, request: RecordFeedback) -> FeedbackReceipt:
    """Record what became known of predictions.

    Raises:
        PredictionNotFound: an id is none that this registry gave, or its model is gone.
        FeedbackDiffers: another value is recorded for a metric of a prediction already.
    """
    single = {"prediction_id": request.prediction_id, "metric": request.metric, "value": request.value}
    items = rules.items_of({**single, "at": request.at}, request.items, context.now)
    secret = secrets.secret(context.tx, secrets.PREDICTIONS)
    origins = [origin_of(secret, item.prediction_id) for item in items]
    served = _endpoints(context, origins)
    for model_id in sorted({row.model_id for row in served.values()}):
        models.lock_by_id(context.tx, model_id)
    tests = {name: _test_of(context, name) for name in served}
    before = feedback.of_predictions(context.tx, [item.prediction_id for item in items])
    rows: list[dict[str, Any]] = []
    for item, origin in zip(items, origins, strict=True):
        key, value = (item.prediction_id, item.metric), float(item.value)
        if key not in before:
            rows.append(_row(context, item, origin, tests[origin.endpoint_id]))
        elif before[key] != value:
            raise FeedbackDiffers(
                f"{item.metric} of the prediction {item.prediction_id} is {before[key]:g}, and cannot become {value:g}",
                details={"prediction_id": item.prediction_id, "metric": item.metric, "value": before[key]},
            )
        before[key] = value
    _refuse_too_many(context, rows)
    feedback.add(context.tx, rows)
    return FeedbackReceipt(recorded=len(rows), repeated=len(items) - len(rows))


@serves(FEEDBACK_SUMMARY)
def summarise(context: Context, request: SummariseFeedback) -> FeedbackSummary:
    """Return counts and means of feedback, by version and metric."""
    model = find_model(context, request.name)
    version_id = find_within(context, model.name, request.version).id if request.version else ""
    rows = feedback.summary(context.tx, model_id=model.id, version_id=version_id)
    return FeedbackSummary(name=model.name, lines=[FeedbackLine(**row._asdict()) for row in rows])


@serves(AB_RESULT)
def ab_result(context: Context, request: NamedDeployment) -> AbResult:
    """Return how a test between versions stands.

    Raises:
        InvalidRequest: the deployment is none.
    """
    found = deployments.record(find_deployment(context, request.id))
    if not states.is_test(found):
        raise InvalidRequest(
            f"{found.id} is no test between versions", hint="deploy with the strategy ab to compare versions"
        )
    return result_of(context.tx, found)


def _endpoints(context: Context, origins: list[Origin]) -> dict[str, Row[Any]]:
    """The endpoints that predictions came from, where who asks may say anything of them."""
    found: dict[str, Row[Any]] = {}
    for origin in origins:
        if origin.endpoint_id in found:
            continue
        row = endpoints.by_id(context.tx, origin.endpoint_id)
        if row is None or row.live_name is None or not context.sees(row.name):
            raise PredictionNotFound("the model of a prediction is gone", hint="there is nothing left to tell it to")
        context.require(context.permission, row.name)
        found[origin.endpoint_id] = row
    return found


def _test_of(context: Context, endpoint_id: str) -> str:
    """The deployment that draws lots at an endpoint now; empty where none does."""
    row = deployments.live_of(context.tx, endpoint_id)
    return row.id if row is not None and row.state in states.WITH_TRAFFIC else ""


def _row(context: Context, item: FeedbackItem, origin: Origin, test: str) -> dict[str, Any]:
    return {
        "prediction_id": item.prediction_id,
        "metric": item.metric,
        "endpoint_id": origin.endpoint_id,
        "deployment_id": test if test == origin.deployment_id else "",
        "version_id": origin.version_id,
        "epoch": origin.epoch,
        "key_hash": f"{origin.key:016x}",
        "value": float(item.value),
        "at": item.at,
        "recorded_at": context.now,
    }


def _refuse_too_many(context: Context, rows: list[dict[str, Any]]) -> None:
    """Refuse metrics beyond those that a version may have: each makes a table, and a page, longer."""
    named = {(row["version_id"], row["metric"]) for row in rows}
    new = [pair for pair in sorted(named) if not feedback.has_metric(context.tx, *pair)]
    for version_id in {name for name, _ in new}:
        count = len(feedback.metrics(context.tx, version_id)) + sum(name == version_id for name, _ in new)
        if count > rules.MOST_METRICS:
            raise InvalidRequest(
                f"the version {version_id} would have feedback by {count} metrics",
                hint=f"{rules.MOST_METRICS} are the most; a metric's name tells what is measured, not of whom",
            )
