/** What the yard shows, and how it changes when one model has changed. */

import type { Schemas } from "../../api/client";
import type { HappenedEvent } from "../../api/live";
import { type Alert, type Endpoint, type Health, healthOf, type Known, ORDER, type Rollback } from "./health";
import { meets, type Wanted } from "./query";

export type Model = Schemas["ModelRecord"];

export interface Yard extends Known {
  models: readonly Model[];
  /** Of the next page of models; empty where all are here. */
  token: string;
}

/** What was loaded again of one model; what is absent has not changed. */
export interface Patch {
  name: string;
  /** Null where it is gone. */
  model?: Model | null;
  endpoints?: readonly Endpoint[];
  alerts?: readonly Alert[];
  rollbacks?: readonly Rollback[];
}

export type Part = "model" | "traffic" | "alerts";

/** What an event changes of its model's card. */
export function partsOf({ type }: Pick<HappenedEvent, "type">): Part[] {
  const room = type.split(".")[0];
  if (room === "alert") return ["alerts"];
  if (["deployment", "route", "endpoint"].includes(room ?? "")) return ["model", "traffic"];
  return ["model"];
}

/** The yard with what was loaded again of one model. */
export function patched(yard: Yard, patch: Patch): Yard {
  return {
    ...yard,
    models: patch.model === undefined ? yard.models : withModel(yard, patch.name, patch.model),
    endpoints: exchanged(yard.endpoints, patch.endpoints, (one) => one.name === patch.name),
    rollbacks: exchanged(yard.rollbacks, patch.rollbacks, (one) => one.name === patch.name),
    alerts: exchanged(yard.alerts, patch.alerts, (one) => one.model === patch.name),
  };
}

function withModel({ models, token }: Yard, name: string, model: Model | null): readonly Model[] {
  if (model === null) return models.filter((one) => one.name !== name);
  if (models.some((one) => one.id === model.id)) return models.map((one) => (one.id === model.id ? model : one));
  // Behind the last name that is loaded it comes with its page.
  const last = models.at(-1)?.name ?? "";
  return token === "" || name <= last ? [...models, model] : models;
}

function exchanged<T>(all: readonly T[], fresh: readonly T[] | undefined, isOf: (one: T) => boolean): readonly T[] {
  return fresh === undefined ? all : [...all.filter((one) => !isOf(one)), ...fresh];
}

export interface Card {
  model: Model;
  endpoints: readonly Endpoint[];
  health: Health;
}

/** The cards of the models that are wanted, in the wanted order; those that were loaded stood in the wanted stage. */
export function cardsOf(yard: Yard, wanted: Wanted, now: number): Card[] {
  const endpoints = grouped(yard.endpoints, nameOf);
  const alerts = grouped(yard.alerts, (one) => one.model);
  const rollbacks = grouped(yard.rollbacks, nameOf);
  return yard.models
    .filter((one) => meets(wanted, one))
    .map((model) => {
      const own = endpoints.get(model.name) ?? [];
      const known = { endpoints: own, alerts: alerts.get(model.name) ?? [], rollbacks: rollbacks.get(model.name) ?? [] };
      return { model, endpoints: own, health: healthOf(known, now) };
    })
    .sort(SORTERS[wanted.sort]);
}

const nameOf = (one: { name: string }) => one.name;

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = found.get(key);
    if (group === undefined) found.set(key, [one]);
    else group.push(one);
  }
  return found;
}

const names = new Intl.Collator(undefined, { numeric: true });
const byName = (a: Card, b: Card) => names.compare(a.model.name, b.model.name);
const byChange = (a: Card, b: Card) => b.model.updated_at.localeCompare(a.model.updated_at) || byName(a, b);
const SORTERS: Record<Wanted["sort"], (a: Card, b: Card) => number> = {
  name: byName,
  changed: byChange,
  health: (a, b) => ORDER.indexOf(a.health.word) - ORDER.indexOf(b.health.word) || byChange(a, b),
};

/** Cards as they stood before, by the ids of their models; new ones come first. Nothing moves under a person's hand. */
export function asBefore(cards: readonly Card[], before: readonly string[]): Card[] {
  const places = new Map(before.map((id, place) => [id, place]));
  const placeOf = (one: Card) => places.get(one.model.id) ?? -1;
  return [...cards].sort((a, b) => placeOf(a) - placeOf(b));
}

export interface Choices {
  stages: string[];
  owners: string[];
  teams: string[];
  tags: string[];
}

const USUAL_STAGES = ["production", "staging", "development", "archived"];
/** Tags that a choice lists at most; another one can still stand in the address. */
const MOST_TAGS = 300;

/** What filters can be set to: what occurs, and what is chosen. */
export function choicesOf(models: readonly Model[], wanted: Wanted): Choices {
  const sorted = (...all: string[]) => [...new Set(all.filter((one) => one !== ""))].sort(names.compare);
  const others = models.flatMap((one) => Object.keys(one.stages ?? {})).filter((one) => !USUAL_STAGES.includes(one));
  const tags = models.flatMap((one) => Object.entries(one.tags ?? {}).map(([key, value]) => `${key}=${value}`));
  return {
    stages: [...USUAL_STAGES, ...sorted(...others, USUAL_STAGES.includes(wanted.stage) ? "" : wanted.stage)],
    owners: sorted(wanted.owner, ...models.map((one) => one.owner)),
    teams: sorted(wanted.team, ...models.map((one) => one.team)),
    tags: [...new Set([...(wanted.tag === "" ? [] : [wanted.tag]), ...sorted(...tags).slice(0, MOST_TAGS)])],
  };
}

const RANKS: Record<string, number> = { production: 0, staging: 1, development: 2, archived: 4 };

/** Who holds which stage, the most important first. */
export function holdersOf({ stages = {} }: Model): [stage: string, version: string][] {
  const rank = (stage: string) => RANKS[stage] ?? 3;
  return Object.entries(stages).sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
}
