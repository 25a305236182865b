"""The shell of reports: it is whole, it escapes, it can be read by everybody."""

from __future__ import annotations

import itertools
import math

import pytest

from components.pages import Page
from modelyard.reports import markdown
from modelyard.reports.page import Section, Series, bar, cell, element, escape, facts, line_plot, page, table
from modelyard.reports.style import DARK, LIGHT

NASTY = '<script>alert(\'x\')</script>" onload="y" &amp; </style></table>\u202etxt\x00\u2028 https://evil.example/x'


def test_a_page_is_whole_and_can_be_walked():
    plot = line_plot(["1.0", "1.1", "2.0"], [Series(name="f1", values=[0.5, None, 0.7])], caption="f1 by version")
    parts = [table("Things", ["name", "value"], [["a", 1.5], ["b", None]]), plot, "a paragraph"]
    made = Page(
        page("Title", Section("One", *parts), Section("Empty"), Section("Two", "x", note="why"), subtitle="now")
    )
    made.check()
    assert [tag.text for tag in made.all("h2")] == ["One", "Two"]
    assert [tag.attributes["href"] for tag in made.all("a")] == ["#s1", "#s2"]
    assert made.source.startswith("<!DOCTYPE html>")
    assert any("default-src 'none'" in tag.attributes.get("content", "") for tag in made.all("meta"))
    assert "f1: 0.5 at 1.0, 0.7 at 2.0" in made.all("svg")[0].attributes["aria-label"]


def test_no_text_gets_out_of_its_place():
    rows = [[NASTY, NASTY, element("b", escape(NASTY))]]
    plot = line_plot([NASTY], [Series(name=NASTY, values=[1.0])] * 2, caption=NASTY)
    parts = [table(NASTY, [NASTY] * 3, rows), facts([(NASTY, NASTY)]), plot, NASTY, bar(1.0, label=NASTY)]
    made = Page(page(NASTY, Section(NASTY, *parts, note=NASTY), subtitle=NASTY, footer=NASTY, lang='en"><script>'))
    made.check()
    shown = made.all("td")[0].text
    assert "<script>alert('x')</script>" in shown
    assert "\\u202e" in shown
    assert not set("\u202e\x00\u2028") & set(made.source)


def test_long_texts_are_cut_and_say_so():
    made = str(cell("x" * 10_000))
    assert made.endswith(" … (6,000 more characters)")
    assert len(made) < 4_100


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_no_number_has_no_bar(value):
    assert bar(value, [1.0, None]) == ""
    assert line_plot(["a"], [Series(name="x", values=[value])], caption="c") == '<p class="muted">c: no values</p>'


def test_bars_share_a_scale_with_zero_on_it():
    def ends(value, *others):
        (rect,) = Page(str(bar(value, others))).all("rect")
        x, width = float(rect.attributes["x"]), float(rect.attributes["width"])
        return x, x + width

    assert ends(5.0, 10.0) == (0, 50)
    assert ends(-5.0, 5.0) == (0, 50)
    assert ends(5.0, -5.0) == (50, 100)
    assert ends(1e308, -1e308) == (50, 100)
    assert ends(0.0) == (50, 51)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_have_contrast_to_what_lies_behind_them(theme):
    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(first, second):
        low, high = sorted((luminance(theme[first]), luminance(theme[second])))
        return (high + 0.05) / (low + 0.05)

    texts, grounds = ("text", "muted", "best", "c1"), ("page", "panel", "mark")
    assert all(contrast(text, ground) >= 4.5 for text, ground in itertools.product(texts, grounds))
    assert all(contrast(f"c{place}", "page") >= 4.5 for place in range(1, 7))


def test_markdown_shows_what_was_written_and_does_nothing():
    made = markdown.escape(f"- @bob #12 | *b* [x](http://y) www.z.org {NASTY}\nnext")
    assert "\n" not in made
    assert made.startswith("\\- @\u200bbob #\u200b12 \\| \\*b\\* \\[x\\](http\\://y) www\u200b.z.org \\<script>")
    assert markdown.escape("1. list") == "1\\. list"
    assert markdown.escape("0.1.0") == "0.1.0"
    assert markdown.table(["a", "b"], [["x|y", 1.5]], numeric=[1]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1.5 |\n"
    assert markdown.table(["a"], []) == ""
    assert markdown.paragraph("one\n# two") == "one  \n\\# two\n"
