"""`ModelRegistry`: everything that a user does with a registry, whether it is a folder, a database or a server."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from modelyard.facade.alerts import Alerts
from modelyard.facade.analysis import Analysis
from modelyard.facade.audit import Audit
from modelyard.facade.catalog import Catalog
from modelyard.facade.copying import Copying
from modelyard.facade.declaring import Declaring
from modelyard.facade.deployments import Deployments
from modelyard.facade.endpoints import Endpoints
from modelyard.facade.events import Events
from modelyard.facade.feedback import Feedback
from modelyard.facade.files import Files
from modelyard.facade.forwards import Forwards
from modelyard.facade.lifecycle import Lifecycle
from modelyard.facade.lineage import Lineage
from modelyard.facade.metrics import Metrics
from modelyard.facade.opening import connect
from modelyard.facade.principals import Principals
from modelyard.facade.profiles import Profiles
from modelyard.facade.promotions import Promotions
from modelyard.facade.publishing import Publishing
from modelyard.facade.reporting import Reporting
from modelyard.facade.signatures import Signatures
from modelyard.facade.snapshots import Snapshots
from modelyard.facade.webhooks import Webhooks


class ModelRegistry(
    Publishing,
    Catalog,
    Copying,
    Files,
    Lifecycle,
    Promotions,
    Deployments,
    Endpoints,
    Snapshots,
    Feedback,
    Metrics,
    Analysis,
    Audit,
    Reporting,
    Signatures,
    Lineage,
    Declaring,
    Events,
    Webhooks,
    Forwards,
    Profiles,
    Alerts,
    Principals,
):
    """A model registry.

        with ModelRegistry("./model_registry") as registry:
            model_id = registry.register_model(model, name="fraud", performance_metrics={"accuracy": 0.93})
            registry.promote_model(model_id, "staging", requirements={"min_accuracy": 0.9})

    Wherever a version is expected, an id stands for it, any reference (`fraud@champion`, `fraud/1.4.2`, `fraud/^1.4`,
    `fraud/production`, `fraud/3`, `fraud`), or a record that another method returned. Methods raise the errors of
    `modelyard.errors`, the same ones for a folder and for a server. Objects may be shared between threads.

    Args:
        target: a path, `http://host:5000`, or the URL of a database; without it, what MODELYARD_URI or the
            configuration says, else `./model_registry`.
        store: where the files of a registry on a database lie: a folder, `s3://…`, `gs://…` or `az://…`.
        config: a `registry_config.yaml`, instead of the one that is found.
        token: who asks a server; MODELYARD_TOKEN where it is left out.
        timeout: seconds to wait for a server's next step, or for another writer of the same database.
        actor: who is recorded in events; for registries in this process.

    Raises:
        InvalidRequest: the target is neither of these.
        InvalidConfig: a setting is unknown or impossible.
        RegistryUnusable: the place where the registry lies cannot serve.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | None = None,
        *,
        store: str | os.PathLike[str] | None = None,
        config: str | os.PathLike[str] | None = None,
        token: str | None = None,
        timeout: float | None = None,
        actor: str | None = None,
    ) -> None:
        caller, settings = connect(target, store=store, config=config, token=token, timeout=timeout, actor=actor)
        repository = settings["versioning.git.repository"] or "."
        wanted = settings["versioning.git.enabled"]
        super().__init__(caller, repository=settings.working_folder / repository if wanted else None)
        self.settings = settings
        """The settings that hold in this process."""

    def close(self) -> None:
        """Give back connections; the object cannot be used any more. Closing it twice does no harm."""
        caller, self._open_caller = self._open_caller, None
        if caller is not None:
            caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self._open_caller is None else ""
        return f"{type(self).__name__}({self.address!r}{closed})"
