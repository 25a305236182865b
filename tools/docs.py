"""Writes the pages that follow from the code, and checks that no page has drifted.

python tools/docs.py           write docs/reference/* and .env.example
python tools/docs.py --check   exit code 1 if one of them is not what the code says, or if a relative link in a Markdown
                               file of the project leads nowhere
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from modelyard import config, errors, operations
from modelyard.server.paper import whole_document

PROJECT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by `make docs`; change the code instead. -->"
LINK = re.compile(r"\[[^\]]*\]\((?!\w+:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
SKIPPED = {".venv", ".git", "node_modules", "build", "dist"}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Render a Markdown table."""
    head = list(head)
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def errors_page() -> str:
    """Render the tree of errors with codes, statuses and hints."""
    rows = (
        (f"`{kind.__name__}`", f"`{kind.code}`", kind.status, kind.exit_code, _sentence(kind), kind.default_hint)
        for kind in errors.walk()
    )
    head = ("Class", "Code", "HTTP", "Exit code", "Meaning", "Next step")
    return f"{NOTE}\n\n# Errors\n\nEvery error that modelyard raises on purpose.\n\n{table(head, rows)}\n"


def operations_page() -> str:
    """Render the operations table."""
    rows = (
        (f"`{row.name}`", f"`{row.method} {row.path}`", f"`{row.permission}`", row.status, row.summary)
        for row in operations.TABLE
    )
    head = ("Operation", "REST", "Permission", "Status", "What it does")
    return f"{NOTE}\n\n# Operations\n\nWhat Python, REST and the command line have in common.\n\n{table(head, rows)}\n"


def settings_page() -> str:
    """Render the table of settings, and the configuration file with every default."""
    rows = config.describe()
    head = [name.replace("_", " ").capitalize() for name in rows[0]._fields]
    body = table(head, rows)
    intro = "Later sources win: defaults, `registry_config.yaml`, `.env`, environment variables, arguments."
    example = f"## registry_config.yaml\n\n```yaml\n{config.document().strip()}\n```\n"
    return f"{NOTE}\n\n# Settings\n\n{intro}\n\n{body}\n\n{example}"


def openapi_document() -> str:
    """Render the OpenAPI document, of which the dashboard's client is generated; a line for each thing, for diffs."""
    return json.dumps(whole_document(), indent=1, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/errors.md": errors_page,
    "docs/reference/openapi.json": openapi_document,
    "docs/reference/operations.md": operations_page,
    "docs/reference/settings.md": settings_page,
    ".env.example": config.env_example,
}


def drifted() -> Iterator[str]:
    """Yield a sentence for each page that is not what the code says."""
    for name, render in PAGES.items():
        path = PROJECT / name
        if not path.is_file() or path.read_text(encoding="utf-8") != render():
            yield f"{name} is out of date: run `make docs`"


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as code hosts form them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(root: Path) -> Iterator[str]:
    """Yield a sentence for each relative link, in a Markdown file under a folder, that leads nowhere."""
    pages = (page for page in root.rglob("*.md") if not SKIPPED & set(page.relative_to(root).parts))
    for page in sorted(pages):
        text = page.read_text(encoding="utf-8")
        for link in LINK.finditer(FENCE.sub("", text)):
            target = page.parent / link["path"] if link["path"] else page
            if not target.exists():
                yield f"{page.relative_to(root)}: no file {link['path']}"
            elif link["anchor"] and link["anchor"] not in anchors(target.read_text(encoding="utf-8")):
                yield f"{page.relative_to(root)}: {link['path'] or 'the page'} has no heading #{link['anchor']}"


def main() -> int:
    """Write the pages, or check them; return the exit code."""
    if "--check" in sys.argv[1:]:
        problems = [*drifted(), *dead_links(PROJECT)]
        print(
            "\n".join(problems) or f"docs       {len(PAGES)} generated pages are up to date, every link leads somewhere"
        )
        return 1 if problems else 0
    for name, render in PAGES.items():
        path = PROJECT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")
        print(f"wrote {name}")
    return 0


def _sentence(kind: type[errors.ModelyardError]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
