/** What is looked for, as it stands in the address: whoever gets the link sees the same. */

export const SORTS = ["changed", "health", "name"] as const;
export type Sort = (typeof SORTS)[number];

export interface Wanted {
  q: string;
  stage: string;
  owner: string;
  team: string;
  /** `key=value`, or `key` alone. */
  tag: string;
  sort: Sort;
}

/** Everything, the last change first. */
export const NOTHING: Wanted = { q: "", stage: "", owner: "", team: "", tag: "", sort: "changed" };

const FILTERS = ["stage", "owner", "team", "tag"] as const;

/** What the server is asked to narrow its lists by. */
export type Filters = Partial<Pick<Wanted, (typeof FILTERS)[number]>>;

/** Read a query; what is not there is empty, what makes no sense is left out. */
export function wantedOf(query: Record<string, string | undefined>): Wanted {
  const text = (key: string) => query[key] ?? "";
  return {
    q: text("q"),
    stage: text("stage"),
    owner: text("owner"),
    team: text("team"),
    tag: text("tag"),
    sort: SORTS.find((one) => one === query.sort) ?? "changed",
  };
}

/** The filters that are set. */
export function filtersOf(wanted: Wanted): Filters {
  return Object.fromEntries(FILTERS.filter((key) => wanted[key] !== "").map((key) => [key, wanted[key]]));
}

/** The address that wants this. */
export function addressOf(wanted: Wanted): string {
  const given = new URLSearchParams({ ...(wanted.q === "" ? {} : { q: wanted.q }), ...filtersOf(wanted) });
  if (wanted.sort !== "changed") given.set("sort", wanted.sort);
  const text = given.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** The words of a command that narrow it in the same way. */
export function optionsOf(wanted: Wanted): string[] {
  return Object.entries(filtersOf(wanted)).flatMap(([key, value]) => [`--${key}`, value]);
}

/** Whether anything but the order is chosen. */
export function isNarrowed(wanted: Wanted): boolean {
  return wanted.q !== "" || optionsOf(wanted).length > 0;
}

/** Whether a query has anything to search for: the server looks for runs of letters and digits. */
export function isSearchable(q: string): boolean {
  return /[\p{L}\p{N}]/u.test(q);
}

interface Owned {
  owner: string;
  team: string;
  tags?: Record<string, string>;
}

/** Whether a model that changed meanwhile still has the wanted owner, team and tag; as the server would say. */
export function meets({ owner, team, tag }: Pick<Wanted, "owner" | "team" | "tag">, one: Owned): boolean {
  return (owner === "" || one.owner === owner) && (team === "" || one.team === team) && hasTag(one.tags ?? {}, tag);
}

function hasTag(tags: Record<string, string>, wanted: string): boolean {
  if (wanted === "") return true;
  const cut = wanted.indexOf("=");
  if (cut < 0) return Object.hasOwn(tags, wanted);
  const key = wanted.slice(0, cut);
  return Object.hasOwn(tags, key) && tags[key] === wanted.slice(cut + 1);
}
