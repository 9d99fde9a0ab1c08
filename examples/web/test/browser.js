// A browser on the built pages, served as `vite preview` does, with the API and the session server beside them.
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { preview } from "vite";
import { servePreview, startBrowser } from "./browser-core.js";

export { DESKTOP, PHONE, picture } from "./browser-core.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The pages in front of a server: their address, `open` for a page of its own kind, `cut`, `faults` and `stop`. */
export async function startPages({ address, appToken }) {
  process.env.LATCHKEY_URL = address;
  process.env.LATCHKEY_TOKEN = appToken;
  const server = await servePreview(preview, root);
  const { open, faults, stop } = await startBrowser(chromium, server.base);
  return {
    base: server.base,
    cut: server.cut,
    open,
    faults,
    async stop() {
      await stop();
      await server.stop();
    },
  };
}
