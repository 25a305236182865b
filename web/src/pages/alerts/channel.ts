/** Channels in words, as drafts of a form, and as lines for a terminal. */

import type { Schemas } from "../../api/client";
import { line } from "../../ui/command";
import { alertsWords as words } from "../../words/alerts";

/** A channel as the server tells it: whole. */
export type Channel = Required<Schemas["Channel"]>;

/** What a form says of a channel; every kind has its own fields of these. */
export type Draft = Record<
  | "name"
  | "kind"
  | "url"
  | "url_env"
  | "secret_env"
  | "routing_key_env"
  | "host"
  | "username"
  | "password_env"
  | "sender"
  | "recipients"
  | "models"
  | "severity"
  | "description",
  string
>;
export type Member = keyof Draft;

/** The fields of each kind, besides those of all. */
export const MEMBERS: Record<string, Member[]> = {
  webhook: ["url", "url_env", "secret_env"],
  slack: ["url_env"],
  pagerduty: ["routing_key_env"],
  email: ["host", "username", "password_env", "sender", "recipients"],
};
const OF_ALL: Member[] = ["models", "severity", "description"];
const LISTS: Member[] = ["recipients", "models"];

const EMPTY: Draft = {
  name: "",
  kind: "webhook",
  url: "",
  url_env: "",
  secret_env: "",
  routing_key_env: "",
  host: "",
  username: "",
  password_env: "",
  sender: "",
  recipients: "",
  models: "",
  severity: "info",
  description: "",
};

export function draftOf(name: string, channel?: Channel): Draft {
  if (channel === undefined) return { ...EMPTY, name };
  const draft: Draft = { ...EMPTY };
  for (const member of Object.keys(EMPTY) as Member[]) {
    if (member === "name") continue;
    const value = channel[member];
    draft[member] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { ...draft, name };
}

/** Words with commas between them, as a list. */
export function listed(text: string): string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** What is sent for a draft: the members of its kind, and what the form does not show as it was. */
export function channelOf(draft: Draft, before?: Channel): Partial<Channel> & { kind: string } {
  const kept = before !== undefined && before.kind === draft.kind ? before : {};
  const said: Partial<Record<Member, string | string[]>> = {};
  for (const member of [...(MEMBERS[draft.kind] ?? []), ...OF_ALL]) {
    said[member] = LISTS.includes(member) ? listed(draft[member]) : draft[member].trim();
  }
  return { ...kept, ...(said as Partial<Channel>), kind: draft.kind };
}

export function channelLine(draft: Draft): string {
  const told: string[] = ["--kind", draft.kind];
  for (const member of [...(MEMBERS[draft.kind] ?? []), ...OF_ALL]) {
    const value = LISTS.includes(member) ? listed(draft[member]).join(",") : draft[member].trim();
    if (value !== "" && !(member === "severity" && value === "info")) told.push(`--${member.replaceAll("_", "-")}`, value);
  }
  return line("alert", "channel", "set", draft.name === "" ? "NAME" : draft.name, ...told);
}

/** Where messages go; secrets are only named. */
export function goesTo(channel: Channel): string {
  if (channel.kind === "email") return channel.recipients.join(", ");
  if (channel.kind === "pagerduty") return words.channels.fromEnv(channel.routing_key_env);
  return channel.url !== "" ? channel.url : words.channels.fromEnv(channel.url_env);
}

export function hearsOf(channel: Channel): string {
  const models = channel.models.length === 0 ? words.channels.allModels : channel.models.join(", ");
  return `${models}: ${words.channels.atLeast(channel.severity)}`;
}
