import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

// A server to develop against: `MODELYARD_URL=http://127.0.0.1:5000 npm run dev`.
const server = process.env.MODELYARD_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  plugins: [preact()],
  build: {
    outDir: "../src/modelyard/dashboard",
    emptyOutDir: true,
    target: "es2022",
    // Inlined files would need `data:` in the policy for more than images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": server, "/health": server } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], setupFiles: ["src/testing/setup.ts"] },
});
