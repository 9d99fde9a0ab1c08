// Makes src/gql/ from the schema and from every `graphql(…)` in src/: the types of GraphQL Code Generator's client preset.
// Ends with status 1 where a document does not fit the schema. It is never committed, so it cannot be stale: `dev`,
// `build` and `check` make it anew.
//
// The generator's core is called as a library, since its command line brings two hundred packages that this does without.
// Usage: node codegen.js [SCHEMA], by default ../../schema.graphql; where that is not there, because the example was copied
// elsewhere, the schema of the server at LATCHKEY_URL, read with LATCHKEY_TOKEN.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildClientSchema, buildSchema, getIntrospectionQuery, parse, printSchema, validate } from "graphql";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "src/gql/");
const schemaFile = process.argv[2] ?? join(here, "../../schema.graphql");
const schema = existsSync(schemaFile) ? buildSchema(readFileSync(schemaFile, "utf8")) : await schemaOfServer();

async function schemaOfServer() {
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

/** Every `graphql(` document of one source file, in the order of the file. */
function documentsOf(location) {
  const text = readFileSync(location, "utf8");
  return [...text.matchAll(/\bgraphql\(\s*(?:\/\* GraphQL \*\/\s*)?`([^`]*)`/g)].map(([, source]) => ({
    location,
    rawSDL: source,
    document: parse(source),
  }));
}

const sources = readdirSync(join(here, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("gql"))
  .sort()
  .flatMap((name) => documentsOf(join(here, "src", name)));

let wrong = 0;
for (const { location, document } of sources) {
  for (const fault of validate(schema, document)) {
    console.error(`${location}: ${fault.message}`);
    wrong += 1;
  }
}
if (wrong > 0) process.exit(1);

const outputs = await preset.buildGeneratesSection({
  baseOutputDir: folder,
  schema: parse(printSchema(schema)),
  schemaAst: schema,
  documents: sources,
  config: {
    useTypeImports: true,
    enumsAsTypes: true,
    scalars: { DateTime: "string", Duration: "string", Date: "string", LocalTime: "string", TimeZone: "string", JSON: "unknown" },
    strictScalars: true,
  },
  presetConfig: { fragmentMasking: false },
  plugins: [],
  pluginMap: {},
});
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const output of outputs) writeFileSync(output.filename, await codegen(output));
console.log(`${sources.length} documents, ${outputs.length} files in src/gql`);
