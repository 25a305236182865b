"""Promotions that people agree to, the tests that speak for them, and the stage graphs that ask for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from modelyard.domain.wire import GateReport, GraphRecord, Promotion, SuiteResult
from modelyard.errors import InvalidConfig
from modelyard.facade.arguments import plain_requirements, reference_of, stage_of
from modelyard.facade.base import Base
from modelyard.operations import (
    APPLY_PROMOTION,
    APPROVE_PROMOTION,
    CHECK_GATES,
    COMMENT_PROMOTION,
    EVALUATE_PROMOTION,
    GET_GRAPH,
    GET_MODEL_GRAPH,
    GET_PROMOTION,
    LIST_PROMOTIONS,
    LIST_TESTS,
    REJECT_PROMOTION,
    REPORT_TESTS,
    REQUEST_PROMOTION,
    RESET_MODEL_GRAPH,
    RUN_TESTS,
    SET_GRAPH,
    SET_MODEL_GRAPH,
    WITHDRAW_PROMOTION,
)


class RequestOptions(TypedDict, total=False):
    """What `request_promotion` takes besides."""

    expires_after: str
    """How long the request waits, such as `7d`; 14 days where neither this nor the stage graph says."""
    archive_previous: bool | None
    """Whether who stands in the stage is archived; as the stage graph says where left out."""


class Promotions(Base):
    """The methods of `ModelRegistry` for promotions that wait for people, and for the rules of promoting."""

    def request_promotion(
        self,
        model_id: str,
        version: str | int | None = None,
        target_stage: str | None = None,
        requester: str = "",
        *,
        requirements: Mapping[str, Any] | None = None,
        comment: str = "",
        **options: Unpack[RequestOptions],
    ) -> Promotion:
        """Ask for a version to be moved; it waits for approvals, and is moved by `apply_promotion`.

            registry.request_promotion("fraud", "1.4.0", "production", "ana")
            registry.request_promotion("fraud/1.4.0", target_stage="production", comment="beats 1.3 on all segments")

        Args:
            model_id: the version; or the model's name, with the version apart.
            version: the version of the model, where `model_id` is only its name.
            target_stage: the stage that it shall enter.
            requester: who asks, where the registry asks nobody to prove who they are.
            requirements: what it has to meet beyond what the stage graph demands; see `promote_model`.
            comment: why.
            options: see `RequestOptions`.

        Returns:
            The request, with a verdict on each requirement. Gates that are not met yet refuse its application only.

        Raises:
            InvalidTransition: the stage graph has no such move. A ValueError.
            Conflict: the version stands there already, or there is an open request for the same move.
        """
        # Two positional arguments are a version by reference, and the stage.
        apart, stage = (None, version) if target_stage is None else (version, target_stage)
        reference = reference_of(model_id) if apart is None else f"{reference_of(model_id)}/{apart}"
        return self._call(
            REQUEST_PROMOTION,
            reference=reference,
            target_stage=stage_of(stage, none="none"),
            requester=requester,
            requirements=plain_requirements(requirements),
            comment=comment,
            **options,
        )

    def list_promotions(
        self, name: str | None = None, *, state: str | None = None, limit: int | None = None
    ) -> list[Promotion]:
        """Return promotions, the newest first: of one model, and in one state, if given.

        Args:
            name: the model.
            state: pending, approved, applied, rejected, withdrawn, expired, refused; or `open` for the first two.
            limit: the most to return.
        """
        return self._all(LIST_PROMOTIONS, lambda page: page.promotions, limit=limit, name=name, state=state)

    def get_promotion(self, promotion_id: str | Promotion) -> Promotion:
        """Return a promotion with its verdicts, votes and comments.

        Raises:
            PromotionNotFound: there is none of this id.
        """
        return self._call(GET_PROMOTION, id=_id(promotion_id))

    def evaluate_promotion(self, promotion_id: str | Promotion) -> Promotion:
        """Judge the gates of an open promotion again, on what is recorded now."""
        return self._call(EVALUATE_PROMOTION, id=_id(promotion_id))

    def approve_promotion(self, promotion_id: str | Promotion, approver: str = "", *, comment: str = "") -> Promotion:
        """Agree to a promotion.

        Args:
            promotion_id: the promotion.
            approver: who agrees, where the registry asks nobody to prove who they are.
            comment: why.

        Raises:
            SelfApproval: the approver asked for it, or made the version.
            PromotionClosed: it has been decided, or has expired.
        """
        return self._call(APPROVE_PROMOTION, id=_id(promotion_id), approver=approver, comment=comment)

    def reject_promotion(self, promotion_id: str | Promotion, approver: str = "", *, comment: str = "") -> Promotion:
        """Refuse a promotion, which ends it."""
        return self._call(REJECT_PROMOTION, id=_id(promotion_id), approver=approver, comment=comment)

    def comment_promotion(self, promotion_id: str | Promotion, comment: str, author: str = "") -> Promotion:
        """Say something about a promotion."""
        return self._call(COMMENT_PROMOTION, id=_id(promotion_id), comment=comment, author=author)

    def withdraw_promotion(self, promotion_id: str | Promotion, *, comment: str = "") -> Promotion:
        """Take a request back, which ends it."""
        return self._call(WITHDRAW_PROMOTION, id=_id(promotion_id), comment=comment)

    def apply_promotion(self, promotion_id: str | Promotion) -> Promotion:
        """Make the move of an approved promotion, after judging its gates once more; repeating it changes nothing.

        Raises:
            ApprovalRequired: people have still to agree.
            GateRefused: a requirement is not met now.
            PromotionClosed: it was rejected or withdrawn, or has expired.
        """
        return self._call(APPLY_PROMOTION, id=_id(promotion_id))

    def check_gates(
        self, model_id: str, target_stage: str, requirements: Mapping[str, Any] | None = None
    ) -> GateReport:
        """Tell what a move would need and whether it is there; nothing is moved."""
        return self._call(
            CHECK_GATES,
            reference=reference_of(model_id),
            target_stage=stage_of(target_stage, none="none"),
            requirements=plain_requirements(requirements),
        )

    def run_tests(self, model_id: str, suite: str = "default") -> SuiteResult:
        """Run a suite of tests on a version with the command that the configuration names, and record its outcome."""
        return self._call(RUN_TESTS, reference=reference_of(model_id), suite=suite)

    def report_tests(
        self, model_id: str, suite: str = "default", *, passed: bool, output: str = "", seconds: float = 0.0
    ) -> SuiteResult:
        """Record how a suite of tests ended that ran elsewhere, such as on an edge device."""
        return self._call(
            REPORT_TESTS,
            reference=reference_of(model_id),
            passed=passed,
            suite=suite,
            output=output,
            seconds=seconds,
        )

    def test_results(self, model_id: str) -> list[SuiteResult]:
        """Return how each suite of a version's tests ended last."""
        return self._call(LIST_TESTS, reference=reference_of(model_id)).results

    def stage_graph(self, name: str | None = None) -> GraphRecord:
        """Return the stage graph that holds for a model; the registry's where none is named."""
        return self._call(GET_GRAPH) if name is None else self._call(GET_MODEL_GRAPH, name=name)

    def set_stage_graph(
        self,
        document: Mapping[str, Any],
        name: str | None = None,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
    ) -> GraphRecord:
        """Set the stage graph of the registry, or of one model.

        Args:
            document: the graph, in the form that `modelyard.domain.graph` draws.
            name: the model; the registry where it is left out.
            dry_run: check it and tell what would change, without changing it.
            if_match: demand that the graph's revision is still this one; 0 demands that none was set yet.

        Raises:
            InvalidConfig: the document is no graph.
            InUse: versions stand in a stage that it does not have.
        """
        if not isinstance(document, Mapping):
            raise InvalidConfig(f"a stage graph is a mapping, not {type(document).__name__}", hint="see stage_graph()")
        values: dict[str, Any] = {"document": dict(document), "dry_run": dry_run, "if_match": if_match}
        if name is None:
            return self._call(SET_GRAPH, **values)
        return self._call(SET_MODEL_GRAPH, name=name, **values)

    def reset_stage_graph(self, name: str, *, dry_run: bool = False) -> GraphRecord:
        """Let a model follow the registry's stage graph again."""
        return self._call(RESET_MODEL_GRAPH, name=name, dry_run=dry_run)


def _id(promotion: str | Promotion) -> str:
    return promotion.id if isinstance(promotion, Promotion) else promotion
