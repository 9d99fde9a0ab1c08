// Makes src/gql/ (codegen-core.js). It is never committed, so it cannot be stale: `dev`, `build` and `check` make it anew.
//
// Usage: node codegen.js [SCHEMA], by default ../../schema.graphql; where that is not there, because the example was copied
// elsewhere, the schema of the server at LATCHKEY_URL, read with LATCHKEY_TOKEN.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import * as graphql from "graphql";
import { generate } from "./codegen-core.js";

const root = dirname(fileURLToPath(import.meta.url));
await generate({ preset, codegen, graphql, root, schemaFile: process.argv[2] ?? join(root, "../../schema.graphql") });
