"""A strict look at an HTML page: its tags close in order, and what it holds can be asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

_VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})
_LOADING = re.compile(r"url\(|@import|expression\(", re.IGNORECASE)


@dataclass
class Tag:
    """One element: its name, its attributes, and the text inside it."""

    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A parsed page; `tags` lists its elements in the order in which they begin."""

    source: str
    tags: list[Tag] = field(default_factory=list)
    _open: list[Tag] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        assert not self._open, f"never closed: {[tag.name for tag in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice in {tag}"
        found = Tag(tag, {name: value or "" for name, value in attrs})
        self.tags.append(found)
        if tag not in _VOID:
            self._open.append(found)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].name == tag, f"</{tag}> closes <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            tag.text += data

    def all(self, name: str, **attributes: str) -> list[Tag]:
        """The elements of that name with these attributes."""
        return [
            tag
            for tag in self.tags
            if tag.name == name
            and all(tag.attributes.get(key.rstrip("_")) == given for key, given in attributes.items())
        ]

    def text(self) -> str:
        """All that a reader sees."""
        return "".join(tag.text for tag in self.all("body"))

    def check(self) -> None:
        """Assert what holds for every report: nothing runs, nothing is fetched, and all can find their way."""
        names = {tag.name for tag in self.tags}
        assert not names & {"script", "iframe", "object", "embed", "link", "img", "base", "form", "image", "use"}, names
        for tag in self.tags:
            for name, value in tag.attributes.items():
                assert not name.startswith("on"), f"{tag.name} has {name}"
                assert name not in {"src", "srcset", "style", "xlink:href"}, f"{tag.name} has {name}"
                assert name != "href" or value.startswith("#"), value
        assert not any(_LOADING.search(tag.text) for tag in self.all("style"))
        assert self.all("html")[0].attributes["lang"]
        assert len(self.all("h1")) == len(self.all("title")) == len(self.all("main")) == 1
        levels = [int(tag.name[1]) for tag in self.tags if re.fullmatch(r"h[1-6]", tag.name)]
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels
        assert len(self.all("caption")) == len(self.all("table"))
        assert all(tag.attributes.get("scope") in {"row", "col"} for tag in self.all("th"))
        targets = {tag.attributes["id"] for tag in self.tags if "id" in tag.attributes}
        assert all(tag.attributes["href"][1:] in targets for tag in self.all("a"))
        for tag in self.all("svg"):
            assert tag.attributes.get("aria-hidden") == "true" or tag.attributes.get("aria-label")
