"""Feedback: what the application says of a prediction later, and tests between versions that go by it."""

from __future__ import annotations
