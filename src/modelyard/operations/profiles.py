"""Profiles of inputs and outputs, and how far they have drifted."""

from __future__ import annotations
