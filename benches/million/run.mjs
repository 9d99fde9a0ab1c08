// What operations in one club of 1,000 members cost while it is the only one, and among 999 idle copies of it, on PostgreSQL:
// the median time, and the pages that the database visits, which no other load disturbs. Prints a table.
// Usage: node run.mjs [--clubs 1000] [--members 1000] [--times 15]
// LATCHKEY is the path of the program, by default ../../target/dist/latchkey.

import { execFileSync, spawn } from "node:child_process";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { freePort, startPostgres } from "../graphql/postgres.mjs";
import { startLatchkey } from "../graphql/serving.mjs";
import { copyClub } from "./seed.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: given } = parseArgs({
  options: {
    clubs: { type: "string", default: "1000" },
    members: { type: "string", default: "1000" },
    times: { type: "string", default: "15" },
  },
});
const program = process.env.LATCHKEY ?? here("../../target/dist/latchkey");
const folder = mkdtempSync(join(tmpdir(), "latchkey-million-"));
const say = (text) => process.stderr.write(`${text}\n`);
const KISI_KEY = "bench";
/** How many clubs one statement copies. */
const STEP = 10;

const postgres = await startPostgres(["shared_preload_libraries=pg_stat_statements", "max_wal_size=4GB"]);
const children = [];

async function main() {
  const admin = new pg.Client({ connectionString: postgres.url("postgres") });
  admin.on("error", () => {});
  await admin.connect();
  await admin.query("create database million");
  const database = new pg.Client({ connectionString: postgres.url("million") });
  database.on("error", () => {});
  await database.connect();
  await database.query("create extension pg_stat_statements");
  const club = await makeClub();
  say(`one club of ${given.members} members is in step with Kisi`);
  const alone = await measure(database, club);
  await seed(database);
  const among = await measure(database, club);
  await database.query("analyze");
  const analysed = await measure(database, club);
  print(alone, among, analysed);
}

async function seed(database) {
  const { rows } = await database.query("select id from club");
  const began = Date.now();
  await database.query("set synchronous_commit = off");
  let added = 0;
  for (let from = 1; from < Number(given.clubs); from += STEP) {
    const to = Math.min(from + STEP, Number(given.clubs)) - 1;
    added += await copyClub(database, rows[0].id, from, to);
    if (from % 100 === 1) say(`${to} copies, ${Math.round((Date.now() - began) / 1000)} s`);
  }
  const size = await database.query("select pg_size_pretty(pg_database_size(current_database())) as size");
  say(`${added} rows in ${Math.round((Date.now() - began) / 1000)} s, ${size.rows[0].size}`);
}

async function makeClub() {
  const env = {
    PATH: process.env.PATH,
    LATCHKEY_DATABASE_URL: postgres.url("million"),
    LATCHKEY_LISTEN: "127.0.0.1:0",
    LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    LATCHKEY_LOG: "error",
    LATCHKEY_KISI_RATE: "1000",
    LATCHKEY_WEBHOOK_MAX_BYTES: "67108864",
    LATCHKEY_KISI_URL: `http://127.0.0.1:${await freePort()}`,
  };
  const port = new URL(env.LATCHKEY_KISI_URL).port;
  const sandbox = spawn(program, ["sandbox", "--listen", `127.0.0.1:${port}`, "--key", KISI_KEY, "--rate", "0"], { env, stdio: "ignore" });
  children.push({ stop: () => sandbox.kill("SIGTERM") });
  execFileSync(program, ["migrate"], { env, stdio: ["ignore", "ignore", "inherit"] });
  const words = ["club", "create", "--name", "Bench", "--time-zone", "Europe/Berlin", "--json"];
  const { token } = JSON.parse(execFileSync(program, words, { env, encoding: "utf8" }));
  const server = await startLatchkey(program, env, null);
  children.push(server);
  const ask = async (query, variables) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${server.address}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    const refused = Object.values(data ?? {}).flatMap((field) => field?.userErrors ?? []);
    if (errors || refused.length) throw new Error(JSON.stringify(errors ?? refused));
    return data;
  };
  const club = { ask, address: server.address };
  const connect = "mutation($key: String!) { connectKisi(input: { name: \"Bench\", inviteByEmail: false, credentials: { apiKey: $key } }) { account { id } userErrors { message } } }";
  club.account = (await ask(connect, { key: KISI_KEY })).connectKisi.account.id;
  club.group = (await ask("{ groups(first: 1) { nodes { id } } }")).groups.nodes[0].id;
  await ask("mutation($group: ID!) { manageGroup(input: { group: $group, managed: true }) { userErrors { message } } }", club);
  const made = await ask(`mutation { createSource(input: { name: "Bench", platform: CANONICAL, signature: STANDARD_WEBHOOKS }) {
    source { webhookPath } secret userErrors { message } } }`);
  club.path = made.createSource.source.webhookPath;
  club.secret = made.createSource.secret;
  const members = Array.from({ length: Number(given.members) }, (_, number) => person(number));
  await post(club, "roster.snapshot", { members, memberships: members.map((member) => membership(member)) });
  club.offering = (await ask("{ offerings(first: 1) { nodes { id } } }")).offerings.nodes[0].id;
  const created = await ask("mutation($rule: RuleInput!) { createRule(input: $rule) { rule { id } userErrors { message } } }", { rule: rule(club, "Members") });
  club.rule = created.createRule.rule.id;
  club.member = (await ask("{ members(first: 1) { nodes { id } } }")).members.nodes[0].id;
  await settled(club);
  return club;
}

