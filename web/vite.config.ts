import { fileURLToPath } from "node:url";

import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

// A server to develop against: `MODELYARD_URL=http://127.0.0.1:5000 npm run dev`.
const server = process.env.MODELYARD_URL ?? "http://127.0.0.1:5000";
// The server takes changes from its own pages only, so it has to see the host that the page sees.
const proxied = { target: server, changeOrigin: false };

// Pages that are visited together are one piece each: what is alike in them is compressed once.
const PIECES = [
  { name: "models", test: /\/src\/(pages|words|words\/en)\/(model|version|compare)[/.]/ },
  { name: "releases", test: /\/src\/(pages|words|words\/en)\/(deployment|endpoint|promotion)s?[/.]/ },
  { name: "rooms", test: /\/src\/(pages|words|words\/en)\/(alerts|agents|people|storage|settings)[/.]/ },
  { name: "parts", test: /\/src\/(ui\/(frame|secret|tabs|traffic|values)|data\/)/ },
];

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
    rolldownOptions: { output: { codeSplitting: { includeDependenciesRecursively: false, groups: PIECES } } },
  },
  server: { proxy: { "/api": proxied, "/health": proxied } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], setupFiles: ["src/testing/setup.ts"] },
});
