"""The errors of delivery: deploying, predicting, rolling back. The tree is drawn in the package."""

from __future__ import annotations

from modelyard.errors.registry import Conflict, InvalidRequest, ModelyardError, NotFound


class InvalidInput(InvalidRequest):
    """The model cannot take this input: wrong names, shapes or types."""

    code = "invalid_input"
    default_hint = "send what the version's input schema says"


class EndpointNotFound(NotFound):
    """Nothing was ever deployed to the model in this environment."""

    code = "endpoint_not_found"
    default_hint = "deploy a version: modelyard deploy MODEL VERSION"


class DeploymentNotFound(NotFound):
    """No deployment has this id."""

    code = "deployment_not_found"
    default_hint = "list them: modelyard status"


class SnapshotNotFound(NotFound):
    """No snapshot has this id, or the endpoint has none to go back to."""

    code = "snapshot_not_found"
    default_hint = "list them: modelyard snapshot list MODEL"


class PredictionNotFound(NotFound):
    """No prediction of this registry has this id."""

    code = "prediction_not_found"
    default_hint = "send the prediction_id of an answer as it came; x-modelyard-prediction tells it too"


class AlertNotFound(NotFound):
    """No alert, rule, silence or channel is called so."""

    code = "alert_not_found"
    default_hint = "list them: modelyard alerts"


class ProfileNotFound(NotFound):
    """The version has no training reference."""

    code = "profile_not_found"
    default_hint = "set one: modelyard reference MODEL VERSION train.csv"


class DeploymentLive(Conflict):
    """The endpoint has a live deployment, and has one at a time."""

    code = "deployment_live"
    default_hint = "wait for it, abort it, or deploy with supersede"


class DeploymentClosed(Conflict):
    """The deployment has ended, or its state does not allow what was asked."""

    code = "deployment_closed"
    default_hint = "look at its state: modelyard status ID"


class NotDeployable(Conflict):
    """The version cannot serve: it is deprecated, its files do not verify, or there is nothing to run."""

    code = "not_deployable"


class FeedbackDiffers(Conflict):
    """Another value is recorded for this metric of the prediction already, and the first one counts."""

    code = "feedback_differs"
    default_hint = "send what becomes known later as another metric"


class LeaseLost(Conflict):
    """Another process controls the deployments by now; it does what was to be done."""

    code = "lease_lost"


class Overloaded(ModelyardError):
    """More requests wait for the endpoint than it takes."""

    code = "overloaded"
    status = 429
    default_hint = "repeat the request after the seconds of Retry-After"


class NotServing(ModelyardError):
    """Nothing healthy serves the endpoint right now."""

    code = "not_serving"
    status = 503
    default_hint = "repeat the request; `modelyard status MODEL` tells what is wrong"


class BackendLost(NotServing):
    """The back end went away before it answered anything; asking again does no harm."""

    code = "backend_lost"


class PredictionFailed(ModelyardError):
    """The model raised an error, or the provider behind it failed."""

    code = "prediction_failed"
    status = 502
