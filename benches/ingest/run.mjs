// Compares how fast webhooks are accepted: Latchkey on SQLite and on PostgreSQL, and a simple receiver on the same PostgreSQL.
// Everything runs on the same cores, round after round, each round beginning with another server. Prints a table.
// Usage: node run.mjs [--seconds 8] [--rounds 3] [--connections 64] [--rate 12000]
// LATCHKEY is the path of the program, by default ../../target/dist/latchkey. `wrk` sends.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { freePort, startPostgres } from "../graphql/postgres.mjs";
import { startLatchkey } from "../graphql/serving.mjs";
import { writeRequests } from "./requests.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: given } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    // Requests per second for which a run has prepared ones.
    rate: { type: "string", default: "12000" },
  },
});
const program = process.env.LATCHKEY ?? here("../../target/dist/latchkey");
const folder = mkdtempSync(join(tmpdir(), "latchkey-ingest-"));
const say = (text) => process.stderr.write(`${text}\n`);
const THREADS = 2;
let runs = 0;

const postgres = await startPostgres();
try {
  await main();
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  const admin = new pg.Client({ connectionString: postgres.url("postgres") });
  admin.on("error", () => {});
  await admin.connect();
  const servers = [
    { name: "Fastify, PostgreSQL", open: () => openReceiver(admin) },
    { name: "Latchkey, PostgreSQL", open: () => openLatchkey(admin, "postgres") },
    { name: "Latchkey, SQLite", open: () => openLatchkey(admin, "sqlite") },
  ];
  const results = new Map(servers.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(given.rounds); round++) {
    const turned = [...servers.slice(round % servers.length), ...servers.slice(0, round % servers.length)];
    for (const { name, open } of turned) {
      // A new database each time, so that no round profits or suffers from the rows and the statistics of the one before.
      const server = await open();
      try {
        const result = send(server);
        results.get(name).push(result);
        say(`${name}: ${Math.round(result.rate)}/s, p50 ${result.p50.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms`);
      } finally {
        await server.stop();
      }
    }
  }
  await admin.end();
  print(results);
}

/** One measurement, after a second of warm-up. */
function send(server) {
  const once = (seconds) => {
    const file = join(folder, "requests");
    writeRequests(file, { ...server, count: seconds * Number(given.rate), run: `${process.pid}-${runs++}` });
    const words = ["-t", String(THREADS), "-c", given.connections, "-d", `${seconds}s`, "-s", here("send.lua"), server.address, "--", file, String(THREADS)];
    const sent = spawnSync("wrk", words, { encoding: "utf8" });
    if (sent.error) throw new Error(`wrk cannot be run (Debian: apt-get install wrk): ${sent.error.message}`);
    const line = sent.stdout.split("\n").find((line) => line.startsWith("{"));
    if (!line) throw new Error(`wrk says ${sent.stdout}${sent.stderr}`);
    return JSON.parse(line);
  };
  once(1);
  const result = once(Number(given.seconds));
  if (result.refused || result.failed || result.used_up) throw new Error(`not valid: ${JSON.stringify(result)}`);
  return { ...result, rate: result.requests / result.seconds };
}

async function openDatabase(admin, name) {
  await admin.query(`drop database if exists ${name}`);
  await admin.query(`create database ${name}`);
  return postgres.url(name);
}

async function openReceiver(admin) {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: "production",
    DATABASE_URL: await openDatabase(admin, "receiver"),
    PORT: String(port),
    POOL: "16",
    SECRET: secret,
  };
  const child = spawn(process.execPath, [here("receiver.mjs")], { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await Promise.race([new Promise((resolve) => child.once("message", resolve)), gone.then(() => { throw new Error("the receiver does not start"); })]);
  return {
    address: `http://127.0.0.1:${port}`,
    path: "/webhooks",
    secret,
    async stop() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}

async function openLatchkey(admin, kind) {
  const file = join(folder, `${runs}.db`);
  const env = {
    PATH: process.env.PATH,
    LATCHKEY_DATABASE_URL: kind === "postgres" ? await openDatabase(admin, "latchkey_ingest") : `sqlite://${file}?mode=rwc`,
    LATCHKEY_LISTEN: "127.0.0.1:0",
    LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    LATCHKEY_LOG: "error",
    ...settings(),
  };
  execFileSync(program, ["migrate"], { env, stdio: ["ignore", "ignore", "inherit"] });
  const words = ["club", "create", "--name", "Bench", "--time-zone", "Europe/Berlin", "--json"];
  const { token } = JSON.parse(execFileSync(program, words, { env, encoding: "utf8" }));
  const server = await startLatchkey(program, env, null);
  const query = `mutation { createSource(input: { name: "Bench", platform: CANONICAL, signature: STANDARD_WEBHOOKS }) {
    source { webhookPath } secret userErrors { message } } }`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${server.address}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  const { source, secret } = (await answer.json()).data.createSource;
  return { address: server.address, path: source.webhookPath, secret, stop: () => server.stop() };
}

/** Settings of the program for one run: LATCHKEY_BENCH_SETTINGS="a=1 b=2". */
function settings() {
  const pairs = (process.env.LATCHKEY_BENCH_SETTINGS ?? "").split(" ").filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => pair.split("=")).map(([name, value]) => [`LATCHKEY_${name.toUpperCase()}`, value]));
}

function print(results) {
  const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
  const of = (name, field) => median(results.get(name).map((result) => result[field]));
  const peer = "Fastify, PostgreSQL";
  console.log(`${given.connections} connections, ${given.rounds} rounds of ${given.seconds} s, medians; ${availableParallelism()} cores (${cpus()[0].model}), ${postgres.version}, Node ${process.version}\n`);
  console.log("| Server | Webhooks | p50 | p99 | Ratio to Fastify |");
  console.log("|---|---|---|---|---|");
  for (const name of results.keys()) {
    const ratio = (of(name, "rate") / of(peer, "rate")).toFixed(2);
    console.log(`| ${name} | ${Math.round(of(name, "rate"))} a second | ${of(name, "p50").toFixed(1)} ms | ${of(name, "p99").toFixed(1)} ms | ${ratio} |`);
  }
}
