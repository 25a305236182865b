"""The page that every report stands on: one file that opens anywhere, offline, on paper and on a telephone.

    page("Lineage of fraud/1.2.0", Section("Versions", table("Ancestors", head, rows)), subtitle="as of 2026-03-01")

Rules
1. A page is whole in itself: its style is inside, there is no script, and nothing is fetched. A content policy in the
   page forbids both, whatever anybody records.
2. Everything that is not `Html` is escaped where it enters a page, a table or a drawing.
3. Light and dark as the reader has it, dark on white in print; a table that is wider than the screen scrolls by itself,
   and can be reached by keyboard. Text has a contrast of 4.5:1 or more.
4. Headings go one step at a time; tables have captions, and heads for their columns and rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from modelyard.reports.charts import Series, bar, line_plot
from modelyard.reports.markup import NOTHING, Content, Html, element, escape, join, number
from modelyard.reports.style import STYLE

__all__ = [
    "Content",
    "Html",
    "Section",
    "Series",
    "bar",
    "cell",
    "element",
    "escape",
    "facts",
    "join",
    "line_plot",
    "page",
    "paragraph",
    "table",
]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Section:
    """A heading with what stands below it; sections without content are left out of a page.

    Args:
        title: the heading.
        parts: what stands below it, markup made by this module, or text that becomes a paragraph.
        note: a sentence between the heading and the parts.
    """

    def __init__(self, title: str, *parts: Html | str, note: str = "") -> None:
        self.title = title
        self.parts = [part if isinstance(part, Html) else paragraph(part) for part in parts if part]
        self.note = note

    def html(self, identifier: str) -> Html:
        """The section as markup; its heading has the identifier."""
        heading = element("h2", escape(self.title), id=identifier)
        note = element("p", escape(self.note), class_="muted") if self.note else NOTHING
        return element("section", heading, note, *self.parts, aria_labelledby=identifier)


def page(title: str, *sections: Section, subtitle: str = "", footer: str = "", lang: str = "en") -> str:
    """A whole HTML document.

    Args:
        title: what it is about; the heading of the page, and its name in a browser.
        sections: in order; empty ones are left out.
        subtitle: a line below the title, such as the moment that it tells of.
        footer: where it comes from.
        lang: the language that it is written in.
    """
    shown = [(f"s{place}", section) for place, section in enumerate((s for s in sections if s.parts or s.note), 1)]
    links = (element("li", element("a", escape(section.title), href=f"#{place}")) for place, section in shown)
    contents = element("nav", element("ul", *links), aria_label="Contents") if len(shown) > 1 else NOTHING
    under = element("p", escape(subtitle), class_="muted") if subtitle else NOTHING
    head = join(
        [
            Html('<meta charset="utf-8">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="color-scheme" content="light dark">'),
            Html('<meta name="referrer" content="no-referrer">'),
            element("title", escape(title)),
            element("style", Html(STYLE)),
        ]
    )
    body = join(
        [
            element("header", element("h1", escape(title)), under, contents),
            element("main", *(section.html(place) for place, section in shown)),
            element("footer", escape(footer)) if footer else NOTHING,
        ]
    )
    whole = element("html", element("head", head), element("body", body), lang=lang)
    return f"<!DOCTYPE html>\n{whole}\n"


def table(
    caption: str,
    head: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    numeric: Collection[int] = (),
    marked: Collection[int] = (),
) -> Html:
    """A table; nothing where it has no rows.

    Args:
        caption: what it shows.
        head: the columns' names.
        rows: cells; the first one of each row is its name. Text is escaped, numbers are shortened, None is `n/a`.
        numeric: the places of the columns to align to the right, from 0.
        marked: the places of the rows to draw attention to, from 0; what for has to stand in a cell as well.
    """
    body = []
    for place, row in enumerate(rows):
        cells = [
            element("td", cell(value), class_="number" if column in numeric else None)
            if column
            else element("th", cell(value), scope="row")
            for column, value in enumerate(row)
        ]
        body.append(element("tr", *cells, class_="marked" if place in marked else None))
    if not body:
        return NOTHING
    names = [
        element("th", cell(name), scope="col", class_="number" if column in numeric else None)
        for column, name in enumerate(head)
    ]
    whole = element(
        "table",
        element("caption", escape(caption)),
        element("thead", element("tr", *names)),
        element("tbody", *body),
    )
    return element("div", whole, class_="wide", role="region", tabindex="0", aria_label=caption)


def cell(value: Content) -> Html:
    """What a cell shows of a value: markup as it is, numbers shortened, all else escaped."""
    if value is None or isinstance(value, int | float):
        return escape(number(value))
    return value if isinstance(value, Html) else escape(value)


def paragraph(text: str) -> Html:
    """A text that people wrote, with its line breaks; nothing where it is blank."""
    return element("p", escape(text), class_="text") if text.strip() else NOTHING


def facts(items: Iterable[tuple[str, Content]]) -> Html:
    """Names with values; those without a value are left out."""
    pairs = [(name, value) for name, value in items if value is not None and value != ""]
    inner = (join([element("dt", escape(name)), element("dd", cell(value))]) for name, value in pairs)
    return element("dl", *inner) if pairs else NOTHING
