import { beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";

import { answering, Refusal } from "../testing/server";
import { addressOf, answered, api, giveUp, once, type Schemas } from "./client";
import { isAsked, signIn, token } from "./session";

const NAME = { params: { path: { name: "fraud" } } };

beforeEach(() => {
  token.value = "";
  isAsked.value = false;
});

describe("an address", () => {
  it("has its parts filled in, each encoded whole", () => {
    expect(addressOf("/api/models/{reference}/lineage", { reference: "my team/fraud@a+b?" })).toBe(
      "/api/models/my%20team%2Ffraud%40a%2Bb%3F/lineage",
    );
    expect(addressOf("/api/models/{name}/aliases/{alias}", { name: "{alias}", alias: "$&" })).toBe(
      "/api/models/%7Balias%7D/aliases/%24%26",
    );
  });

  it("repeats the name of a list, and leaves out what is not said", () => {
    const query = { types: ["a b", "c&d"], none: [], gone: undefined, empty: null, text: "", limit: 0, live: false };
    expect(addressOf("/api/events", {}, query)).toBe("/api/events?types=a+b&types=c%26d&text=&limit=0&live=false");
    expect(addressOf("/api/events", {}, { gone: undefined })).toBe("/api/events");
  });
});

describe("a request", () => {
  it("carries token, headers and JSON, and gives what is answered", async () => {
    signIn("secret", false);
    const asked = answering({ "POST /api/models/fraud/rename": { name: "abuse" } });
    const { data, response } = await api.POST("/api/models/{name}/rename", {
      params: { path: { name: "fraud" }, header: { "Idempotency-Key": "one" } },
      body: { new_name: "abuse" },
      headers: { "X-More": "yes" },
    });
    expect(data).toEqual({ name: "abuse" });
    expect(response.status).toBe(200);
    expect(asked[0]?.body).toEqual({ new_name: "abuse" });
    const told = ["authorization", "idempotency-key", "x-more", "content-type"].map((one) => asked[0]?.headers.get(one));
    expect(told).toEqual(["Bearer secret", "one", "yes", "application/json"]);
  });

  it("says nothing of a body and of a token where there is none", async () => {
    const asked = answering({ "GET /health": { status: "ok" } });
    await api.GET("/health");
    expect(asked[0]?.body).toBeUndefined();
    expect(asked[0]?.headers.has("content-type")).toBe(false);
    expect(asked[0]?.headers.has("authorization")).toBe(false);
  });

  it("gives a file as its text, even where that is JSON, and nothing for an empty answer", async () => {
    const reply = vi.fn<() => Promise<Response>>();
    vi.stubGlobal("fetch", reply);
    reply.mockResolvedValueOnce(new Response("[1]"));
    const params = { path: { reference: "fraud/1" }, query: { path: "README.md" } };
    expect(await answered(api.GET("/api/models/{reference}/download", { params, parseAs: "text" }))).toBe("[1]");
    reply.mockResolvedValueOnce(new Response(null, { status: 204 }));
    expect(await answered(api.GET("/api/models/{name}", NAME))).toBeUndefined();
  });

  it("ends with its signal, as an abort and not as a server that is away", async () => {
    vi.stubGlobal("fetch", async (_: string, { signal }: RequestInit) => {
      signal?.throwIfAborted();
      return new Response("{}");
    });
    const signal = AbortSignal.abort();
    await expect(answered(api.GET("/health", { signal }))).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a refusal", () => {
  it("is told by code and hint", async () => {
    answering({ "GET /api/models/fraud": new Refusal(409, { code: "busy", detail: "It is busy.", hint: "Wait." }) });
    const problem = { name: "Problem", status: 409, code: "busy", message: "It is busy.", hint: "Wait." };
    await expect(answered(api.GET("/api/models/{name}", NAME))).rejects.toMatchObject(problem);
  });

  it("need not be JSON, and no answer at all is one too", async () => {
    vi.stubGlobal("fetch", async () => new Response("<h1>Bad gateway</h1>", { status: 502 }));
    await expect(answered(api.GET("/health"))).rejects.toMatchObject({ status: 502, code: "http_502" });
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("network")));
    await expect(answered(api.GET("/health"))).rejects.toMatchObject({ status: 0, code: "unreachable" });
  });

  it("that comes late is of the token that was sent", async () => {
    signIn("old", false);
    answering({
      "GET /api/models/fraud": () => {
        signIn("new", false);
        return new Refusal(401, { code: "unauthorised" });
      },
    });
    await expect(answered(api.GET("/api/models/{name}", NAME))).rejects.toMatchObject({ status: 401 });
    expect([token.value, isAsked.value]).toEqual(["new", false]);
  });

  it("of a token asks for another", async () => {
    signIn("old", false);
    answering({ "GET /api/models/fraud": new Refusal(401, { code: "unauthorised" }) });
    await expect(answered(api.GET("/api/models/{name}", NAME))).rejects.toMatchObject({ status: 401 });
    expect(token.value).toBe("");
    expect(isAsked.value).toBe(true);
  });
});

describe("a change that was not answered", () => {
  const rename = (to: string) =>
    answered(api.POST("/api/models/{name}/rename", { params: { path: { name: "fraud" }, header: once() }, body: { new_name: to } }));
  const keyed = (keys: string[], fails: boolean) => {
    vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Headers }) => {
      keys.push(headers.get("Idempotency-Key") ?? "");
      if (fails) throw new TypeError("network");
      return new Response("{}");
    });
  };

  it("goes out under the same key again, until it is given up", async () => {
    const keys: string[] = [];
    keyed(keys, true);
    await expect(rename("a")).rejects.toMatchObject({ code: "unreachable" });
    await expect(rename("b")).rejects.toMatchObject({ code: "unreachable" });
    keyed(keys, false);
    await rename("a");
    await rename("a");
    giveUp();
    await rename("b");
    const [first, other, again, later, late] = keys;
    expect(again).toBe(first);
    expect(new Set([first, other, later, late]).size).toBe(4);
  });

  it("has a key also where the browser makes no identifiers", () => {
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    expect(once()["Idempotency-Key"]).toMatch(/^\d+-\d+-\d+-\d+$/);
  });
});

/** Never run: the compiler reads it. */
export async function types(): Promise<void> {
  expectTypeOf(await answered(api.GET("/api/models/{name}", NAME))).toEqualTypeOf<Schemas["ModelRecord"]>();
  const file = api.GET("/api/models/{reference}/download", { params: { path: { reference: "" } }, parseAs: "text" });
  expectTypeOf(await answered(file)).toEqualTypeOf<string>();
  // @ts-expect-error: no such path.
  await api.GET("/api/nothing");
  // @ts-expect-error: the path knows no such method.
  await api.DELETE("/health");
  // @ts-expect-error: its part is not given.
  await api.GET("/api/models/{name}");
  // @ts-expect-error: its part is called otherwise.
  await api.GET("/api/models/{name}", { params: { path: { reference: "fraud" } } });
  // @ts-expect-error: a figure is wanted.
  await api.GET("/api/models", { params: { query: { limit: "many" } } });
  // @ts-expect-error: it takes no such parameter.
  await api.GET("/api/models", { params: { query: { limits: 1 } } });
  // @ts-expect-error: a body is wanted.
  await api.POST("/api/models/{name}/rename", NAME);
  // @ts-expect-error: the body is another.
  await api.POST("/api/models/{name}/rename", { ...NAME, body: { limit: 3 } });
  // @ts-expect-error: it takes no body.
  await api.GET("/health", { body: {} });
}
