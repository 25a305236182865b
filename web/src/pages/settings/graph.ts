/** A stage graph as its document tells it, read for being shown. */

import { settingsWords as words } from "../../words/settings";

const said = words.graph;

export interface Move {
  from: string;
  to: string;
  /** What the move needs, in words; nothing where it is empty. */
  needs: string[];
}

export interface Graph {
  initial: string;
  exclusive: string[];
  /** The environment of each stage that has one. */
  environments: Map<string, string>;
  stages: string[];
  moves: Move[];
}

/** Read a document; what is not as it should be is left out, as the server has checked it already. */
export function graphOf(document: Record<string, unknown>, stages: readonly string[]): Graph {
  const listed = mapping(document.moves);
  const environments = new Map(
    Object.entries(mapping(document.environments)).flatMap(([name, of]) => texts(of).map((stage) => [stage, name] as const)),
  );
  return {
    initial: typeof document.initial === "string" ? document.initial : "",
    exclusive: texts(document.exclusive),
    environments,
    stages: [...stages],
    moves: Object.entries(listed).flatMap(([from, targets]) => movesOf(from, targets)),
  };
}

/** A list of targets is of moves that need nothing; a mapping tells of each what it needs. */
function movesOf(from: string, targets: unknown): Move[] {
  if (Array.isArray(targets)) return texts(targets).map((to) => ({ from, to, needs: [] }));
  return Object.entries(mapping(targets)).map(([to, rule]) => ({ from, to, needs: needsOf(mapping(rule)) }));
}

function needsOf(rule: Record<string, unknown>): string[] {
  const found = Object.entries(mapping(rule.requirements)).map(([name, value]) => said.needed(name, valueText(value)));
  const approvers = texts(rule.approvers);
  if (typeof rule.approvals === "number" && rule.approvals > 0) {
    const count = rule.approvals === 1 ? said.approval : said.approvals(String(rule.approvals));
    found.push(approvers.length === 0 ? count : `${count} ${said.by(approvers.join(", "))}`);
  }
  if (rule.archive_previous === false) found.push(said.keeps);
  if (rule.archive_previous === true) found.push(said.archives);
  const wait = rule.expires_after;
  if (typeof wait === "string" || typeof wait === "number") found.push(said.expires(typeof wait === "number" ? `${String(wait)} s` : wait));
  return found;
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function mapping(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
