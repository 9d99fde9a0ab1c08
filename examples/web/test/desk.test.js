// The desk's screen in a browser: a person is found, and it is said why a door is shut to them, also as that changes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DESKTOP, PHONE, picture, startPages } from "./browser.js";
import { frontDesk, startDemo, tokenFor } from "./stage.js";

let demo;
let pages;
let reader;
before(async () => {
  demo = await startDemo();
  reader = await tokenFor(demo, "READER");
  pages = await startPages({ address: demo.address, appToken: "" });
});
after(async () => {
  await pages?.stop();
  await demo?.stop();
});

async function atTheDesk(options) {
  const page = await pages.open("/desk.html", options);
  await page.getByLabel("Token").fill(reader);
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("Example Club: front desk").waitFor();
  return page;
}

async function choose(page, name) {
  await page.getByLabel("Name or e-mail").fill(name.toLowerCase().slice(0, 3));
  await page.getByRole("button", { name }).click();
  await page.getByRole("heading", { name, level: 2 }).waitFor();
}

test("a person is found, and why a door is shut to them", async () => {
  const page = await atTheDesk();
  await choose(page, "Leo Lund");
  await page.getByRole("button", { name: "Front door shut" }).click();
  const why = page.getByRole("region", { name: "Why" });
  await why.getByText("What would help").waitFor();
  assert.match(await why.innerText(), /on hold|paused/i);
  await why.getByText("Full members", { exact: true }).waitFor();
  await why.getByText("nearly:").first().waitFor();
  await picture(page, "desk-shut-1280");
});

test("a door that is open says by what", async () => {
  const page = await atTheDesk();
  await choose(page, "Eva Ellis");
  await page.getByRole("button", { name: "Front door open" }).click();
  const why = page.getByRole("region", { name: "Why" });
  await why.getByText("by Full membership").waitFor();
  assert.equal(await why.getByText("What would help").count(), 0);
  await picture(page, "desk-open-1280");
});

test("the screen changes when an event comes in", async () => {
  const desk = await frontDesk(demo);
  const page = await atTheDesk();
  await choose(page, "Ada Adams");
  await page.getByRole("button", { name: "Front door shut" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  await desk.membership("active");
  await page.getByRole("button", { name: "Front door open" }).waitFor();
  await page.getByRole("region", { name: "Why" }).getByText("by Full membership").waitFor();
});

test("the screen is live before anybody is chosen, and again after another sign-in", async () => {
  const page = await atTheDesk();
  await page.getByText("Live", { exact: true }).waitFor();
  await choose(page, "Eva Ellis");
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.getByLabel("Token").fill(reader);
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  // The end of the first socket may come late.
  await page.waitForTimeout(1_000);
  assert.equal(await page.getByText("Reconnecting…").count(), 0);
});

test("a loss is not shown as a gain", async () => {
  const desk = await frontDesk(demo);
  const page = await atTheDesk();
  await choose(page, "Ada Adams");
  await page.getByText("Live", { exact: true }).waitFor();
  const colour = async (effect) => {
    const news = page.locator(`.news[data-effect="${effect}"]`);
    await news.waitFor();
    return news.evaluate((it) => getComputedStyle(it).color);
  };
  await desk.membership("ended");
  const loss = await colour("loss");
  await desk.membership("active");
  assert.notEqual(await colour("gain"), loss);
});

test("the screen is the same after it is loaded again, and fits a phone", async () => {
  const page = await atTheDesk({ viewport: PHONE, colorScheme: "dark" });
  await choose(page, "Tom Tanner");
  await page.reload();
  await page.getByRole("heading", { name: "Tom Tanner" }).waitFor();
  await page.getByRole("button", { name: "Simulator 1 shut" }).click();
  await page.getByRole("region", { name: "Why" }).waitFor();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= PHONE.width, `${width} wide`);
  await picture(page, "desk-390-dark");
});

test("a token that is refused is said to be", async () => {
  const page = await pages.open("/desk.html", { viewport: DESKTOP });
  await page.getByLabel("Token").fill("lk_nothing");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByRole("alert").getByText("refuses this token").waitFor();
  await picture(page, "desk-token");
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
