// Builds the playground into dist/, laid out as the program serves it: index.html at `/`, the rest under
// `/playground/` with a hash in each name. Addresses are relative, so a proxy may put the whole under a path.
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    outDir: "dist",
    assetsDir: "playground",
    emptyOutDir: true,
    // Served beside the bundle: the licences of what is in it ask for that.
    license: { fileName: "playground/licenses.md" },
    target: "es2022",
    // GraphiQL is what it is: about a megabyte.
    chunkSizeWarningLimit: 2000,
    // An inline script would need a hole in the Content-Security-Policy.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // Many dependencies say "use client", which means nothing in a page without a server's rendering.
      onLog(level, log, next) {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") next(level, log);
      },
    },
    // Icons and fonts are in the style sheet as data: addresses.
    assetsInlineLimit: 100_000,
  },
});