const person = (id) => ({ id: `p-${id}`, email: `p-${id}@example.com`, name: `Person ${id}` });
const membership = (member) => ({ id: `m-${member.id}`, plan: { id: "gold", name: "Gold" }, member, status: "active", starts_at: "2026-01-01" });
const rule = (club, name) => ({ name, target: club.group, conditions: [{ membership: { offerings: [club.offering] } }] });

async function post(club, type, data) {
  const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
  const [id, timestamp] = [randomUUID(), String(Math.floor(Date.now() / 1000))];
  const key = Buffer.from(club.secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
  const answer = await fetch(new URL(club.path, club.address), { method: "POST", headers, body });
  if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`);
}

/** Waits until Kisi is in step. */
async function settled(club) {
  for (const end = Date.now() + 1_800_000; Date.now() < end; ) {
    const { kisiAccounts, deliveries } = await club.ask("{ kisiAccounts { backlog } deliveries(first: 1, filter: { status: ACCEPTED }) { totalCount } }");
    if (kisiAccounts.every((account) => account.backlog === 0) && deliveries.totalCount === 0) return;
    await sleep(5);
  }
  throw new Error("Kisi does not come into step");
}

let number = 1_000_000;
const operations = {
  "a page of 50 members": (club) => club.ask("{ members(first: 50) { nodes { id name email entitlements { id offering { name } } } } }"),
  "`explain`": (club) => club.ask("query($member: ID!, $group: ID!) { explain(member: $member, target: $group) { decision { allowed code } } }", club),
  "`allowedMembers`, 50 of them": (club) =>
    club.ask("query($group: ID!) { node(id: $group) { ... on Group { allowedMembers(first: 50) { totalCount nodes { name } } } } }", club),
  "preview of a rule's deletion": (club) =>
    club.ask("query($rule: ID!) { previewRule(change: { delete: $rule }) { lossCount losses(first: 10) { nodes { member { name } } } } }", club),
  "an edit that changes nobody's access, until all are evaluated": async (club) => {
    const edited = rule(club, `Members ${number++}`);
    await club.ask("mutation($rule: ID!, $edited: RuleInput!) { updateRule(rule: $rule, input: $edited) { userErrors { message } } }", { ...club, edited });
    await settled(club);
  },
  "a sweep: Kisi's assignments read and compared": async (club) => {
    const whole = async () => /latchkey_sweeps_total\{outcome="whole"\} (\d+)/.exec(await (await fetch(`${club.address}/metrics`)).text())?.[1];
    const before = await whole();
    await club.ask("mutation($account: ID!) { refreshKisi(input: { account: $account }) { userErrors { message } } }", club);
    while ((await whole()) === before) await sleep(5);
    await settled(club);
  },
  "a webhook of a new person, until Kisi has confirmed": async (club) => {
    await post(club, "membership.updated", membership(person(number++)));
    await settled(club);
  },
};

async function measure(database, club) {
  const results = new Map();
  for (const [name, operation] of Object.entries(operations)) {
    await operation(club);
    const times = [];
    const pages = [];
    for (let time = 0; time < Number(given.times); time++) {
      await database.query("select pg_stat_statements_reset()");
      const began = performance.now();
      await operation(club);
      times.push(performance.now() - began);
      const visited = await database.query(
        "select sum(shared_blks_hit + shared_blks_read)::int as pages from pg_stat_statements where query not like '%pg_stat%' and query not like '%backlog%'",
      );
      pages.push(visited.rows[0].pages);
    }
    results.set(name, { time: median(times), pages: median(pages) });
    say(`${name}: ${median(times).toFixed(1)} ms, ${median(pages)} pages`);
  }
  return results;
}

function median(all) {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
}

function print(alone, among, analysed) {
  console.log(`${given.clubs} clubs of ${given.members} members, medians of ${given.times}; ${postgres.version}\n`);
  console.log("| Operation in one club | Alone | Among all | Among all, after ANALYZE | Ratios of the times | Pages visited |");
  console.log("|---|---|---|---|---|---|");
  for (const [name, first] of alone) {
    const [second, third] = [among.get(name), analysed.get(name)];
    const ratio = (other) => (other.time / first.time).toFixed(2);
    const cells = [first, second, third].map((result) => `${result.time.toFixed(1)} ms`).join(" | ");
    console.log(`| ${name} | ${cells} | ${ratio(second)}, ${ratio(third)} | ${first.pages}, ${second.pages}, ${third.pages} |`);
  }
}

try {
  await main();
} finally {
  for (const child of children.reverse()) await child.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
