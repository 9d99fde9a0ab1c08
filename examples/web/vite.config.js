// Builds the two pages into dist/, and serves them with what they need beside them: Latchkey's API under the same
// origin (so that no CORS is needed, and the socket goes the same way), and the small server side that opens member
// sessions. `vite` and `vite preview` alike.
import { defineConfig } from "vite";
import { sessions } from "./server/session.js";

const latchkey = process.env.LATCHKEY_URL ?? "http://127.0.0.1:8080";
const beside = { proxy: { "/graphql": { target: latchkey, ws: true } } };

export default defineConfig({
  plugins: [sessions({ latchkey, token: process.env.LATCHKEY_TOKEN ?? "" })],
  server: beside,
  preview: beside,
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "desk.html"] },
  },
});
