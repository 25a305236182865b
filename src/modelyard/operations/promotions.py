"""Promotions: asking for a move, deciding about it, making it; and the tests that count as its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain import wire
from modelyard.domain.contract import Operation
from modelyard.operations.registry import Named


@dataclass(frozen=True, kw_only=True)
class CheckGates:
    """A version, the stage that it might enter, and what shall be demanded beyond the stage graph."""

    reference: str
    target_stage: str
    requirements: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RequestPromotion:
    """A version, the stage that it shall enter, and what is demanded beyond the stage graph."""

    reference: str
    target_stage: str
    requirements: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    archive_previous: bool | None = None
    expires_after: str = ""
    """How long the request waits, such as 7d; as the stage graph says, or 14 days, when left out."""
    requester: str = ""
    """Who asks, where the registry asks nobody to prove who they are; else it can only be the caller."""


@dataclass(frozen=True, kw_only=True)
class ListPromotions:
    """A page of promotions: of one model, and in one state, if given; `open` is pending or approved."""

    name: str = ""
    state: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedPromotion:
    """A promotion, by its id."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Decide:
    """A promotion, and what is said about it."""

    id: str
    comment: str = ""
    approver: str = ""
    """Who decides, where the registry asks nobody to prove who they are; else it can only be the caller."""


@dataclass(frozen=True, kw_only=True)
class Say:
    """A promotion, and a remark about it."""

    id: str
    comment: str
    author: str = ""
    """Who says it, where the registry asks nobody to prove who they are."""


@dataclass(frozen=True, kw_only=True)
class RunTests:
    """A version, and the suite of tests to run on it with the configured command."""

    reference: str
    suite: str = "default"


@dataclass(frozen=True, kw_only=True)
class ReportTests:
    """A version, and how a suite of tests ended that ran elsewhere."""

    reference: str
    passed: bool
    suite: str = "default"
    output: str = ""
    seconds: float = 0.0


_REF = "/api/models/{reference}"
_ONE = "/api/promotions/{id}"

CHECK_GATES = Operation(
    "check_gates", "POST", _REF + "/gates", "version.read", CheckGates, wire.GateReport,
    "Tell what a move would need and whether it is there; nothing is moved", example={"target_stage": "production"},
)  # fmt: skip
REQUEST_PROMOTION = Operation(
    "request_promotion", "POST", _REF + "/promotions", "promotion.request", RequestPromotion, wire.Promotion,
    "Ask for a version to be moved, and wait for approvals", 201,
    {"target_stage": "production", "comment": "beats 1.4.1 on all segments"},
)  # fmt: skip
LIST_PROMOTIONS = Operation(
    "list_promotions", "GET", "/api/promotions", "promotion.read", ListPromotions, wire.PromotionPage,
    "List promotions, the newest first",
)  # fmt: skip
GET_PROMOTION = Operation(
    "get_promotion", "GET", _ONE, "promotion.read", NamedPromotion, wire.Promotion,
    "Show a promotion with its verdicts, votes and comments",
)  # fmt: skip
EVALUATE_PROMOTION = Operation(
    "evaluate_promotion", "POST", _ONE + "/evaluate", "promotion.comment", NamedPromotion, wire.Promotion,
    "Judge the gates of a promotion again, on what is recorded now",
)  # fmt: skip
APPROVE_PROMOTION = Operation(
    "approve_promotion", "POST", _ONE + "/approve", "promotion.approve", Decide, wire.Promotion,
    "Agree to a promotion", example={"comment": "checked the report"},
)  # fmt: skip
REJECT_PROMOTION = Operation(
    "reject_promotion", "POST", _ONE + "/reject", "promotion.approve", Decide, wire.Promotion,
    "Refuse a promotion, which ends it", example={"comment": "recall fell on new merchants"},
)  # fmt: skip
COMMENT_PROMOTION = Operation(
    "comment_promotion", "POST", _ONE + "/comments", "promotion.comment", Say, wire.Promotion,
    "Say something about a promotion", example={"comment": "which threshold is this?"},
)  # fmt: skip
WITHDRAW_PROMOTION = Operation(
    "withdraw_promotion", "POST", _ONE + "/withdraw", "promotion.request", Decide, wire.Promotion,
    "Take a request back, which ends it",
)  # fmt: skip
APPLY_PROMOTION = Operation(
    "apply_promotion", "POST", _ONE + "/apply", "stage.move", NamedPromotion, wire.Promotion,
    "Make the move that was approved, after judging its gates once more; repeating it changes nothing",
)  # fmt: skip
RUN_TESTS = Operation(
    "run_tests", "POST", _REF + "/tests/run", "version.test", RunTests, wire.SuiteResult,
    "Run a suite of tests on a version with the configured command", example={"suite": "default"}, long=True,
)  # fmt: skip
REPORT_TESTS = Operation(
    "report_tests", "POST", _REF + "/tests", "version.test", ReportTests, wire.SuiteResult,
    "Record how a suite of tests ended that ran elsewhere, such as on an edge device", 201,
    {"suite": "edge", "passed": True},
)  # fmt: skip
LIST_TESTS = Operation(
    "list_tests", "GET", _REF + "/tests", "version.read", Named, wire.SuiteResults,
    "List how each suite of tests of a version ended last",
)  # fmt: skip
