/**
 * What somebody wishes of a deployment: as a form holds it, as the body that asks for it, and as the words of the command
 * that asks for the same.
 *
 * Rules
 * 1. An option is named by where it goes in the body: `judge.alpha` is the field `alpha` of `judge`.
 * 2. What is left empty, or is not for the strategy, is not sent: then all is as the server has it.
 * 3. What is no number is sent as it was written, so that the server refuses it by name. A number that JSON does not know
 *    would be sent as null, which is no limit at all.
 */

import type { paths } from "../../api/schema";

type Kind = "number" | "percent" | "list" | "text" | "moment" | "window" | "choice" | "yes" | "no";

export interface Option {
  path: string;
  kind: Kind;
  /** The strategies that take it, with blanks; all where it is empty. */
  of: string;
  /** What holds where it is left out. */
  usual: string;
  /** The option of the command, where it is not called like the field. */
  flag: string | undefined;
}

const STEPPED = "canary rolling shadow";
const JUDGED = "canary rolling ab-test";
const SERVING = "direct blue-green canary rolling";

function option(path: string, kind: Kind = "number", of = "", usual = "", flag?: string): Option {
  return { path, kind, of, usual, flag };
}

/** Whether the evidence sends a version back; of the strategies that compare two. */
export const JUDGE = option("judge.mode", "choice", JUDGED, "", "--judge");

/** Those that most deployments want to say something about. */
export const FIRST: readonly Option[] = [
  option("steps", "list", "canary", "10, 50, 100"),
  option("step_seconds", "number", STEPPED, "60"),
  option("min_requests", "number", STEPPED, "50"),
  option("replicas", "number", "rolling", "4"),
  option("options.metric", "text", "ab-test", "success"),
  option("options.alpha", "percent", "ab-test", "5"),
  option("options.promote_winner", "yes", "ab-test"),
  JUDGE,
  option("limits.max_error_rate", "percent"),
];

export const MORE: readonly Option[] = [
  option("options.higher_is_better", "no", "ab-test"),
  option("judge.alpha", "percent", JUDGED, "5"),
  option("judge.tolerate_errors", "number", JUDGED, "1"),
  option("judge.tolerate_latency", "percent", JUDGED, "0"),
  option("judge.tolerate_tokens", "percent", JUDGED, "0"),
  option("judge.require_proof", "number", "canary rolling"),
  option("judge.max_error_rate", "percent", `${SERVING} ab-test`, "", "--slo-error-rate"),
  option("limits.max_p95_s", "number", "", "", "--max-p95"),
  option("limits.max_p99_s", "number", "", "", "--max-p99"),
  option("max_step_seconds", "number", STEPPED, "3600"),
  option("on_inconclusive", "choice", STEPPED),
  option("bake_seconds", "number", "", "0"),
  option("holdback", "number", SERVING),
  option("keep_warm_seconds"),
  option("probes", "number", "", "3"),
  option("max_probe_s", "number", "", "", "--max-probe-seconds"),
  option("start_at", "moment"),
  option("window", "window", "", "sat,sun 02:00-05:00 Europe/Berlin"),
  option("supersede", "yes"),
  option("deprecate", "yes"),
];

export interface Share {
  version: string;
  /** In per cent. */
  share: string;
}

/** What is filled in, as text. */
export interface Wish {
  version: string;
  strategy: string;
  environment: string;
  reason: string;
  /** Other versions of an A/B test. */
  split: readonly Share[];
  /** By the paths of options. */
  values: Readonly<Record<string, string>>;
}

export const AB = "ab-test";

/** Whether a strategy takes an option. */
export function isFor({ of }: Option, strategy: string): boolean {
  return of === "" || of.split(" ").includes(strategy);
}

/** The options that a wish says something about, with what it says. */
function said({ strategy, values }: Wish): [Option, string][] {
  return [...FIRST, ...MORE]
    .map((one): [Option, string] => [one, (values[one.path] ?? "").trim()])
    .filter(([one, text]) => text !== "" && isFor(one, strategy));
}

function numberOf(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text.trim() : value;
}

/** A share of 1; without the digits that a division by 100 invents. */
function shareOf(text: string): number | string {
  const value = numberOf(text);
  return typeof value === "number" ? Number((value / 100).toPrecision(12)) : value;
}

const VALUES: Record<Kind, (text: string) => unknown> = {
  number: numberOf,
  percent: shareOf,
  list: (text) => text.split(",").filter((one) => one.trim() !== "").map(numberOf),
  text: (text) => text,
  moment: (text) => new Date(text).toISOString(),
  window: (text) => windowOf(text) ?? text,
  choice: (text) => text,
  yes: () => true,
  no: () => false,
};

/** A window as the command line writes it: days, from-to, time zone. */
export function windowOf(text: string): { days: string[]; start: string; end: string; timezone: string } | undefined {
  const found = /^(?:([a-z]{3,}(?: ?, ?[a-z]{3,})*) )?(\d\d:\d\d)-(\d\d:\d\d)(?: ([\w+/-]+))?$/i.exec(text);
  if (found === null) return undefined;
  const [, days = "", start = "", end = "", timezone = "UTC"] = found;
  return { days: days === "" ? [] : days.split(",").map((one) => one.trim().toLowerCase().slice(0, 3)), start, end, timezone };
}

function splitOf({ strategy, split }: Wish): Share[] {
  return strategy === AB ? split.filter((one) => one.version.trim() + one.share.trim() !== "") : [];
}

type Body = paths["/api/models/{name}/deploy"]["post"]["requestBody"]["content"]["application/json"];

export function deployBody(wish: Wish): Body {
  const { version, strategy, environment, reason } = wish;
  const body: Record<string, unknown> = { version, strategy, environment, reason };
  for (const [{ path, kind }, text] of said(wish)) {
    const [first = "", second] = path.split(".");
    const value = VALUES[kind](text);
    body[first] = second === undefined ? value : { ...(body[first] as object | undefined), [second]: value };
  }
  const split = splitOf(wish);
  if (split.length > 0) body.split = Object.fromEntries(split.map((one) => [one.version.trim(), numberOf(one.share)]));
  return body as unknown as Body;
}

/** The words of the command that asks for the same. */
export function deployWords(name: string, wish: Wish): string[] {
  const { version, strategy, environment, reason } = wish;
  return [
    ...["deploy", name, version, "--strategy", strategy],
    ...(environment === "production" ? [] : ["--environment", environment]),
    ...splitOf(wish).flatMap((one) => ["--split", `${one.version.trim()}=${one.share.trim()}`]),
    ...said(wish).flatMap(([one, text]) => wordsOf(one, text)),
    ...(reason === "" ? [] : ["--reason", reason]),
  ];
}

function wordsOf({ path, kind, flag }: Option, text: string): string[] {
  const [first = "", second = first] = path.split(".");
  const value = kind === "window" ? text : String(VALUES[kind](text));
  if (first === "options") return ["--option", `${second}=${value}`];
  const name = flag ?? `--${second.replaceAll("_", "-")}`;
  return kind === "yes" ? [name] : [name, value];
}
