// Makes src/gql/ from the schema and from every `graphql(…)` in src/: the types of GraphQL Code Generator's client preset.
// Ends with status 1 where a document does not fit the schema. It is never committed, so it cannot be stale: `dev`,
// `build` and `check` make it anew.
//
// The generator's core is called as a library, since its command line brings two hundred packages that this does without.
// Usage: node codegen.js [SCHEMA], by default ../../schema.graphql.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, parse, printSchema, validate } from "graphql";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "src/gql/");
const schemaFile = process.argv[2] ?? join(here, "../../schema.graphql");
const schema = buildSchema(readFileSync(schemaFile, "utf8"));

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
