// Requests random pages from one server over several keep-alive connections and prints the results as JSON. Every response is
// checked: status 200, and the length that the page had in the comparison. Each connection has its own order of pages, which is
// the same in every run. run.mjs starts it as a separate process.
// Usage: node load.mjs ADDRESS HEADERS PAGES_FILE CONNECTIONS SECONDS

import { readFileSync } from "node:fs";
import autocannon from "autocannon";

const [, , address, headers, file, connections, seconds] = process.argv;
const pages = JSON.parse(readFileSync(file, "utf8"));
let wrong = 0;
const requests = pages.map(({ body, length }) => ({
  method: "POST",
  path: "/graphql",
  body,
  onResponse(status, text) {
    if (status !== 200 || text.length !== length) wrong++;
  },
}));

// A small generator with a fixed seed: mulberry32.
let seed = 20261122;
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

function shuffled(list) {
  const all = [...list];
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other], all[last]];
  }
  return all;
}

const times = [];
const began = performance.now();
let ended = began;
const run = autocannon({
  url: address,
  headers: JSON.parse(headers),
  connections: Number(connections),
  duration: Number(seconds),
  requests,
  setupClient: (client) => client.setRequests(shuffled(requests)),
});
run.on("response", (_client, _status, _bytes, time) => {
  times.push(time);
  ended = performance.now();
});
const { errors, timeouts } = await run;
times.sort((a, b) => a - b);
const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
const perSecond = (times.length * 1000) / (ended - began);
console.log(JSON.stringify({ perSecond, p50: at(0.5), p99: at(0.99), errors: errors + timeouts + wrong, requests: times.length }));
