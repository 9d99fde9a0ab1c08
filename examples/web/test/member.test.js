// The member's page in a browser: doors, the button, refusals in words, and changes as they happen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PHONE, picture, startPages } from "./browser.js";
import { ask, frontDesk, historyOf, startDemo, tokenFor } from "./stage.js";

let demo;
let pages;
let desk;
before(async () => {
  demo = await startDemo();
  desk = await frontDesk(demo);
  pages = await startPages({ address: demo.address, appToken: await tokenFor(demo, "APP") });
});
after(async () => {
  await pages?.stop();
  await demo?.stop();
});

async function signIn(email, options) {
  const page = await pages.open("/", { viewport: PHONE, ...options });
  await page.getByLabel("Your e-mail").fill(email);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Hello,").waitFor();
  return page;
}

const door = (page, name) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name }) });
const unlock = (page, name) => page.getByRole("button", { name: `Unlock ${name}` });

test("a member sees the doors that are open, and why another is shut", async () => {
  const page = await signIn("eva@example.com");
  await unlock(page, "Front door").waitFor();
  await unlock(page, "Range").waitFor();
  assert.equal(await unlock(page, "Simulator 1").count(), 0);
  const shut = door(page, "Simulator 1");
  await shut.getByText(/You need a booking/).first().waitFor();
  await shut.getByText("What would help?").click();
  await shut.getByRole("listitem").first().waitFor();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= PHONE.width, `${width} wide`);
  await picture(page, "member-390");
});

test("one press opens the door once, and says so", async () => {
  const page = await signIn("kim@example.com", { colorScheme: "dark" });
  const button = unlock(page, "Front door");
  await button.focus();
  await page.keyboard.press("Enter");
  // Impatience is no second press.
  await page.keyboard.press("Enter");
  await page.getByText("Front door is unlocked.").waitFor();
  await picture(page, "member-unlocked-390-dark");
  const { kinds } = await historyOf(demo, "kim@example.com");
  assert.equal(kinds.filter((kind) => kind === "UNLOCKED").length, 1, kinds.join());
});

test("a press whose answer is lost is asked for again, and opens the door once", async () => {
  const page = await signIn("tom@example.com");
  let lost = 0;
  await page.route("**/graphql", async (route) => {
    const response = await route.fetch();
    const body = await response.text();
    if (lost > 0 || !body.includes('"unlocked":true')) return route.fulfill({ response, body });
    // The door is open, and the answer does not arrive.
    lost += 1;
    return route.abort("connectionreset");
  });
  await unlock(page, "Range").click();
  await page.getByText("Range is unlocked.").waitFor();
  assert.equal(lost, 1);
  const { kinds } = await historyOf(demo, "tom@example.com");
  assert.equal(kinds.filter((kind) => kind === "UNLOCKED").length, 1, kinds.join());
});

test("a refusal is said in words, and the button stays", async () => {
  const set = (word) =>
    ask(demo, `mutation { updateClub(input: { unlockVisibility: ${word} }) { userErrors { message } } }`);
  // Tom bought a programme and holds no membership.
  const page = await signIn("tom@example.com");
  await set("MEMBERS");
  try {
    await unlock(page, "Front door").click();
    await door(page, "Front door").getByText(/membership/i).waitFor();
    await unlock(page, "Front door").waitFor();
    await picture(page, "member-refused-390");
  } finally {
    await set("PUBLIC");
  }
});

test("a door opens and shuts on the page as events come in, also after the connection broke", async () => {
  const page = await pages.open("/", { viewport: PHONE });
  let sockets = 0;
  page.on("websocket", () => {
    sockets += 1;
  });
  await page.getByLabel("Your e-mail").fill("ada@example.com");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("No door at the moment.").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await desk.membership("active");
  await unlock(page, "Front door").waitFor();
  await page.getByText("You may now pass at Members.").waitFor();

  const before = sockets;
  const again = page.waitForEvent("websocket");
  pages.cut();
  const socket = await again;
  await socket.waitForEvent("framereceived");
  assert.ok(sockets > before);
  await page.getByText("Live", { exact: true }).waitFor();
  await desk.membership("ended");
  await page.getByText("No door at the moment.").waitFor();
});

test("a suspension shows at once", async () => {
  const page = await signIn("eva@example.com");
  await page.getByText("Live", { exact: true }).waitFor();
  const { id } = await historyOf(demo, "eva@example.com");
  await ask(
    demo,
    'mutation($id: ID!) { suspendMember(input: { member: $id, reason: "a test" }) { userErrors { message } } }',
    { id },
  );
  await page.getByText("Your access is suspended").first().waitFor();
  await page.getByText("No door at the moment.").waitFor();
  await picture(page, "member-suspended-390");
});

test("nobody is let in by an unknown e-mail, nor by a session that is none", async () => {
  const page = await pages.open("/", { viewport: PHONE });
  await page.getByLabel("Your e-mail").fill("nobody@example.com");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("knows nobody").waitFor();
  await page.getByText("I have a member session").click();
  await page.getByLabel("Member session", { exact: true }).fill("lk_nothing");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("Your session has ended").waitFor();
  await picture(page, "member-sign-in-390");
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
