/** Grants in words, as a form holds them, and as options of the command line. */

import type { Schemas } from "../../api/client";
import { peopleWords as words } from "../../words/people";

export type Grant = Schemas["GrantRecord"];

const said = words.grant;
export const ROLES = Object.keys(said.roles);

/** What is granted, in words, as the command line lists it. */
export function grantText({ allow, model, stage, alias }: Grant): string {
  const where = [
    model === "*" ? "" : model,
    stage === "*" ? "" : said.stageIs(stage),
    alias === "*" ? "" : said.aliasIs(alias),
  ].filter((one) => one !== "");
  const what = allow === "*" ? said.everything : allow;
  return where.length === 0 ? what : said.on(what, where.join(" "));
}

export function grantsText(grants: readonly Grant[]): string {
  return grants.map(grantText).join(", ") || words.users.nothing;
}

/** What the form says: one role or permission, on some models, stages and aliases. */
export interface Draft {
  /** Empty for none. */
  role: string;
  permission: string;
  models: string;
  stage: string;
  alias: string;
}

export const NOTHING: Draft = { role: "", permission: "", models: "", stage: "", alias: "" };

function allowed({ role, permission }: Draft): string[] {
  return [role, permission.trim()].filter((one) => one !== "");
}

function modelsOf({ models }: Draft): string[] {
  return models
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** The grants that a form stands for, as `modelyard user create` makes them of its options. */
export function grantsOf(draft: Draft): { allow: string; model: string; stage: string; alias: string }[] {
  const models = modelsOf(draft);
  const stage = draft.stage.trim() || "*";
  const alias = draft.alias.trim() || "*";
  return allowed(draft).flatMap((allow) => (models.length === 0 ? ["*"] : models).map((model) => ({ allow, model, stage, alias })));
}

/** The options that say the same. */
export function optionsOf(draft: Draft): string[] {
  if (allowed(draft).length === 0) return [];
  const told: [string, string][] = [
    ["--role", draft.role],
    ["--permission", draft.permission.trim()],
    ...modelsOf(draft).map((one): [string, string] => ["--model", one]),
    ["--stage", draft.stage.trim()],
    ["--alias", draft.alias.trim()],
  ];
  return told.filter(([, value]) => value !== "").flat();
}

/** The form of what somebody may do already; more than one grant does not fit, and begins anew. */
export function draftOf(grants: readonly Grant[]): Draft {
  const [only] = grants;
  if (only === undefined || grants.length > 1) return NOTHING;
  const isRole = ROLES.includes(only.allow);
  const own = (pattern: string) => (pattern === "*" ? "" : pattern);
  return {
    role: isRole ? only.allow : "",
    permission: isRole ? "" : only.allow,
    models: own(only.model),
    stage: own(only.stage),
    alias: own(only.alias),
  };
}
