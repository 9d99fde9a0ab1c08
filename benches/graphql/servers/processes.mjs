// Runs a server in so many processes on one port, and says when all of them listen: one by itself, more as a cluster whose
// connections are dealt out in turns. run.mjs starts it; it ends with whoever started it.
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
