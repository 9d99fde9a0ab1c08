// Creates the club of the benchmark through Latchkey's public interfaces, mainly one signed roster.snapshot, and then copies it
// to plain tables for the other servers: one row per member and one per entitlement, with foreign keys and exactly the indexes
// that the page needs. The plain tables have none of Latchkey's versions, clubs and deletions.

import { execFileSync } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import pg from "pg";

const FIRST = "Ada Ben Cleo Dora Emil Fay Gus Hana Ivo June Kai Lea Mio Nora Otto Pia Quinn Rosa Sam Tess".split(" ");
const LAST = "Abel Brook Costa Diaz Ertl Fuchs Gray Haas Ito Jung Kern Lang Moor Nash Oser Pohl Reed Stein Thal Voss".split(" ");
const DAY = 86_400_000;

/** Creates the club with `latchkey club create` and returns its first token and its id. */
export function makeClub(program, env) {
  const words = ["club", "create", "--name", "Bench", "--time-zone", "Europe/Berlin", "--json"];
  return JSON.parse(execFileSync(program, words, { env, encoding: "utf8" }));
}

/** Sends the whole roster as one signed webhook and returns the number of rows of each kind. */
export async function fill(address, token, members) {
  const ask = async (query, variables) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${address}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const made = await ask(
    `mutation { createSource(input: { name: "Bench", platform: CANONICAL, signature: STANDARD_WEBHOOKS }) {
       source { webhookPath } secret userErrors { message } } }`,
  );
  const { source, secret, userErrors } = made.createSource;
  if (userErrors.length) throw new Error(JSON.stringify(userErrors));
  const data = roster(members);
  const body = JSON.stringify({ type: "roster.snapshot", timestamp: "2026-01-05T09:30:00Z", data });
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
  const answer = await fetch(new URL(source.webhookPath, address), { method: "POST", headers, body });
  if (answer.status !== 202) throw new Error(`the roster was answered ${answer.status}: ${await answer.text()}`);
  return { members, entitlements: data.memberships.length + data.registrations.length + data.purchases.length };
}

// Each member has a membership and a booking, and every second one a purchase.
function roster(members) {
  const begin = Date.UTC(2026, 0, 1);
  const at = (days) => new Date(begin + days * DAY).toISOString().replace(".000Z", "Z");
  const data = { members: [], memberships: [], registrations: [], purchases: [] };
  for (let number = 0; number < members; number++) {
    const name = `${FIRST[number % 20]} ${LAST[Math.floor(number / 20) % 20]} ${number}`;
    const member = { id: `p-${number}`, email: `p${number}@example.com`, name };
    data.members.push({ ...member, tags: number % 4 === 0 ? ["range"] : [] });
    data.memberships.push({
      id: `m-${number}`,
      plan: { id: `plan-${number % 5}`, name: `Plan ${number % 5}` },
      member,
      status: ["active", "active", "active", "paused", "ended"][number % 5],
      starts_at: at(number % 200),
      ends_at: number % 3 === 0 ? null : at(365 + (number % 200)),
    });
    data.registrations.push({
      id: `r-${number}`,
      kind: "class",
      item: { id: `class-${number % 12}`, name: `Class ${number % 12}` },
      member,
      guests: [],
      status: number % 7 === 0 ? "cancelled" : "confirmed",
      starts_at: at(number % 300),
      ends_at: at((number % 300) + 1),
      location: { id: `site-${number % 3}`, name: `Site ${number % 3}`, time_zone: "Europe/Berlin" },
    });
    if (number % 2 === 0) {
      data.purchases.push({
        id: `b-${number}`,
        item: { id: `pass-${number % 6}`, name: `Pass ${number % 6}` },
        member,
        status: "paid",
        starts_at: at(number % 100),
        ends_at: at(366),
      });
    }
  }
  return data;
}

const PLAIN = `
create schema plain;
create table plain.offering (id uuid primary key, kind text not null, name text not null);
create table plain.member (id uuid primary key, name text not null, email text);
create index on plain.member (name, id);
create table plain.entitlement (
  id uuid primary key,
  member_id uuid not null references plain.member,
  offering_id uuid not null references plain.offering,
  kind text not null,
  external_id text not null,
  status text not null,
  starts_at timestamptz,
  ends_at timestamptz
);
create index on plain.entitlement (member_id, id);
create index on plain.entitlement (offering_id);
insert into plain.offering select id, kind, name from public.offering;
insert into plain.member select id, name, email from public.member;
insert into plain.entitlement
  select e.id, p.member_id, v.offering_id, v.kind, e.external_id, v.status,
         to_timestamp(v.starts_at / 1e6), to_timestamp(v.ends_at / 1e6)
  from public.entitlement_version v
  join public.entitlement e on e.id = v.entitlement_id
  join public.person p on p.id = v.person_id
  where v.superseded_at is null and not v.deleted;
comment on constraint entitlement_member_id_fkey on plain.entitlement is
  E'@foreignFieldName entitlements\\n@foreignSimpleFieldName entitlements\\n@behavior -manyRelation:resource:connection +manyRelation:resource:list';
`;

/** Copies the same rows to plain tables and updates the planner's statistics of all tables. */
export async function layPlainTables(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(PLAIN);
  await client.query("vacuum analyze");
  await client.end();
}
