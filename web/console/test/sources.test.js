// Sources and their deliveries: state, secrets, the mapping editor, failed deliveries, and removal. Then outbound webhooks.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { ask, startDemo, tokenFor } from "../../../examples/web/test/stage.js";
import { DESKTOP, PHONE, axe, fitsWidth, picture, startConsole } from "./console.js";

// The receiver of the tests is on this machine.
process.env.LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES = "true";

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", viewport: DESKTOP },
  { locale: "de-DE", colorScheme: "dark", viewport: DESKTOP },
  { locale: "en-GB", colorScheme: "dark", viewport: PHONE },
  { locale: "de-DE", colorScheme: "light", viewport: PHONE },
];
const labelOf = ({ locale, colorScheme, viewport }) => `${locale.slice(0, 2)}-${colorScheme}-${viewport.width}`;

let demo;
let pages;
let mapped;
let receiver;
before(async () => {
  demo = await startDemo();
  pages = await startConsole(demo);
  mapped = await createMapped();
  receiver = await startReceiver();
});
after(async () => {
  await pages?.stop();
  await demo?.stop();
  await receiver?.stop();
});

const MAPPING = {
  type: "/type",
  events: {
    "member.changed": { is: "member.updated", data: { id: "/data/id", email: "/data/mail", name: "/data/name" } },
  },
};

/** A source of a sender with its own JSON, and `send` for its signed webhooks. */
async function createMapped() {
  const { createSource: made } = await ask(
    demo,
    `mutation($mapping: JSON!) {
      createSource(input: { name: "Booking tool", platform: MAPPED, signature: HUB_SHA256, mapping: $mapping }) {
        secret source { id webhookPath } userErrors { message }
      }
    }`,
    { mapping: MAPPING },
  );
  const url = new URL(made.source.webhookPath, demo.address);
  const send = async (event) => {
    const body = JSON.stringify(event);
    const signature = `sha256=${createHmac("sha256", made.secret).update(body).digest("hex")}`;
    const headers = { "content-type": "application/json", "x-hub-signature-256": signature };
    return (await fetch(url, { method: "POST", headers, body })).status;
  };
  return { id: made.source.id, url, send };
}

/** Takes outbound webhooks, and answers with `status`. */
async function startReceiver() {
  const state = { status: 200, bodies: [] };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      state.bodies.push(JSON.parse(body));
      response.writeHead(state.status).end("as the test wants");
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  state.url = `http://127.0.0.1:${server.address().port}/hook`;
  state.stop = () => new Promise((done) => server.close(done));
  return state;
}

