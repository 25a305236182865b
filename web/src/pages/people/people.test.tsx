import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { describe, expect, it } from "vitest";

import { answering, type Asked } from "../../testing/server";
import { draftOf, grantsOf, grantsText, NOTHING, optionsOf } from "./grants";
import PeoplePage from ".";

const ALL = { model: "*", stage: "*", alias: "*" };

function show(path: string, table: Record<string, unknown>): Asked[] {
  history.replaceState(null, "", path);
  const asked = answering(table);
  render(
    <LocationProvider>
      <PeoplePage />
    </LocationProvider>,
  );
  return asked;
}

describe("grants", () => {
  it("are told as the command line tells them", () => {
    expect(grantsText([{ allow: "deployer", model: "fraud-*", stage: "staging", alias: "*" }, { allow: "*", ...ALL }])).toBe(
      "deployer on fraud-* stage staging, everything",
    );
    expect(grantsText([])).toBe("nothing");
  });

  it("are one for each model of a form, and the same options", () => {
    const draft = { ...NOTHING, role: "deployer", models: "a, b-*", stage: "staging" };
    expect(grantsOf(draft)).toEqual(["a", "b-*"].map((model) => ({ allow: "deployer", model, stage: "staging", alias: "*" })));
    expect(optionsOf(draft)).toEqual(["--role", "deployer", "--model", "a", "--model", "b-*", "--stage", "staging"]);
    expect(optionsOf(NOTHING)).toEqual([]);
  });

  it("fit into a form if there is one", () => {
    const one = { allow: "alias.move", model: "fraud", stage: "*", alias: "champion" };
    expect(grantsOf(draftOf([one]))).toEqual([one]);
    expect(draftOf([one, one])).toEqual(NOTHING);
  });
});

describe("the page of people", () => {
  it("says when the server asks nobody, and how to change that", async () => {
    show("/people", { "GET /api/whoami": { name: "local", proven: false, roles: [], grants: [{ allow: "*", ...ALL }] } });
    expect(await screen.findByText(/This server asks nobody/)).toBeTruthy();
    expect(screen.getByText("modelyard user create ana@example.com --role admin")).toBeTruthy();
  });

  it("shows a new token once", async () => {
    const asked = show("/people?tab=tokens", {
      "GET /api/tokens": { tokens: [], next_page_token: "" },
      "POST /api/tokens": { id: "tk_1", principal: "ci", token: "myd_secret" },
    });
    fireEvent.click(await screen.findByRole("button", { name: "New token" }));
    fireEvent.input(screen.getByLabelText("User or service"), { target: { value: "ci" } });
    fireEvent.change(screen.getByLabelText("Role"), { target: { value: "developer" } });
    expect(screen.getByText("modelyard token create ci --role developer --expires 90d")).toBeTruthy();
    fireEvent.submit(document.querySelector("dialog form") as HTMLFormElement);
    expect(await screen.findByText("myd_secret")).toBeTruthy();
    expect(asked.find((one) => one.method === "POST")?.body).toMatchObject({
      principal: "ci",
      grants: [{ allow: "developer", ...ALL }],
      expires: "90d",
    });
    fireEvent.click(screen.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByText("myd_secret")).toBeNull());
  });

  it("disables somebody only as they were seen", async () => {
    const user = { name: "ana", kind: "user", grants: [], disabled: false, tokens: 1, revision: 7, created_at: "2026-01-01T00:00:00Z" };
    const asked = show("/people?tab=users", {
      "GET /api/users": { users: [user], next_page_token: "" },
      "PATCH /api/users/ana": user,
    });
    fireEvent.click(await screen.findByRole("button", { name: "Disable" }));
    fireEvent.submit(document.querySelector("dialog form") as HTMLFormElement);
    await waitFor(() => {
      const change = asked.find((one) => one.method === "PATCH");
      expect(change?.headers.get("If-Match")).toBe('"7"');
      expect(change?.body).toEqual({ grants: null, disabled: true });
    });
  });
});
