// Rules: the list, the editor with its preview, edits by others, back-tests, deletion, and what readers see.
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

const EN = { locale: "en-GB", viewport: DESKTOP };

async function everyRule() {
  const { rules } = await ask(demo, "{ rules { nodes { id name version enabled target { ... on Group { id name } ... on Lock { id name } } } } }");
  return rules.nodes;
}
const ruleNamed = async (name) => (await everyRule()).find((rule) => rule.name === name);

/** A rule that a test may change: by a tag that nobody has. */
async function makeRule(name, tags = ["nobody"]) {
  const { target } = await ruleNamed("Full members");
  const { createRule } = await ask(
    demo,
    "mutation($input: RuleInput!) { createRule(input: $input) { rule { id } userErrors { message } } }",
    { input: { name, target: target.id, conditions: [{ tag: { tags } }] } },
  );
  return { id: createRule.rule.id, target: target.id };
}

async function editElsewhere(id, input) {
  const edit = "mutation($rule: ID!, $input: RuleInput!) { updateRule(rule: $rule, input: $input) { rule { version } userErrors { message } } }";
  await ask(demo, edit, { rule: id, input });
}

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "dark", viewport: DESKTOP },
  { locale: "en-GB", colorScheme: "dark", viewport: PHONE },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
];
for (const look of LOOKS) {
  const label = `${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`;
  const isGerman = look.locale === "de-DE";
  test(`the list and the editor, ${label}`, async () => {
    const page = await pages.signedIn("/rules", look);
    await page.getByRole("link", { name: "Full members" }).waitFor();
    await page.getByText(isGerman ? "die eine aktive Mitgliedschaft „Full membership“ haben" : "has an active membership “Full membership”").waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `console-rules-${label}`);

    await page.getByRole("link", { name: "Who booked the simulator" }).click();
    await page.getByRole("heading", { name: "Who booked the simulator", level: 1 }).waitFor();
    await page.getByLabel(isGerman ? "Öffnet vor dem Beginn" : "Opens before the start", { exact: true }).fill("45");
    await page.getByText(isGerman ? "Niemand gewinnt oder verliert Zugang." : "Nobody gains or loses access.").waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `console-rule-${label}`);
  });
}

test("a rule for a group begins with the group", async () => {
  const { target } = await ruleNamed("Full members");
  const page = await pages.signedIn(`/rules/new?target=${target.id}`, EN);
  await page.getByText("“Members” opens for everybody who …").waitFor();
  assert.equal(await page.getByLabel("Opens", { exact: true }).inputValue(), target.id);
  for (const type of ["Membership", "Booking", "Purchase", "Tag", "Times of the week"]) await page.getByRole("button", { name: type, exact: true }).click();
  await page.getByLabel("Blocked memberships").selectOption("GRACE");
  await page.getByLabel("Grace period", { exact: true }).waitFor();
  await page.getByText("(once blocked, for 3 days more)").waitFor();
  await page.getByText("Mon–Fri, 09:00 to 17:00").waitFor();
  await axe(page);
  await picture(page, "console-rule-all-conditions");
  await page.setViewportSize(PHONE);
  await fitsWidth(page);
  await axe(page);
});

test("a search that finds nothing says so", async () => {
  const page = await pages.signedIn("/rules", EN);
  await page.getByLabel("Search by name").fill("nowhere");
  await page.getByText("No rule matches").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Show all rules" }).click();
  await page.getByRole("link", { name: "Full members" }).waitFor();
});

