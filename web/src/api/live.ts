/**
 * What happens, as it happens: one stream of server-sent events for the whole page, whoever listens.
 *
 * `EventSource` cannot send a token, so the stream is read with `fetch`. After a loss it goes on behind the last event
 * that was seen, so that nothing is missed.
 */

import { signal } from "@preact/signals";

import type { Schemas } from "./client";
import { forget, token } from "./session";

export type HappenedEvent = Schemas["EventRecord"];
type Listener = (event: HappenedEvent) => void;

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** The server gives a sign of life every 15 s: a stream that says nothing for so long is dead. */
const SILENCE_MS = 40_000;

/** How the stream stands; `lost` while the server cannot be reached. */
export const connection = signal<"off" | "opening" | "live" | "lost">("off");

const listeners = new Set<Listener>();
let last = "";
let running: AbortController | null = null;

/** Hear of every event from now on; the result ends it. The stream lasts as long as anybody listens. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  if (running === null) start();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) stop();
  };
}

/** Begin the stream anew, as somebody else. */
export function restart(): void {
  stop();
  if (listeners.size > 0) start();
}

function start(): void {
  running = new AbortController();
  void follow(running.signal);
}

function stop(): void {
  running?.abort();
  running = null;
  connection.value = "off";
}

async function follow(over: AbortSignal): Promise<void> {
  for (let wait = FIRST_WAIT_MS; !over.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    if (connection.value === "off") connection.value = "opening";
    try {
      const response = await fetch("/api/events/stream", { signal: over, headers: headers(), cache: "no-store" });
      if (response.status === 401) {
        forget();
        return;
      }
      if (response.status === 403) {
        // Not to be followed by this one, however often one asks.
        connection.value = "off";
        return;
      }
      if (response.ok && response.body !== null) {
        connection.value = "live";
        wait = FIRST_WAIT_MS;
        await read(response.body);
      }
    } catch {
      // Lost, or over.
    }
    if (over.aborted) return;
    connection.value = "lost";
    await pause(wait * (0.5 + Math.random() / 2), over);
  }
}

function headers(): Record<string, string> {
  return {
    Accept: "text/event-stream",
    ...(token.value === "" ? {} : { Authorization: `Bearer ${token.value}` }),
    ...(last === "" ? {} : { "Last-Event-ID": last }),
  };
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  for (;;) {
    const timer = setTimeout(() => void reader.cancel(), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => {
      clearTimeout(timer);
    });
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) take(frame);
  }
}

/** Tell one frame to everybody who listens; comments and unreadable ones are nothing. */
export function take(frame: string): void {
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("id:")) last = line.slice(3).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trim();
  }
  if (data === "") return;
  const event = JSON.parse(data) as HappenedEvent;
  for (const listener of [...listeners]) listener(event);
}

function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    over.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
