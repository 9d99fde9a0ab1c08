// Sign-in, the frame and the home page: in both languages, light and dark, on a desktop and a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startDemo, tokenFor } from "../../../examples/web/test/stage.js";
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

test("a token signs in, and a wrong one is told so", async () => {
  const page = await pages.open("/", { locale: "en-GB" });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await axe(page);
  await page.getByLabel("Token").fill("lk_nothing");
  await page.keyboard.press("Enter");
  await page.getByText("The server refuses this token").waitFor();
  assert.equal(await page.getByLabel("Token").getAttribute("aria-invalid"), "true");
  await axe(page);
  await picture(page, "console-sign-in-refused");
  await page.getByLabel("Token").fill(demo.token);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Home", level: 1 }).waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("text that can be no token is refused like a wrong one", async () => {
  const page = await pages.open("/", { locale: "en-GB" });
  await page.getByLabel("Token").fill("mistyped token with spaces");
  await page.keyboard.press("Enter");
  await page.getByText("The server refuses this token").waitFor();
});

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", viewport: DESKTOP, name: "Home", ready: "Kisi accounts" },
  { locale: "de-DE", colorScheme: "dark", viewport: DESKTOP, name: "Start", ready: "Kisi-Konten" },
  { locale: "en-GB", colorScheme: "dark", viewport: PHONE, name: "Home", ready: "Kisi accounts" },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE, name: "Start", ready: "Kisi-Konten" },
];
for (const { name, ready, ...look } of LOOKS) {
  const label = `${look.locale}, ${look.colorScheme}, ${look.viewport.width} wide`;
  test(`the home page: ${label}`, async () => {
    const page = await pages.signedIn("/", look);
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    await page.getByRole("heading", { name: ready }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), look.locale.slice(0, 2));
    await axe(page);
    await fitsWidth(page);
    await picture(page, `console-home-${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`);
    if (look.viewport !== PHONE) return;
    await page.getByRole("button", { name: /^Men/ }).click();
    await page.getByRole("navigation").waitFor();
    await axe(page);
    await picture(page, `console-menu-${look.locale.slice(0, 2)}-390`);
  });
}

test("the language changes at once, and is kept", async () => {
  const page = await pages.signedIn("/", { locale: "en-GB" });
  await page.getByRole("button", { name: "DE Deutsch" }).click();
  await page.getByRole("heading", { name: "Start", level: 1 }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Start", level: 1 }).waitFor();
});

test("the keyboard reaches the content first, then everything else", async () => {
  const page = await pages.signedIn("/", { locale: "en-GB" });
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "Skip to the content" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("main:focus").waitFor();
});

test("an unknown address says so, and leads home with the focus on the heading", async () => {
  const page = await pages.signedIn("/nowhere", { locale: "en-GB" });
  await page.getByRole("heading", { name: "This page does not exist" }).waitFor();
  await axe(page);
  await page.getByRole("link", { name: "Go to the home page" }).click();
  await page.getByRole("heading", { name: "Home", level: 1 }).and(page.locator(":focus")).waitFor();
});

test("a revoked token leads to the sign-in, with the reason", async () => {
  const token = await tokenFor(demo, "READER");
  const page = await pages.signedIn("/", { locale: "en-GB", token });
  await page.getByText("Live", { exact: true }).waitFor();
  const name = await page.locator(".side-foot strong").textContent();
  const body = JSON.stringify({ query: "mutation($name: String!) { revokeToken(input: { name: $name }) { revoked } }", variables: { name } });
  const headers = { "content-type": "application/json", authorization: `Bearer ${demo.token}` };
  await fetch(new URL("graphql", demo.address), { method: "POST", headers, body });
  await page.getByRole("alert").getByText("You were signed out").waitFor();
  await axe(page);
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
