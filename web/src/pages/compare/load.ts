/** What is compared: the versions that were asked for, and what the server says of them side by side. */

import { answered, api, type Schemas } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";

export type Version = Schemas["VersionRecord"];
export type Report = Schemas["ComparisonReport"];

/** A reference of the address, and what became of it. */
export interface Asked {
  reference: string;
  version?: Version;
  problem?: Problem;
  /** It names a version that stands before it already. */
  isRepeated: boolean;
}

export interface Compared {
  asked: Asked[];
  /** Each version once, the base first. */
  versions: Version[];
  /** There where two or more are compared. */
  report: Report | undefined;
}

export async function loadCompared(references: readonly string[], signal: AbortSignal): Promise<Compared> {
  const found = await Promise.all(references.map((one) => ask(one, signal)));
  const versions: Version[] = [];
  const asked = found.map((one): Asked => {
    const { version } = one;
    const isRepeated = version !== undefined && versions.some((other) => other.id === version.id);
    if (version !== undefined && !isRepeated) versions.push(version);
    return { ...one, isRepeated };
  });
  // By id: an alias may move between two requests.
  const ids = versions.map((one) => one.id);
  const report =
    ids.length < 2
      ? undefined
      : await answered(api.GET("/api/compare/report", { params: { query: { version: ids } }, signal }));
  return { asked, versions, report };
}

async function ask(reference: string, signal: AbortSignal): Promise<Pick<Asked, "reference" | "version" | "problem">> {
  try {
    const path = { reference };
    return { reference, version: await answered(api.GET("/api/models/{reference}/metadata", { params: { path }, signal })) };
  } catch (error) {
    const problem = asProblem(error);
    if (signal.aborted || problem.isPassing) throw error;
    return { reference, problem };
  }
}

/** What people call a version. */
export function nameOf(version: { name: string; version: string }): string {
  return `${version.name}/${version.version}`;
}

/** A reason of the server as a sentence: those come without a capital, and some without a full stop. */
export function sentence(text: string): string {
  return text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}

/** A server's sentence with names in the place of ids. */
export function named(text: string, versions: readonly { id: string; name: string; version: string }[]): string {
  return versions.reduce((told, one) => told.replaceAll(one.id, nameOf(one)), text);
}
