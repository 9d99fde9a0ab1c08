// Runs the three servers as processes on one database: starts them, pins them to cores, measures their memory, ends them.

import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "./postgres.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The newest Node of the lock file, else the one that runs this script. */
export const node = [here(`node_modules/node-${process.platform}-${process.arch}/bin/node`)].find(existsSync) ?? process.execPath;

const pinned = (cores, words) => (cores ? ["taskset", "-c", cores, ...words] : words);

/** Latchkey's release build. */
export async function startLatchkey(program, env, cores) {
  const [command, ...words] = pinned(cores, [program, "serve"]);
  const child = spawn(command, words, { env, stdio: ["ignore", "pipe", "inherit"] });
  const first = await Promise.race([line(child), gone(child)]);
  const address = /^listening on (http:\S+)$/.exec(first)?.[1];
  if (!address) throw new Error(`latchkey says ${first}`);
  // Later output is discarded, but must be read so that the pipe does not fill up.
  child.stdout.resume();
  return server("latchkey", child, address);
}

/** Starts one of the servers in `servers/`, with a number of processes. */
export async function startNode(name, databaseUrl, processes, cores) {
  const port = await freePort();
  const own = [node, here("servers/processes.mjs"), here(`servers/${name}.mjs`), String(processes)];
  const [command, ...words] = pinned(cores, own);
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: "production",
    GRAPHILE_ENV: "production",
    DATABASE_URL: databaseUrl,
    PORT: String(port),
    POOL: "16",
  };
  const child = spawn(command, words, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await Promise.race([new Promise((resolve) => child.once("message", resolve)), gone(child)]);
  return server(name, child, `http://127.0.0.1:${port}`);
}

function server(name, child, address) {
  return {
    name,
    pid: child.pid,
    address,
    /** The resident memory of all its processes, in megabytes. */
    memory: () => familyOf(child.pid).reduce((sum, pid) => sum + resident(pid), 0) / 1024,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.connected) child.disconnect();
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function line(child) {
  return new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
}

function gone(child) {
  return new Promise((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${child.spawnargs.join(" ")} ended with ${code}`)));
  });
}

/** The ids of a process and all its descendants. */
export function familyOf(pid) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${name}/stat`, "utf8");
      // The name of a process is in parentheses and may contain spaces.
      parents.set(Number(name), Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      continue;
    }
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

function resident(pid) {
  const found = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0);
}
