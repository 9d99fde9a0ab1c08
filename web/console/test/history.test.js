// The history: filters in the address, both directions, live, and the download.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ask, frontDesk, startDemo, tokenFor } from "../../../examples/web/test/stage.js";
import { DESKTOP, PHONE, axe, fitsWidth, picture, startConsole } from "./console.js";

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

const isApi = (url) => url.pathname === "/graphql";
const entries = (page) => page.locator("ol.rows > li");

test("the filters restrict the list, and stay in the address", async () => {
  const page = await pages.signedIn("/history", { locale: "en-GB" });
  await entries(page).first().waitFor();
  await page.getByText("All kinds of entries").click();
  await axe(page);
  await picture(page, "history-kinds");
  await page.getByRole("checkbox", { name: "Rule changed" }).check();
  await page.waitForURL(/kinds=RULE_CHANGED/);
  await page.getByText("1 kind of entry").waitFor();
  await page.locator("ol.rows .badge", { hasNotText: "Rule changed" }).first().waitFor({ state: "detached" });
  await page.reload();
  await entries(page).first().waitFor();
  assert.deepEqual(new Set(await page.locator("ol.rows .badge").allTextContents()), new Set(["Rule changed"]));
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.locator("ol.rows .badge", { hasText: "Granted" }).first().waitFor();
});

test("one person is found by typing, with the keyboard", async () => {
  const page = await pages.signedIn("/history", { locale: "en-GB" });
  await page.getByLabel("Person", { exact: true }).fill("ada");
  const choice = page.getByRole("button", { name: /Ada Adams/ });
  await choice.waitFor();
  await axe(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/member=/);
  await page.getByRole("button", { name: /Remove the filter for Ada Adams/ }).waitFor();
  await axe(page);
  await picture(page, "history-member");
});

test("the oldest entries come first on request, and a period without entries says so", async () => {
  const page = await pages.signedIn("/history", { locale: "en-GB" });
  await page.getByLabel("Order").selectOption("Oldest first");
  await page.waitForURL(/order=oldest/);
  const { history } = await ask(demo, "{ history(first: 1, orderBy: OLDEST_FIRST) { nodes { message } } }");
  await entries(page).first().getByText(history.nodes[0].message).waitFor();
  await page.getByLabel("Until").fill("2001-01-01");
  await page.getByText("Nothing fits").waitFor();
  await axe(page);
});

test("a new entry appears without a reload", async () => {
  const desk = await frontDesk(demo);
  const page = await pages.signedIn("/history", { locale: "en-GB" });
  await page.getByText("Live", { exact: true }).waitFor();
  const { member } = await ask(demo, '{ member(email: "eva@example.com") { id } }');
  await ask(demo, 'mutation($id: ID!) { suspendMember(input: { member: $id, reason: "a lost card" }) { userErrors { message } } }', { id: member.id });
  await entries(page).filter({ hasText: "Suspended" }).filter({ hasText: "Eva Ellis" }).first().waitFor();
  await desk.membership("active");
  await entries(page).filter({ hasText: "Ada Adams" }).first().locator(".badge", { hasText: "Granted" }).waitFor();
});

test("the history is downloaded with the credentials of the session", async () => {
  const token = await tokenFor(demo, "DESK");
  const page = await pages.signedIn("/history", { locale: "en-GB", token });
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as CSV" }).click()]);
  assert.match(download.suggestedFilename(), /^history-\d{4}-\d\d-\d\d\.csv$/);
  const text = await readFile(await download.path(), "utf8");
  assert.match(text, /Ada Adams/);
  await page.route("**/export/**", (route) => route.fulfill({ status: 503 }));
  await page.getByRole("button", { name: "Download as CSV" }).click();
  await page.getByText("The download failed").waitFor();
  await axe(page);
});

for (const look of [
  { locale: "en-GB", colorScheme: "light", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "dark", viewport: DESKTOP },
  { locale: "en-GB", colorScheme: "dark", viewport: PHONE },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
]) {
  const label = `${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`;
  test(`the history: ${label}`, async () => {
    const page = await pages.signedIn("/history", look);
    await entries(page).first().waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `history-${label}`);
  });
}

test("a server that fails is told, with a button to try again", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  await page.route(isApi, (route) => route.fulfill({ status: 503, body: "" }));
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("alert").first().waitFor();
  await axe(page);
  await page.unroute(isApi);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await entries(page).first().waitFor();
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
