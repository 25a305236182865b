"""Comparison reports: the same, wherever the registry is."""

from __future__ import annotations

import pytest

from components.pages import Page
from modelyard import InvalidMetric, InvalidRequest, ModelNotFound, VersionNotFound, generate_comparison_report


@pytest.fixture
def three(registry, weights):
    """Three versions of one model, the second the best of them."""
    return [
        registry.register_model(
            weights, "fraud, cards", metrics={"accuracy": up}, training_metrics={"loss": loss}, changelog="<b>new</b>"
        )
        for up, loss in ((0.8, 0.5), (0.9, 0.4), (0.85, 0.3))
    ]  # fmt: skip


@pytest.mark.feature("CMP-05")
def test_a_report_as_the_document_calls_it(registry, three, weights, tmp_path):
    registry.promote_model(three[1], "staging", comment="looks good")
    registry.set_alias("fraud, cards", "champion", 2)
    target = tmp_path / "deep" / "report.html"
    report = registry.generate_comparison_report("fraud, cards", ["0.1.0", "@champion", 3], target)
    assert target.read_text(encoding="utf-8") == report
    assert "2 versions" in generate_comparison_report("fraud, cards", [1, 2], registry)
    made = Page(report)
    made.check()
    text = made.text()
    for expected in (
        "Comparison of 3 versions of fraud, cards",
        "Winner: fraud, cards/0.1.1",
        "accuracy higher is better",
        "loss lower is better",
        "moved from development to staging: looks good",
        "alias champion points to it",
        "<b>new</b>",
        "weights.bin",
        "same content as the baseline",
    ):
        assert expected in text, expected
    other = registry.register_model(weights, "other", metrics={"accuracy": 0.99}, parent=three[0])
    mixed = registry.generate_comparison_report([three[0], "other/latest"], format="markdown")
    assert mixed.startswith("# Comparison of 2 versions of fraud, cards, other\n")
    assert "| parent | n/a | fraud, cards/0.1.0 (differs) |" in mixed
    assert registry.get_model(other).parent_id == three[0]


def test_the_numbers_of_a_report(registry, three):
    report = registry.compare_many(three, metrics=["acc"])
    assert [version.id for version in report.versions] == three
    assert report.winner == three[1]
    assert 0.5 < report.confidence_score < 1
    assert [(made.a.id, made.b.id, made.winner) for made in report.comparisons] == [
        (three[0], three[1], three[1]),
        (three[0], three[2], three[2]),
    ]
    assert (report.format, report.document) == ("", "")
    pair = registry.compare_many(three[:2])
    assert pair.comparisons[0] == registry.compare_models(*three[:2])


def test_what_cannot_be_compared(registry, three, tmp_path):
    for wrong in ("fraud, cards", 5, [], three[:1], [three[0]] * 2, [three[0]] * 51):
        with pytest.raises(InvalidRequest):
            registry.compare_many(wrong)
    with pytest.raises(InvalidRequest, match="no format 'pdf'"):
        registry.generate_comparison_report(three, format="pdf")
    with pytest.raises(InvalidRequest, match="no format 'pdf'"):
        registry.compare_many(three, format="pdf")
    with pytest.raises(InvalidMetric, match="no version has the metric 'speed'"):
        registry.compare_many(three, metrics=["speed"])
    with pytest.raises(ModelNotFound):
        registry.generate_comparison_report("nobody", [1, 2])
    with pytest.raises(VersionNotFound):
        registry.generate_comparison_report("fraud, cards", [1, 9], tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(InvalidRequest):
        registry.generate_comparison_report(three, path=tmp_path)
