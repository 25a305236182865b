"""Modules of this room that draw with rich: expensive to import, and not needed by most commands.

Other modules write `from modelyard.cli.lazy import tables`; it is imported when its first attribute is asked for.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelyard.cli import drawing as drawing
    from modelyard.cli import tables as tables


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
    tables = _lazy("modelyard.cli.tables")
    drawing = _lazy("modelyard.cli.drawing")
