/** What an endpoint serves, in shares, and whom its flags mean. */

import type { Schemas } from "../../api/client";
import { paths } from "../../paths";
import type { Share } from "../../ui/traffic";
import { percent } from "../../ui/values";
import { endpointWords as endpoint } from "../../words/endpoint";
import type { Whole } from "../deployment/whole";

export type Endpoint = Whole<Schemas["EndpointRecord"]>;
export type Route = Endpoint["route"];
export type Rule = Schemas["Rule"];

const told = endpoint.flags;

/** Who gets which share, the largest first. */
export function sharesOf(route: Pick<Route, "arms">): Share[] {
  return route.arms
    .filter((arm) => arm.weight > 0)
    .toSorted((a, b) => b.weight - a.weight)
    .map((arm) => ({ text: arm.version, share: arm.weight }));
}

/** A route in a line. */
export function routeText(route: Pick<Route, "arms">): string {
  const shares = sharesOf(route).map((one) => `${one.text} ${percent(one.share)}`);
  return shares.join(", ") || endpoint.history.nothing;
}

/** The page of an endpoint; production is what one means without saying so. */
export function addressOf(one: Pick<Endpoint, "name" | "environment">): string {
  return paths.endpoint(one.name, one.environment);
}

/** Which requests a flag means. */
export function whoOf(rule: Pick<Rule, "header" | "equals" | "percentage">): string {
  const who =
    rule.header === ""
      ? told.everybody
      : rule.equals === ""
        ? told.header(rule.header)
        : told.headerIs(rule.header, rule.equals);
  return rule.percentage < 100 ? told.share(who, percent(rule.percentage / 100)) : who;
}

/** Settings whose text is not what it was: name → value. A text that is no JSON is a text, as on the command line. */
export function changedOf(before: Record<string, unknown>, typed: Record<string, string>): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(typed)) {
    const value = typeof before[name] === "string" ? text : parsed(text);
    if (JSON.stringify(value) !== JSON.stringify(before[name])) changed[name] = value;
  }
  return changed;
}

/** What stands in a setting's field. */
export function typedOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** `--set` of the command line, for each changed setting. */
export function flagsOf(changed: Record<string, unknown>): string[] {
  return Object.entries(changed).flatMap(([name, value]) => ["--set", `${name}=${settingText(value)}`]);
}

/** A value as `--set` reads it: a text that would be read as JSON is quoted. */
function settingText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return parsed(value) === value ? value : JSON.stringify(value);
}