test("a new rule: all mistakes at once, the preview by name, and then the rule", async () => {
  const page = await pages.signedIn("/rules", EN);
  await page.getByRole("link", { name: "New rule" }).click();
  await page.getByRole("heading", { name: "New rule", level: 1 }).waitFor();
  await page.getByText("Complete the rule to see whom it concerns.").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Tag", exact: true }).click();
  await page.getByRole("button", { name: "Create rule" }).click();
  await page.getByText("Please correct these points:").waitFor();
  for (const label of ["Name", "Opens", "Tags"]) assert.equal(await page.getByLabel(label, { exact: true }).getAttribute("aria-invalid"), "true", label);
  await page.locator("#content :focus[aria-invalid]").waitFor();
  await axe(page);
  await picture(page, "console-rule-mistakes");

  await page.getByRole("button", { name: "Remove the condition “Tag”" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Rowers in the gym");
  await page.getByLabel("Opens", { exact: true }).selectOption((await ruleNamed("Full members")).target.id);
  await page.getByRole("button", { name: "Membership", exact: true }).click();
  await page.getByRole("checkbox", { name: /^Rowing/ }).check();
  await page.getByText("Adds only: proven").waitFor();
  await page.getByRole("heading", { name: /people gain access/ }).waitFor();
  await page.getByRole("img", { name: /^From .* Today: 0 as the rules are now, \d+ with this edit/ }).waitFor();
  await page.getByText("who has an active membership “Rowing”").waitFor();
  await axe(page);
  await picture(page, "console-rule-adds-only");
  await page.getByRole("button", { name: "Create rule" }).click();
  await page.getByText("The rule “Rowers in the gym” is created.").waitFor();
  await page.getByRole("heading", { name: "Rowers in the gym", level: 1 }).waitFor();
  await page.getByRole("heading", { name: "Changes of this rule" }).waitFor();
  assert.ok(await ruleNamed("Rowers in the gym"));
});

test("an edit that takes access names the people first", async () => {
  const page = await pages.signedIn(`/rules/${(await ruleNamed("Rowers in the gym")).id}`, EN);
  await page.getByRole("button", { name: "Times of the week" }).click();
  await page.getByLabel("From", { exact: true }).fill("9:0");
  await page.getByText("Enter a time, such as 18:30.").first().waitFor();
  await axe(page);
  await page.getByLabel("From", { exact: true }).fill("09:00");
  await page.getByRole("heading", { name: /people lose access/ }).waitFor();
  await page.getByRole("img", { name: /Today/ }).waitFor();
  await axe(page);
  await picture(page, "console-rule-losses");
  await page.getByRole("button", { name: "Save rule" }).click();
  const dialog = page.getByRole("dialog", { name: /Take access from \d+ people\?/ });
  await dialog.waitFor();
  await axe(page);
  await picture(page, "console-rule-take-access");
  await dialog.getByRole("button", { name: "Save rule" }).click();
  await page.getByText("The rule “Rowers in the gym” is saved.").waitFor();
  await page.getByText("Version 2").waitFor();
  assert.equal((await ruleNamed("Rowers in the gym")).version, 2);
});

test("an edit by somebody else is shown, and my edit continues on top of it", async () => {
  const { id, target } = await makeRule("Shared rule");
  const page = await pages.signedIn(`/rules/${id}`, EN);
  await page.getByLabel("Name", { exact: true }).fill("My name for it");
  await editElsewhere(id, { name: "Shared rule", target, conditions: [{ tag: { tags: ["staff"] } }] });
  const alert = page.getByRole("alert").filter({ hasText: "This rule was changed meanwhile" });
  await alert.waitFor();
  await alert.locator("del", { hasText: "nobody" }).waitFor();
  await alert.locator("ins", { hasText: "staff" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Save rule" }).isDisabled(), true);
  await axe(page);
  await picture(page, "console-rule-stale");
  await page.getByRole("button", { name: "Continue on top of it" }).click();
  await alert.waitFor({ state: "detached" });
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "My name for it");
  await page.getByText("who has the tag “staff”").first().waitFor();
  await page.getByRole("button", { name: "Save rule" }).click();
  await page.getByText("The rule “My name for it” is saved.").waitFor();

  await page.getByLabel("Name", { exact: true }).fill("Another name");
  await editElsewhere(id, { name: "Their name", target, conditions: [{ tag: { tags: ["staff"] } }] });
  await page.getByText("You both changed: the name.").waitFor();
  await page.getByRole("button", { name: "Discard my changes" }).click();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Their name");
});

test("without changes of mine, the new version is simply shown", async () => {
  const { id, target } = await makeRule("Quiet rule");
  const page = await pages.signedIn(`/rules/${id}`, EN);
  await page.getByText("There are no unsaved changes.").waitFor();
  await editElsewhere(id, { name: "Loud rule", target, conditions: [{ tag: { tags: ["nobody"] } }] });
  await page.getByRole("heading", { name: "Loud rule", level: 1 }).waitFor();
  await page.getByText("You see the new version.").waitFor();
});

test("unsaved changes are kept from an accidental click, and from going back", async () => {
  const { id } = await makeRule("Guarded rule");
  const page = await pages.signedIn("/rules", EN);
  await page.getByRole("link", { name: "Guarded rule" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Half an edit");
  await page.getByRole("link", { name: "All rules" }).click();
  const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
  await dialog.waitFor();
  await axe(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.goBack();
  await dialog.waitFor();
  assert.ok(page.url().endsWith(id));
  await dialog.getByRole("button", { name: "Leave without saving" }).click();
  await page.getByRole("heading", { name: "Rules", level: 1 }).waitFor();
});

test("the past tells what an edit would have done", async () => {
  const { members } = await ask(demo, '{ members(filter: { search: "Eva" }) { nodes { id doors { lock { id } } } } }');
  const [eva] = members.nodes;
  await ask(demo, "mutation($lock: ID!, $member: ID!) { unlock(input: { lock: $lock, member: $member }) { unlocked userErrors { message } } }", {
    lock: eva.doors[0].lock.id,
    member: eva.id,
  });
  const page = await pages.signedIn(`/rules/${(await ruleNamed("Full members")).id}`, EN);
  await page.getByLabel("The rule is enabled").uncheck();
  await page.getByRole("heading", { name: /lose access/ }).waitFor();
  await page.getByRole("button", { name: "Try it on the past" }).click();
  await page.getByRole("heading", { name: "1 entry would have been refused" }).waitFor();
  await axe(page);
  await picture(page, "console-rule-back-test");
});

test("a rule is disabled and deleted, each after its effect was shown", async () => {
  const { id } = await makeRule("Short-lived");
  const page = await pages.signedIn(`/rules/${id}`, EN);
  await page.getByRole("button", { name: "Disable rule" }).click();
  const disable = page.getByRole("dialog", { name: "Disable the rule “Short-lived”?" });
  await disable.getByText("Nobody gains or loses access.").waitFor();
  await disable.getByRole("button", { name: "Disable rule" }).click();
  await page.getByRole("button", { name: "Enable rule" }).waitFor();
  assert.equal((await ruleNamed("Short-lived")).enabled, false);
  await page.getByRole("button", { name: "Delete rule" }).click();
  const remove = page.getByRole("dialog", { name: "Delete the rule “Short-lived”?" });
  await remove.getByText("Nobody gains or loses access.").waitFor();
  await axe(page);
  await picture(page, "console-rule-delete");
  await remove.getByRole("button", { name: "Delete rule" }).click();
  await page.getByText("The rule “Short-lived” is deleted.").waitFor();
  await page.getByRole("heading", { name: "Rules", level: 1 }).waitFor();
  assert.equal(await ruleNamed("Short-lived"), undefined);
});

test("a deletion by somebody else leaves my edit in the form", async () => {
  const { id } = await makeRule("Doomed rule");
  const page = await pages.signedIn(`/rules/${id}`, EN);
  await page.getByLabel("Name", { exact: true }).fill("Saved from deletion");
  await ask(demo, "mutation($rule: ID!) { deleteRule(input: { rule: $rule }) { deletedId userErrors { message } } }", { rule: id });
  await page.getByText("This rule was deleted meanwhile.").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Create rule" }).click();
  await page.getByRole("heading", { name: "Saved from deletion", level: 1 }).waitFor();
});

test("readers see the rule in words, and cannot change it", async () => {
  const token = await tokenFor(demo, "READER");
  const page = await pages.signedIn("/rules", { ...EN, token });
  await page.getByRole("link", { name: "Full members" }).click();
  await page.getByText("Your role reads rules.").waitFor();
  await page.getByText("has an active membership “Full membership”").first().waitFor();
  assert.equal(await page.getByRole("button", { name: /Delete|Save|Disable/ }).count(), 0);
  await axe(page);
  await picture(page, "console-rule-reader");
  const create = await pages.signedIn("/rules/new", { ...EN, token });
  await create.getByText("This rule does not exist").waitFor();
});

test("an unknown rule says so", async () => {
  const page = await pages.signedIn("/rules/nothing", EN);
  await page.getByText("This rule does not exist").waitFor();
  await axe(page);
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
