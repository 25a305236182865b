import { fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Plot } from "./plot";
import { drawingOf } from "./plot-drawing";

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const versions = ["1.0.0", "1.1.0", "1.2.0"];
const accuracy = {
  label: "accuracy by version",
  x: [0, 1, 2],
  series: [
    { name: "accuracy", values: [0.91, null, 0.94] },
    { name: "least", values: [0.9, 0.9, 0.9], isBound: true },
  ],
  xText: (place: number) => versions[place] ?? "",
};
const drawing = () => screen.getByRole("img");
const legend = (container: Element) => container.querySelector(".plot-legend")?.textContent;

describe("a plot", () => {
  it("has a name, ticks, lines, and the name of its bound", () => {
    render(<Plot {...accuracy} />);
    const svg = screen.getByRole("img", { name: "accuracy by version" });
    expect(svg.getAttribute("viewBox")).toBe("0 0 600 224");
    const texts = [...svg.querySelectorAll("text")].map((text) => text.textContent);
    expect(texts).toEqual(expect.arrayContaining(["1.0.0", "1.1.0", "1.2.0", "0.91", "0.94", "least"]));
    const [line, bound] = svg.querySelectorAll(".plot-line");
    expect(line?.getAttribute("d")).toMatch(/^M[\d. ]+L[\d. ]+$/);
    expect(bound?.parentElement?.getAttribute("data-line")).toBe("bound");
    expect(svg.outerHTML).not.toContain("NaN");
    expect(svg.outerHTML).not.toContain("style=");
  });

  it("tells the newest figures, and those that are pointed at", () => {
    const { container } = render(<Plot {...accuracy} />);
    expect(legend(container)).toBe("1.2.0accuracy0.94least0.9");
    fireEvent.pointerMove(drawing(), { clientX: 60 });
    expect(legend(container)).toBe("1.0.0accuracy0.91least0.9");
    expect(container.querySelectorAll(".plot-spot")).toHaveLength(2);
    fireEvent.pointerMove(drawing(), { clientX: 320 });
    expect(legend(container)).toBe("1.1.0accuracy–least0.9");
    fireEvent.pointerLeave(drawing());
    expect(legend(container)).toContain("1.2.0");
    expect(container.querySelector(".plot-cursor")).toBeNull();
    expect(screen.getByRole("status").textContent).toBe("");
  });

  it("is read with the arrow keys, and says what they reach", () => {
    const { container } = render(<Plot {...accuracy} />);
    const press = (key: string) => fireEvent.keyDown(drawing(), { key });
    press("ArrowLeft");
    expect(screen.getByRole("status").textContent).toBe("1.2.0: accuracy 0.94; least 0.9");
    press("ArrowLeft");
    press("ArrowLeft");
    press("ArrowLeft");
    expect(screen.getByRole("status").textContent).toBe("1.0.0: accuracy 0.91; least 0.9");
    press("End");
    expect(legend(container)).toContain("1.2.0");
    press("Escape");
    expect(container.querySelector(".plot-cursor")).toBeNull();
    expect(press("Tab")).toBe(true);
  });

  it("follows new figures", () => {
    const { container, rerender } = render(<Plot {...accuracy} />);
    fireEvent.keyDown(drawing(), { key: "End" });
    rerender(<Plot {...accuracy} x={[0]} series={[{ name: "accuracy", values: [0.5] }]} />);
    expect(legend(container)).toContain("1.0.0accuracy0.5");
    expect(container.querySelector(".plot-cursor")).toBeNull();
  });

});

describe("figures that are too few, too many, or have no place", () => {
  it("are left out, and this is told", () => {
    const values = [1, 0, -3, 10, Number.NaN, Infinity, 100];
    const { container } = render(<Plot label="E" x={values.map((_, place) => place)} series={[{ name: "E", values }]} isLog />);
    expect(container.textContent).toContain("Not drawn: 2 values. A logarithmic axis has no place for zero and less.");
    expect(container.textContent).toContain("Not drawn: 2 values, being no finite numbers.");
    expect(drawing().querySelector(".plot-line")?.getAttribute("d")?.match(/M/g)).toHaveLength(3);
  });

  it.each([
    ["there are none", [], []],
    ["all are missing", [1, 2], [null, null]],
    ["none is positive on a logarithmic axis", [1, 2], [0, -1]],
  ])("are not drawn where %s", (_, x, values) => {
    render(<Plot label="E" x={x} series={[{ name: "E", values }]} isLog />);
    expect(drawing().textContent).toBe("There are no figures to draw.");
    expect(screen.getByRole("table", { hidden: true })).toBeTruthy();
  });

  it("stand in a table, all of them or 200 rows that are chosen evenly", () => {
    const x = Array.from({ length: 10_000 }, (_, place) => 1_760_000_000 + place);
    const { container, rerender } = render(<Plot {...accuracy} />);
    expect(container.querySelectorAll("tbody tr")).toHaveLength(3);
    expect(container.textContent).not.toContain("evenly chosen");
    rerender(<Plot label="E" isTime x={x} series={[{ name: "E", values: x.map((at) => at % 7) }]} />);
    const rows = container.querySelectorAll("tbody tr");
    expect(rows).toHaveLength(200);
    expect(rows[199]?.textContent).toContain(new Date(1_760_009_999_000).toISOString());
    expect(container.textContent).toContain("200 of 10,000 rows, evenly chosen.");
  });
});

describe("a drawing", () => {
  const numbers = (text: string) => (text.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);

  it("stays inside, whatever the figures", () => {
    const x = [1, 2, 3];
    for (const values of [[5, 5, 5], [-1e300, 0, 1e300], [1e15, 1e15 + 1, 1e15 + 2], [0, 0, null], [1e-300, null, 4e-9]]) {
      for (const width of [40, 320, 1_200]) {
        const made = drawingOf({ x, series: [{ name: "a", values, isBound: true }, { name: "b", values }] }, width);
        expect(made?.lines).toHaveLength(2);
        for (const line of made?.lines ?? []) {
          const found = numbers(line.path);
          expect(found.every((value) => Number.isFinite(value) && value >= 0 && value <= Math.max(width, 224))).toBe(true);
        }
      }
    }
  });

  it("draws a bound of one point over the whole width, and keeps names of bounds apart", () => {
    const made = drawingOf(
      {
        x: [7],
        series: [
          { name: "a", values: [1] },
          { name: "upper", values: [2], isBound: true },
          { name: "lower", values: [1.99], isBound: true },
        ],
      },
      500,
    );
    expect(made?.lines[1]?.path).toMatch(/^M\d+ [\d.]+L486 [\d.]+$/);
    const heights = made?.lines.flatMap((line) => line.label?.y ?? []) ?? [];
    expect(Math.abs((heights[0] ?? 0) - (heights[1] ?? 0))).toBeGreaterThanOrEqual(12);
  });

  it("of 10,000 points is small", () => {
    const x = Array.from({ length: 10_000 }, (_, place) => place);
    const made = drawingOf({ x, series: [{ name: "a", values: x.map((at) => Math.sin(at)) }] }, 800);
    expect(made?.lines[0]?.path.match(/[ML]/g)?.length).toBeLessThanOrEqual(300);
  });
});
