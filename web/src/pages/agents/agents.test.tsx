import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { LocationProvider } from "preact-iso";
import { afterEach, describe, expect, it } from "vitest";

import { me } from "../../api/session";
import { answering, type Asked, Refusal } from "../../testing/server";
import { agentsOf, isIn, lastActs, warningOf } from "./health";
import { fetched, setup, upload } from "./snippets";
import AgentsPage from ".";

const DAY = 86_400_000;
const now = Date.now();
const before = (days: number) => new Date(now - days * DAY).toISOString();

function token(more: object = {}) {
  const made = { created_at: before(100), created_by: "ana", expires_at: null, last_used_at: before(1) };
  return { id: "tk_1", principal: "trainer", grants: null, description: "", state: "active", ...made, ...more } as never;
}

function service(name: string, more: object = {}) {
  const grants = [{ allow: "developer", model: "fraud", stage: "*", alias: "*" }];
  return { name, kind: "service", grants, disabled: false, tokens: 1, revision: 7, created_at: before(100), ...more } as never;
}

function event(sequence: number, actor: string, type = "version.registered") {
  return { sequence, type, actor, model: "fraud", version_id: "mv_1", at: before(1), data: { version: "1.2.0" } } as never;
}

const TABLE = {
  "GET /api/users": { users: [service("trainer"), service("edge-7"), service("ana", { kind: "user" })], next_page_token: "" },
  "GET /api/tokens": { tokens: [token({ expires_at: before(-3) })], next_page_token: "" },
  "GET /api/events": { events: [event(1, "ana"), event(2, "trainer")], next_page_token: "" },
};

function show(path: string, table: Record<string, unknown>): Asked[] {
  history.replaceState(null, "", path);
  const asked = answering(table);
  render(
    <LocationProvider>
      <AgentsPage />
    </LocationProvider>,
  );
  return asked;
}

afterEach(() => {
  me.value = null;
});

describe("a token", () => {
  it("is to be looked at before it ends, where nobody uses it, and where nobody ever did", () => {
    expect(warningOf(token(), now)).toBeUndefined();
    expect(warningOf(token({ expires_at: before(-13) }), now)).toBe("soon");
    expect(warningOf(token({ expires_at: before(-15) }), now)).toBeUndefined();
    expect(warningOf(token({ last_used_at: before(91) }), now)).toBe("idle");
    expect(warningOf(token({ last_used_at: null }), now)).toBe("never");
    expect(warningOf(token({ last_used_at: null, created_at: before(0.1) }), now)).toBeUndefined();
  });
});

describe("an agent", () => {
  it("is in the states that one may choose", () => {
    const all = (agent: ReturnType<typeof agentsOf>[0] | undefined) =>
      ["", "attention", "ready", "keyless", "disabled"].filter((one) => agent && isIn(one, agent, now));
    const tokens = [token(), token({ principal: "other", state: "expired" }), token({ principal: "late", last_used_at: before(99) })];
    const [fine, other, late, off] = agentsOf(
      [service("trainer"), service("other"), service("late"), service("off", { disabled: true })],
      tokens,
    );
    expect(all(fine)).toEqual(["", "ready"]);
    expect(all(other)).toEqual(["", "attention", "keyless"]);
    expect(all(late)).toEqual(["", "attention", "ready"]);
    expect(all(off)).toEqual(["", "keyless", "disabled"]);
  });

  it("did what carries its whole name, without echoes", () => {
    const events = [event(4, "ci-2"), event(3, "ci", "route.changed"), event(2, "ci"), event(1, "ci")];
    expect(lastActs(events, "ci", 1).map((one) => one.sequence)).toEqual([2]);
  });
});

