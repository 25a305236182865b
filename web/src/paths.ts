/** Addresses of pages. The server answers these with the application (`modelyard.server.dashboard`). */

const part = encodeURIComponent;

export const paths = {
  yard: () => "/",
  model: (name: string) => `/models/${part(name)}`,
  version: (name: string, version: string) => `/models/${part(name)}/versions/${part(version)}`,
  compare: (references: readonly string[] = []) =>
    references.length === 0 ? "/compare" : `/compare?${references.map((one) => `v=${part(one)}`).join("&")}`,
  promotions: () => "/promotions",
  promotion: (id: string) => `/promotions/${part(id)}`,
  deployments: () => "/deployments",
  deployment: (id: string) => `/deployments/${part(id)}`,
  endpoints: () => "/endpoints",
  endpoint: (name: string, environment = "production") =>
    environment === "production" ? `/endpoints/${part(name)}` : `/endpoints/${part(name)}?environment=${part(environment)}`,
  alerts: () => "/alerts",
  events: (at?: string) => (at === undefined ? "/events" : `/events?at=${part(at)}`),
  agents: () => "/agents",
  people: () => "/people",
  storage: () => "/storage",
  settings: () => "/settings",
};

/** Pages as the router knows them. */
export const PATTERNS = {
  yard: "/",
  model: "/models/:name",
  version: "/models/:name/versions/:version",
  compare: "/compare",
  promotions: "/promotions",
  promotion: "/promotions/:id",
  deployments: "/deployments",
  deployment: "/deployments/:id",
  endpoints: "/endpoints",
  endpoint: "/endpoints/:name",
  alerts: "/alerts",
  events: "/events",
  agents: "/agents",
  people: "/people",
  storage: "/storage",
  settings: "/settings",
} as const;
