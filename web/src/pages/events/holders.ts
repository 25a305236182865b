/** What the as-of reads tell, ready to be shown. */

export interface StageHolders {
  stage: string;
  /** The first few of them. */
  versions: string[];
  /** How many there are besides. */
  more: number;
}

export interface VerdictThen {
  name: string;
  isMet: boolean;
  reason: string;
}

const FEW = 4;

/** Who stood in the stages other than one, stage by stage. */
export function othersOf(versions: readonly { version: string; stage: string }[], chosen: string): StageHolders[] {
  const found = new Map<string, string[]>();
  for (const { version, stage } of versions) {
    if (stage === chosen) continue;
    found.set(stage, [...(found.get(stage) ?? []), version]);
  }
  return [...found].map(([stage, all]) => ({ stage, versions: all.slice(0, FEW), more: Math.max(0, all.length - FEW) }));
}

/** The verdicts of gates, of which the record keeps what was said then. */
export function verdictsOf(given: readonly Record<string, unknown>[]): VerdictThen[] {
  return given.map((one) => ({
    name: String(one.requirement ?? one.gate ?? ""),
    isMet: one.met === true,
    reason: String(one.reason ?? one.requirement ?? ""),
  }));
}
