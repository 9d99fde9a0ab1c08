// The session: reconnecting, live answers after a break, the focus after dialogs, and the session cookie of a company's own
// sign-in, whose routes are played by the test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, startDemo } from "../../../examples/web/test/stage.js";
import { axe, picture, startConsole } from "./console.js";

// Only `vite preview` can break connections.
process.env.CONSOLE_PREVIEW = "1";

let demo;
let pages;
before(async () => {
  demo = await startDemo();
  pages = await startConsole(demo);
});
after(async () => {
  await pages?.stop();
  await demo?.stop();
});

const createReader = (name) =>
  ask(demo, "mutation($name: String!) { createToken(input: { name: $name, role: READER }) { userErrors { message } } }", { name });
const revoke = (name) => ask(demo, "mutation($name: String!) { revokeToken(input: { name: $name }) { revoked } }", { name });

test("a broken connection is told and comes back by itself, and what changed meanwhile is shown", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => {
    window.states = [];
    const live = document.querySelector(".live");
    new MutationObserver(() => window.states.push(live.dataset.state)).observe(live, { attributes: true });
  });
  await page.context().setOffline(true);
  pages.cut();
  await page.getByText("Reconnecting…").or(page.getByText("Connecting…")).first().waitFor();
  await axe(page);
  await createReader("made meanwhile");
  await page.context().setOffline(false);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("cell", { name: "made meanwhile", exact: true }).waitFor();
  const states = await page.evaluate(() => window.states);
  assert.ok(states.includes("away"), states.join());
  assert.equal(states.at(-1), "live");
  await revoke("made meanwhile");
});

test("a change by somebody else appears without a reload", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  await page.getByText("Live", { exact: true }).waitFor();
  await createReader("made elsewhere");
  await page.getByRole("cell", { name: "made elsewhere", exact: true }).waitFor();
  await revoke("made elsewhere");
  await page.getByRole("cell", { name: "made elsewhere", exact: true }).waitFor({ state: "detached" });
});

test("the focus stays in a dialog, and returns to its button however it closes", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  const button = page.getByRole("button", { name: "Create a token" });
  const dialog = page.getByRole("dialog");
  const closings = [
    () => page.keyboard.press("Escape"),
    () => dialog.getByRole("button", { name: "Cancel" }).click(),
    () => dialog.getByRole("button", { name: "Close" }).click(),
  ];
  for (const close of closings) {
    await button.focus();
    await page.keyboard.press("Enter");
    await dialog.waitFor();
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press("Tab");
      // Between the last and the first control, the focus is at the browser's own.
      const isInside = await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement?.closest("dialog")));
      assert.ok(isInside, "the focus left the dialog");
    }
    await close();
    await dialog.waitFor({ state: "detached" });
    await button.and(page.locator(":focus")).waitFor();
  }
});

const isApi = (url) => url.pathname === "/graphql";
const CSRF = "csrf-of-the-test";

/** Plays the sign-in of a company: a cookie instead of a token, which the test adds for the server. */
async function withSession(page, { signedIn = true } = {}) {
  const state = { signedIn, csrf: [], signOuts: [] };
  await page.route("**/console/session", (route) =>
    route.fulfill({ json: { signIn: "/console/sign-in", name: "Example ID", signedIn: state.signedIn, ...(state.signedIn && { csrf: CSRF }) } }),
  );
  await page.route("**/console/sign-out", (route) => {
    state.signOuts.push(route.request().headers()["x-latchkey-csrf"]);
    state.signedIn = false;
    return route.fulfill({ status: 204 });
  });
  const pass = (route) => {
    const headers = route.request().headers();
    state.csrf.push(headers["x-latchkey-csrf"]);
    assert.equal(headers.authorization, undefined);
    if (!state.signedIn) return route.fulfill({ status: 401, json: { errors: [{ message: "no session", extensions: { code: "UNAUTHENTICATED" } }] } });
    return route.continue({ headers: { ...headers, authorization: `Bearer ${demo.token}` } });
  };
  await page.route(isApi, pass);
  await page.route("**/export/**", pass);
  await page.routeWebSocket("**/graphql", (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const message = JSON.parse(text);
      if (message.type === "connection_init") {
        state.csrf.push(message.payload.csrf);
        message.payload = { authorization: `Bearer ${demo.token}` };
      }
      server.send(JSON.stringify(message));
    });
  });
  return state;
}

test("a session signs in without a token, sends its CSRF token, and signs out at the server", async () => {
  const page = await pages.open("/nowhere", { locale: "en-GB" });
  const state = await withSession(page);
  await page.goto(new URL("/console/history", pages.base).href);
  await page.getByRole("heading", { name: "History", level: 1 }).waitFor();
  await page.locator("ol.rows > li").first().waitFor();
  await axe(page);
  await picture(page, "session-signed-in");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as CSV" }).click()]);
  assert.match(download.suggestedFilename(), /csv$/);
  assert.deepEqual(new Set(state.csrf), new Set([CSRF]));
  assert.equal(await page.evaluate(() => sessionStorage.getItem("latchkey:token")), null);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(state.signOuts, [CSRF]);
});

test("who is not signed in is offered the company's sign-in", async () => {
  const page = await pages.open("/nowhere", { locale: "en-GB" });
  await withSession(page, { signedIn: false });
  await page.goto(new URL("/console/history", pages.base).href);
  const link = page.getByRole("link", { name: "Sign in with Example ID" }).or(page.getByRole("button", { name: "Sign in with Example ID" }));
  await link.waitFor();
  await axe(page);
  await picture(page, "session-offer");
});

test("a session that ends leads to the sign-in, with the reason", async () => {
  const page = await pages.open("/nowhere", { locale: "en-GB" });
  const state = await withSession(page);
  await page.goto(new URL("/console/tokens", pages.base).href);
  await page.getByRole("heading", { name: "Tokens", level: 1 }).waitFor();
  state.signedIn = false;
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("alert").getByText("your session has ended").waitFor();
  await axe(page);
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
