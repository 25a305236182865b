"""How much a page moves while it is made: its layout shifts, with answers that let it wait.

    slow_down(visitor)
    visitor.go("/models/fraud")
    assert moved(visitor).score <= 0.02

- A quick machine hides what moves: everything is there before the first picture. So each answer comes 0.2 to 0.4 s
  late, by an amount that follows from its path alone, and never in the order of asking.
- A score is how much of the window moved, times how far, summed up; 0.1 is what people begin to notice. What follows
  from a click within half a second does not count, so pages are gone to from within by a click that no person makes.
- A page is there when nothing is asked any more, and nothing has moved, for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.browser import Visitor

_BEFORE = """(() => {
  const told = (window.stillness = { pending: 0, asked: 0, last: performance.now(), score: 0, what: [] });
  const ask = window.fetch;
  const lateness = (path) => 200 + ([...path].reduce((sum, one) => (sum * 31 + one.codePointAt(0)) % 997, 7) % 200);
  window.fetch = async (asked, ...rest) => {
    const path = new URL(asked.url ?? asked, location.href).pathname;
    if (path.endsWith("/events/stream")) return ask(asked, ...rest);
    told.pending += 1;
    told.asked += 1;
    try {
      await new Promise((done) => setTimeout(done, lateness(path)));
      return await ask(asked, ...rest);
    } finally {
      told.pending -= 1;
      told.last = performance.now();
    }
  };
  const nameOf = (node) => {
    const one = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (!one) return "gone";
    return `${one.tagName.toLowerCase()}.${one.getAttribute("class") ?? ""} "${one.textContent.slice(0, 40)}"`;
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      told.last = performance.now();
      told.score += entry.value;
      told.what.push(`${entry.value.toFixed(4)}: ${entry.sources.map((one) => nameOf(one.node)).join(", ")}`);
    }
  }).observe({ type: "layout-shift", buffered: true });
})()"""
_IS_THERE = """() => {
  const { pending, asked, last } = window.stillness;
  return asked > 0 && pending === 0 && performance.now() - last > 500;
}"""
_GO = """(path) => {
  Object.assign(window.stillness, { asked: 0, score: 0, what: [], last: performance.now() });
  const link = document.createElement("a");
  link.href = path;
  document.body.append(link);
  link.click();
  link.remove();
}"""


@dataclass(frozen=True)
class Moved:
    """What moved: the score of the page, and the elements of each shift."""

    score: float
    what: list[str]


def slow_down(visitor: Visitor) -> None:
    """Let answers of the server come late, and take note of what moves; for pages that are opened from now on."""
    visitor.context.add_init_script(_BEFORE)


def moved(visitor: Visitor) -> Moved:
    """Wait until the page is there, and tell what moved meanwhile."""
    visitor.page.wait_for_function(_IS_THERE)
    found = visitor.page.evaluate("window.stillness")
    return Moved(found["score"], found["what"])


def go_within(visitor: Visitor, path: str) -> None:
    """Go to another page as a link leads there, without loading the application again; it is counted from here on."""
    visitor.page.evaluate(_GO, path)