describe("the programs of an agent", () => {
  const place = { origin: "http://127.0.0.1:5000", hasToken: true };

  it("name the server, the model and the stage, and never a token", () => {
    expect(setup(place)).toBe("export MODELYARD_URI=http://127.0.0.1:5000\nexport MODELYARD_TOKEN=my_…");
    expect(setup({ ...place, hasToken: false })).not.toContain("TOKEN");
    expect(upload("fraud", place).cli).toBe(`modelyard register --model-path model.onnx --name fraud --metrics '{"accuracy": 0.93}'`);
    expect(fetched("fraud", "edge", place).cli).toBe("modelyard download fraud/edge model.onnx --path model.onnx");
    expect(fetched("fraud", "edge", place).curl).toContain('"Authorization: Bearer $MODELYARD_TOKEN"');
    expect(fetched("fraud", "edge", { ...place, hasToken: false }).curl).not.toContain("Bearer");
  });

  it("quote what a stranger chose", () => {
    const odd = `a"b'; rm -rf $HOME`;
    expect(upload(odd, place).python).toContain(String.raw`"a\"b'; rm -rf $HOME"`);
    expect(upload(odd, place).curl).toContain(String.raw`--form-string 'name=a"b'\''; rm -rf $HOME'`);
    expect(fetched(odd, "edge", place).curl).not.toContain("$HOME");
  });
});

describe("the page of agents", () => {
  it("tells of each what it may do, how its tokens stand, and what it did last", async () => {
    show("/agents", TABLE);
    const [, trainer] = await screen.findAllByRole("listitem").then((found) => found.reverse());
    expect(screen.queryByText("ana")).toBeNull();
    const card = within(trainer as HTMLElement);
    expect(card.getByText("developer on fraud: registers versions, asks for promotions")).toBeTruthy();
    expect(card.getByText("ends soon")).toBeTruthy();
    expect((await card.findByText("trainer registered fraud 1.2.0")).getAttribute("href")).toBe("/models/fraud/versions/1.2.0");
    expect(card.getByText("All that it did").getAttribute("href")).toBe("/events?actor=trainer");
    expect(screen.getByText("no valid token")).toBeTruthy();
    expect(screen.getByText(/changed nothing among the last 500 events/)).toBeTruthy();
  });

  it("keeps the filter in the address", async () => {
    show("/agents?state=keyless", TABLE);
    expect(await screen.findByText("no valid token")).toBeTruthy();
    expect(screen.queryByText("trainer")).toBeNull();
    fireEvent.input(screen.getByLabelText("Name, or what it may do"), { target: { value: "nobody" } });
    await waitFor(() => expect(location.search).toBe("?state=keyless&q=nobody"));
    expect(screen.getByText("No agent is like that.")).toBeTruthy();
  });

  it("makes an agent for one model with its token, and shows that once", async () => {
    const asked = show("/agents", { ...TABLE, "POST /api/tokens": { id: "tk_2", principal: "night", token: "my_secret" } });
    fireEvent.click(await screen.findByRole("button", { name: "New agent" }));
    fireEvent.input(screen.getByLabelText("User or service"), { target: { value: "night" } });
    fireEvent.input(screen.getByLabelText("On models, with commas"), { target: { value: "fraud" } });
    expect(screen.getByText("modelyard token create night --role developer --model fraud --expires 90d")).toBeTruthy();
    fireEvent.submit(document.querySelector("dialog form") as HTMLFormElement);
    expect(await screen.findByText("my_secret")).toBeTruthy();
    const grants = [{ allow: "developer", model: "fraud", stage: "*", alias: "*" }];
    expect(asked.find((one) => one.method === "POST")?.body).toMatchObject({ principal: "night", grants, expires: "90d" });
  });

  it("teaches the first command, and says where nobody is asked who they are", async () => {
    me.value = { name: "local", proven: false } as never;
    show("/agents", { ...TABLE, "GET /api/users": { users: [], next_page_token: "" } });
    expect(await screen.findByText("modelyard token create trainer --role developer --model fraud --expires 90d")).toBeTruthy();
    expect(screen.getByText(/This server asks nobody/)).toBeTruthy();
  });

  it("says kindly who may see them, and still shows what an agent does", async () => {
    const no = new Refusal(403, { code: "permission_denied", detail: "edge-7 does not have the permission user.manage" });
    show("/agents", { ...TABLE, "GET /api/users": no, "GET /api/tokens": no });
    expect(await screen.findByText(/has to be allowed to manage users and tokens/)).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
    expect(screen.queryByRole("button", { name: "New agent" })).toBeNull();
    expect(screen.getByText(/modelyard download fraud\/production/)).toBeTruthy();
  });
});
