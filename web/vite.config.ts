import { fileURLToPath } from "node:url";

import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

// A server to develop against: `MODELYARD_URL=http://127.0.0.1:5000 npm run dev`.
const server = process.env.MODELYARD_URL ?? "http://127.0.0.1:5000";
// The server takes changes from its own pages only, so it has to see the host that the page sees.
const proxied = { target: server, changeOrigin: false };

export default defineConfig({
  plugins: [preact()],
  // The Markdown parser runs in a worker, where the package's own way (the browser's HTML parser) does not exist.
  resolve: { alias: { "decode-named-character-reference": fileURLToPath(new URL("src/ui/entities.ts", import.meta.url)) } },
  build: {
    outDir: "../src/modelyard/dashboard",
    emptyOutDir: true,
    target: "es2022",
    // Inlined files would need `data:` in the policy for more than images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Small files compress badly, each by itself: what most pages need comes in one, and so do pages that are opened one
    // after the other. A group takes what it needs along, unless a group of a higher priority has it.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "shared", priority: 2, test: /src.(ui.(?!plot|graph|markdown|entities|trusted)|data.|api.|styles.lists)/ },
            { name: "plot", priority: 1, test: /src.ui.plot/ },
            { name: "accounts", test: /src.pages.(people|agents)/ },
            { name: "endpoint", test: /src.pages.endpoints?/ },
            { name: "promotion", test: /src.pages.promotions?/ },
            { name: "deployment", test: /src.pages.deployments?/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": proxied, "/health": proxied } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], setupFiles: ["src/testing/setup.ts"] },
});
