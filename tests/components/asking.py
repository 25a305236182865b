"""Registries as different people see them, for tests of what each may do."""

from __future__ import annotations

from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.permissions import Principal


class Asking(ModelRegistry):
    """A registry on a caller that is there already, asked by somebody."""

    def __init__(self, caller: EmbeddedCaller, principal: Principal | None = None) -> None:
        asked = caller if principal is None else EmbeddedCaller(caller.yard, principal=principal)
        super(ModelRegistry, self).__init__(asked)
