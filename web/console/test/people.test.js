// People: the list with its search and filters, and a person with timeline, reasons, shares, suspension and unlocks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, startDemo, tokenFor } from "../../../examples/web/test/stage.js";
import { DESKTOP, PHONE, axe, fitsWidth, picture, startConsole } from "./console.js";

const EN = { locale: "en-GB" };

let demo;
let pages;
let desk;
const ids = {};
before(async () => {
  demo = await startDemo();
  pages = await startConsole(demo);
  desk = await tokenFor(demo, "DESK");
  for (const name of ["ada", "eva", "kim", "leo", "tom"]) {
    const { member } = await ask(demo, "query($email: String!) { member(email: $email) { id } }", { email: `${name}@example.com` });
    ids[name] = member.id;
  }
});
after(async () => {
  await pages?.stop();
  await demo?.stop();
});

/** A choice of the filters by its label. */
const choose = (page, label, option) => page.getByLabel(label, { exact: true }).selectOption({ label: option });

async function personPage(name, options = EN) {
  const page = await pages.signedIn(`/people/${ids[name]}`, options);
  await page.getByRole("heading", { name: /Access over time|Zugang im Verlauf/ }).waitFor();
  await page.waitForFunction(() => !document.querySelector(".loading"));
  return page;
}

test("from a search to a person, why they have no access, and what helps", async () => {
  const page = await pages.signedIn("/people", EN);
  await page.getByRole("searchbox").fill("ada ADAMS");
  await page.getByText(/^1 person/).waitFor();
  await page.waitForURL(/search=ada/);
  await page.getByRole("searchbox").press("ArrowDown");
  await page.getByRole("link", { name: "Ada Adams" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Ada Adams", level: 1 }).waitFor();
  await page.locator("main").getByLabel("Door or group").selectOption({ label: "Front door" });
  await page.getByText("The membership has ended").waitFor();
  await page.getByText("Renew Full membership").waitFor();
  await page.getByText("Done by the member and the front desk · at Front desk").waitFor();
  await page.getByText("The rules in detail").click();
  await page.getByText("Nearly: Full membership ended").waitFor();
  await axe(page);
  await picture(page, "person-why-not");
  await page.goBack();
  await page.getByRole("searchbox").waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "ada ADAMS");
});

test("filters narrow the list, and are in the address", async () => {
  const page = await pages.signedIn("/people", EN);
  await page.getByText(/^36 people/).waitFor();
  await choose(page, "Access to", "Front door");
  await page.getByText(/^3 people/).waitFor();
  await choose(page, "Access now", "Without access");
  await page.getByText(/^33 people/).waitFor();
  await choose(page, "Plan", "Full membership");
  await page.getByText(/^1 person/).waitFor();
  await page.getByRole("link", { name: "Leo Lund" }).waitFor();
  await page.getByText("On hold").waitFor();
  await page.reload();
  await page.getByText(/^1 person/).waitFor();
  await page.getByRole("button", { name: "Remove all filters" }).click();
  await page.getByText(/^36 people/).waitFor();
  await choose(page, "Changed", "In the last hour");
  await choose(page, "Order", "Newest first");
  await page.getByText(/^\d+ people/).waitFor();
});

test("pages of the list, the arrow keys, and nobody found", async () => {
  const page = await pages.signedIn("/people", EN);
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("Zoë Zimmermann").waitFor();
  assert.ok(await page.getByRole("button", { name: "Next" }).isDisabled());
  const links = page.locator(".person-link");
  await links.first().focus();
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), await links.nth(1).textContent());
  await page.getByRole("searchbox").fill("nobody of this name");
  await page.getByText("Nobody is found").waitFor();
  await axe(page);
  await picture(page, "people-nobody");
});

test("the timeline shows when and by what, and steps through time", async () => {
  const page = await personPage("eva");
  const bar = page.getByRole("button", { name: /^Members: .*, by rule “Full members”/ });
  await bar.focus();
  await page.locator(".timeline-chosen").getByText("by rule “Full members”").waitFor();
  await page.getByText("As a table").click();
  await page.getByRole("cell", { name: "rule “Full members”" }).first().waitFor();
  await axe(page);
  const before = await page.locator(".timeline-controls [role=status]").textContent();
  await page.getByRole("button", { name: "Later" }).click();
  await page.waitForFunction((text) => document.querySelector(".timeline-controls [role=status]").textContent !== text, before);
  await page.getByLabel("Period", { exact: true }).selectOption({ label: "Four weeks" });
  await page.getByRole("button", { name: "Today" }).click();
  await page.getByLabel("Period", { exact: true }).selectOption({ label: "One day" });
  await bar.waitFor();
  await axe(page);
  await fitsWidth(page);
  await page.getByRole("button", { name: "Front door", exact: true }).click();
  await page.getByText("Allowed by a rule").waitFor();
});

