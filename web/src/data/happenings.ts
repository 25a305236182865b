/**
 * Events as sentences: pure, so that every list of events tells them alike.
 *
 * Rules
 * 1. Every type of event has a sentence in `words/…/happenings`; one that is newer than this page gets a neutral one.
 * 2. An event names its version by its id. `versionOf` knows the numbers (`data/version-names`); without it a sentence
 *    says "a version of", and its address leads there all the same, as an id is a reference too.
 * 3. What people wrote in an event is text of unknown length: it is cut.
 */

import type { HappenedEvent } from "../api/live";
import { paths } from "../paths";
import { percent } from "../ui/values";
import { happeningsWords } from "../words/happenings";
import type { Facts } from "../words/en/happenings";

export type Tone = "good" | "warn" | "bad" | "plain";

export interface Told {
  text: string;
  /** The page of what it is about; absent where there is none any more. */
  href?: string;
  tone: Tone;
}

export type VersionOf = (id: string) => string | undefined;
type Event = Pick<HappenedEvent, "type" | "model" | "actor" | "version_id" | "data">;

const LONGEST = 160;
const CONTROLLER = "controller";

const TONES: Record<string, Tone> = {
  "deployment.succeeded": "good",
  "promotion.approved": "good",
  "promotion.applied": "good",
  "alert.resolved": "good",
  "deployment.paused": "warn",
  "deployment.inconclusive": "warn",
  "deployment.halted": "warn",
  "deployment.cancelled": "warn",
  "version.deprecated": "warn",
  "version.rolled_back": "warn",
  "webhook.disabled": "warn",
  "deployment.rejected": "bad",
  "deployment.rolling_back": "bad",
  "deployment.rolled_back": "bad",
  "promotion.refused": "bad",
  "promotion.rejected": "bad",
  "alert.fired": "bad",
};

/** Events that follow from another one which says more. */
const ECHOES = new Set([
  "route.changed",
  "snapshot.created",
  "snapshot.judged",
  "promotion.applied",
  "audit.checkpoint",
  "deployment.preflight_started",
  "deployment.rolling_back",
]);

/** What happened, in a sentence, with the page of what it happened to. */
export function told(event: Event, versionOf: VersionOf = () => undefined): Told {
  const number = versionNumber(event, versionOf);
  const href = hrefOf(event, number);
  return {
    text: sentence(event, factsOf(event, number)),
    tone: toneOf(event),
    ...(href === undefined ? {} : { href }),
  };
}

/** Whether an event follows from another one that tells more; short lists leave it out. */
export function isEcho(event: Pick<HappenedEvent, "type">): boolean {
  return ECHOES.has(event.type);
}

function sentence(event: Event, facts: Facts): string {
  const say = happeningsWords;
  if (event.type === "version.stage_moved" && facts.to === "archived") return say.archived(facts);
  if (event.type === "deployment.created" && facts.strategy === "rollback") return say.rolledBackByHand(facts);
  const row = own<(facts: Facts) => string>(say.sentences, event.type);
  return row?.(facts) ?? say.other(event.type, event.model, facts.who);
}

function toneOf({ type, data }: Event): Tone {
  if (type === "version.tested") return data.passed === true ? "good" : "bad";
  return own(TONES, type) ?? "plain";
}

function versionNumber({ version_id: id, data }: Event, versionOf: VersionOf): string {
  if (typeof data.version === "string" && data.version !== "") return data.version;
  return (id === null ? undefined : versionOf(id)) ?? "";
}

function factsOf(event: Event, number: string): Facts {
  const { data, model, type } = event;
  const text = (...keys: string[]) => keys.map((key) => textOf(data[key])).find((one) => one !== "") ?? "";
  return {
    who: whoOf(event, text("by", "requester")),
    model,
    version: number === "" ? happeningsWords.aVersion(model) : `${model} ${number}`,
    environment: text("environment"),
    from: text("from"),
    to: type === "route.changed" ? armsOf(data.route) : text("to"),
    reason: reasonOf(type, text("reason", "comment", "summary")),
    name: nameOf(type, text),
    changed: changedOf(data.changes),
    strategy: text("strategy"),
    step: typeof data.step === "number" ? data.step + 1 : 0,
    passed: data.passed === true || data.healthy === true,
  };
}

/** Who did it: of a promotion, the one whose voice it is, which is not always the one who called. */
function whoOf({ type, actor }: Event, voice: string): string {
  const who = type.startsWith("promotion.") && voice !== "" ? voice : actor;
  return who === CONTROLLER ? happeningsWords.theController : who;
}

const NAMES: Record<string, string[]> = {
  alias: ["alias"],
  alert: ["rule"],
  channel: ["channel"],
  forward: ["target"],
  user: ["name"],
  token: ["principal"],
  version: ["suite"],
  webhook: ["to", "webhook"],
};

function nameOf(type: string, text: (...keys: string[]) => string): string {
  return text(...(own(NAMES, roomOf(type)) ?? []));
}

/** Why; a reason that only says the event again is none. */
function reasonOf(type: string, reason: string): string {
  return type.endsWith(`.${reason}`) ? "" : reason;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") return "";
  const shown = value.trim();
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown;
}

function changedOf(changes: unknown): string {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return "";
  return textOf(Object.keys(changes).join(", "));
}

function armsOf(route: unknown): string {
  const arms = (route as { arms?: { version?: string; weight?: number }[] } | undefined)?.arms ?? [];
  const shown = arms.map((arm) => `${arm.version ?? ""} ${percent(arm.weight ?? 0)}`);
  return textOf(shown.join(", "));
}

type Address = (event: Event, number: string) => string | undefined;

const toModel: Address = ({ model }) => (model === "" ? undefined : paths.model(model));
const toVersion: Address = (event, number) => {
  const version = number === "" ? event.version_id : number;
  return version === null ? toModel(event, number) : paths.version(event.model, version);
};
const toEndpoint: Address = ({ model }) => paths.endpoint(model);
const byId =
  (key: string, to: (id: string) => string, otherwise: Address): Address =>
  (event, number) => {
    const id = event.data[key];
    return typeof id === "string" && id !== "" ? to(id) : otherwise(event, number);
  };

const ADDRESSES: Record<string, Address> = {
  model: toModel,
  version: toVersion,
  alias: toVersion,
  forward: toVersion,
  promotion: byId("promotion", paths.promotion, toVersion),
  deployment: byId("deployment", paths.deployment, toEndpoint),
  route: byId("deployment", paths.deployment, toEndpoint),
  endpoint: toEndpoint,
  snapshot: toEndpoint,
  graph: (event, number) => toModel(event, number) ?? paths.settings(),
  alert: paths.alerts,
  channel: paths.alerts,
  user: paths.people,
  token: paths.people,
  webhook: paths.storage,
  audit: () => paths.events(),
};

function hrefOf(event: Event, number: string): string | undefined {
  if (event.type === "model.deleted") return undefined;
  if (event.type === "version.deleted") return toModel(event, number);
  return (own(ADDRESSES, roomOf(event.type)) ?? toModel)(event, number);
}

function roomOf(type: string): string {
  return type.split(".")[0] ?? "";
}

/** A row of a table; a type may be called like something that every object has. */
function own<T>(table: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
