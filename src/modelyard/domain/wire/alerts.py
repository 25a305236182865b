"""Records: alerts: rules, what is firing, silences, and the channels that people are told through."""

from __future__ import annotations
