import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { hashSources } from "./scripts/sources.ts";

/** Writes `build-info.json`, by which a test that runs without Node.js tells a stale bundle. */
function buildInfo(): Plugin {
  return {
    name: "weft-build-info",
    apply: "build",
    generateBundle() {
      const source = `${JSON.stringify({ sources: hashSources(import.meta.dirname) }, null, 2)}\n`;
      this.emitFile({ type: "asset", fileName: "build-info.json", source });
    },
  };
}

const server = process.env["WEFT_SERVER"] ?? "http://127.0.0.1:8188";

export default defineConfig({
  plugins: [react(), buildInfo()],
  server: {
    proxy: { "/api": { target: server, ws: true } },
  },
  build: {
    target: "es2022",
    // Stable names: a rebuild changes the contents of the committed files, never their list.
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
    // Inlined data URLs would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    environment: "node",
  },
});
