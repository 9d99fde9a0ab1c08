// Makes src/gql/, by the example's codegen-core.js: the types of every `graphql(…)` in src/, and the names of the schema's
// queries and mutations, so that a misspelt name in `may("…")` does not compile. It is never committed.
//
// Usage: node codegen.js [SCHEMA], by default ../../schema.graphql.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import * as graphql from "graphql";
import { generate } from "../../examples/web/codegen-core.js";

const root = dirname(fileURLToPath(import.meta.url));
const schemaFile = process.argv[2] ?? join(root, "../../schema.graphql");
const schema = await generate({ preset, codegen, graphql, root, schemaFile });

const union = (type) => Object.keys(type.getFields()).map((name) => `\n  | "${name}"`).join("");
writeFileSync(
  join(root, "src/gql/names.ts"),
  `export type QueryName =${union(schema.getQueryType())};\nexport type MutationName =${union(schema.getMutationType())};\n`,
);
