/** Which alert is told first. */

import type { Schemas } from "../../api/client";

export type Alert = Schemas["AlertRecord"];

const STATES = ["firing", "pending", "resolved"];
const SEVERITIES = ["critical", "warning", "info"];

/** Firing ones first, the worst of them first, silenced ones behind those that people are told of, then the newest. */
export function inOrder(alerts: readonly Alert[]): Alert[] {
  return [...alerts].sort(
    (one, two) =>
      place(STATES, one.state) - place(STATES, two.state) ||
      Number(one.silenced) - Number(two.silenced) ||
      place(SEVERITIES, one.severity) - place(SEVERITIES, two.severity) ||
      two.started_at.localeCompare(one.started_at),
  );
}

function place(order: readonly string[], word: string): number {
  const found = order.indexOf(word);
  return found === -1 ? order.length : found;
}
