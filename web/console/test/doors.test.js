// Doors and groups: the lists with rules in words, and who has access at any hour of the coming week.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, startDemo, tokenFor } from "../../../examples/web/test/stage.js";
import { DESKTOP, PHONE, axe, fitsWidth, picture, startConsole } from "./console.js";

const EN = { locale: "en-GB" };

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

async function groupId(name) {
  const { groups } = await ask(demo, "query($name: String!) { groups(filter: { search: $name }) { nodes { id } } }", { name });
  return groups.nodes[0].id;
}

test("doors with their rules in words, by search and place", async () => {
  const page = await pages.signedIn("/doors", EN);
  await page.getByText("6 doors").waitFor();
  await page.getByText("Members with Full membership").first().waitFor();
  await page.getByText("Also opened by groups that are not managed").first().waitFor();
  await page.getByLabel("Place").selectOption({ label: "Boathouse" });
  await page.getByText("2 doors").waitFor();
  await page.getByRole("searchbox").fill("locker");
  await page.getByText("1 door", { exact: true }).waitFor();
  await page.getByRole("searchbox").fill("nothing like this");
  await page.getByText("Nothing is found").waitFor();
  await axe(page);
});

test("groups, managed or not", async () => {
  const page = await pages.signedIn("/doors", EN);
  await page.getByRole("link", { name: /^Groups/ }).click();
  await page.getByText("9 groups").waitFor();
  await axe(page);
  await page.getByLabel("Managed").selectOption({ label: "Managed" });
  await page.getByText("3 groups").waitFor();
  await page.getByText("Opens Boathouse gate and Locker room").waitFor();
  await page.getByRole("link", { name: "Rowing" }).click();
  await page.getByRole("heading", { name: "Rowing", level: 1 }).and(page.locator(":focus")).waitFor();
});

test("the slider shows who has access at another hour", async () => {
  const { member } = await ask(demo, '{ member(email: "tom@example.com") { id } }');
  const at = new Date(Date.now() + 26 * 3_600_000).toISOString();
  const scope = await groupId("Simulator bookings");
  await ask(
    demo,
    "mutation($input: ShareAccessInput!) { shareAccess(input: $input) { userErrors { message } } }",
    { input: { who: { member: member.id }, scope, from: at, until: new Date(Date.now() + 40 * 3_600_000).toISOString() } },
  );
  const page = await pages.signedIn(`/doors/${scope}`, EN);
  await page.getByText("Nobody has access then").waitFor();
  await axe(page);
  const slider = page.getByRole("slider");
  await slider.focus();
  for (let hour = 0; hour < 30; hour += 1) await page.keyboard.press("ArrowRight");
  assert.match(await slider.getAttribute("aria-valuetext"), /day.*\d\d:\d\d/);
  await page.getByText("1 person has access").waitFor();
  await page.getByRole("row").getByRole("link", { name: "Tom Tanner" }).waitFor();
  await axe(page);
  await picture(page, "door-slider");
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.getByText("Nobody has access then").waitFor();
});

test("a door: people with reasons, unmanaged groups and events", async () => {
  const page = await pages.signedIn("/doors", EN);
  await page.getByRole("link", { name: "Front door" }).click();
  await page.getByText("3 people have access").waitFor();
  await page.getByText("Groups that Latchkey does not manage").waitFor();
  await page.getByRole("link", { name: "rule “Full members”" }).waitFor();
  assert.match(await page.getByRole("link", { name: "Add a rule" }).getAttribute("href"), /rules\/new\?target=/);
  await page.getByRole("list").getByRole("link", { name: "Staff" }).first().waitFor();
  await page.getByLabel("Events", { exact: true }).selectOption({ label: "Unlocks" });
  await page.getByText("No events").waitFor();
  await page.getByRole("row").getByRole("link", { name: "Eva Ellis" }).click();
  await page.getByRole("heading", { name: "Eva Ellis", level: 1 }).waitFor();
});

test("people whom the brake keeps in are named, with the cause", async () => {
  const brake = { people: 0, percent: 0 };
  await ask(demo, "mutation($input: UpdateClubInput!) { updateClub(input: $input) { userErrors { message } } }", { input: { brake } });
  const { rules } = await ask(demo, '{ rules(filter: { search: "Training" }) { nodes { id } } }');
  await ask(demo, "mutation($rule: ID!) { deleteRule(input: { rule: $rule }) { userErrors { message } } }", { rule: rules.nodes[0].id });
  const page = await pages.signedIn(`/doors/${await groupId("Members")}`, EN);
  await page.getByText("1 person keeps access because the brake holds the revocation").waitFor();
  await page.getByRole("list").getByRole("link", { name: "Tom Tanner" }).first().waitFor();
  await page.getByText("2 people have access").waitFor();
  await axe(page);
  await picture(page, "door-held");
});

test("the desk and a reader see the pages too", async () => {
  for (const role of ["DESK", "READER"]) {
    const page = await pages.signedIn("/doors", { ...EN, token: await tokenFor(demo, role) });
    await page.getByRole("link", { name: "Range" }).click();
    await page.getByText("2 people have access").waitFor();
    await axe(page);
  }
});

test("an unknown door", async () => {
  const page = await pages.signedIn("/doors/nothing", EN);
  await page.getByRole("heading", { name: "This door or group does not exist", level: 1 }).waitFor();
  await axe(page);
});

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "dark", viewport: DESKTOP },
  { locale: "en-GB", colorScheme: "dark", viewport: PHONE },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
];
for (const look of LOOKS) {
  const label = `${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`;
  test(`the lists and a door: ${label}`, async () => {
    const page = await pages.signedIn("/doors", look);
    await page.getByRole("link", { name: "Front door" }).waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `doors-${label}`);
    await page.locator(".sections a").nth(1).click();
    await page.getByRole("link", { name: "Rowing" }).waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `groups-${label}`);
    await page.getByRole("link", { name: "Rowing" }).click();
    await page.locator(".allowed tbody tr").first().waitFor();
    await page.waitForFunction(() => !document.querySelector(".loading"));
    await axe(page);
    await fitsWidth(page);
    await picture(page, `door-${label}`);
  });
}

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
