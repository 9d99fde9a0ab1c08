// Copies a club within its PostgreSQL database. It knows no table by name, except for what must not be copied as it is: every id
// becomes another one by the number of the copy, so that all rows of a copy refer to each other.

/** Tables whose rows belong to a process or to a caller. */
const NOT_COPIED = new Set(["account_owner", "process", "lease", "token", "seaql_migrations", "write_probe", "kisi_login", "kisi_listener"]);
/** Texts that identify a row in the whole database. */
const UNIQUE_TEXTS = new Set(["source.path_key"]);
/** Columns that are replaced, so that copies are idle and small. */
const REPLACED = { "kisi_account.status": "'DISCONNECTED'", "delivery.body": "''::bytea", "due.settled_generation": "generation" };

/** Makes copies number `from` to `to` of the only club. Returns how many rows it adds. */
export async function copyClub(client, club, from, to) {
  const { rows } = await client.query(
    `select table_name, column_name, data_type from information_schema.columns
     where table_schema = 'public' order by table_name, ordinal_position`,
  );
  const tables = group(rows);
  let added = 0;
  for (const [table, columns] of tables) {
    const isOfClub = table === "club" || columns.some((column) => column.column_name === "club_id");
    if (NOT_COPIED.has(table) || !isOfClub) continue;
    const key = table === "club" ? "id" : "club_id";
    const names = columns.map((column) => `"${column.column_name}"`).join(", ");
    const values = columns.map((column) => value(table, column)).join(", ");
    const copied = await client.query(
      `insert into "${table}" (${names}) select ${values} from "${table}" t, generate_series($2::int, $3::int) n where t."${key}" = $1`,
      [club, from, to],
    );
    added += copied.rowCount;
  }
  return added;
}

function value(table, { column_name, data_type }) {
  const column = `t."${column_name}"`;
  const name = `${table}.${column_name}`;
  if (REPLACED[name]) return REPLACED[name];
  if (UNIQUE_TEXTS.has(name)) return `${column} || n`;
  if (data_type !== "uuid") return column;
  return `case when ${column} = '00000000-0000-0000-0000-000000000000' then ${column} else md5(${column}::text || ':' || n)::uuid end`;
}

function group(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.table_name, [...(groups.get(row.table_name) ?? []), row]);
  return groups;
}
