// A private PostgreSQL for one run, started from the system's binaries with the default settings of initdb, so that commits are
// synced. It listens on loopback only and requires a password. Its folder is removed when it is stopped.

import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const MISSING = "PostgreSQL is missing: install it (Debian: apt-get install postgresql)";

/** Starts the server with these settings (`name=value`). `url(name)` is the URL of a database, `stop()` ends the server. */
export async function startPostgres(more = []) {
  const binaries = findBinaries();
  const user = whoRunsIt();
  const folder = mkdtempSync("/tmp/latchkey-bench-");
  const password = randomBytes(16).toString("hex");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user.uid !== undefined) [folder, passwordFile].forEach((path) => chownSync(path, user.uid, user.gid));
  const env = { PATH: process.env.PATH, LC_ALL: "C" };
  const data = join(folder, "data");
  const make = ["-D", data, "--username=latchkey", `--pwfile=${passwordFile}`, "--auth=password", "--encoding=UTF8", "--locale=C"];
  execFileSync(join(binaries, "initdb"), make, { cwd: folder, env, stdio: ["ignore", "ignore", "inherit"], ...user });
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", ...more].flatMap((setting) => ["-c", setting]);
  const process_ = spawn(join(binaries, "postgres"), ["-D", data, "-p", String(port), ...settings], {
    cwd: folder,
    env,
    stdio: ["ignore", "ignore", "ignore"],
    ...user,
  });
  const ended = new Promise((resolve) => process_.once("exit", resolve));
  await ready(data, process_);
  const version = execFileSync(join(binaries, "postgres"), ["--version"], { encoding: "utf8" }).trim();
  return {
    pid: process_.pid,
    version,
    url: (name) => `postgres://latchkey:${password}@127.0.0.1:${port}/${name}?sslmode=disable`,
    async stop() {
      process_.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A loopback port that is free at this moment. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function ready(data, process_) {
  const file = join(data, "postmaster.pid");
  for (let turn = 0; turn < 600; turn++) {
    // The eighth line of postmaster.pid, as pg_ctl reads it.
    if (existsSync(file) && readFileSync(file, "utf8").split("\n")[7]?.trim() === "ready") return;
    if (process_.exitCode !== null) throw new Error("PostgreSQL ended while it started");
    await sleep(50);
  }
  throw new Error("PostgreSQL did not come up within half a minute");
}

// PostgreSQL refuses to run as root, so root runs it as another user.
function whoRunsIt() {
  if (process.getuid() !== 0) return {};
  const id = (flag, name) => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  for (const name of ["postgres", "nobody"]) {
    try {
      return { uid: id("-u", name), gid: id("-g", name) };
    } catch {
      continue;
    }
  }
  throw new Error("PostgreSQL refuses to be run by root, and there is no user `postgres`");
}

function findBinaries() {
  const debian = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const newestFirst = debian.sort((a, b) => Number(b) - Number(a)).map((name) => `/usr/lib/postgresql/${name}/bin`);
  const folders = [...newestFirst, ...(process.env.PATH ?? "").split(":")];
  const found = folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
  if (!found) throw new Error(MISSING);
  return found;
}
