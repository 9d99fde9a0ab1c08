// Held revocations: what an admin sees and decides, what others see, and the limits of the brake.
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

/** Asks again until `isDone` says so of the answer. */
async function until(query, isDone) {
  for (let round = 0; round < 150; round += 1) {
    const data = await ask(demo, query);
    if (isDone(data)) return data;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`never: ${query}`);
}
const heldCount = async () => (await ask(demo, "{ heldRevocations(first: 0) { totalCount } }")).heldRevocations.totalCount;
const setBrake = (people, percent) =>
  ask(demo, "mutation($people: Int!, $percent: Int!) { updateClub(input: { brake: { people: $people, percent: $percent } }) { userErrors { message } } }", { people, percent });

test("nothing is held: the page says so, and tells the limits of the brake", async () => {
  const page = await pages.signedIn("/revocations", { locale: "en-GB" });
  await page.getByText("No revocation is held").waitFor();
  await page.getByText("The brake holds revocations if more than 3 people").waitFor();
  await axe(page);
  await picture(page, "revocations-none");
});

test("an admin changes the limits, and mistakes are told beside the field", async () => {
  const page = await pages.signedIn("/revocations", { locale: "en-GB" });
  await page.getByRole("button", { name: "Change the limits" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Percentage").fill("500");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("alert").waitFor();
  assert.equal(await dialog.getByLabel("Percentage").getAttribute("aria-invalid"), "true");
  await axe(page);
  await picture(page, "revocations-brake-error");
  await dialog.getByLabel("People").fill("0");
  await dialog.getByLabel("Percentage").fill("0");
  await dialog.getByText("With both limits at 0").waitFor();
  await axe(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("The brake holds every revocation").waitFor();
});

/** Without a preview, the brake judges what the edit takes away. */
async function deleteRule(named) {
  const { rules } = await ask(demo, "{ rules { nodes { id name } } }");
  const { id } = rules.nodes.find(({ name }) => name === named);
  await ask(demo, "mutation($id: ID!) { deleteRule(input: { rule: $id }) { userErrors { message } } }", { id });
}

test("held revocations appear without a reload, with who caused them", async () => {
  await setBrake(0, 0);
  const page = await pages.signedIn("/revocations", { locale: "en-GB" });
  await page.getByText("No revocation is held").waitFor();
  await deleteRule("Full members");
  await page.getByRole("link", { name: "Kim Keller" }).waitFor();
  await page.getByText("Done by demo").waitFor();
});

test("a reader sees the held revocations, and cannot decide", async () => {
  const token = await tokenFor(demo, "READER");
  const page = await pages.signedIn("/revocations", { locale: "en-GB", token });
  await page.getByText("Your role can only look at them").waitFor();
  await page.getByRole("link", { name: "Kim Keller" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Approve all" }).count(), 0);
  assert.equal(await page.getByRole("checkbox").count(), 0);
  assert.equal(await page.getByRole("button", { name: "Change the limits" }).count(), 0);
  await axe(page);
});

test("chosen revocations are dismissed after a question that names them", async () => {
  const page = await pages.signedIn("/revocations", { locale: "en-GB" });
  await page.getByRole("checkbox", { name: "Choose Kim Keller" }).check();
  await page.getByText("1 revocation chosen").waitFor();
  const button = page.getByRole("button", { name: "Dismiss the chosen ones" });
  await button.click();
  const dialog = page.getByRole("dialog", { name: "Dismiss 1 revocation?" });
  await dialog.getByText("Kim Keller: Members").waitFor();
  await axe(page);
  await picture(page, "revocations-dismiss");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(await button.evaluate((element) => element === document.activeElement), "the focus returns to the button");
  await button.click();
  await dialog.getByRole("button", { name: "Keep the access" }).click();
  await page.getByText("1 revocation is dismissed.").waitFor();
  await page.getByRole("link", { name: "Kim Keller" }).waitFor({ state: "detached" });
  assert.ok((await heldCount()) > 0);
});

test("another cause has its own card", async () => {
  await deleteRule("Rowers");
  await until("{ heldRevocationCauses { count } }", ({ heldRevocationCauses }) => heldRevocationCauses.length > 1);
});

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "dark", viewport: DESKTOP },
  { locale: "en-GB", colorScheme: "dark", viewport: PHONE },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
];
for (const look of LOOKS) {
  const label = `${look.locale.slice(0, 2)}-${look.colorScheme}-${look.viewport.width}`;
  test(`held revocations and their question: ${label}`, async () => {
    const page = await pages.signedIn("/revocations", look);
    await page.getByRole("link", { name: "Eva Ellis" }).waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `revocations-${label}`);
    await page.getByRole("button", { name: /^(Approve all|Alle ausführen)$/ }).first().click();
    await page.getByRole("dialog").waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `revocations-approve-${label}`);
  });
}

test("all revocations of a cause are approved after a question that says what happens", async () => {
  const page = await pages.signedIn("/revocations", { locale: "en-GB" });
  const before = await heldCount();
  await page.getByRole("button", { name: "Approve all" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Latchkey removes this access in Kisi now").waitFor();
  await dialog.getByRole("button", { name: "Revoke the access" }).click();
  await page.getByText(/revocations? (is|are) approved/).waitFor();
  await page.getByRole("link", { name: "Eva Ellis" }).waitFor({ state: "detached" });
  assert.ok((await heldCount()) < before);
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
