/**
 * How a model fares, in a word: the worst that is true of any of its endpoints.
 *
 * Rules, the first that holds
 * 1. An alert fires that nobody silenced: `alert`.
 * 2. A deployment stands still until somebody does something: `waiting`.
 * 3. A deployment goes on: `releasing`.
 * 4. What takes the requests was put there by a rollback, not longer than a week ago: `rolledBack`.
 * 5. Some version takes requests: `serving`.
 * 6. Else `nothing`.
 */

import type { Schemas } from "../../api/client";
import { paths } from "../../paths";
import type { Kind } from "../../ui/badges";
import { percent } from "../../ui/values";
import { number } from "../../words";
import { yardWords } from "../../words/yard";

export type Endpoint = Schemas["EndpointRecord"];
export type Alert = Schemas["AlertRecord"];
export type Rollback = Schemas["EndpointRollback"];

export const ORDER = ["alert", "waiting", "releasing", "rolledBack", "serving", "nothing"] as const;
export type Word = (typeof ORDER)[number];

export interface Health {
  word: Word;
  kind: Kind;
  /** A few words more; empty where the word says it all. */
  detail: string;
  /** Where to look further. */
  href?: string;
}

/** What is known of one model. */
export interface Known {
  endpoints: readonly Endpoint[];
  alerts: readonly Alert[];
  rollbacks: readonly Rollback[];
}

const KINDS: Record<Word, Kind> = {
  alert: "bad",
  waiting: "warn",
  releasing: "info",
  rolledBack: "warn",
  serving: "good",
  nothing: "plain",
};
const WEEK_MS = 7 * 24 * 3600 * 1000;

/** How a model fares. */
export function healthOf({ endpoints, alerts, rollbacks }: Known, now: number): Health {
  const say = yardWords.models.detail;
  const [firing, ...more] = alerts.filter((one) => one.state === "firing" && !one.silenced);
  if (firing !== undefined) {
    const told = firing.summary === "" ? firing.rule : firing.summary;
    return health("alert", more.length === 0 ? told : say.more(told, number(more.length)), paths.alerts());
  }
  return inRelease(endpoints) ?? wentBack(endpoints, rollbacks, now) ?? served(endpoints);
}

function inRelease(endpoints: readonly Endpoint[]): Health | undefined {
  const say = yardWords.models.detail;
  const live = endpoints.filter((one) => one.deployment?.live === true);
  const found = live.find((one) => one.deployment?.state === "PAUSED") ?? live[0];
  if (found?.deployment === undefined || found.deployment === null) return undefined;
  const { state, version, weight, id } = found.deployment;
  return state === "PAUSED"
    ? health("waiting", say.waiting(version, found.environment), paths.deployment(id))
    : health("releasing", say.releasing(version, percent(weight), found.environment), paths.deployment(id));
}

function wentBack(endpoints: readonly Endpoint[], rollbacks: readonly Rollback[], now: number): Health | undefined {
  for (const endpoint of endpoints) {
    // The route is the one that the rollback made; the next deployment gives the endpoint a higher epoch.
    const found = rollbacks.find((one) => one.environment === endpoint.environment && one.epoch === endpoint.epoch);
    if (found === undefined || now - Date.parse(found.at) > WEEK_MS) continue;
    const told = yardWords.models.detail.rolledBack(found.version ?? "–", found.left ?? "–", endpoint.environment);
    const href = found.deployment_id === "" ? paths.endpoint(endpoint.name, endpoint.environment) : paths.deployment(found.deployment_id);
    return health("rolledBack", told, href);
  }
  return undefined;
}

function served(endpoints: readonly Endpoint[]): Health {
  const serving = endpoints.filter((one) => one.route.arms.length > 0);
  const [first] = serving;
  if (first === undefined) return health("nothing", "");
  const places = serving.map((one) => one.environment).join(", ");
  return health("serving", yardWords.models.detail.serving(places), paths.endpoint(first.name, first.environment));
}

function health(word: Word, detail: string, href?: string): Health {
  return { word, kind: KINDS[word], detail, ...(href === undefined ? {} : { href }) };
}
