// What the tests play on: the real program with its demo club, on free ports, ended when the tests are. Nothing is
// mocked: Kisi is played by the program's own sandbox.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const program = process.env.LATCHKEY_BIN ?? join(target, "debug/latchkey");

/** `latchkey demo` with a Kisi that keeps nobody waiting, once its story is told: its address, an ADMIN token, and a way to end it. */
export async function startDemo() {
  const demo = spawn(program, ["demo", "--rate", "100"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => demo.once("exit", done));
  demo.once("error", (error) => console.error(`${program}: ${error.message}; build it with cargo build`));
  const found = {};
  let told = "";
  for await (const line of createInterface({ input: demo.stdout })) {
    told += `${line}\n`;
    const [, name, value] = /^(playground|token): (\S+)$/.exec(line) ?? [];
    if (name) found[name] = value;
    if (found.token) break;
  }
  if (!found.token) throw new Error(`the demo ended early:\n${told}`);
  // A pipe that nobody reads would hold it up.
  demo.stdout.resume();
  return {
    address: found.playground,
    token: found.token,
    async stop() {
      demo.kill("SIGTERM");
      await ended;
    },
  };
}

/** The data of an answer of the API at `address`; throws what it refuses. */
export async function ask({ address, token }, query, variables = {}) {
  const response = await fetch(new URL("graphql", address), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  const refusal = Object.values(data)[0]?.userErrors?.[0];
  if (refusal) throw new Error(refusal.message);
  return data;
}

/** A new token of a role. */
export async function tokenFor(demo, role) {
  const made = await ask(
    demo,
    `mutation($role: Role!, $name: String!) {
      createToken(input: { name: $name, role: $role }) { token userErrors { message } }
    }`,
    { role, name: `a test's ${role}` },
  );
  return made.createToken.token;
}

/** What the history says of a member, by kind, newest first. */
export async function historyOf(demo, email) {
  const { member } = await ask(demo, "query($email: String!) { member(email: $email) { id } }", { email });
  const { history } = await ask(
    demo,
    "query($id: ID!) { history(filter: { member: $id }) { nodes { kind } } }",
    { id: member.id },
  );
  return { id: member.id, kinds: history.nodes.map(({ kind }) => kind) };
}

/** Sends signed events as the demo's front desk does, with the program's own `webhook send`. */
export async function frontDesk(demo) {
  const { sources } = await ask(demo, "{ sources { id name webhookPath } }");
  const source = sources.find(({ name }) => name === "Front desk");
  const { rotateSourceSecret: made } = await ask(
    demo,
    "mutation($id: ID!) { rotateSourceSecret(input: { source: $id }) { secret userErrors { message } } }",
    { id: source.id },
  );
  const url = new URL(source.webhookPath, demo.address).href;
  const send = async (type, data) => {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-event-"));
    const file = join(folder, "event.json");
    await writeFile(file, JSON.stringify({ type, timestamp: new Date().toISOString(), data }));
    const sent = ["webhook", "send", "--scheme", "standard-webhooks", "--secret-env", "SECRET", "--url", url, file];
    try {
      const env = { ...process.env, SECRET: made.secret };
      const { stdout } = await promisify(execFile)(program, sent, { env });
      if (!stdout.startsWith("202 ")) throw new Error(stdout);
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  return {
    /** Ada's membership, which the story ended, in another status. */
    membership: (status) =>
      send("membership.updated", {
        id: "a-test",
        plan: { id: "full", name: "Full membership" },
        member: { id: "desk-ada", email: "ada@example.com", name: "Ada Adams" },
        status,
      }),
  };
}
