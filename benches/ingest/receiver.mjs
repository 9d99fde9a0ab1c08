// The simple receiver: verifies the signature of the raw body with `standardwebhooks`, stores the request by one INSERT, and
// answers 202 after its commit. A repeat is recognised by its id. It neither reads the event nor does anything with it.

import Fastify from "fastify";
import pg from "pg";
import { Webhook } from "standardwebhooks";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.POOL) });
const webhook = new Webhook(process.env.SECRET);
const INSERT = "insert into received (id, received_at, headers, body) values ($1, now(), $2, $3) on conflict do nothing";

await pool.query("create table if not exists received (id text primary key, received_at timestamptz not null, headers jsonb not null, body bytea not null)");
const app = Fastify({ logger: false });
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => done(null, body));
app.post("/webhooks", async (request, reply) => {
  try {
    webhook.verify(request.body, request.headers);
  } catch {
    return reply.code(401).send({ error: "the signature is wrong" });
  }
  const id = request.headers["webhook-id"];
  const headers = { id, timestamp: request.headers["webhook-timestamp"] };
  await pool.query({ name: "insert", text: INSERT, values: [id, headers, request.body] });
  return reply.code(202).send({ id });
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
process.send?.("ready");
process.once("disconnect", () => process.exit(0));
process.once("SIGTERM", () => process.exit(0));
