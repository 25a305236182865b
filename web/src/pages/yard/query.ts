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

const TEXTS = ["q", "stage", "owner", "team", "tag"] as const;

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

/** The address that wants this. */
export function addressOf(wanted: Wanted): string {
  const given = new URLSearchParams();
  for (const key of TEXTS) if (wanted[key] !== "") given.set(key, wanted[key]);
  if (wanted.sort !== "changed") given.set("sort", wanted.sort);
  const text = given.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** Whether anything but the order is chosen. */
export function isNarrowed(wanted: Wanted): boolean {
  return TEXTS.some((key) => wanted[key] !== "");
}

/** Whether a query has anything to search for: the server looks for runs of letters and digits. */
export function isSearchable(q: string): boolean {
  return /[\p{L}\p{N}]/u.test(q);
}

/**
 * The words that the server searches for. It knows no filters but the stage, but owner, team and tags of a version are
 * among its words; so they narrow the search, and `meets` looks whether it is the field that says so.
 */
export function wordsOf({ q, owner, team, tag }: Wanted): string {
  return [q, owner, team, tag.replace("=", " ")].filter(isSearchable).join(" ");
}

interface Owned {
  owner: string;
  team: string;
  tags?: Record<string, string>;
}

/** Whether something has the wanted owner, team and tag. */
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
