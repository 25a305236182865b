"""Every error that modelyard raises, in one tree.

Each class has a stable `code` (programs match on it), an HTTP `status`, a command-line `exit_code` and a default
`hint` (what to do next). The same class is raised by an embedded registry and by a remote one: the server sends `code`,
`detail`, `hint` and `details`, and the client finds the class again by its code.

    ModelyardError
    ├── InvalidRequest (ValueError)      400  what was asked cannot be right, whatever the state
    │   ├── InvalidName
    │   ├── InvalidVersion
    │   ├── InvalidReference
    │   ├── InvalidMetric
    │   ├── InvalidMetadata
    │   ├── InvalidStage
    │   ├── InvalidArtifact              empty, missing, escaping its folder, not a regular file
    │   ├── InvalidConfig
    │   ├── InvalidInput                 the model cannot take this input
    │   └── TooLarge                     413
    ├── Unauthenticated                  401
    ├── PermissionDenied                 403
    │   └── SelfApproval                 who asks for a promotion, or made the version, does not approve it
    ├── NotFound (LookupError)           404
    │   ├── ModelNotFound
    │   ├── VersionNotFound
    │   ├── AliasNotFound
    │   ├── PromotionNotFound
    │   ├── PrincipalNotFound            a user or a token
    │   ├── WebhookNotFound
    │   ├── ForwardNotFound              no version was queued for another system under this number
    │   ├── ArtifactNotFound             the version has no such file, or no file at all
    │   ├── EndpointNotFound             nothing was ever deployed there
    │   ├── DeploymentNotFound
    │   ├── SnapshotNotFound
    │   ├── AlertNotFound                an alert, a rule, a silence or a channel
    │   ├── PredictionNotFound           no prediction of this registry has this id
    │   └── ProfileNotFound              the version has no training reference
    ├── Conflict                         409  right in itself, but not in this state
    │   ├── ModelExists
    │   ├── VersionExists
    │   ├── InvalidTransition (ValueError)
    │   ├── InUse                        `details["holders"]` lists who holds it
    │   ├── PromotionClosed              it was applied, rejected, withdrawn or has expired
    │   ├── DeploymentLive               the endpoint has a live deployment; `details["deployment"]` names it
    │   ├── DeploymentClosed             it has ended, or its state does not allow that
    │   ├── NotDeployable                the version cannot serve: deprecated, unverified, nothing to run
    │   ├── FeedbackDiffers              another value of this metric is recorded for the prediction
    │   ├── SecretsLocked                no key that is here seals or opens the secrets of webhooks
    │   ├── LeaseLost                    another process controls the deployments by now
    │   ├── IdempotencyConflict          the same key with another request
    │   └── PreconditionFailed           412  it moved since the caller looked
    ├── GateRefused (ValueError)         422  `details["verdicts"]` lists each requirement
    │   ├── ApprovalRequired             the move waits for people; ask with `request_promotion`
    │   └── BreakingChange               the version number promises more than the signature keeps
    ├── IntegrityError (ValueError)      500  bytes do not match their digest
    ├── RegistryUnusable                 503  the place where the registry lives cannot serve
    │   ├── DatabaseUnavailable
    │   ├── RegistryCorrupt
    │   ├── RegistryTooNew               written by a newer modelyard
    │   ├── RegistryReadOnly
    │   └── StorageFull                  507
    ├── RemoteUnavailable                503  the server could not be reached, or did not answer as one
    ├── Overloaded                       429  the queue is full; `details["retry_after"]` in seconds
    ├── NotServing                       503  nothing healthy serves the endpoint right now
    │   └── BackendLost                  the back end went away before it answered
    ├── PredictionFailed                 502  the model or the provider failed
    ├── TimedOut                         504
    └── MissingExtra (ImportError)       501  an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.errors.delivery import *  # noqa: F403 - the tree is all classes of its modules
from modelyard.errors.registry import *  # noqa: F403 - the tree is all classes of its modules
from modelyard.errors.registry import ModelyardError


def walk(root: type[ModelyardError] = ModelyardError) -> Iterator[type[ModelyardError]]:
    """Yield every class of the tree, the root first."""
    yield root
    for child in root.__subclasses__():
        yield from walk(child)


BY_CODE: dict[str, type[ModelyardError]] = {error.code: error for error in walk()}
