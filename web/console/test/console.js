// The console in a browser, in front of the demo club. The server's own /console where it serves one, else the built files
// as `vite preview` serves them (always with CONSOLE_PREVIEW=1).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { preview } from "vite";
import { DESKTOP, PHONE, picture, servePreview, startBrowser } from "../../../examples/web/test/browser-core.js";

export { DESKTOP, PHONE, picture };

const root = fileURLToPath(new URL("..", import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function isServed(address) {
  if (process.env.CONSOLE_PREVIEW === "1") return false;
  const response = await fetch(new URL("console/", address));
  return response.ok && (await response.text()).includes('content="Latchkey console"');
}

/** The console in front of a demo: `open("/people")` without a sign-in, `signedIn` with one, `faults` and `stop`. */
export async function startConsole({ address, token: adminToken }) {
  process.env.LATCHKEY_URL = address;
  const server = (await isServed(address)) ? null : await servePreview(preview, root);
  const base = server?.base ?? new URL("console/", address).href;
  const browser = await startBrowser(chromium, base);
  const open = (path, options) => browser.open(`/console${path}`, options);
  return {
    base,
    faults: browser.faults,
    /** Breaks every connection; only `vite preview` can. */
    cut: server?.cut,
    open,
    /** A page of a holder of a token, without the form. */
    async signedIn(path, { token = adminToken, ...options } = {}) {
      const page = await open(path, { ...options, session: { "latchkey:token": token } });
      await page.getByRole("navigation").or(page.getByRole("button", { name: /^Men/ })).first().waitFor();
      await page.getByRole("heading", { level: 1 }).waitFor();
      return page;
    },
    async stop() {
      await browser.stop();
      await server?.stop();
    },
  };
}

/** Fails on anything that axe finds wrong with the page as it is now. */
export async function axe(page) {
  // By the debugger, so that the page's Content-Security-Policy does not refuse it.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join("\n  ")}`);
  assert.deepEqual(found, []);
}

/** Fails where the page is wider than its window. */
export async function fitsWidth(page) {
  const { width } = page.viewportSize();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `${wide} wide, the window ${width}`);
}
