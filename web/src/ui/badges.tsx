/** States in a word and a colour; the word alone tells enough. */

import type { ComponentChildren } from "preact";

export type Kind = "good" | "warn" | "bad" | "info" | "plain";

const KINDS: Record<string, Kind> = {
  production: "good",
  staging: "info",
  development: "plain",
  archived: "plain",
  deprecated: "warn",
  succeeded: "good",
  approved: "good",
  applied: "good",
  passed: "good",
  resolved: "good",
  ok: "good",
  healthy: "good",
  failed: "bad",
  rejected: "bad",
  firing: "bad",
  critical: "bad",
  rolled_back: "bad",
  aborted: "warn",
  pending: "info",
  running: "info",
  progressing: "info",
  open: "info",
  baking: "info",
  paused: "warn",
  warning: "warn",
  silenced: "plain",
};

export function Badge({ kind = "plain", children }: { kind?: Kind; children: ComponentChildren }) {
  return (
    <span class="badge" data-kind={kind}>
      {children}
    </span>
  );
}

/** A stage or a state, whatever its case. */
export function State({ state }: { state: string }) {
  return <Badge kind={KINDS[state.toLowerCase()] ?? "plain"}>{state.toLowerCase().replaceAll("_", " ")}</Badge>;
}
