// Makes src/gql/ of a front end from the schema and from every `graphql(…)` in its src/: the types of GraphQL Code
// Generator's client preset. Ends the process with status 1 where a document does not fit the schema.
//
// The libraries are arguments, so that a front end in another folder uses its own. The generator's core is called as a
// library, since its command line brings two hundred packages that this does without.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SCALARS = {
  DateTime: "string",
  Duration: "string",
  Date: "string",
  LocalTime: "string",
  TimeZone: "string",
  JSON: "unknown",
};

/**
 * Writes `src/gql/` under `root`, and returns the schema. Where there is no `schemaFile`, the schema is that of the server
 * at LATCHKEY_URL, read with LATCHKEY_TOKEN.
 */
export async function generate({ preset, codegen, graphql, root, schemaFile }) {
  const folder = join(root, "src/gql/");
  const schema = existsSync(schemaFile)
    ? graphql.buildSchema(readFileSync(schemaFile, "utf8"))
    : await schemaOfServer(graphql, schemaFile);
  const documents = documentsIn(graphql, join(root, "src"));
  refuseFaults(graphql, schema, documents);
  const outputs = await preset.buildGeneratesSection({
    baseOutputDir: folder,
    schema: graphql.parse(graphql.printSchema(schema)),
    schemaAst: schema,
    documents,
    config: { useTypeImports: true, enumsAsTypes: true, scalars: SCALARS, strictScalars: true },
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
  });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const output of outputs) writeFileSync(output.filename, await codegen(output));
  console.log(`${documents.length} documents, ${outputs.length} files in src/gql`);
  return schema;
}

async function schemaOfServer({ buildClientSchema, getIntrospectionQuery }, schemaFile) {
  const { LATCHKEY_URL: server = "http://127.0.0.1:8080", LATCHKEY_TOKEN: token = "" } = process.env;
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query: getIntrospectionQuery() });
  try {
    const answer = await fetch(new URL("/graphql", server), { method: "POST", headers, body });
    const { data, errors } = await answer.json();
    if (!data) throw new Error(errors?.[0]?.message ?? `it answered ${answer.status}`);
    return buildClientSchema(data);
  } catch (error) {
    console.error(
      `There is no ${schemaFile}, and the schema of ${server} cannot be read: ${error.message}.\n` +
        "Start the server and set LATCHKEY_URL and LATCHKEY_TOKEN, or name a file: latchkey schema > schema.graphql; node codegen.js schema.graphql",
    );
    process.exit(1);
  }
}

/** Every `graphql(` document of the source files in a folder, in the order of their names. */
function documentsIn({ parse, Source }, folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("gql"))
    .sort()
    .flatMap((name) => {
      const location = join(folder, name);
      const text = readFileSync(location, "utf8");
      return [...text.matchAll(/\bgraphql\(\s*(?:\/\* GraphQL \*\/\s*)?`([^`]*)`/g)].map(([, source]) => ({
        location,
        rawSDL: source,
        document: parse(new Source(source, location)),
      }));
    });
}

/** Ends the process where a document is invalid. They are validated as one, because a fragment may stand in another file. */
function refuseFaults({ concatAST, validate }, schema, documents) {
  const faults = validate(schema, concatAST(documents.map(({ document }) => document)));
  for (const { message, nodes } of faults) console.error(`${nodes?.[0]?.loc?.source.name}: ${message}`);
  if (faults.length > 0) process.exit(1);
}
