// Compares Latchkey with PostGraphile 5 and Mercurius: a page of 50 members with their entitlements, over the same rows of one
// PostgreSQL. Creates the database and the club, compares all pages of the three servers, then measures the servers in turns,
// round after round. Prints the table and writes RESULTS.md.
// Usage: node run.mjs [--seconds 5] [--rounds 3] [--members 5000] [--connections 1,16,64] [--out FILE]
// LATCHKEY is the path of the program, by default the release build ../../target/dist/latchkey.

import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import pg from "pg";
import { fill, layPlainTables, makeClub } from "./club.mjs";
import { startPostgres } from "./postgres.mjs";
import { walk } from "./questions.mjs";
import { table } from "./results.mjs";
import { familyOf, node, startLatchkey, startNode } from "./serving.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: given } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    members: { type: "string", default: "5000" },
    connections: { type: "string", default: "1,16,64" },
    out: { type: "string", default: here("RESULTS.md") },
  },
});
const program = process.env.LATCHKEY ?? here("../../target/dist/latchkey");
const cores = availableParallelism();
const folder = mkdtempSync(join(tmpdir(), "latchkey-graphql-"));
const say = (text) => process.stderr.write(`${text}\n`);

// The two placements: all processes on all cores, and the server alone on one core.
const placements = [
  { name: `all on the same ${cores} cores`, processes: cores, server: null, others: `0-${cores - 1}` },
  { name: "the server on a core of its own, PostgreSQL and the sender on the rest", processes: 1, server: "0", others: `1-${cores - 1}` },
].slice(0, cores > 1 ? 2 : 1);

const postgres = await startPostgres();
try {
  await main();
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  const admin = new pg.Client({ connectionString: postgres.url("postgres") });
  await admin.connect();
  await admin.query("create database bench");
  await admin.end();
  const url = postgres.url("bench");
  const env = {
    PATH: process.env.PATH,
    LATCHKEY_DATABASE_URL: url,
    LATCHKEY_LISTEN: "127.0.0.1:0",
    LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    LATCHKEY_WEBHOOK_MAX_BYTES: "67108864",
    LATCHKEY_LOG: "error",
  };
  execFileSync(program, ["migrate"], { env, stdio: ["ignore", "ignore", "inherit"] });
  const { token } = makeClub(program, env);
  const filling = await startLatchkey(program, env, null);
  const counts = await fill(filling.address, token, Number(given.members));
  await filling.stop();
  await layPlainTables(url);
  say(`${counts.members} members, ${counts.entitlements} entitlements`);

  const rows = [];
  for (const placement of placements) {
    execFileSync("taskset", ["-a", "-p", "-c", placement.others, String(postgres.pid)], { stdio: "ignore" });
    for (const pid of familyOf(postgres.pid)) execFileSync("taskset", ["-a", "-p", "-c", placement.others, String(pid)], { stdio: "ignore" });
    const servers = [
      await startLatchkey(program, env, placement.server),
      await startNode("postgraphile", url, placement.processes, placement.server),
      await startNode("mercurius", url, placement.processes, placement.server),
    ];
    try {
      const asked = await compared(servers, token);
      rows.push(...(await measured(servers, asked, placement)));
    } finally {
      for (const server of servers) await server.stop();
    }
  }
  const text = table(rows, { ...versions(), ...counts, cores, cpu: cpus()[0].model, given });
  writeFileSync(given.out, text);
  process.stdout.write(text);
  if (rows.some((row) => row.errors > 0)) throw new Error("some answers were wrong: see the column `errors`");
}

// The requests for each server, after a check that all pages of all three servers have the same content.
async function compared(servers, token) {
  const asked = new Map();
  for (const { name, address } of servers) {
    const headers = { "content-type": "application/json", accept: "application/json" };
    if (name === "latchkey") headers.authorization = `Bearer ${token}`;
    const pages = await walk(name, address, headers);
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(pages.map(({ body, length }) => ({ body, length }))));
    asked.set(name, { headers, file, pages, bytes: pages.reduce((sum, page) => sum + page.bytes, 0) / pages.length });
  }
  const [first, ...others] = [...asked].map(([name, { pages }]) => ({ name, members: pages.map((page) => page.members) }));
  if (first.members.flat().length !== Number(given.members)) throw new Error(`${first.name} lists ${first.members.flat().length} members`);
  for (const other of others) {
    if (isDeepStrictEqual(other.members, first.members)) continue;
    const at = other.members.findIndex((page, index) => !isDeepStrictEqual(page, first.members[index]));
    const [a, b] = [first, other].map(({ members }) => members[at]);
    const row = b.findIndex((member, index) => !isDeepStrictEqual(member, a[index]));
    throw new Error(`page ${at}: ${first.name} has ${JSON.stringify(a[row])}, ${other.name} has ${JSON.stringify(b[row])}`);
  }
  say(`all ${first.members.length} pages of the three hold the same`);
  return asked;
}

async function measured(servers, asked, placement) {
  const rows = [];
  const send = (server, connections, seconds) => {
    const { headers, file } = asked.get(server.name);
    const words = [here("load.mjs"), server.address, JSON.stringify(headers), file, String(connections), String(seconds)];
    return sent(["taskset", "-c", placement.others, node, ...words]);
  };
  for (const server of servers) await send(server, 16, Number(given.seconds));
  for (const connections of given.connections.split(",").map(Number)) {
    for (let round = 0; round < Number(given.rounds); round++) {
      // Each round starts with a different server, so that no server always follows the same one.
      for (let turn = 0; turn < servers.length; turn++) {
        const server = servers[(turn + round) % servers.length];
        await send(server, connections, 1);
        const figures = await send(server, connections, Number(given.seconds));
        const memory = server.memory();
        say(`${placement.name}; ${connections} connections; ${server.name}: ${figures.perSecond.toFixed(0)}/s p99 ${figures.p99.toFixed(1)} ms`);
        rows.push({ placement: placement.name, server: server.name, connections, round, memory, bytes: asked.get(server.name).bytes, ...figures });
      }
    }
  }
  return rows;
}

function sent([command, ...words]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`the sender ended with ${code}`))));
  });
}

function versions() {
  const of = (name) => JSON.parse(readFileSync(here(`node_modules/${name}/package.json`), "utf8")).version;
  return {
    latchkey: execFileSync(program, ["--version"], { encoding: "utf8" }).trim(),
    postgraphile: of("postgraphile"),
    mercurius: of("mercurius"),
    fastify: of("fastify"),
    autocannon: of("autocannon"),
    node: execFileSync(node, ["--version"], { encoding: "utf8" }).trim(),
    postgres: postgres.version,
  };
}
