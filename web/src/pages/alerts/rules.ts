/** Rules in words, as drafts of a form, and as lines for a terminal. */

import type { Schemas } from "../../api/client";
import { line } from "../../ui/command";
import { figure, percent, seconds } from "../../ui/values";
import { alertsWords as words } from "../../words/alerts";

/** A rule as the server tells it: whole. */
export type Rule = Required<Schemas["AlertRule"]>;

const said = words.rules.told;
const METRICS: Record<string, string> = words.rules.metrics;

/** A length of time as people say it: 300 is "5 min". */
export function length(value: number): string {
  if (value < 60) return seconds(value);
  if (value % 86_400 === 0) return `${figure(value / 86_400)} d`;
  if (value % 3600 === 0) return `${figure(value / 3600)} h`;
  return `${figure(value / 60)} min`;
}

/** What a figure of a metric is in its unit. */
export function measured(metric: string, value: number): string {
  if (metric === "error_rate") return percent(value);
  if (metric === "success_rate") return `${figure(value)} %`;
  return /^p\d+$/.test(metric) ? seconds(value) : figure(value);
}

/** When a rule fires, in words. */
export function ruleText(rule: Rule): string {
  const lasting = rule.for_s > 0 ? ` ${said.lasting(length(rule.for_s))}` : "";
  return `${condition(rule)}${lasting}`;
}

function condition(rule: Rule): string {
  const metric = METRICS[rule.metric] ?? rule.metric;
  const inWindow = said.in(length(rule.window_s));
  switch (rule.kind) {
    case "threshold": {
      if (rule.above !== null) return `${said.above(metric, measured(rule.metric, rule.above))} ${inWindow}`;
      return `${said.below(metric, rule.below === null ? "" : measured(rule.metric, rule.below))} ${inWindow}`;
    }
    case "degradation":
      return said.worse(metric, figure(rule.ratio), rule.baseline === "previous" ? said.previous : said.earlier);
    case "burn_rate":
      return said.burn(`${figure(rule.objective * 100)} %`);
    case "no_data":
      return said.silent(length(rule.window_s));
    default:
      return rule.above === null ? said.drifts : said.drift(figure(rule.above));
  }
}

/** Where patterns match, in words: what is `*` is not told. */
export function where(match: { model: string; environment: string; version: string }, everywhere: string): string {
  const found = [match.model, match.version, match.environment].filter((one) => one !== "*" && one !== "");
  return found.length === 0 ? everywhere : found.join(" / ");
}

/** A rule as its form holds it. */
export interface Draft {
  name: string;
  kind: string;
  metric: string;
  bound: string;
  limit: string;
  ratio: string;
  objective: string;
  window: string;
  lasting: string;
  min: string;
  model: string;
  environment: string;
  version: string;
  severity: string;
  description: string;
  enabled: boolean;
}

export const USUAL: Rule = {
  kind: "threshold",
  metric: "error_rate",
  model: "*",
  environment: "*",
  version: "*",
  above: 0.05,
  below: null,
  ratio: 2,
  baseline: "earlier",
  baseline_s: 86_400,
  objective: 0.999,
  burn: [],
  window_s: 300,
  for_s: 0,
  resolve_at: null,
  keep_firing_s: 300,
  min_requests: 50,
  severity: "warning",
  channels: [],
  enabled: true,
  description: "",
};

export function draftOf(name: string, rule: Rule): Draft {
  const isBelow = rule.below !== null;
  return {
    name,
    kind: rule.kind,
    metric: rule.metric,
    bound: isBelow ? "below" : "above",
    limit: String((isBelow ? rule.below : rule.above) ?? ""),
    ratio: String(rule.ratio),
    objective: String(rule.objective),
    window: String(rule.window_s),
    lasting: String(rule.for_s),
    min: String(rule.min_requests),
    model: rule.model,
    environment: rule.environment,
    version: rule.version,
    severity: rule.severity,
    description: rule.description,
    enabled: rule.enabled,
  };
}

/** The rule that a form stands for; what the form does not show stays as it was. */
export function ruleOf(draft: Draft, before: Rule): Rule {
  const limit = draft.limit === "" ? null : Number(draft.limit);
  const hasLimit = draft.kind === "threshold" || draft.kind === "drift";
  const isBelow = draft.kind === "threshold" && draft.bound === "below";
  return {
    ...before,
    kind: draft.kind,
    metric: draft.metric,
    above: hasLimit && !isBelow ? limit : null,
    below: isBelow ? limit : null,
    resolve_at: isSameLimit(limit, draft, before) ? before.resolve_at : null,
    ratio: Number(draft.ratio),
    objective: Number(draft.objective),
    window_s: Number(draft.window),
    for_s: Number(draft.lasting),
    min_requests: Number(draft.min),
    model: orAll(draft.model),
    environment: orAll(draft.environment),
    version: orAll(draft.version),
    severity: draft.severity,
    description: draft.description,
    enabled: draft.enabled,
  };
}

function orAll(pattern: string): string {
  return pattern === "" ? "*" : pattern;
}

/** Where the limit changes, what was right to come back to is not any more. */
function isSameLimit(limit: number | null, draft: Draft, before: Rule): boolean {
  return limit === (before.above ?? before.below) && draft.kind === before.kind;
}

/** Options of `modelyard alert rule set`: the member of the rule, the option, and how the value is written. */
const OPTIONS: [member: keyof Rule, option: string, write?: (value: unknown) => string][] = [
  ["model", "--model"],
  ["environment", "--environment"],
  ["version", "--version"],
  ["above", "--above"],
  ["below", "--below"],
  ["ratio", "--ratio"],
  ["baseline", "--baseline"],
  ["baseline_s", "--baseline-window", inSeconds],
  ["objective", "--objective"],
  ["burn", "--burn", burning],
  ["window_s", "--window", inSeconds],
  ["for_s", "--for", inSeconds],
  ["resolve_at", "--resolve-at"],
  ["keep_firing_s", "--keep-firing", inSeconds],
  ["min_requests", "--min-requests"],
  ["severity", "--severity"],
  ["channels", "--channels", (value) => (value as string[]).join(",")],
  ["description", "--description"],
];

function inSeconds(value: unknown): string {
  return `${String(value)}s`;
}

function burning(value: unknown): string {
  return (value as Rule["burn"]).map((one) => `${String(one.long_s)}/${String(one.short_s)}/${String(one.factor)}`).join(",");
}

/** The line that makes a rule; what is usual is left out. */
export function ruleLine(name: string, rule: Rule): string {
  const told: string[] = ["--kind", rule.kind];
  if (rule.kind === "threshold" || rule.kind === "degradation") told.push("--metric", rule.metric);
  for (const [member, option, write = String] of OPTIONS) {
    const value = rule[member];
    const usual = member === "above" || member === "below" ? null : USUAL[member];
    if (value !== null && JSON.stringify(value) !== JSON.stringify(usual)) told.push(option, write(value));
  }
  if (!rule.enabled) told.push("--disabled");
  return line("alert", "rule", "set", name === "" ? "NAME" : name, ...told);
}
