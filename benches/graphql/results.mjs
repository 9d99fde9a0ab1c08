// From the rounds to the page that RESULTS.md is: of each figure the middle one of the rounds, errors added up.

const NAMES = { latchkey: "Latchkey", postgraphile: "PostGraphile 5", mercurius: "Mercurius" };

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const ms = (value) => `${value.toFixed(1)} ms`;

/** The page as Markdown. */
export function table(rows, about) {
  const groups = new Map();
  for (const row of rows) {
    const key = [row.placement, row.connections, row.server].join("\n");
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const lines = [];
  let heading;
  for (const rounds of groups.values()) {
    const [{ placement, connections, server, bytes }] = rounds;
    if (heading !== placement) {
      heading = placement;
      lines.push("", `## ${placement[0].toUpperCase()}${placement.slice(1)}`, "");
      lines.push("| Connections | Server | Requests/s | of the rounds | p50 | p99 | Errors | Memory | Answer |");
      lines.push("|---:|---|---:|---|---:|---:|---:|---:|---:|");
    }
    const of = (name) => rounds.map((round) => round[name]);
    const rates = of("perSecond").map((rate) => rate.toFixed(0));
    const errors = of("errors").reduce((a, b) => a + b, 0);
    lines.push(
      `| ${connections} | ${NAMES[server]} | ${middle(of("perSecond")).toFixed(0)} | ${rates.join(", ")} | ${ms(middle(of("p50")))} ` +
        `| ${ms(middle(of("p99")))} | ${errors} | ${Math.max(...of("memory")).toFixed(0)} MB | ${(bytes / 1024).toFixed(1)} KiB |`,
    );
  }
  return `${head(about)}${lines.join("\n")}\n`;
}

function head(about) {
  const date = new Date().toISOString().slice(0, 10);
  return `# A page of 50 members with their entitlements

Made by \`node run.mjs\` on ${date}; how is in [README.md](README.md).

- ${about.latchkey}; PostGraphile ${about.postgraphile}; Mercurius ${about.mercurius} on Fastify ${about.fastify}; both on Node ${about.node}
- ${about.postgres} with default settings; the sender is autocannon ${about.autocannon}
- ${about.cores} cores (${about.cpu}); ${about.members} members, ${about.entitlements} entitlements
- ${about.given.rounds} rounds of ${about.given.seconds} s for each line, the servers in turns; the middle one of each figure is shown
- Latchkey looks up the bearer token in the database for each request; the other two ask nobody who they are
`;
}
