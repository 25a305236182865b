"""The root of the errors, those of the registry, and those of all parts; the tree is drawn in the package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ModelyardError(Exception):
    """The root of all errors that modelyard raises on purpose.

    Args:
        message: what was wrong, in one sentence that names the value.
        hint: the next step; the class's own hint where it is left out.
        details: facts for programs (holders, verdicts, line numbers), JSON values only.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidRequest(ModelyardError, ValueError):
    """What was asked cannot be right, whatever the state of the registry."""

    code = "invalid_request"
    status = 400
    exit_code = 2


class InvalidName(InvalidRequest):
    """A model, alias or tag name breaks the grammar of names."""

    code = "invalid_name"
    default_hint = "use letters, digits, spaces and _ - . in names, 1 to 250 characters"


class InvalidVersion(InvalidRequest):
    """A text is not a semantic version or not a range of versions."""

    code = "invalid_version"
    default_hint = "versions look like 1.4.2, 2.0.0-rc.1 or 1.0.0+build.5 (semver.org)"


class InvalidReference(InvalidRequest):
    """A text does not name a version."""

    code = "invalid_reference"
    default_hint = "name a version as model@alias, model/3, model/1.4.2, model/^1.4, model/production, or by its id"


class InvalidMetric(InvalidRequest):
    """A metric is not a finite number, or its name is not usable."""

    code = "invalid_metric"
    default_hint = "metrics are finite numbers by name, such as {'accuracy': 0.93}"


class InvalidMetadata(InvalidRequest):
    """A tag, schema or other metadata value cannot be stored."""

    code = "invalid_metadata"


class InvalidStage(InvalidRequest):
    """No stage of the stage graph has this name."""

    code = "invalid_stage"


class InvalidArtifact(InvalidRequest):
    """The files offered cannot become a version."""

    code = "invalid_artifact"


class InvalidConfig(InvalidRequest):
    """A setting is unknown or has an impossible value."""

    code = "invalid_config"


class TooLarge(InvalidRequest):
    """A value or an upload is over its limit."""

    code = "too_large"
    status = 413


class Unauthenticated(ModelyardError):
    """The caller did not prove who it is."""

    code = "unauthenticated"
    status = 401
    exit_code = 4


class PermissionDenied(ModelyardError):
    """The caller is known and may not do this."""

    code = "permission_denied"
    status = 403
    exit_code = 4


class SelfApproval(PermissionDenied):
    """Who asked for a promotion, or made the version, may not be the one who approves it."""

    code = "self_approval"
    default_hint = "ask somebody else to approve it"


class NotFound(ModelyardError, LookupError):
    """What was named does not exist."""

    code = "not_found"
    status = 404
    exit_code = 3


class ModelNotFound(NotFound):
    """No model has this name."""

    code = "model_not_found"
    default_hint = "see the names with `modelyard list`"


class VersionNotFound(NotFound):
    """No version answers to this reference."""

    code = "version_not_found"
    default_hint = "see a model's versions with `modelyard versions MODEL`"


class AliasNotFound(NotFound):
    """The model has no such alias."""

    code = "alias_not_found"
    default_hint = "set it with `modelyard alias MODEL ALIAS VERSION`"


class ArtifactNotFound(NotFound):
    """The version has no such file, or no file at all."""

    code = "artifact_not_found"


class PromotionNotFound(NotFound):
    """There is no such promotion request."""

    code = "promotion_not_found"
    default_hint = "`modelyard requests` lists them"


class PrincipalNotFound(NotFound):
    """There is no such user or token."""

    code = "principal_not_found"
    default_hint = "`modelyard user list` and `modelyard token list` show who there is"


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "webhook_not_found"
    default_hint = "`modelyard webhook list` shows them"


class ForwardNotFound(NotFound):
    """There is no such forward."""

    code = "forward_not_found"
    default_hint = "`modelyard forwards list` shows them"


class Conflict(ModelyardError):
    """The request is right in itself, but not in the present state."""

    code = "conflict"
    status = 409
    exit_code = 5


