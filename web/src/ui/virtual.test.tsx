import { act, fireEvent, render, screen } from "@testing-library/preact";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { VirtualList } from "./virtual";

const SEEN = 300;
const TOP = 100;
/** What a row is high, by its text; the component is told 50 for all. */
let heightOf: (text: string) => number;
let observers: Observer[];

class Observer {
  readonly targets = new Set<Element>();
  constructor(readonly callback: ResizeObserverCallback) {
    observers.push(this);
  }
  observe(target: Element): void {
    this.targets.add(target);
  }
  unobserve(target: Element): void {
    this.targets.delete(target);
  }
  disconnect(): void {
    this.targets.clear();
  }
}

/** What a browser does of itself after each change of the layout. */
function measure(): void {
  act(() => {
    for (const one of observers) {
      const entries = [...one.targets].map((target) => ({ target, borderBoxSize: [{ blockSize: roomOf(target), inlineSize: 400 }] }));
      one.callback(entries as unknown as ResizeObserverEntry[], one as unknown as ResizeObserver);
    }
  });
}

function roomOf(element: Element): number {
  if (element.classList.contains("virtual")) return SEEN;
  if (!element.isConnected) return 0;
  if (element.classList.contains("virtual-room")) return Number.parseFloat((element as HTMLElement).style.height);
  return heightOf(element.textContent ?? "");
}

/** Where something begins, as blocks below one another do. */
function topOf(element: Element): number {
  const frame = element.closest(".virtual");
  if (frame === null || frame === element) return TOP;
  const above = [...frame.children].slice(0, [...frame.children].indexOf(element));
  return TOP - frame.scrollTop + above.reduce((sum, one) => sum + roomOf(one), 0);
}

beforeEach(() => {
  observers = [];
  heightOf = () => 50;
  vi.stubGlobal("ResizeObserver", Observer);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(SEEN);
  vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockImplementation(function (this: HTMLElement) {
    return new DOMRect(0, topOf(this), 400, roomOf(this));
  });
});

const named = (count: number, prefix = "row") => Array.from({ length: count }, (_, place) => `${prefix} ${String(place)}`);
const onEnd = vi.fn();

function list(items: string[]) {
  return (
    <VirtualList label="Things" items={items} keyOf={(one) => one} height={50} onEnd={onEnd} row={(one) => <a href="/x">{one}</a>} />
  );
}

function open(items: string[]) {
  onEnd.mockReset();
  const view = render(list(items));
  const frame = screen.getByRole("list", { name: "Things" });
  measure();
  return { frame, change: (to: string[]) => view.rerender(list(to)) };
}

function scrollTo(frame: HTMLElement, top: number): void {
  frame.scrollTop = top;
  fireEvent.scroll(frame);
  measure();
}

const rows = () => screen.queryAllByRole("listitem");
const whole = (frame: HTMLElement) => [...frame.children].reduce((sum, one) => sum + roomOf(one), 0);
/** What is in sight, with the pixels from the top of the frame. */
const inSight = () =>
  rows().flatMap((row) => {
    const at = topOf(row) - TOP;
    return at + roomOf(row) > 0 && at < SEEN ? [[row.textContent, at]] : [];
  });

describe("a long list", () => {
  it("draws a few rows, tells their places, and is as high as all", () => {
    const { frame } = open(named(100_000));
    expect(rows().length).toBeGreaterThan(6);
    expect(rows().length).toBeLessThan(30);
    expect(whole(frame)).toBe(5_000_000);
    scrollTo(frame, 2_500_020);
    expect(inSight()[0]).toEqual(["row 50000", -20]);
    expect(inSight()).toHaveLength(7);
    const first = screen.getByText("row 50000").closest("[role=listitem]");
    expect(first?.getAttribute("aria-posinset")).toBe("50001");
    expect(first?.getAttribute("aria-setsize")).toBe("100000");
    expect(whole(frame)).toBe(5_000_000);
  });

  it("can be reached by keyboard, and keeps the focus of a row that is drawn no more", () => {
    const { frame } = open(named(1000));
    expect(frame.tabIndex).toBe(0);
    screen.getByText("row 2").focus();
    scrollTo(frame, 100);
    expect(document.activeElement?.textContent).toBe("row 2");
    scrollTo(frame, 20_000);
    expect(document.activeElement).toBe(frame);
  });

  it("tells when the end comes into sight, and again when there is more", () => {
    const { frame, change } = open(named(100));
    expect(onEnd).not.toHaveBeenCalled();
    scrollTo(frame, 100 * 50 - SEEN);
    expect(onEnd).toHaveBeenCalledTimes(1);
    change(named(200));
    measure();
    expect(onEnd).toHaveBeenCalledTimes(1);
    scrollTo(frame, 200 * 50 - SEEN);
    expect(onEnd).toHaveBeenCalledTimes(2);
  });

  it("shows nothing of nothing, and has its end in sight", () => {
    const { frame, change } = open([]);
    expect(rows()).toEqual([]);
    expect(whole(frame)).toBe(0);
    expect(onEnd).toHaveBeenCalledTimes(1);
    change(named(2));
    expect(inSight()).toEqual([["row 0", 0], ["row 1", 50]]);
  });

  it("fills a frame that grew", () => {
    open(named(1000));
    const before = rows().length;
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(3 * SEEN);
    measure();
    expect(rows()).toHaveLength(before + 12);
  });
});

describe("heights", () => {
  it("are measured, and remembered by key where rows change places", () => {
    heightOf = (text) => (text.startsWith("row") ? 80 : 50);
    const { frame, change } = open(named(100));
    const measured = rows().length;
    scrollTo(frame, 4000);
    expect(whole(frame)).toBeGreaterThan(100 * 50 + measured * 30);
    const before = whole(frame);
    change([...named(100)].reverse());
    measure();
    expect(whole(frame)).toBeGreaterThanOrEqual(before);
  });

  it("of what is hidden stay as they were", () => {
    const { frame } = open(named(100));
    heightOf = () => 0;
    measure();
    heightOf = () => 50;
    scrollTo(frame, 2000);
    expect(whole(frame)).toBe(5000);
  });
});

describe("new rows on top", () => {
  it.each([1, 30, 5000])("do not move what one reads (%i of them)", (count) => {
    heightOf = (text) => 40 + (text.length * 7) % 30;
    const { frame, change } = open(named(1000));
    scrollTo(frame, 12_345);
    const before = inSight();
    change([...named(count, "new"), ...named(1000)]);
    measure();
    expect(inSight()).toEqual(before);
  });

  it("are held by another row where the first in sight is gone", () => {
    const { frame, change } = open(named(1000));
    scrollTo(frame, 5010);
    const [[gone], next] = inSight() as [[string, number], [string, number]];
    change([...named(3, "new"), ...named(1000).filter((one) => one !== gone)]);
    expect(inSight()).toContainEqual(next);
  });

  it("are seen by who looks at the top", () => {
    const { frame, change } = open(named(1000));
    change([...named(3, "new"), ...named(1000)]);
    expect(frame.scrollTop).toBe(0);
    expect(inSight()[0]).toEqual(["new 0", 0]);
  });
});
