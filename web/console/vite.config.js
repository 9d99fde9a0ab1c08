// Builds the console into dist/, laid out as the program serves it under /console/. `vite` and `vite preview` pass the
// API, the session's addresses and the playground on to the server at LATCHKEY_URL.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const target = process.env.LATCHKEY_URL ?? "http://127.0.0.1:8080";
const shared = fileURLToPath(new URL("../../examples/web/src/shared", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));
const proxy = {
  "/graphql": { target, ws: true },
  "^/console/(session|sign-in|sign-out|callback)\\b": { target },
  "/export": { target },
  "^/(\\?.*)?$": { target },
  "/playground": { target },
};

export default defineConfig({
  base: "/console/",
  resolve: {
    alias: { "@shared": shared },
    // The shared files import these too: one copy of each, from this folder.
    dedupe: ["preact", "@urql/core", "@urql/preact", "@urql/exchange-persisted", "graphql", "graphql-ws"],
  },
  server: { proxy, fs: { allow: [here, shared] } },
  preview: { proxy },
  build: {
    target: "es2022",
    // An inline script would need a hole in the Content-Security-Policy.
    modulePreload: { polyfill: false },
    license: { fileName: "assets/licenses.md" },
  },
});
