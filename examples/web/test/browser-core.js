// A browser for tests of a front end. The libraries are arguments, so that a front end in another folder uses its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Chromium as Debian's package installs it, with nothing that calls home.
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
args.push("--disable-component-update", "--disable-sync");

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** `vite preview` of the pages in `root`: their address, `cut` for every connection that they have, and `stop`. */
export async function servePreview(preview, root) {
  const server = await preview({ root, logLevel: "silent", preview: { port: 0, host: "127.0.0.1" } });
  const sockets = new Set();
  server.httpServer.on("connection", (socket) => sockets.add(socket));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    base: server.resolvedUrls.local[0],
    cut,
    async stop() {
      // The server no longer counts sockets that were upgraded.
      cut();
      await new Promise((done) => server.httpServer.close(done));
    },
  };
}

/** A browser whose pages are those under the origin of `base`: `open` for a page of its own kind, and `stop`. */
export async function startBrowser(chromium, base) {
  const { origin } = new URL(base);
  const profile = await mkdtemp(join(tmpdir(), "latchkey-browser-"));
  const browser = await chromium.launch({ executablePath, args, env: { ...process.env, HOME: profile } });
  const faults = [];
  return {
    /** What pages threw, logged as an error, or asked of another host. */
    faults,
    /** A page with its own storage; `session` is what its session storage begins with. */
    async open(path, { viewport = DESKTOP, session = {}, ...options } = {}) {
      const context = await browser.newContext({ viewport, ...options });
      // Once for each tab: what the page forgets stays forgotten.
      await context.addInitScript((values) => {
        if (sessionStorage.getItem("test:begun")) return;
        sessionStorage.setItem("test:begun", "yes");
        for (const [name, value] of Object.entries(values)) sessionStorage.setItem(name, value);
      }, session);
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      page.on("pageerror", (error) => faults.push(`${path}: ${error.message}`));
      page.on("console", (message) => {
        // Some tests provoke other errors: a refused token, an unknown e-mail, a broken connection.
        const isFault = /\b400\b|Content.Security.Policy/.test(message.text());
        if (message.type() === "error" && isFault) faults.push(`${path}: ${message.text()}`);
      });
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) faults.push(`${path}: ${url}`);
      });
      await page.goto(new URL(path, base).href);
      return page;
    },
    async stop() {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** A picture of the page, where `SCREENSHOTS` names a folder for them. */
export async function picture(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
}
