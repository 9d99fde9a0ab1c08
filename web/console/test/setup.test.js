// The set-up of a new club, from nothing to the first open door, with a Kisi sandbox of its own; and its steps in the demo club.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ask, startDemo, tokenFor } from "../../../examples/web/test/stage.js";
import { DESKTOP, PHONE, axe, fitsWidth, picture, startConsole } from "./console.js";

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../../target", import.meta.url));
const program = process.env.LATCHKEY_BIN ?? join(target, "debug/latchkey");
const run = promisify(execFile);
const EN = { locale: "en-GB", viewport: DESKTOP };

/** A process of the program, and the address that it prints. */
async function startProgram(args, env = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const ended = new Promise((done) => child.once("exit", done));
  let told = "";
  const address = await new Promise((found, failed) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        told += `${line}\n`;
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
        if (url && /listening|sandbox/i.test(line)) found(url);
      });
    }
    child.once("error", failed);
    ended.then(() => failed(new Error(`${args[0]} ended early:\n${told}`)));
  });
  return {
    address,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** An empty club with a Kisi organization that nobody has connected yet. */
async function startNewClub() {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-setup-"));
  const database = `sqlite://${join(folder, "club.db")}?mode=rwc`;
  const sandbox = await startProgram(["sandbox", "--listen", "127.0.0.1:0", "--key", "test-key", "--rate", "0"]);
  const server = await startProgram(["serve", "--listen", "127.0.0.1:0", "--database-url", database], { LATCHKEY_KISI_URL: sandbox.address });
  const create = ["club", "create", "--json", "--name", "New Club", "--time-zone", "Europe/Berlin", "--database-url", database];
  const { token } = JSON.parse((await run(program, create)).stdout);
  return {
    address: `${server.address}/`,
    token,
    folder,
    async stop() {
      await server.stop();
      await sandbox.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let club;
let pages;
before(async () => {
  club = await startNewClub();
  pages = await startConsole(club);
});
after(async () => {
  await pages?.stop();
  await club?.stop();
});

/** When each step was reached, for the log of the test. */
const start = Date.now();
const reached = (t, what) => t.diagnostic(`${((Date.now() - start) / 1000).toFixed(1)} s: ${what}`);

async function step(page, name) {
  const button = page.getByRole("button", { name: new RegExp(name) }).and(page.locator("[aria-expanded]"));
  await button.waitFor();
  if ((await button.getAttribute("aria-expanded")) !== "true") await button.click();
}

test("Kisi: a wrong key and a wrong login are told in words, and the right key connects", async (t) => {
  const page = await pages.signedIn("/setup", EN);
  await page.getByText("0 of 5 steps are done").waitFor();
  reached(t, "the set-up is open");
  await axe(page);
  await picture(page, "console-setup-new");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.locator("#content :focus[aria-invalid]").waitFor();
  await axe(page);
  await page.getByLabel("Name of the connection").fill("Main building");
  await page.getByLabel("API key", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("Kisi rejects this key.").waitFor();
  assert.equal(await page.getByLabel("API key", { exact: true }).getAttribute("aria-invalid"), "true");
  await axe(page);
  await picture(page, "console-setup-kisi-refused");
  await page.getByLabel("With e-mail address and password").check();
  await page.getByLabel("E-mail address", { exact: true }).fill("owner@example.com");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByLabel("Domain of the organization").fill("nowhere");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("alert").first().waitFor();
  await axe(page);
  await page.getByLabel("With an API key (recommended)").check();
  await page.getByLabel("API key", { exact: true }).fill("test-key");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("“Main building” is connected.").waitFor();
  await page.getByText("1 of 5 steps are done").waitFor();
  reached(t, "Kisi is connected");
  await step(page, "Connect Kisi");
  await page.getByLabel("Public address of this server").fill("http://not-public.example.com/path");
  await page.getByRole("button", { name: "Have Kisi send events" }).click();
  await page.getByText("Please correct this:").waitFor();
  await axe(page);
  await picture(page, "console-setup-kisi");
});

test("groups: what would change is shown before a group is managed", async (t) => {
  const page = await pages.signedIn("/setup", EN);
  await page.getByRole("button", { name: "Manage the group Simulator bookings" }).waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Manage the group Simulator bookings" }).click();
  const dialog = page.getByRole("dialog", { name: "Manage “Simulator bookings”?" });
  await dialog.getByText("No rule opens this group yet").waitFor();
  await dialog.getByLabel("Remove them").check();
  await dialog.getByText("No rule opens this group yet").waitFor();
  await axe(page);
  await picture(page, "console-setup-manage");
  await dialog.getByLabel("Keep them").check();
  await dialog.getByText("No rule opens this group yet").waitFor();
  await dialog.getByRole("button", { name: "Manage this group" }).click();
  await page.getByText("“Simulator bookings” is managed from now on.").waitFor();
  await page.getByText("2 of 5 steps are done").waitFor();
  await page.getByRole("button", { name: "Next: Connect the membership platform" }).click();
  await page.getByLabel("Name of the source").waitFor();
  reached(t, "a group is managed");
});

test("the platform: a secret once, a rejected request, and the first event as it arrives", async (t) => {
  const page = await pages.signedIn("/setup", EN);
  await page.getByLabel("Clubspot", { exact: true }).check();
  await page.getByLabel("Club's id at Clubspot").waitFor();
  await axe(page);
  await picture(page, "console-setup-platforms");
  await page.getByLabel("My own system").check();
  await page.getByRole("button", { name: "Create source" }).click();
  await page.locator("#content :focus, #content [aria-invalid]").first().waitFor();
  await page.getByLabel("Name of the source").fill("Front desk");
  await page.getByRole("button", { name: "Create source" }).click();
  const secret = page.getByLabel("Signing secret");
  await secret.first().waitFor();
  await page.getByText("Waiting for the first event…").waitFor();
  reached(t, "the source is created, and the page waits");
  await page.getByText("Send a test event").click();
  await axe(page);
  await picture(page, "console-setup-waiting");
  const script = await page.locator("pre[aria-label=script]").textContent();
  const forged = script.replace(/SECRET='whsec_[^']*'/, "SECRET='whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='");
  await run("bash", ["-c", forged], { cwd: club.folder });
  await page.getByText("1 request was rejected in the last 24 hours").waitFor();
  await axe(page);
  const sent = Date.now();
  // A name that suggests a rule for a group.
  const named = script.replace("Test membership", "Simulator bookings");
  const { stdout } = await run("bash", ["-c", named], { cwd: club.folder });
  assert.match(stdout, /accepted/);
  await page.getByText("The first event is here").waitFor();
  t.diagnostic(`the event is shown ${Date.now() - sent} ms after it was sent`);
  await page.getByText("membership.updated, about Test Person").waitFor();
  await page.getByText("3 of 5 steps are done").waitFor();
  reached(t, "the first event is here");
  await axe(page);
  await picture(page, "console-setup-arrived");
  await page.reload();
  await step(page, "Connect the membership platform");
  await page.getByText("membership.updated, about Test Person").waitFor();
  assert.equal(await secret.count(), 0);
});

test("the first rule from a suggestion, and the first open door", async (t) => {
  const page = await pages.signedIn("/setup", EN);
  await page.getByText("“Simulator bookings” opens for everybody who has an active membership “Simulator bookings”.").waitFor();
  await page.getByText("Gives access to 1 person at once: Test Person").waitFor();
  await axe(page);
  await picture(page, "console-setup-suggestions");
  await page.getByRole("link", { name: "Create this rule…" }).click();
  await page.getByRole("heading", { name: "New rule", level: 1 }).waitFor();
  await page.getByText("Adds only: proven").waitFor();
  await page.getByRole("link", { name: "Test Person" }).or(page.locator(".changes").getByText("Test Person")).first().waitFor();
  await axe(page);
  await picture(page, "console-setup-first-rule");
  await page.getByRole("button", { name: "Create rule" }).click();
  await page.getByText("5 of 5 steps are done").waitFor();
  reached(t, "the first rule is created");
  await page.getByText("1 person can open “Simulator bookings” now.").waitFor();
  await page.getByText("Front door").waitFor();
  reached(t, "the page says who can open the door");
  await axe(page);
  await picture(page, "console-setup-done");
  const query = '{ member(email: "test.person@example.com") { id doors { lock { id } } kisiUsers { grants { state } } } }';
  for (let tries = 0; tries < 60; tries += 1) {
    const { member } = await ask(club, query);
    if (member.kisiUsers.some(({ grants }) => grants.some(({ state }) => state === "CONFIRMED"))) break;
    await new Promise((done) => setTimeout(done, 250));
  }
  const { member } = await ask(club, query);
  assert.equal(member.kisiUsers[0].grants[0].state, "CONFIRMED");
  reached(t, "Kisi has confirmed the access");
  const open = "mutation($lock: ID!, $member: ID!) { unlock(input: { lock: $lock, member: $member }) { unlocked userErrors { message } } }";
  const { unlock } = await ask(club, open, { lock: member.doors[0].lock.id, member: member.id });
  assert.equal(unlock.unlocked, true);
  reached(t, "the first door is open");
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));

/** A group that was kept by hand, and a rule for it: who is taken over, kept, removed and new. */
async function takeOver(demo, console) {
  const { groups, offerings } = await ask(
    demo,
    '{ groups(filter: { search: "MEMBERS old" }) { nodes { id } } offerings(filter: { search: "Rowing" }) { nodes { id } } }',
  );
  const input = { name: "Old members", target: groups.nodes[0].id, conditions: [{ membership: { offerings: [offerings.nodes[0].id] } }] };
  await ask(demo, "mutation($input: RuleInput!) { createRule(input: $input) { rule { id } userErrors { message } } }", { input });
  const page = await console.signedIn("/setup?step=groups", EN);
  await page.getByRole("button", { name: "Manage the group MEMBERS (old, 2016)" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/get access newly/).waitFor();
  await axe(page);
  await picture(page, "console-setup-take-over-keep");
  await dialog.getByLabel("Remove them").check();
  await dialog.getByText(/(is|are) kept as they are/).waitFor({ state: "detached" });
  await dialog.getByText(/get access newly/).waitFor();
  await axe(page);
  await picture(page, "console-setup-take-over-remove");
  await dialog.getByRole("button", { name: "Manage this group" }).click();
  await page.getByText("“MEMBERS (old, 2016)” is managed from now on.").waitFor();
}

/** A group that removes others and has no rule: what its first rule does is shown with both. */
async function firstRule(demo, console) {
  const { groups } = await ask(demo, '{ groups(filter: { search: "Cleaners" }) { nodes { id name } } }');
  const [{ id, name }] = groups.nodes;
  const page = await console.signedIn("/setup?step=groups", EN);
  await page.getByRole("button", { name: `Manage the group ${name}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("No rule opens this group yet").waitFor();
  assert.equal(await dialog.getByText("As soon as the group has a rule").count(), 0);
  await dialog.getByLabel("Remove them").check();
  await dialog.getByText("As soon as the group has a rule, 3 assignments are removed").waitFor();
  await axe(page);
  await picture(page, "console-setup-remove-later");
  await dialog.getByRole("button", { name: "Manage this group" }).click();
  await page.getByText(`“${name}” is managed from now on.`).waitFor();
  await page.getByText("no rule yet · others are removed").waitFor();
  const input = { target: id, conditions: [{ membership: {} }] };
  await page.goto(new URL(`rules/new?input=${encodeURIComponent(JSON.stringify(input))}`, page.url()).href);
  await page.getByLabel("Name", { exact: true }).fill("Cleaners");
  await page.getByText("3 people whom somebody added to the group in Kisi will be removed").waitFor();
  await axe(page);
  await picture(page, "console-rule-removes");
  await page.getByRole("button", { name: "Create rule" }).click();
  await page.getByRole("dialog", { name: /^Take access from 3 people/ }).waitFor();
  await axe(page);
  await picture(page, "console-rule-removes-confirm");
  await page.goto(new URL("/console/setup?step=groups", page.url()).href);
  await page.getByRole("button", { name: `Change how the group ${name} is managed` }).click();
  await dialog.getByLabel("No longer manage this group").check();
  await axe(page);
  await dialog.getByRole("button", { name: "Stop managing this group" }).click();
  await page.getByText(`“${name}” is not managed any more.`).waitFor();
}

const LOOKS = [
  { locale: "en-GB", colorScheme: "dark", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
  { locale: "de-DE", colorScheme: "dark", viewport: PHONE },
];
test("a club with years of history: every step, in both languages, on a phone", async () => {
  const demo = await startDemo();
  const console = await startConsole(demo);
  try {
    for (const look of LOOKS) {
      const label = `${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`;
      for (const name of ["kisi", "groups", "source", "rule", "done"]) {
        const page = await console.signedIn(`/setup?step=${name}`, look);
        await page.locator(".step-body:not([hidden]) > *").first().waitFor();
        await page.waitForTimeout(400);
        await axe(page);
        await fitsWidth(page);
        await picture(page, `console-setup-${name}-${label}`);
        await page.context().close();
      }
    }
    const page = await console.signedIn("/setup?step=groups", { locale: "de-DE", viewport: PHONE });
    await page.getByRole("button", { name: "Die Gruppe Staff verwalten" }).click();
    await page.getByText("Noch öffnet keine Regel diese Gruppe").waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, "console-setup-manage-de-390");
    await takeOver(demo, console);
    await firstRule(demo, console);
    const reader = await console.signedIn("/setup", { ...EN, token: await tokenFor(demo, "DESK") });
    await reader.getByRole("heading", { name: "This page does not exist" }).waitFor();
    assert.deepEqual(console.faults, []);
  } finally {
    await console.stop();
    await demo.stop();
  }
});
