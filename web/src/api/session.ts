/** Who uses the page. The token stays in this tab, unless its owner asks to be remembered on this device. */

import { signal } from "@preact/signals";

import type { Schemas } from "./client";

const KEY = "modelyard.token";

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export const token = signal(stored());
/** Who the server says one is; null before it said anything, or where it wants a token first. */
export const me = signal<Schemas["Whoami"] | null>(null);
/** Whether the server wants a token. */
export const isAsked = signal(false);

/** Take a token from now on. */
export function signIn(given: string, remember: boolean): void {
  token.value = given.trim();
  isAsked.value = false;
  try {
    (remember ? localStorage : sessionStorage).setItem(KEY, token.value);
  } catch {
    // A browser that keeps nothing still signs in, for as long as the page is open.
  }
}

/** Sign out, and leave nothing of what was seen: the page begins anew, as if nobody had been here. */
export function signOut(): void {
  forget();
  location.replace("/");
}

// Who signs out in one tab has signed out in all that share their token.
addEventListener("storage", ({ key, oldValue }) => {
  if (key === KEY && oldValue === token.value) forget();
});

/** Ask for a token again: there is none, or the server does not take it any more. */
export function forget(): void {
  isAsked.value = true;
  me.value = null;
  token.value = "";
  try {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
