"""Generated pages and links are checked against what is there."""

from __future__ import annotations

import pytest

from tools import docs


def test_dead_links_are_found(tmp_path):
    (tmp_path / "a.md").write_text(
        "# One thing: `x`\n[b](b.md) [b](b.md#two) [self](#one-thing-x) [web](https://example.org)\n"
        "[gone](gone.md) [gone](b.md#three)\n```\n# three\n[code](nowhere)\n```\n",
        encoding="utf-8",
    )
    (tmp_path / "b.md").write_text("## Two\n```\n## Three\n```\n", encoding="utf-8")
    assert list(docs.dead_links(tmp_path)) == ["a.md: no file gone.md", "a.md: b.md has no heading #three"]


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_generated_page_is_up_to_date(name):
    assert (docs.PROJECT / name).read_text(encoding="utf-8") == docs.PAGES[name](), "run `make docs`"


def test_a_cell_with_a_bar_stays_one_cell():
    assert docs.table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"
