"""Metrics of what predictions did: read by version and time, compared, and told by applications."""

from __future__ import annotations
