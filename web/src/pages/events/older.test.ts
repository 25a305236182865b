import { describe, expect, it } from "vitest";

import type { HappenedEvent } from "../../api/live";
import { type Ask, olderThan } from "./older";

/** A server with events at these sequences, which gives two in a page. */
function server(sequences: number[]): Ask {
  return (after, token) => {
    const from = token === "" ? after : Number(token);
    const rest = sequences.filter((one) => one > from);
    const events = rest.slice(0, 2).map((sequence) => ({ sequence }) as HappenedEvent);
    return Promise.resolve({ events, next_page_token: rest.length > 2 ? String(rest[1]) : "" });
  };
}

describe("older events", () => {
  it("are those just before, the newest first, whatever the size of a page", async () => {
    const found = await olderThan(90, server([10, 81, 83, 85, 87, 90, 91]), 10);
    expect(found.events.map((one) => one.sequence)).toEqual([87, 85, 83, 81]);
    expect(found.isEnd).toBe(false);
  });

  it("are looked for further back where nothing was just before", async () => {
    const found = await olderThan(1000, server([3, 5, 1000]), 10);
    expect(found.events.map((one) => one.sequence)).toEqual([5, 3]);
    expect(found.isEnd).toBe(true);
  });

  it("end with the record", async () => {
    expect(await olderThan(5, server([5, 6]), 100)).toEqual({ events: [], isEnd: true });
  });
});
