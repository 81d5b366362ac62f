// SPDX-License-Identifier: MIT
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// Sources of maps are not shipped, and nothing is inlined: the page's content security policy allows files alone.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  publicDir: "static",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: "dist",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The constants of Poseidon and snarkjs, each loaded once it is needed.
    chunkSizeWarningLimit: 800,
    emptyOutDir: true,
  },
});
