import { render, screen, waitFor } from "@testing-library/preact";
import { describe, expect, it, vi } from "vitest";

import { Markdown } from "./markdown";
import { safeHref, slug } from "./markdown-links";
import { parsed } from "./markdown-parse";
import { nodesOf } from "./markdown-tree";

/** What a text becomes on the page. */
function page(text: string): Element {
  return render(<div>{nodesOf(parsed(text), 3)}</div>).container;
}

describe("what Markdown becomes", () => {
  it("has headings below those of the page, none left out", () => {
    const { innerHTML } = page("# One\n\n### Two\n\ntext");
    expect(innerHTML).toContain("<h3 id=\"text-one\">One</h3>");
    expect(innerHTML).toContain("<h4 id=\"text-two\">Two</h4>");
  });

  it("has lists, code, quotes and tables", () => {
    const found = page("1. a\n2. b\n\n- [x](https://example.org/a)\n\n> q\n\n```py\n<b>\n```\n\n| n | v |\n|---|--:|\n| a | 1 |");
    expect(found.querySelectorAll("ol > li")).toHaveLength(2);
    expect(found.querySelector("pre code")?.textContent).toBe("<b>");
    expect(found.querySelector("th[scope=col]")?.textContent).toBe("n");
    expect(found.querySelector("td[data-numbers]")?.textContent).toBe("1");
    expect(found.querySelector("a")?.getAttribute("rel")).toBe("noreferrer noopener");
  });

  it("finds links by their definitions, and none in the prototype of an object", () => {
    expect(page("[a][b]\n\n[b]: https://example.org/x").querySelector("a")?.href).toBe("https://example.org/x");
    expect(page("[constructor] [__proto__]").querySelector("a")).toBeNull();
  });

  it("leaves comments out", () => {
    expect(page("a\n\n<!-- to be\n\nfilled -->\n\nb").textContent).toBe("ab");
  });
});

describe("an attack in Markdown", () => {
  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick='alert(1)'>c</b>",
    "<!-- --><script>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <svg onload=alert(1)> |",
  ])("stays text: %s", (text) => {
    const found = page(text);
    expect(found.querySelector("script, img, iframe, svg, b, [onclick], [onerror], [onload]")).toBeNull();
    expect(found.textContent).toContain("alert(1)");
  });

  it.each([
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](<\u0001javascript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://example.org/1)",
    "[x](//example.org/a)",
    "[x](/api/models)",
    "[x](settings)",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
  ])("is no link: %s", (text) => {
    expect(page(text).querySelector("a")).toBeNull();
  });

  it("fetches no picture: one is a link with its text", () => {
    const found = page("![a chart](https://example.org/chart.png)");
    expect(found.querySelector("img, picture, object")).toBeNull();
    expect(found.querySelector("a")?.textContent).toBe("a chart");
  });

  it("takes no id of the page", () => {
    expect(page("# content").querySelector("#content")).toBeNull();
    expect(safeHref("#Use")).toBe("#text-use");
    expect(slug("How it is used?")).toBe("how-it-is-used");
  });

  it.each([
    ["quotes", "> ".repeat(2_000) + "x"],
    ["lists", "- ".repeat(500) + "x"],
    ["stars", "*a **a ".repeat(500)],
    ["brackets", "[".repeat(2_000) + "x"],
  ])("does not reach the end of the stack: %s", (_, text) => {
    const found = page(text);
    expect(found.querySelectorAll("*").length).toBeLessThan(3_000);
  });

  it("is not drawn where it has too many parts", () => {
    expect(nodesOf({ type: "root", children: Array.from({ length: 40_000 }, () => ({ type: "html", value: "x" })) }, 3)).toBeUndefined();
  });
});

class Parser extends EventTarget {
  static ended = 0;
  postMessage(text: string) {
    queueMicrotask(() => this.dispatchEvent(new MessageEvent("message", { data: parsed(text) })));
  }
  terminate() {
    Parser.ended += 1;
  }
}

class Stuck extends Parser {
  override postMessage() {
    // Never answers.
  }
}

describe("the component", () => {
  it("shows the text once it is parsed", async () => {
    vi.stubGlobal("Worker", Parser);
    render(<Markdown text="some **bold** words" />);
    await waitFor(() => expect(screen.getByText("bold").tagName).toBe("STRONG"));
  });

  it("ends a parser that takes too long, and shows the text as it is", async () => {
    vi.stubGlobal("Worker", Stuck);
    const before = Parser.ended;
    render(<Markdown text="**a**" patienceMs={50} />);
    await waitFor(() => expect(screen.getByText("**a**")).toBeTruthy());
    expect(Parser.ended).toBeGreaterThan(before);
  });

  it("shows no more than the beginning of a text that is too long to be read", async () => {
    render(<Markdown text={`**a** ${"word ".repeat(200_000)}`} />);
    await waitFor(() => expect(screen.getByText(/^\*\*a\*\* word/).textContent.length).toBeLessThan(70_000));
  });
});
