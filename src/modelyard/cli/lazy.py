"""Modules that are expensive to import and that most commands do not need: drawing, the database, the server.

Other modules write `from modelyard.cli.lazy import tables`; it is imported when its first attribute is asked for.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelyard.cli import (
        abtest_view,
        database,
        deployment_view,
        drawing,
        drift_view,
        endpoint_view,
        forwarding,
        sending,
        tables,
    )
    from modelyard.server import serve as server

__all__ = [
    "abtest_view",
    "database",
    "deployment_view",
    "drawing",
    "drift_view",
    "endpoint_view",
    "forwarding",
    "sending",
    "server",
    "tables",
]


def _lazy(name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module named {name}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if not TYPE_CHECKING:
    abtest_view = _lazy("modelyard.cli.abtest_view")
    database = _lazy("modelyard.cli.database")
    deployment_view = _lazy("modelyard.cli.deployment_view")
    drawing = _lazy("modelyard.cli.drawing")
    drift_view = _lazy("modelyard.cli.drift_view")
    endpoint_view = _lazy("modelyard.cli.endpoint_view")
    forwarding = _lazy("modelyard.cli.forwarding")
    sending = _lazy("modelyard.cli.sending")
    tables = _lazy("modelyard.cli.tables")
    server = _lazy("modelyard.server.serve")
