/** Rules on versions that need no page: keeping a long list whole, filters, what is told in short. */

import type { Schemas } from "../../api/client";

export type Version = Schemas["VersionRecord"];

export interface Filter {
  stage: string;
  label: string;
  text: string;
}

/** Versions with newer records in the place of older ones, the newest version first. */
export function merged(known: readonly Version[], found: readonly Version[]): Version[] {
  const byId = new Map(known.map((one) => [one.id, one]));
  for (const one of found) byId.set(one.id, one);
  return [...byId.values()].sort((a, b) => b.number - a.number);
}

/**
 * Versions after the first page was read again.
 *
 * What the page should hold and does not was deleted; older versions stay as they were read.
 */
export function refreshed(known: readonly Version[], page: readonly Version[], isWhole: boolean): Version[] {
  const oldest = page.at(-1)?.number ?? 0;
  return isWhole ? [...page] : merged(known.filter((one) => one.number < oldest), page);
}

/** Whether a version is looked for. */
export function matches(version: Version, { stage, label, text }: Filter): boolean {
  if (stage !== "" && version.stage !== stage) return false;
  if (label !== "" && version.label !== label) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const said = [
    version.version,
    `#${String(version.number)}`,
    version.description,
    version.created_by,
    version.framework,
    ...(version.aliases ?? []),
    ...Object.entries(version.tags ?? {}).flat(),
  ]
    .join(" ")
    .toLowerCase();
  return words.every((word) => said.includes(word));
}

/** All metrics that the versions have, those of most versions first. */
export function metricsOf(versions: readonly Version[]): string[] {
  const counts = new Map<string, number>();
  for (const one of versions) for (const name of Object.keys(one.metrics ?? {})) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, many], [b, few]) => few - many || a.localeCompare(b)).map(([name]) => name);
}

/** The metrics that a line has room for: the chosen one first. */
export function inShort(version: Version, chosen: string, most: number): [string, number][] {
  const all = Object.entries(version.metrics ?? {});
  return [...all.filter(([name]) => name === chosen), ...all.filter(([name]) => name !== chosen)].slice(0, most);
}

const CARDS = ["model_card.md", "modelcard.md", "model-card.md", "card.md", "readme.md"];

/** The card among a version's files; at their top, by the names that people give it. */
export function cardOf(version: Version): Schemas["FileRecord"] | undefined {
  return CARDS.map((name) => version.files?.find((file) => file.path.toLowerCase() === name)).find((one) => one !== undefined);
}

/** A card without the facts at its head (YAML between two lines of dashes), and these. */
export function splitFront(text: string): { front: string; body: string } {
  const found = /^\uFEFF?---[ \t]*\r?\n([^]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(text);
  return found === null ? { front: "", body: text } : { front: found[1] ?? "", body: text.slice(found[0].length) };
}

/** Tags as lines of `key=value`, and back. */
export function tagLines(tags: Record<string, string>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

/** What to send so that the tags become those of the lines: null removes one. */
export function tagChanges(before: Record<string, string>, lines: string): Record<string, string | null> {
  const after = new Map(
    lines
      .split("\n")
      .filter((one) => one.trim() !== "")
      .map((one) => {
        const at = one.indexOf("=");
        return at < 0 ? [one.trim(), ""] : [one.slice(0, at).trim(), one.slice(at + 1).trim()];
      }),
  );
  const removed = Object.keys(before)
    .filter((key) => !after.has(key))
    .map((key): [string, null] => [key, null]);
  return Object.fromEntries([...[...after].filter(([key, value]) => key !== undefined && before[key] !== value), ...removed]);
}
