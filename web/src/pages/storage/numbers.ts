/** Figures about the store. */

/** The share of bytes that need not be stored, as equal files are stored once; 0 where nothing is saved. */
export function saved(total: number, stored: number): number {
  return total > stored && total > 0 ? 1 - stored / total : 0;
}

/** Counts by name, the most first; equal ones by name. */
export function commonFirst(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts).sort((one, two) => two[1] - one[1] || one[0].localeCompare(two[0]));
}