test("another time, and what was known at an earlier time", async () => {
  const page = await personPage("eva");
  await page.getByLabel("Door or group").selectOption({ label: "Members" });
  await page.getByText("Allowed by a rule").waitFor();
  await page.getByText("Another time").click();
  await page.getByLabel("As known at").fill("2020-01-01T10:00");
  await page.getByText("No rule applies").waitFor();
  await axe(page);
  await page.getByLabel("As known at").fill("");
  await page.getByLabel("At", { exact: true }).fill("2031-01-01T10:00");
  await page.getByText("Allowed by a rule").waitFor();
});

test("the desk shares a group for four hours, and ends the share", async () => {
  const page = await personPage("tom", { ...EN, token: desk });
  await page.getByRole("button", { name: "Share access" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The front desk can share access for at most 24 hours").waitFor();
  await dialog.getByRole("button", { name: "Share access" }).click();
  await dialog.getByText("Choose what to share.").waitFor();
  const scopes = await dialog.getByLabel("What to").locator("option").allTextContents();
  assert.deepEqual(scopes, ["Choose…", "Members", "Rowing", "Simulator bookings", "Boathouse", "Clubhouse"]);
  await axe(page);
  await picture(page, "person-share");
  await dialog.getByLabel("What to").selectOption({ label: "Rowing" });
  await dialog.getByLabel(/^Reason/).fill("Trial row");
  await dialog.getByRole("button", { name: "Share access" }).click();
  await page.getByText("Rowing is shared.").waitFor();
  await page.getByText("Trial row", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Rowing: .* by a share/ }).focus();
  await axe(page);
  await picture(page, "person-shared");
  await page.getByRole("button", { name: "End the share of Rowing" }).click();
  await axe(page);
  await page.getByRole("dialog").getByRole("button", { name: "End the share" }).click();
  await page.getByText("The share was ended.").waitFor();
  await page.getByText("Nobody has shared access with this person.").waitFor();
  await page.getByLabel("Events", { exact: true }).selectOption({ label: "Shares and suspensions" });
  await page.locator("li", { hasText: "Share ended" }).getByRole("link", { name: "Rowing" }).waitFor();
});

test("a full day is within the desk's limit, and more is refused in words", async () => {
  const page = await personPage("tom", { ...EN, token: desk });
  await page.getByRole("button", { name: "Share access" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What to").selectOption({ label: "Boathouse" });
  await dialog.getByLabel("For how long").selectOption({ label: "24 hours" });
  await dialog.getByRole("button", { name: "Share access" }).click();
  await page.getByText("Boathouse is shared.").waitFor();
  await page.getByRole("button", { name: "End the share of Boathouse" }).waitFor();
  await page.getByRole("button", { name: "Share access" }).first().click();
  await dialog.getByLabel("What to").selectOption({ label: "Clubhouse" });
  await dialog.getByLabel("For how long").selectOption({ label: "Until a time that I choose" });
  await dialog.getByRole("button", { name: "Share access" }).click();
  await dialog.getByText("Choose when it ends.").waitFor();
  await dialog.getByLabel("Until", { exact: true }).fill("2031-01-01T10:00");
  await dialog.getByRole("button", { name: "Share access" }).click();
  await dialog.getByRole("alert").waitFor();
  await axe(page);
  await picture(page, "person-share-refused");
});

test("a change elsewhere appears by itself", async () => {
  const page = await personPage("ada");
  const suspend = "mutation($input: SuspendMemberInput!) { suspendMember(input: $input) { userErrors { message } } }";
  await ask(demo, suspend, { input: { member: ids.ada, reason: "Elsewhere", until: new Date(Date.now() + 3_600_000).toISOString() } });
  await page.getByText("Reason: Elsewhere").waitFor();
  await ask(demo, "mutation($member: ID!) { resumeMember(input: { member: $member }) { userErrors { message } } }", { member: ids.ada });
  await page.getByText("Reason: Elsewhere").waitFor({ state: "detached" });
});

test("suspend with a reason, and lift the suspension", async () => {
  const page = await personPage("kim");
  await page.getByText("Has access", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Suspend" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Suspend" }).click();
  await dialog.getByText("Enter the reason.").waitFor();
  await axe(page);
  await picture(page, "person-suspend");
  await dialog.getByLabel("Reason").fill("Lent out the phone");
  await dialog.getByRole("button", { name: "Suspend" }).click();
  await page.getByText("Suspended until somebody lifts it").waitFor();
  await page.getByText("Reason: Lent out the phone").waitFor();
  await page.getByLabel("Door or group").selectOption({ label: "Front door" });
  await page.getByRole("button", { name: "Lift the suspension" }).nth(1).waitFor();
  await axe(page);
  await picture(page, "person-suspended");
  await page.getByRole("button", { name: "Lift the suspension" }).nth(1).click();
  await page.getByRole("dialog").getByRole("button", { name: "Lift the suspension" }).click();
  await page.getByText("Has access", { exact: true }).waitFor();
  await page.getByText("Allowed by a rule").waitFor();
  await page.getByLabel("Events", { exact: true }).selectOption({ label: "Shares and suspensions" });
  await page.locator(".badge").getByText("Suspended").waitFor();
});

test("unlock a door for a person: allowed, and refused with the reason", async () => {
  const page = await personPage("eva");
  await page.getByRole("button", { name: "Unlock a door" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Door", { exact: true }).selectOption({ label: "Front door (Clubhouse)" });
  await dialog.getByRole("button", { name: "Unlock" }).click();
  await dialog.getByText("Front door: the lock accepted the command.").waitFor();
  await axe(page);
  await picture(page, "person-unlocked");
  await dialog.getByLabel("Door", { exact: true }).selectOption({ label: "Workshop (Clubhouse)" });
  await dialog.getByText("The rules deny this now.").waitFor();
  await dialog.getByRole("button", { name: "Unlock" }).click();
  await dialog.getByText("Workshop was not unlocked: No rule applies").waitFor();
  await axe(page);
  await page.keyboard.press("Escape");
  await page.getByLabel("Events", { exact: true }).selectOption({ label: "Unlocks" });
  await page.locator(".badge").getByText("Not unlocked").waitFor();
});

test("a reader is offered nothing that it may not do", async () => {
  const page = await personPage("eva", { ...EN, token: await tokenFor(demo, "READER") });
  for (const name of ["Unlock a door", "Share access", "Suspend", "Erase this person", "Download all data"]) {
    assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  }
  await axe(page);
});

test("an admin downloads all data, and erases a person by typing the name", async () => {
  const page = await personPage("leo");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download all data" }).click();
  assert.match((await download).suggestedFilename(), /^member-.*\.json$/);
  await page.getByRole("button", { name: "Erase this person" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Erase for good" }).click();
  await dialog.getByText("This is not the name.").waitFor();
  await axe(page);
  await picture(page, "person-erase");
  await dialog.getByLabel("Type “Leo Lund” to confirm").fill("Leo Lund");
  await dialog.getByRole("button", { name: "Erase for good" }).click();
  await page.getByText(/being erased|was erased/).first().waitFor();
});

test("while it loads, and when the server fails", async () => {
  const page = await pages.signedIn("/people", EN);
  await page.getByText(/^36 people/).waitFor();
  let release = () => {};
  const released = new Promise((done) => (release = done));
  await page.route(/\/graphql/, async (route) => {
    await released;
    await route.continue();
  });
  await page.getByRole("link", { name: "Eva Ellis" }).click();
  await page.getByRole("heading", { name: "Person", level: 1 }).and(page.locator(":focus")).waitFor();
  await axe(page);
  release();
  await page.getByRole("heading", { name: "Eva Ellis", level: 1 }).and(page.locator(":focus")).waitFor();
  await page.unrouteAll({ behavior: "wait" });
  await page.route(/\/graphql/, (route) => route.abort());
  await page.getByRole("link", { name: "People" }).first().click();
  await page.getByText("The server does not answer").first().waitFor();
  await axe(page);
  await page.unrouteAll({ behavior: "wait" });
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText(/^36 people/).waitFor();
});

test("an unknown person", async () => {
  const page = await pages.signedIn("/people/nobody", EN);
  await page.getByRole("heading", { name: "This person does not exist", level: 1 }).waitFor();
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
  test(`the list and a person: ${label}`, async () => {
    const list = await pages.signedIn("/people", look);
    await list.locator(".person-link").first().waitFor();
    await axe(list);
    await fitsWidth(list);
    await picture(list, `people-${label}`);
    const page = await personPage("eva", look);
    await page.locator(".why-form select").selectOption({ label: "Locker room" });
    await page.locator(".fixes").waitFor();
    await page.locator(".timeline-bar").first().hover();
    await axe(page);
    await fitsWidth(page);
    await page.evaluate(() => scrollTo(0, 0));
    await picture(page, `person-${label}`);
  });
}

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
