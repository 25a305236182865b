import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { me } from "../../api/session";
import { answering } from "../promotion/testing";
import { filterAddress, parseFilter } from "./filter";
import PromotionsPage from "./index";

beforeEach(() => {
  me.value = { name: "cleo", proven: true, roles: [], grants: [{ allow: "*", model: "*", stage: "*", alias: "*" }] };
});
afterEach(() => {
  me.value = null;
});

function show(address: string): void {
  history.replaceState(null, "", address);
  render(
    <LocationProvider>
      <PromotionsPage />
    </LocationProvider>,
  );
}

describe("the list of promotions", () => {
  it("has first what waits for who looks", async () => {
    answering({});
    show("/promotions");
    const mine = await screen.findByRole("table", { name: "Promotions that wait for you" });
    expect(mine.textContent).toContain("fraud/1.2.0");
    expect(mine.textContent).toContain("for you to approve or reject");
  });

  it("asks for what its address says, and puts a choice there", async () => {
    const seen = answering({ state: "applied" });
    show("/promotions?state=applied&model=fraud");
    await screen.findByRole("table", { name: "Promotions, the newest first" });
    const asked = seen.find((one) => one.path === "/api/promotions")?.query;
    expect(asked?.get("state")).toBe("applied");
    expect(asked?.get("name")).toBe("fraud");
    fireEvent.change(screen.getByLabelText("State"), { target: { value: "all" } });
    await waitFor(() => expect(location.search).toBe("?state=all&model=fraud"));
  });

  it("teaches the command where there is nothing", async () => {
    answering({}, { "GET /api/promotions": { promotions: [], next_page_token: "" } });
    show("/promotions");
    expect(await screen.findByText("modelyard request fraud/1.4.0 --target-stage production")).toBeTruthy();
  });
});

describe("the filter", () => {
  it("comes back from its address as it was", () => {
    const filter = { state: "expired", model: "team/fraud+eu" } as const;
    const query = Object.fromEntries(new URL(filterAddress(filter), "http://page").searchParams);
    expect(parseFilter(query)).toEqual(filter);
    expect(parseFilter({ state: "odd" })).toEqual({ state: "open", model: "" });
  });
});