class ModelExists(Conflict):
    """A model of this name exists already."""

    code = "model_exists"


class VersionExists(Conflict):
    """The model has, or had, a version of this number; none is used twice."""

    code = "version_exists"
    default_hint = "leave the version out to get the next free one"


class InvalidTransition(Conflict, ValueError):
    """The stage graph has no such move."""

    code = "invalid_transition"


class InUse(Conflict):
    """Something live holds what was to be deleted; `details["holders"]` lists it."""

    code = "in_use"
    default_hint = "release the holders first, or pass force=True"


class PromotionClosed(Conflict):
    """A promotion request was decided already, or has expired."""

    code = "promotion_closed"
    default_hint = "request the promotion again"


class IdempotencyConflict(Conflict):
    """An idempotency key was used before, with another request."""

    code = "idempotency_conflict"
    default_hint = "use a new Idempotency-Key for a new request"


class PreconditionFailed(Conflict):
    """What was to be changed has moved since the caller looked at it."""

    code = "precondition_failed"
    status = 412
    default_hint = "read it again and repeat the change on what it is now"


class SecretsLocked(Conflict):
    """Secrets of webhooks cannot be sealed or opened with the keys that are here."""

    code = "secrets_locked"
    default_hint = "set webhooks.secret_key; of several keys, separated by commas, the first seals and all open"


class GateRefused(ModelyardError, ValueError):
    """A move's requirements are not met; `details["verdicts"]` tells each one."""

    code = "gate_refused"
    status = 422
    exit_code = 6
    default_hint = "every verdict is listed; record what is missing, or register a better version"


class ApprovalRequired(GateRefused):
    """A move needs the approval of others, and so cannot be made by one call."""

    code = "approval_required"
    default_hint = "ask for it with `modelyard request REFERENCE --target-stage STAGE`"


class BreakingChange(GateRefused):
    """A version's number promises compatibility, and its signature breaks it; `details["changes"]` lists how."""

    code = "breaking_change"
    default_hint = "register it as the next major version, or say why it is safe with allow_breaking=REASON"


class IntegrityError(ModelyardError, ValueError):
    """Stored or received bytes do not match their digest; nothing was handed out."""

    code = "integrity_failed"
    status = 500
    exit_code = 7
    default_hint = "run `modelyard verify` to see what else is damaged, and restore the file from a copy"


class RegistryUnusable(ModelyardError):
    """The place where the registry lives cannot serve now."""

    code = "registry_unusable"
    status = 503


class DatabaseUnavailable(RegistryUnusable):
    """The database does not answer."""

    code = "database_unavailable"
    default_hint = "check that the database runs and that the URL is right"


class RegistryCorrupt(RegistryUnusable):
    """The database file is not what modelyard wrote."""

    code = "registry_corrupt"
    default_hint = "restore the registry from a backup; its artifact files are untouched"


class RegistryTooNew(RegistryUnusable):
    """A newer modelyard has written this registry."""

    code = "registry_too_new"
    default_hint = "upgrade modelyard on this machine: pip install --upgrade modelyard"


class RegistryReadOnly(RegistryUnusable):
    """The registry's folder cannot be written."""

    code = "registry_read_only"
    default_hint = "give this user write access to the folder, or choose another one"


class StorageFull(RegistryUnusable):
    """No room is left where the registry writes; nothing was changed."""

    code = "storage_full"
    status = 507
    default_hint = "free some space (`modelyard gc` removes what nothing refers to) and repeat"


class RemoteUnavailable(ModelyardError):
    """The server could not be reached, or what answered was not modelyard."""

    code = "remote_unavailable"
    status = 503
    default_hint = "check the address, and that `modelyard serve` runs there"


class TimedOut(ModelyardError):
    """It took longer than the caller allowed."""

    code = "timed_out"
    status = 504
    exit_code = 8


class MissingExtra(ModelyardError, ImportError):
    """An optional package is needed and not installed."""

    code = "missing_extra"
    status = 501
