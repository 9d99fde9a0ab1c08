// Checks every ready-made operation against the project's schema: the document is valid, its name is its own, and the
// example variables are JSON that fits it. Exit status 1 where anything is wrong.
// Usage: node check-operations.mjs [FILE], by default ../schema.graphql.
import { readFileSync, readdirSync } from "node:fs";
import { buildSchema, getVariableValues, Kind, parse, validate } from "graphql";
import { readOperation } from "./src/operation.js";

const folder = new URL("operations/", import.meta.url);
const schemaFile = process.argv[2] ?? new URL("../schema.graphql", import.meta.url);
const schema = buildSchema(readFileSync(schemaFile, "utf8"));

/** What is wrong with one operation, in words. */
function faultsOf(operation) {
  const document = parse(operation.query);
  const faults = validate(schema, document).map((error) => error.message);
  const [definition, ...more] = document.definitions;
  if (definition?.kind !== Kind.OPERATION_DEFINITION || more.length > 0) {
    return [...faults, "has to be one operation and nothing else"];
  }
  // A document of a kind that the schema has no root for passes the validation of its fields.
  if (!schema.getRootType(definition.operation)) faults.push(`is a ${definition.operation}, and the schema has none`);
  if (definition.name?.value !== operation.name || !operation.name) faults.push("has no name");
  if (!operation.title) faults.push("has no title: the first comment line");
  if (operation.group === "Other") faults.push("has no `group:` line");
  const values = operation.variables ? JSON.parse(operation.variables) : {};
  const asked = (definition.variableDefinitions ?? []).map((one) => one.variable.name.value);
  const unknown = Object.keys(values).filter((name) => !asked.includes(name));
  faults.push(...unknown.map((name) => `has an example for $${name}, which it does not take`));
  const { errors } = getVariableValues(schema, definition.variableDefinitions ?? [], values);
  return [...faults, ...(errors ?? []).map((error) => error.message)];
}

const names = new Set();
let wrong = 0;
const files = readdirSync(folder).filter((name) => name.endsWith(".graphql"));
for (const file of files.sort()) {
  let faults;
  try {
    const operation = readOperation(readFileSync(new URL(file, folder), "utf8"));
    faults = faultsOf(operation);
    if (names.has(operation.name)) faults.push(`${operation.name} is the name of another operation too`);
    names.add(operation.name);
  } catch (error) {
    faults = [error.message];
  }
  for (const fault of faults) console.error(`${file}: ${fault}`);
  wrong += faults.length;
}
console.log(`${files.length} operations, ${wrong} faults`);
process.exitCode = wrong > 0 || files.length === 0 ? 1 : 0;
