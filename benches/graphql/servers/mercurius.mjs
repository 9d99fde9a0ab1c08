// Mercurius over the plain tables: a loader for each edge, one prepared statement per batch, the query compiled (jit) from its
// first use. One process of the cluster that run.mjs starts.

import Fastify from "fastify";
import { GraphQLScalarType } from "graphql";
import mercurius from "mercurius";
import pg from "pg";

// Times are text in the schema, in PostgreSQL's format and in UTC.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL),
  options: "-c timezone=UTC",
});

const schema = `
  scalar DateTime
  type Offering { id: ID! kind: String! name: String! }
  type Entitlement {
    id: ID! kind: String! externalId: ID! status: String! startsAt: DateTime endsAt: DateTime offering: Offering!
  }
  type Member { id: ID! name: String! email: String entitlements: [Entitlement!]! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type MemberConnection { nodes: [Member!]! pageInfo: PageInfo! }
  type Query { members(first: Int! = 50, after: String): MemberConnection! }
`;

const MEMBERS = "select id, name, email from plain.member order by name, id limit $1";
const MEMBERS_AFTER = "select id, name, email from plain.member where (name, id) > ($2, $3::uuid) order by name, id limit $1";
const ENTITLEMENTS = `select id, member_id, offering_id, kind, external_id as "externalId", status,
  starts_at as "startsAt", ends_at as "endsAt" from plain.entitlement where member_id = any($1::uuid[]) order by id`;
const OFFERINGS = "select id, kind, name from plain.offering where id = any($1::uuid[])";

const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const resolvers = {
  DateTime: new GraphQLScalarType({ name: "DateTime", serialize: (text) => text }),
  Query: {
    async members(_, { first, after }) {
      const nodes = after
        ? await rows("members-after", MEMBERS_AFTER, [first + 1, ...JSON.parse(Buffer.from(after, "base64url").toString())])
        : await rows("members", MEMBERS, [first + 1]);
      const hasNextPage = nodes.length > first;
      if (hasNextPage) nodes.pop();
      const last = nodes.at(-1);
      const endCursor = last ? Buffer.from(JSON.stringify([last.name, last.id])).toString("base64url") : null;
      return { nodes, pageInfo: { hasNextPage, endCursor } };
    },
  },
};

const loaders = {
  Member: {
    async entitlements(queries) {
      const found = new Map(queries.map(({ obj }) => [obj.id, []]));
      for (const row of await rows("entitlements", ENTITLEMENTS, [[...found.keys()]])) found.get(row.member_id).push(row);
      return queries.map(({ obj }) => found.get(obj.id));
    },
  },
  Entitlement: {
    async offering(queries) {
      const ids = [...new Set(queries.map(({ obj }) => obj.offering_id))];
      const found = new Map((await rows("offerings", OFFERINGS, [ids])).map((row) => [row.id, row]));
      return queries.map(({ obj }) => found.get(obj.offering_id));
    },
  },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false });
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
process.send?.("ready");
