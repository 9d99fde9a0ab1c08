// Signed requests for `wrk`: events of new people, as whole HTTP requests in a file, so that the sender computes nothing while it
// sends.

import { createHmac, randomUUID } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";

/** Writes `count` requests to `file`, each preceded by a line with its length in bytes. `run` keeps the ids of runs apart. */
export function writeRequests(file, { path, secret, count, run }) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const timestamp = String(Math.floor(Date.now() / 1000));
  const out = openSync(file, "w");
  let text = "";
  for (let number = 0; number < count; number++) {
    const request = signed({ path, key, timestamp, body: event(`${run}-${number}`) });
    text += `${Buffer.byteLength(request)}\n${request}`;
    if (text.length > 4_000_000) {
      writeSync(out, text);
      text = "";
    }
  }
  writeSync(out, text);
  closeSync(out);
}

function event(id) {
  const member = { id: `p-${id}`, email: `p-${id}@example.com`, name: `Person ${id}` };
  const data = { id: `m-${id}`, plan: { id: "unlimited", name: "Unlimited" }, member, status: "active", starts_at: "2026-01-01" };
  return JSON.stringify({ type: "membership.updated", timestamp: new Date().toISOString(), data });
}

function signed({ path, key, timestamp, body }) {
  const id = randomUUID();
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return [
    `POST ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `webhook-id: ${id}`,
    `webhook-timestamp: ${timestamp}`,
    `webhook-signature: v1,${signature}`,
    "",
    body,
  ].join("\r\n");
}
