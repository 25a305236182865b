"""What an application may say of a prediction later.

Rules
1. A metric's name has 1 to 64 of `A-Z a-z 0-9 _ . -`, the first one a letter. What modelyard measures itself is no
   metric of applications.
2. A value is a number of at most `LARGEST` in size, or whether something came true, which counts as 1 or 0. So sums of
   values and of their squares stay finite, however many there are.
3. Of each prediction the first value of a metric counts. The same value again is no news; another one is refused, for a
   test that had taken in the first one could not be put right.
4. Up to `MOST_ITEMS` values come at once, all of them or none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from modelyard.domain.checks import check_number
from modelyard.domain.names import shown
from modelyard.domain.wire.feedback import FeedbackItem
from modelyard.errors import InvalidRequest

SUCCESS, LATENCY, COST, TOKENS = "success", "latency", "cost", "tokens"
MEASURED: Final[Mapping[str, bool]] = {SUCCESS: True, LATENCY: False, COST: False, TOKENS: False}
"""What modelyard measures itself, and whether more of it is better."""
MOST_ITEMS: Final = 1_000
MOST_METRICS: Final = 100
"""Metrics that one version may have."""
LONGEST_METRIC: Final = 64
LARGEST: Final = 1e100
_METRIC: Final = re.compile(rf"[A-Za-z][A-Za-z0-9_.-]{{0,{LONGEST_METRIC - 1}}}")


def metric_of(text: object) -> str:
    """Return the name of a metric that an application tells.

    Raises:
        InvalidRequest: it is none.
    """
    if not isinstance(text, str) or not _METRIC.fullmatch(text):
        hint = f"use 1 to {LONGEST_METRIC} of A-Z a-z 0-9 _ . - with a letter first, such as converted"
        raise InvalidRequest(f"{shown(text)} is no name of a metric", hint=hint)
    if text in MEASURED:
        raise InvalidRequest(f"{text} is measured already", hint="take another name for what the application knows")
    return text


def value_of(value: object) -> float:
    """Return a value as a number.

    Raises:
        InvalidRequest: it is neither a number that can be summed up nor true or false.
    """
    if isinstance(value, bool):
        return float(value)
    try:
        number = check_number(value)
    except ValueError as error:
        raise InvalidRequest(
            f"the value is {shown(value)}, {error}", hint="give a finite number, or true or false"
        ) from None
    if abs(number) > LARGEST:
        raise InvalidRequest(f"the value is {number:g}", hint=f"give a number from {-LARGEST:g} to {LARGEST:g}")
    return number


def items_of(single: Mapping[str, Any], many: Sequence[Mapping[str, Any]], now: str) -> list[FeedbackItem]:
    """Return what was said, checked: the fields of one item, or many items.

    Args:
        single: prediction_id, metric, value and at of one; empty or None where they were left out.
        many: the same of each of many.
        now: the present moment, for what does not say when it happened.

    Raises:
        InvalidRequest: both or neither is given, there are too many, or an item is not right; the message names it.
    """
    given = {name: value for name, value in single.items() if value not in (None, "")}
    if bool(given) == bool(many):
        hint = 'send {"prediction_id": …, "metric": …, "value": …}, or {"items": [ … ]} of these'
        raise InvalidRequest("say either one thing or many" if given else "nothing was said", hint=hint)
    if len(many) > MOST_ITEMS:
        raise InvalidRequest(f"{len(many):,} items are too many", hint=f"send up to {MOST_ITEMS:,} at once")
    return [_item(item, now, f"item {place}: " if many else "") for place, item in enumerate(many or [given], 1)]


def _item(given: Mapping[str, Any], now: str, where: str) -> FeedbackItem:
    try:
        item = msgspec.convert(given, _Strict)
        found = FeedbackItem(
            prediction_id=item.prediction_id, metric=metric_of(item.metric), value=value_of(item.value), at=item.at
        )
        return replace(found, at=_moment(item.at) if item.at else now)
    except msgspec.ValidationError as error:
        hint = "an item has prediction_id, metric, value, and at where it did not happen now"
        raise InvalidRequest(f"{where}{error}", hint=hint) from None
    except InvalidRequest as error:
        raise InvalidRequest(f"{where}{error.message}", hint=error.hint) from None


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    prediction_id: str
    metric: str
    value: float | bool
    at: str = ""


def _moment(text: str) -> str:
    try:
        given = datetime.fromisoformat(text.strip())
        given = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        hint = "write 2026-03-01T12:00Z, or with an offset, +02:00"
        raise InvalidRequest(f"at is {shown(text)}, which is no moment", hint=hint) from None
    return given.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
