/** The versions of a model, page by page, kept as they are while more are loaded and things happen to them. */

import { useCallback, useRef } from "preact/hooks";

import { answered, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { type Data, useData } from "../../data/use";
import { merged, refreshed, type Version } from "./versions";

const PAGE = 100;
/** Versions of older pages that are read anew one by one; of more, the rest waits for its next event. */
const MOST_SINGLE = 20;

export interface Versions {
  versions: Version[];
  hasMore: boolean;
}

interface Kept {
  key: string;
  versions: Version[];
  next: string;
}

/** The versions in a stage and with a label, where these are given; `more` loads the next page. */
export function useVersions(name: string, stage: string, label: string): { data: Data<Versions>; more: () => void } {
  const key = ["versions", name, stage, label].join("\n");
  const kept = useRef<Kept>({ key: "", versions: [], next: "" });
  const touched = useRef(new Set<string>());
  const wantsMore = useRef(false);

  const page = (token: string, over: AbortSignal) => {
    const query = { limit: PAGE, page_token: token, ...(stage === "" ? {} : { stage }), ...(label === "" ? {} : { label }) };
    return answered(api.GET("/api/models/{name}/versions", { params: { path: { name }, query }, signal: over }));
  };
  const load = async (over: AbortSignal): Promise<Versions> => {
    const before = kept.current.key === key ? kept.current : { key, versions: [], next: "" };
    const isMore = wantsMore.current && before.next !== "";
    wantsMore.current = false;
    const found = await page(isMore ? before.next : "", over);
    if (isMore) {
      kept.current = { key, versions: merged(before.versions, found.versions), next: found.next_page_token };
    } else {
      const isWhole = found.next_page_token === "";
      const versions = refreshed(before.versions, found.versions, isWhole);
      const isFirst = before.versions.length === 0 || isWhole;
      const onPage = new Set(found.versions.map((one) => one.id));
      const older = versions.filter((one) => touched.current.has(one.id) && !onPage.has(one.id)).slice(0, MOST_SINGLE);
      touched.current.clear();
      kept.current = { key, versions: await renewed(versions, older, over), next: isFirst ? found.next_page_token : before.next };
    }
    return { versions: kept.current.versions, hasMore: kept.current.next !== "" };
  };
  const data = useData(key, load, {
    on: (event) => {
      if (event.model !== name) return false;
      if (event.version_id !== null) touched.current.add(event.version_id);
      return true;
    },
    keeps: true,
  });
  const { reload, isLoading } = data;
  const more = useCallback(() => {
    if (isLoading || kept.current.next === "") return;
    wantsMore.current = true;
    reload();
  }, [reload, isLoading]);
  return { data, more };
}

/** Versions with some of them read again; those that are gone are left out. */
async function renewed(versions: Version[], some: Version[], over: AbortSignal): Promise<Version[]> {
  const gone = new Set<string>();
  const found = await Promise.all(
    some.map((one) =>
      answered(api.GET("/api/models/{reference}/metadata", { params: { path: { reference: one.id } }, signal: over })).catch(
        (error: unknown) => {
          if (asProblem(error).status !== 404) throw error;
          gone.add(one.id);
          return one;
        },
      ),
    ),
  );
  return merged(versions, found).filter((one) => !gone.has(one.id));
}
