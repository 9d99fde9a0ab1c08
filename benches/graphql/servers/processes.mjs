// Runs a server with a number of processes on one port, and reports when all of them listen: one process directly, more as a
// cluster with round-robin connections. run.mjs starts it; it ends with its parent.
// Usage: node processes.mjs FILE COUNT, with a channel to the parent.

import cluster from "node:cluster";

const [, , file, count] = process.argv;
const processes = Number(count);

if (processes === 1 || cluster.isWorker) {
  await import(file);
} else {
  let waiting = processes;
  for (let number = 0; number < processes; number++) {
    cluster.fork().on("message", (message) => {
      if (message === "ready" && --waiting === 0) process.send("ready");
    });
  }
  cluster.on("exit", () => process.exit(1));
}
process.on("disconnect", () => process.exit(0));
