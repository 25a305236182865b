/** Who stands where a promotion leads, and whether it will have to make room. */

import { answered, api, type Schemas } from "../../api/client";
import { asProblem } from "../../api/problem";
import { isOpen, type Promotion } from "../promotions/rights";

export interface Holder {
  version: Schemas["VersionRecord"] | null;
  makesRoom: boolean;
}

const NOBODY: Holder = { version: null, makesRoom: false };

/** Of a promotion that is open; of one that has ended, it is nobody's business any more. */
export async function loadHolder(promotion: Promotion, signal: AbortSignal): Promise<Holder> {
  if (!isOpen(promotion)) return NOBODY;
  const { name, target_stage } = promotion;
  try {
    const [version, graph] = await Promise.all([
      answered(
        api.GET("/api/models/{reference}/metadata", { params: { path: { reference: `${name}/${target_stage}` } }, signal }),
      ),
      answered(api.GET("/api/models/{name}/stage-graph", { params: { path: { name } }, signal })),
    ]);
    return { version, makesRoom: version.id !== promotion.version_id && leaves(promotion, graph.document) };
  } catch (error) {
    // Nobody stands there; that is an answer.
    if (asProblem(error).status === 404) return NOBODY;
    throw error;
  }
}

/** Whether who stands in the stage leaves it: it holds one version only, and nobody said that both stay. */
export function leaves(promotion: Pick<Promotion, "from_stage" | "target_stage" | "archive_previous">, document: Record<string, unknown>): boolean {
  const { exclusive, moves } = document as { exclusive?: string[]; moves?: Record<string, unknown> };
  const rules = moves?.[promotion.from_stage];
  const rule = typeof rules === "object" && rules !== null ? (rules as Record<string, unknown>)[promotion.target_stage] : null;
  const said = typeof rule === "object" && rule !== null ? (rule as Record<string, unknown>).archive_previous : undefined;
  const wanted = promotion.archive_previous ?? said;
  return typeof wanted === "boolean" ? wanted : exclusive?.includes(promotion.target_stage) === true;
}
