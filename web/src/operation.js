// Reads a ready-made operation: GraphQL whose leading comment says what it is for. Pure; used by both pages and by the
// check, so that all agree on what a file means.
//
// The comment: its first line is the title, then words for people, then `group:` (the heading it is listed under) and,
// last, `variables:` (JSON, over as many comment lines as it takes).

/**
 * @typedef {object} Operation
 * @property {string} name the GraphQL operation's name
 * @property {string} title what an admin wants to do
 * @property {string} group the heading that it is listed under
 * @property {string} query the text with its title and words, without group and variables
 * @property {string} variables example variables as JSON, or an empty string
 */

/**
 * @param {string} text the whole file
 * @returns {Operation}
 */
export function readOperation(text) {
  const lines = text.trim().split(/\r?\n/);
  const end = lines.findIndex((line) => !line.startsWith("#"));
  const header = lines.slice(0, end).map((line) => line.replace(/^# ?/, ""));
  const body = lines.slice(end).join("\n").trim();

  const from = header.findIndex((line) => line.startsWith("variables:"));
  const variables = from < 0 ? [] : header.slice(from);
  const words = from < 0 ? header : header.slice(0, from);
  const group = words.find((line) => line.startsWith("group:")) ?? "group: Other";
  const about = words.filter((line) => line !== group).join("\n").trim();

  return {
    name: /^(?:query|mutation|subscription)\s+(\w+)/.exec(body)?.[1] ?? "",
    title: about.split("\n")[0] ?? "",
    group: group.slice("group:".length).trim(),
    query: `${about.replace(/^/gm, "# ").replace(/ +$/gm, "")}\n${body}\n`,
    variables: variables.join("\n").replace("variables:", "").trim(),
  };
}

/**
 * Operations under their headings, both in the order given.
 * @param {Operation[]} operations
 * @returns {{ group: string, operations: Operation[] }[]}
 */
export function byGroup(operations) {
  /** @type {{ group: string, operations: Operation[] }[]} */
  const groups = [];
  for (const operation of operations) {
    const known = groups.find(({ group }) => group === operation.group);
    if (known) known.operations.push(operation);
    else groups.push({ group: operation.group, operations: [operation] });
  }
  return groups;
}
