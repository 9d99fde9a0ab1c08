// A browser on the built pages, served as `vite preview` does, with the API and the session server beside them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { preview } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
// Chromium as Debian's package installs it, with nothing that calls home.
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
args.push("--disable-component-update", "--disable-sync");

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** The pages in front of a server: their address, `open` for a page of its own kind, and `stop`. */
export async function startPages({ address, appToken }) {
  process.env.LATCHKEY_URL = address;
  process.env.LATCHKEY_TOKEN = appToken;
  const server = await preview({ root, logLevel: "silent", preview: { port: 0, host: "127.0.0.1" } });
  const base = server.resolvedUrls.local[0];
  const sockets = new Set();
  server.httpServer.on("connection", (socket) => sockets.add(socket));
  const profile = await mkdtemp(join(tmpdir(), "latchkey-browser-"));
  const browser = await chromium.launch({ executablePath, args, env: { ...process.env, HOME: profile } });
  const faults = [];
  return {
    base,
    /** Breaks every connection that pages have at this moment. */
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    /** What pages threw, logged as an error, or asked of another host. */
    faults,
    async open(path, { viewport = DESKTOP, ...options } = {}) {
      const context = await browser.newContext({ viewport, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      page.on("pageerror", (error) => faults.push(`${path}: ${error.message}`));
      page.on("console", (message) => {
        // Some tests provoke other errors: a refused token, an unknown e-mail, a broken connection.
        if (message.type() === "error" && message.text().includes("400")) faults.push(`${path}: ${message.text()}`);
      });
      page.on("request", (request) => {
        if (!request.url().startsWith(base) && !request.url().startsWith("data:")) faults.push(`${path}: ${request.url()}`);
      });
      await page.goto(new URL(path, base).href);
      return page;
    },
    async stop() {
      await browser.close();
      // Sockets that were upgraded are nobody's any more.
      this.cut();
      await new Promise((done) => server.httpServer.close(done));
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** A picture of the page, where `SCREENSHOTS` names a folder for them. */
export async function picture(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
}
