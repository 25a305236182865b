/**
 * What the page's address chooses: `?v=fraud/1.2.0&v=fraud/1.3.0&params=all&role=live&since=24h`.
 *
 * The first version is the base. A reference comes once; order is kept.
 */

export const ROLES = ["live", "shadow", "tracked"] as const;
export const RANGES = ["1h", "24h", "7d", "30d"] as const;
export type Role = (typeof ROLES)[number];
export type Range = (typeof RANGES)[number];

export interface Selection {
  references: string[];
  allParameters: boolean;
  role: Role;
  since: Range;
}

export function parse(url: string): Selection {
  // The router's own query keeps only the last of several values.
  const query = new URL(url, "http://page").searchParams;
  const given = query.getAll("v").map((one) => one.trim());
  return {
    references: [...new Set(given.filter((one) => one !== ""))],
    allParameters: query.get("params") === "all",
    role: ROLES.find((one) => one === query.get("role")) ?? "live",
    since: RANGES.find((one) => one === query.get("since")) ?? "24h",
  };
}

export function address({ references, allParameters, role, since }: Selection): string {
  const query = references.map((one) => `v=${encodeURIComponent(one).replaceAll("%2F", "/").replaceAll("%40", "@")}`);
  if (allParameters) query.push("params=all");
  if (role !== "live") query.push(`role=${role}`);
  if (since !== "24h") query.push(`since=${since}`);
  return query.length === 0 ? "/compare" : `/compare?${query.join("&")}`;
}

export function added(selection: Selection, reference: string): Selection {
  const { references } = selection;
  return references.includes(reference) ? selection : { ...selection, references: [...references, reference] };
}

export function removed(selection: Selection, reference: string): Selection {
  return { ...selection, references: selection.references.filter((one) => one !== reference) };
}

/** The same versions with another one in front. */
export function based(selection: Selection, reference: string): Selection {
  const others = selection.references.filter((one) => one !== reference);
  return { ...selection, references: [reference, ...others] };
}
