"""A sheet as HTML, and as Markdown."""

from __future__ import annotations

from modelyard.reports import markdown
from modelyard.reports.markup import LONGEST_TEXT
from modelyard.reports.page import Html, Section, bar, element, escape, join, page, paragraph, table
from modelyard.reports.sheet import Cell, Chapter, Grid, Listing, Passage, Row, Sheet

Block = Grid | Listing | Passage


def as_html(sheet: Sheet, *, footer: str = "") -> str:
    """The sheet as one HTML page."""
    outcome = element("div", *(element("p", escape(text)) for text in sheet.outcome), class_="panel")
    sections = [
        Section(chapter.title, *(part for block in chapter.blocks for part in _html_block(block)), note=chapter.note)
        for chapter in sheet.chapters
        if chapter.has_content()
    ]
    return page(sheet.title, Section("Outcome", outcome), *sections, subtitle=sheet.subtitle, footer=footer)


def as_markdown(sheet: Sheet, *, footer: str = "") -> str:
    """The sheet as Markdown for GitHub."""
    parts = [f"# {markdown.escape(sheet.title)}\n", markdown.paragraph(sheet.subtitle)]
    parts += [f"**{markdown.escape(text, longest=LONGEST_TEXT)}**\n" for text in sheet.outcome]
    for chapter in sheet.chapters:
        if chapter.has_content():
            parts += _markdown_chapter(chapter)
    if footer:
        parts += [markdown.paragraph(footer)]
    return "\n".join(parts)


def _html_block(block: Block) -> list[Html]:
    if isinstance(block, Passage):
        return [element("h3", escape(block.title)), paragraph(block.text)]
    if isinstance(block, Listing):
        return [table(block.caption, block.head, block.rows, numeric=block.numeric, marked=block.marked)]
    return [_html_grid(part, block) for part in block.parts()]


def _html_grid(grid: Grid, whole: Grid) -> Html:
    # The scale of a bar spans all versions, also those in other parts of the grid.
    scales = {row.name: [cell.value for cell in row.cells] for row in whole.rows} if grid.numeric else {}
    rows = [[_html_name(row), *(_html_cell(cell, scales.get(row.name)) for cell in row.cells)] for row in grid.rows]
    numeric = range(1, len(grid.head) + 1) if grid.numeric else ()
    return table(grid.caption, [grid.first, *grid.head], rows, numeric=numeric)


def _html_name(row: Row) -> Html:
    note = element("span", escape(f" {row.note}"), class_="muted") if row.note else Html()
    return join([escape(row.name), note])


def _html_cell(cell: Cell, scale: list[float | None] | None) -> Html:
    text = element("span", escape(cell.text), class_=cell.flag or None)
    note = element("span", escape(f" {cell.note}"), class_="muted") if cell.note else Html()
    drawn = bar(cell.value, scale, best=cell.flag == "best") if scale else Html()
    return join([text, note, drawn])


def _markdown_chapter(chapter: Chapter) -> list[str]:
    parts = [markdown.heading(chapter.title)]
    if chapter.note:
        parts.append(markdown.paragraph(chapter.note))
    for block in chapter.blocks:
        if isinstance(block, Passage):
            parts += [markdown.heading(block.title, 3), markdown.paragraph(block.text)]
        elif isinstance(block, Listing):
            parts.append(markdown.table(block.head, block.rows, numeric=block.numeric))
        else:
            parts += [
                text for part in block.parts() for text in (markdown.paragraph(part.caption), _markdown_grid(part))
            ]
    return parts


def _markdown_grid(grid: Grid) -> str:
    rows = [
        [f"{row.name} ({row.note})" if row.note else row.name, *map(_markdown_text, row.cells)] for row in grid.rows
    ]
    numeric = range(1, len(grid.head) + 1) if grid.numeric else ()
    return markdown.table([grid.first, *grid.head], rows, numeric=numeric)


def _markdown_text(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text
