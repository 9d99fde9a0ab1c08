// Tokens: by role, created and shown once, revoked after a question.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, startDemo, tokenFor } from "../../../examples/web/test/stage.js";
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

const tokenNames = async () => (await ask(demo, "{ tokens { nodes { name } } }")).tokens.nodes.map(({ name }) => name);

test("an admin creates a token, which is shown once and works", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  await page.getByText("May do everything").waitFor();
  await page.getByRole("button", { name: "Create a token" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Create the token" }).click();
  await dialog.getByRole("alert").waitFor();
  await axe(page);
  await picture(page, "tokens-create-error");
  await dialog.getByLabel("Name").fill("Front desk tablet");
  await dialog.getByRole("radio", { name: "Read only" }).check();
  await dialog.getByLabel("Expires").fill("2099-03-28");
  await dialog.getByRole("button", { name: "Create the token" }).click();
  await dialog.getByRole("heading", { name: "The token is created" }).waitFor();
  await axe(page);
  await picture(page, "tokens-created");
  const token = await dialog.getByRole("textbox", { name: "Token" }).inputValue();
  const { viewer } = await ask({ address: demo.address, token }, "{ viewer { role expiresAt } }");
  assert.equal(viewer.role, "READER");
  assert.ok(viewer.expiresAt.startsWith("2099-03-2"));
  await dialog.getByRole("button", { name: /^Copy ?: Token$/ }).click();
  await dialog.getByRole("button", { name: /^Copied ?: Token$/ }).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("cell", { name: "Front desk tablet", exact: true }).waitFor();
  assert.equal(await page.getByText(token).count(), 0);
});

test("a token is revoked after a question", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  await page.getByRole("button", { name: /^Revoke ?: Front desk tablet$/ }).click();
  const dialog = page.getByRole("dialog", { name: "Revoke “Front desk tablet”?" });
  await axe(page);
  await picture(page, "tokens-revoke");
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await page.getByText("“Front desk tablet” is revoked.").waitFor();
  assert.ok(!(await tokenNames()).includes("Front desk tablet"));
});

test("the last admin token warns", async () => {
  const page = await pages.signedIn("/tokens", { locale: "en-GB" });
  const admins = page.getByRole("region", { name: "Admin" });
  const buttons = admins.getByRole("button", { name: /^Revoke ?: / });
  await buttons.first().waitFor();
  if ((await buttons.count()) === 1) {
    await buttons.first().click();
    await page.getByText("This is the only admin token").waitFor();
    await page.getByText("You are signed in with this token").waitFor();
    await axe(page);
  }
});

test("a front desk has no page of tokens", async () => {
  const token = await tokenFor(demo, "DESK");
  const page = await pages.signedIn("/tokens", { locale: "en-GB", token });
  await page.getByRole("heading", { name: "This page does not exist" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Tokens" }).count(), 0);
});

for (const look of [
  { locale: "en-GB", colorScheme: "dark", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
  { locale: "de-DE", colorScheme: "light", viewport: DESKTOP },
]) {
  const label = `${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`;
  test(`the page of tokens: ${label}`, async () => {
    const page = await pages.signedIn("/tokens", look);
    await page.getByText(/May do everything|Darf alles/).waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `tokens-${label}`);
    await page.getByRole("button", { name: /^(Create a token|Token anlegen)$/ }).click();
    await page.getByRole("dialog").waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `tokens-create-${label}`);
  });
}

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
