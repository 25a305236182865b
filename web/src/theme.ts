/** Light, dark, or as the system has it. */

import { signal } from "@preact/signals";

const KEY = "modelyard.theme";
export type Theme = "auto" | "light" | "dark";

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : "auto";
  } catch {
    return "auto";
  }
}

export const theme = signal<Theme>(stored());

theme.subscribe((chosen) => {
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // It holds as long as the page is open.
  }
});