test("a source is created, and its address and secret are shown once", async () => {
  const page = await pages.signedIn("/sources", { locale: "en-GB" });
  await page.getByRole("link", { name: "Create a source" }).click();
  await page.getByLabel("Platform", { exact: true }).selectOption("Canonical events");
  await page.getByRole("button", { name: "Create the source" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Name").getAttribute("aria-invalid"), "true");
  await axe(page);
  await picture(page, "source-create-error");
  await page.getByLabel("Name").fill("Old system");
  await page.getByRole("button", { name: "Create the source" }).click();
  await page.getByRole("heading", { name: "The source is created" }).waitFor();
  assert.match(await page.getByRole("textbox", { name: "Signing secret" }).inputValue(), /^whsec_/);
  await axe(page);
  await picture(page, "source-created");
  await page.getByRole("link", { name: "Go to the source" }).click();
  await page.getByRole("heading", { name: "Old system", level: 1 }).waitFor();
  await page.getByText("Nothing was delivered yet.").waitFor();
  await axe(page);
});

test("the form has the fields of the platform", async () => {
  const page = await pages.signedIn("/sources/new", { locale: "en-GB" });
  await page.getByLabel("Client secret").waitFor();
  await axe(page);
  await page.getByLabel("Platform", { exact: true }).selectOption("Own JSON, with a mapping");
  await page.getByLabel("Signature scheme").selectOption("Own rule");
  await page.getByLabel("Header with the signature or the secret").waitFor();
  await page.getByLabel("Mapping").fill("{");
  await page.getByText("This is not valid JSON").waitFor();
  await axe(page);
  await picture(page, "source-create-mapped");
});

test("the secret is replaced, and the old one stays valid for a while", async () => {
  const page = await pages.signedIn("/sources", { locale: "en-GB" });
  await page.getByRole("link", { name: "Old system" }).click();
  const button = page.getByRole("button", { name: "Replace the secret" });
  await button.click();
  const dialog = page.getByRole("dialog");
  await axe(page);
  await dialog.getByRole("button", { name: "Replace the secret" }).click();
  await dialog.getByText(/Enter it at the platform before/).waitFor();
  assert.match(await dialog.getByRole("textbox", { name: "Signing secret" }).inputValue(), /^whsec_/);
  await axe(page);
  await picture(page, "source-rotated");
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.locator("button:focus", { hasText: "Replace the secret" }).waitFor();
});

test("a source is renamed", async () => {
  const page = await pages.signedIn("/sources", { locale: "en-GB" });
  await page.getByRole("link", { name: "Old system" }).click();
  await page.getByRole("button", { name: "Change" }).click();
  const dialog = page.getByRole("dialog");
  await axe(page);
  await dialog.getByLabel("Name").fill("Older system");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Older system", level: 1 }).waitFor();
});

test("a source is removed only after its name was typed", async () => {
  const page = await pages.signedIn("/sources", { locale: "en-GB" });
  await page.getByRole("link", { name: "Older system" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Everything that members hold from this source ends").waitFor();
  await axe(page);
  await picture(page, "source-remove");
  const remove = dialog.getByRole("button", { name: "Remove the source" });
  assert.ok(await remove.isDisabled());
  await dialog.getByLabel("Type “Older system” to confirm").fill("Older system");
  await remove.click();
  await page.getByRole("heading", { name: "Sources", level: 1 }).waitFor();
  await page.getByRole("link", { name: "Older system" }).waitFor({ state: "detached" });
});

test("a failed delivery and a rejected request arrive live on the page of the source", async () => {
  const page = await pages.signedIn(`/sources/${mapped.id}`, { locale: "en-GB" });
  await page.getByText("Nothing was delivered yet.").waitFor();
  assert.equal(await mapped.send({ type: "member.vanished", data: { id: 1, mail: "zoe@example.com" } }), 422);
  await page.getByRole("link", { name: "member.vanished" }).waitFor();
  const headers = { "content-type": "application/json", "x-hub-signature-256": `sha256=${"0".repeat(64)}` };
  await fetch(mapped.url, { method: "POST", headers, body: "{}" });
  // Rejections are counted in memory first, and have no event.
  for (let round = 0; round < 30 && (await page.getByText("Signed with another secret").count()) === 0; round += 1) {
    await page.waitForTimeout(500);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  }
  await page.getByText("Signed with another secret").waitFor();
  await axe(page);
  await picture(page, "source-mapped");
});

test("the mapping editor shows what would be understood, and saves", async () => {
  const page = await pages.signedIn(`/sources/${mapped.id}/mapping`, { locale: "en-GB" });
  await page.getByText("1 problem").waitFor();
  await axe(page);
  await picture(page, "mapping-problem");
  const editor = page.getByLabel("Mapping (JSON)");
  await editor.fill("{ not json");
  await page.getByText("This is not valid JSON").waitFor();
  assert.ok(await page.getByRole("button", { name: "Save the mapping" }).isDisabled());
  await axe(page);
  const wrong = { ...MAPPING, events: { "member.vanished": { is: "member.updated", data: { id: "data/id" } } } };
  await editor.fill(JSON.stringify(wrong, null, 2));
  await page.getByText("In the mapping: events › member.vanished").waitFor();
  await axe(page);
  const right = { ...MAPPING, events: { ...MAPPING.events, "member.vanished": { is: "member.deleted", data: { id: "/data/id" } } } };
  await editor.fill(JSON.stringify(right, null, 2));
  await page.getByText("Everything was understood.").waitFor();
  await page.getByText('"member.deleted"').last().waitFor();
  await axe(page);
  await picture(page, "mapping-good");
  await page.getByRole("button", { name: "Save the mapping" }).click();
  await page.getByText("The mapping is saved.").waitFor();
  await page.getByLabel("Sample from").selectOption("Pasted text");
  await page.getByText("Choose a delivery or paste a body").waitFor();
  await page.getByLabel("Body of a webhook").fill(JSON.stringify({ type: "member.changed", data: { id: 7, mail: "mia@example.com" } }));
  await page.getByText("mia@example.com").last().waitFor();
  const { node } = await ask(demo, "query($id: ID!) { node(id: $id) { ... on Source { mapping } } }", { id: mapped.id });
  assert.deepEqual(node.mapping, right);
});

for (const look of LOOKS) {
  test(`sources, a source and its mapping: ${labelOf(look)}`, async () => {
    const page = await pages.signedIn("/sources", look);
    await page.getByRole("link", { name: "Booking tool" }).waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `sources-${labelOf(look)}`);
    await page.getByRole("link", { name: "Booking tool" }).click();
    await page.getByRole("link", { name: "member.vanished" }).waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `source-${labelOf(look)}`);
    await page.getByRole("link", { name: /^(Edit the mapping|Zuordnung bearbeiten)$/ }).click();
    await page.locator(".json").last().waitFor();
    await axe(page);
    await fitsWidth(page);
    await picture(page, `mapping-${labelOf(look)}`);
  });
}

test("a failed delivery is dismissed with a reason, and replayed", async () => {
  assert.equal(await mapped.send({ type: "member.lost", data: { id: 2 } }), 422);
  const page = await pages.signedIn(`/deliveries?source=${mapped.id}&status=FAILED`, { locale: "en-GB" });
  await page.getByRole("link", { name: "member.lost" }).click();
  await page.getByText("It could not be processed").waitFor();
  // The problem above it has the same words.
  await page.locator("code").filter({ hasText: '"member.lost"' }).waitFor();
  await axe(page);
  await picture(page, "delivery-failed");
  await page.getByRole("button", { name: "Dismiss" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Dismiss" }).click();
  await dialog.getByRole("alert").waitFor();
  await axe(page);
  await dialog.getByLabel("Why nothing has to be done").fill("a test of the sender");
  await dialog.getByRole("button", { name: "Dismiss" }).click();
  await page.getByText("Dismissed by demo").waitFor();
  await page.getByText("a test of the sender").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText("The delivery is processed again.").waitFor();
  await page.goto(page.url().replace(/deliveries\/.*/, `deliveries?source=${mapped.id}&dismissed=yes`));
  await page.getByText("No delivery fits").waitFor();
  await axe(page);
});

test("a delivery tells whom it concerns and what it changed; only an admin sees its body", async () => {
  const { history } = await ask(demo, "{ history(first: 250, filter: { kinds: [GRANTED] }) { nodes { delivery { id } member { name } } } }");
  const { delivery, member } = history.nodes.find((event) => event.delivery);
  const token = await tokenFor(demo, "DESK");
  const page = await pages.signedIn(`/deliveries/${delivery.id}`, { locale: "en-GB", token });
  await page.getByText("Only admins see the body").waitFor();
  await page.locator("ol.rows", { hasText: member.name }).getByText("Granted").first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Replay" }).count(), 0);
  await axe(page);
  for (const look of LOOKS) {
    const admin = await pages.signedIn(`/deliveries/${delivery.id}`, look);
    await admin.locator(".json").waitFor();
    await axe(admin);
    await fitsWidth(admin);
    await picture(admin, `delivery-${labelOf(look)}`);
    await admin.getByRole("link", { name: /^(Deliveries|Lieferungen)$/ }).click();
    await admin.getByRole("cell").first().waitFor();
    await axe(admin);
    await fitsWidth(admin);
    await picture(admin, `deliveries-${labelOf(look)}`);
    await admin.context().close();
  }
});

test("an unknown source and an unknown delivery say so", async () => {
  const page = await pages.signedIn("/sources/nothing", { locale: "en-GB" });
  await page.getByText("This source does not exist").first().waitFor();
  await axe(page);
  await page.goto(page.url().replace("/sources/", "/deliveries/"));
  await page.getByText("This delivery does not exist").first().waitFor();
  await axe(page);
});

const hasWebhooks = async () => {
  const { __type: type } = await ask(demo, '{ __type(name: "WebhookEndpoint") { name } }');
  return Boolean(type);
};

test("an endpoint of outbound webhooks is added, tested, paused, and removed", async (context) => {
  if (!(await hasWebhooks())) return context.skip("the server has no outbound webhooks");
  const page = await pages.signedIn("/webhooks", { locale: "en-GB" });
  await page.getByText("No endpoint is set up").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Add an endpoint" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Booking app");
  await dialog.getByLabel("Address (https)").fill("nonsense");
  await dialog.getByRole("button", { name: "Add the endpoint" }).click();
  await dialog.getByRole("alert").waitFor();
  await axe(page);
  await picture(page, "webhooks-create-error");
  await dialog.getByLabel("Address (https)").fill(receiver.url);
  await dialog.getByRole("button", { name: "Add the endpoint" }).click();
  await dialog.getByRole("heading", { name: "The endpoint is added" }).waitFor();
  assert.match(await dialog.getByRole("textbox", { name: "Signing secret" }).inputValue(), /^whsec_/);
  await axe(page);
  await dialog.getByRole("button", { name: "Done" }).click();

  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("The receiver accepted the test (status 200").waitFor();
  await axe(page);
  await picture(page, "webhooks-test-good");
  assert.equal(receiver.bodies.length, 1);
  await page.keyboard.press("Escape");
  receiver.status = 500;
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("The receiver did not accept the test").waitFor();
  await axe(page);
  await picture(page, "webhooks-test-bad");
  await page.keyboard.press("Escape");
  receiver.status = 200;

  await page.getByRole("button", { name: "Replace the secret" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replace the secret" }).click();
  await page.getByText(/Enter it at the receiver before/).waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("“Booking app” is paused.").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("“Booking app” is active again.").waitFor();
});

test("messages have their attempts, and are sent again", async (context) => {
  if (!(await hasWebhooks())) return context.skip("the server has no outbound webhooks");
  const page = await pages.signedIn("/webhooks", { locale: "en-GB" });
  await page.getByRole("cell", { name: "Test" }).first().waitFor();
  await page.getByRole("link", { name: "Test" }).first().click();
  await page.getByText("Status 500").first().waitFor();
  await page.getByText("as the test wants").first().waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText("1 message is sent again.").waitFor();
  for (const look of LOOKS) {
    const other = await pages.signedIn("/webhooks", look);
    await other.getByRole("cell", { name: "Test" }).first().waitFor();
    await axe(other);
    await fitsWidth(other);
    await picture(other, `webhooks-${labelOf(look)}`);
    await other.getByRole("link", { name: "Test" }).first().click();
    await other.locator(".json").waitFor();
    await axe(other);
    await fitsWidth(other);
    await picture(other, `webhooks-message-${labelOf(look)}`);
    await other.context().close();
  }
  await page.goto(page.url().replace(/messages.*/, "").replace(/\/$/, ""));
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByText("Nothing more is sent to it").waitFor();
  await axe(page);
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("No endpoint is set up").waitFor();
});

test("nothing was thrown, and nothing asked of another host", () => assert.deepEqual(pages.faults, []));
