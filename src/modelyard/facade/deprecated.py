"""The warning of those who still use a version that is deprecated."""

from __future__ import annotations

import warnings

from modelyard.domain.wire import Resolved, VersionRecord


class DeprecatedVersionWarning(UserWarning):
    """A deprecated version was resolved or loaded: it works, and something better should take its place."""


def warned(version: Resolved | VersionRecord) -> None:
    """Warn whoever uses a deprecated version, with the reason and its successor."""
    if version.deprecated:
        why = f": {version.deprecation_reason}" if version.deprecation_reason else ""
        instead = f"; use {version.successor}" if version.successor else ""
        message = f"{version.name}/{version.version} is deprecated{why}{instead}"
        # Past `warned` and the method of the registry, to the line of the user.
        warnings.warn(message, DeprecatedVersionWarning, stacklevel=3)
