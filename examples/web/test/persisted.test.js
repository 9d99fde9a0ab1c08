// Automatic persisted queries, with the two clients that front-end teams use most, against the real program: a document
// is sent whole once, by its hash from then on, and by GET where the client likes that.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { startDemo } from "./stage.js";

let demo;
before(async () => {
  demo = await startDemo();
});
after(() => demo?.stop());

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const endpoint = () => new URL("graphql", demo.address).href;
const headers = () => ({ authorization: `Bearer ${demo.token}` });

/** A fetch that writes down how each request was made. */
function recorder() {
  const seen = [];
  const record = async (address, init) => {
    const url = new URL(address);
    const sent = init.method === "GET" ? Object.fromEntries(url.searchParams) : JSON.parse(init.body);
    const extensions = typeof sent.extensions === "string" ? JSON.parse(sent.extensions) : sent.extensions;
    const response = await fetch(address, init);
    const body = await response.clone().json();
    seen.push({
      method: init.method,
      whole: Boolean(sent.query),
      hashed: Boolean(extensions?.persistedQuery?.sha256Hash),
      status: response.status,
      message: body.errors?.[0]?.message,
    });
    return response;
  };
  return { seen, record };
}

const NOT_FOUND = { whole: false, hashed: true, message: "PersistedQueryNotFound" };
const WHOLE = { whole: true, hashed: true, status: 200, message: undefined };
const BY_HASH = { whole: false, hashed: true, status: 200, message: undefined };

/** The requests were made so: each of `expected` names what matters of one. */
function assertSeen(seen, expected) {
  const picked = seen.map((one, at) => Object.fromEntries(Object.keys(expected[at] ?? one).map((key) => [key, one[key]])));
  assert.deepEqual(picked, expected);
}

for (const useGETForHashedQueries of [false, true]) {
  test(`Apollo Client, by ${useGETForHashedQueries ? "GET" : "POST"}`, async () => {
    const { seen, record } = recorder();
    const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries });
    const http = new HttpLink({ uri: endpoint(), headers: headers(), fetch: record });
    const client = new ApolloClient({ link: ApolloLink.from([persisted, http]), cache: new InMemoryCache() });
    const name = useGETForHashedQueries ? "ByGet" : "ByPost";
    const query = gql`query ${name}($first: Int) { members(first: $first) { nodes { id name } } }`;
    for (const first of [2, 3]) {
      const { data } = await client.query({ query, variables: { first }, fetchPolicy: "network-only" });
      assert.equal(data.members.nodes.length, first);
    }
    const method = useGETForHashedQueries ? "GET" : "POST";
    assertSeen(seen, [{ ...NOT_FOUND, method }, { ...WHOLE, method: "POST" }, { ...BY_HASH, method }]);
  });
}

for (const preferGetForPersistedQueries of [false, true]) {
  test(`urql, by ${preferGetForPersistedQueries ? "GET" : "POST"}`, async () => {
    const { seen, record } = recorder();
    const client = new Client({
      url: endpoint(),
      exchanges: [
        persistedExchange({ generateHash: async (text) => sha256(text), preferGetForPersistedQueries }),
        fetchExchange,
      ],
      fetchOptions: { headers: headers() },
      fetch: record,
      requestPolicy: "network-only",
    });
    const name = preferGetForPersistedQueries ? "ByUrqlsGet" : "ByUrqlsPost";
    for (const first of [2, 3]) {
      const query = `query ${name}($first: Int) { members(first: $first) { nodes { id name } } }`;
      const { data, error } = await client.query(query, { first }).toPromise();
      assert.equal(error, undefined);
      assert.equal(data.members.nodes.length, first);
    }
    // It sends a short document whole by GET as well.
    const method = preferGetForPersistedQueries ? "GET" : "POST";
    assertSeen(seen, [{ ...NOT_FOUND, method }, { ...WHOLE, method }, { ...BY_HASH, method }]);
  });
}

/** A request of our own making, for what no honest client sends. */
async function bare(method, parts) {
  const url = new URL(endpoint());
  const init = { method, headers: { ...headers(), accept: "application/graphql-response+json" } };
  if (method === "GET") {
    for (const [name, value] of Object.entries(parts)) {
      url.searchParams.set(name, typeof value === "string" ? value : JSON.stringify(value));
    }
  } else {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(parts);
  }
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}
const hashed = (sha256Hash) => ({ persistedQuery: { version: 1, sha256Hash } });

for (const method of ["POST", "GET"]) {
  test(`a hash that is of another document is refused and not kept, by ${method}`, async () => {
    const promised = `query Promised${method} { club { name } }`;
    const other = `query Other${method} { club { id } }`;
    const mixed = await bare(method, { query: other, extensions: hashed(sha256(promised)) });
    assert.equal(mixed.status, 400);
    assert.match(mixed.body.errors[0].message, /does not match/);
    assert.equal(mixed.body.data, undefined);

    const asked = await bare(method, { extensions: hashed(sha256(promised)) });
    assert.equal(asked.body.errors[0].message, "PersistedQueryNotFound");
  });
}

test("a mutation that is known by its hash is refused by GET, and runs by POST", async () => {
  const query = 'mutation Ended { revokeToken(input: { name: "nobody" }) { revoked } }';
  const extensions = hashed(sha256(query));
  const kept = await bare("POST", { query, extensions });
  assert.deepEqual(kept.body.data, { revokeToken: { revoked: false } });
  assert.equal((await bare("GET", { extensions })).status, 405);
  assert.equal((await bare("POST", { extensions })).status, 200);
});

test("no cache between may keep an answer by GET", async () => {
  const answer = await bare("GET", { query: "{ club { name } }" });
  assert.match(answer.headers.get("cache-control") ?? "", /no-store|private/);
});
