// The same query in each server's schema: pages of 50 members with their entitlements, by cursor. `plain` normalizes a response,
// so that the servers' responses can be compared.

const instant = (text) => (text === null ? null : new Date(text).getTime());

const LATCHKEY = `query Page($after: String) {
  members(first: 50, after: $after) {
    nodes {
      id name email
      entitlements {
        __typename id externalId startsAt endsAt
        offering { id name }
        ... on Membership { membership: status }
        ... on Registration { registration: status }
        ... on Purchase { purchase: status }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const POSTGRAPHILE = `query Page($after: Cursor) {
  allMembers(first: 50, after: $after, orderBy: [NAME_ASC, ROW_ID_ASC]) {
    nodes {
      id: rowId name email
      entitlements(orderBy: [ROW_ID_ASC]) {
        kind id: rowId externalId startsAt endsAt status
        offering: offeringByOfferingId { id: rowId name }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const MERCURIUS = `query Page($after: String) {
  members(first: 50, after: $after) {
    nodes {
      id name email
      entitlements {
        kind id externalId startsAt endsAt status
        offering { id name }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const entitlement = (row, kind, status) => ({
  kind: kind.toUpperCase(),
  externalId: row.externalId,
  status,
  startsAt: instant(row.startsAt),
  endsAt: instant(row.endsAt),
  offering: row.offering.name,
});

const members = (nodes, read) =>
  nodes.map(({ name, email, entitlements }) => ({ name, email, entitlements: entitlements.map(read) }));

/** By server: its query, the place of the page in its response, and the page in the common form. */
export const questions = {
  latchkey: {
    query: LATCHKEY,
    page: (data) => data.members,
    plain: (nodes) =>
      members(nodes, (row) => entitlement(row, row.__typename, row.membership ?? row.registration ?? row.purchase)),
  },
  postgraphile: {
    query: POSTGRAPHILE,
    page: (data) => data.allMembers,
    plain: (nodes) => members(nodes, (row) => entitlement(row, row.kind, row.status)),
  },
  mercurius: {
    query: MERCURIUS,
    page: (data) => data.members,
    plain: (nodes) => members(nodes, (row) => entitlement(row, row.kind, row.status)),
  },
};

/** Reads all pages of a server in sequence. Returns for each page its request body, its size and its members. */
export async function walk(name, address, headers) {
  const { query, page, plain } = questions[name];
  const pages = [];
  for (let after = null, more = true; more; ) {
    const body = JSON.stringify({ query, variables: { after } });
    const answer = await fetch(`${address}/graphql`, { method: "POST", headers, body });
    const text = await answer.text();
    const { data, errors } = JSON.parse(text);
    if (answer.status !== 200 || errors) throw new Error(`${name} answers ${answer.status}: ${text.slice(0, 2000)}`);
    const { nodes, pageInfo } = page(data);
    pages.push({ body, length: text.length, bytes: Buffer.byteLength(text), members: plain(nodes) });
    more = pageInfo.hasNextPage;
    after = pageInfo.endCursor;
  }
  return pages;
}
