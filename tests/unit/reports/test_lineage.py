"""Pages of lineage and of trends: whole in themselves, and safe whatever people recorded."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from modelyard.domain.inputs import Inputs, inputs_of
from modelyard.domain.lineage import Nodes, neighbourhood
from modelyard.domain.trend import trend
from modelyard.domain.wire import LineageGraph, LineageNode, TrendPoint, TrendRecord
from modelyard.reports.lineage import lineage_page, trend_page, trend_svg

ODD = '<script src="https://evil.example/x.js"></script>&"\'é'


class Page(HTMLParser):
    """The tags and the texts of a page; every tag that is opened has to be closed in turn."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self.targets: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.targets += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def graph(*, truncated: bool = False) -> LineageGraph:
    found = Nodes()
    data = inputs_of({"data_lineage": {"dataset": ODD, "source": "s3://lake"}, "code_version": "c-dirty"})
    old = LineageNode(
        id="v1", kind="version", name="fraud/1.0.0", deleted=True, created_by=ODD, trained_at="2026-02-01"
    )
    new = LineageNode(id="v2", kind="version", name="fraud/2.0.0", stage="production", aliases=["champion"])
    found.add(old, None, data)
    found.add(new, "v1", data)
    for number in range(12):
        child = LineageNode(id=f"c{number}", kind="version", name=f"child/{number}.0.0", stage="staging")
        found.add(child, "v2", Inputs())
    return neighbourhood(found, "v2", truncated=truncated)


def points(*values: float | None) -> TrendRecord:
    made = [
        TrendPoint(
            id=f"v{n}", name=ODD, version=f"{n}.0.0", number=n, stage="staging", registered_at="2026", value=value
        )
        for n, value in enumerate(values)
    ]
    return trend(made, metric=ODD, model="fraud", across="line", way="higher")


@pytest.mark.feature("LIN-06", "LIN-07", "LIN-08")
@pytest.mark.parametrize("text", [lineage_page(graph()), trend_page(points(0.5, None, 1e308, -1e308))])
def test_a_page_fetches_nothing_and_runs_nothing(text):
    page = Page(text)
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert [target for target in page.targets if not target.startswith(("#", "data:"))] == []
    assert not {"src", "srcset", "onclick", "onload", "action"} & set(page.attributes)
    assert ODD in "".join(page.texts)
    assert {"h1", "table", "caption", "th"} <= set(page.tags)


def test_the_page_of_a_version_tells_all_of_its_lineage():
    page = Page(lineage_page(graph()))
    text = "\n".join(page.texts)
    for told in ("fraud/1.0.0  [deleted]", "champion", "uncommitted changes", "source: s3://lake", "child/11.0.0"):
        assert told in text
    assert page.tags.count("li") >= 2 + 4 + 12
    assert "There is more" in lineage_page(graph(truncated=True))


def test_an_input_with_many_users_names_some():
    found = Nodes()
    for number in range(15):
        version = LineageNode(id=f"v{number:02}", kind="version", name=f"m/{number}")
        found.add(version, f"v{number - 1:02}" if number else None, inputs_of({"data_version": "p"}))
    assert "and 5 more" in lineage_page(neighbourhood(found, "v14"))


@pytest.mark.feature("LIN-07")
def test_a_plot_stands_alone_and_in_a_page():
    record = points(0.5, None, 0.7)
    drawing = ET.fromstring(trend_svg(record))
    names = [element.tag.partition("}")[2] for element in drawing.iter()]
    assert names.count("circle") == 2
    assert "".join(drawing.itertext()).startswith(f"{ODD} along the line of ancestors of fraud")
    text = "".join(Page(trend_page(record)).texts)
    assert "+0.2" in text
    assert "higher is better" in text
