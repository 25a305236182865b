"""What a client asks before it uses workspaces. There is one, `default`; a client that names another is refused.

Rules
- A client that names a workspace asks first whether the server knows any; that answer takes no login, and tells nothing
  but what this server can do.
"""

from __future__ import annotations

from modelyard.domain.permissions import PUBLIC
from modelyard.metadata.tables import DEFAULT_WORKSPACE
from modelyard.mlflow import fields
from modelyard.mlflow.desk import THIRD, Answer, Desk, Fields, Refusal, Route
from modelyard.operations import LIST_MODELS

_DEFAULT = {"name": DEFAULT_WORKSPACE, "description": "All models of this registry"}


def server_info(_desk: Desk, _request: Fields) -> Answer:
    """Tell what this server can do of what clients ask about."""
    return {
        "store_type": None,
        "workspaces_enabled": True,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
    }


def list_workspaces(_desk: Desk, _request: Fields) -> Answer:
    """Tell the workspaces."""
    return {"workspaces": [_DEFAULT]}


def get_workspace(_desk: Desk, request: Fields) -> Answer:
    """Tell about one workspace."""
    return {"workspace": checked(fields.text(request, "workspace_name")) and _DEFAULT}


def checked(name: str) -> str:
    """Return the name of a workspace that there is; none named is the one that there is.

    Raises:
        Refusal: there is no such workspace.
    """
    if name and name != DEFAULT_WORKSPACE:
        raise Refusal(
            "RESOURCE_DOES_NOT_EXIST",
            f"Workspace '{name[:100]}' not found: this registry has the workspace '{DEFAULT_WORKSPACE}'",
        )
    return DEFAULT_WORKSPACE


ROUTES: tuple[Route, ...] = (
    Route("GET", "server-info", PUBLIC, server_info, THIRD),
    Route("GET", "workspaces", LIST_MODELS.permission, list_workspaces, THIRD),
    Route("GET", "workspaces/{workspace_name}", LIST_MODELS.permission, get_workspace, THIRD),
)
