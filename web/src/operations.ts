// The ready-made operations, in the order of their file names, built into the bundle.
import { byGroup, readOperation } from "./operation.js";

const files = import.meta.glob<string>("../operations/*.graphql", {
  query: "?raw",
  import: "default",
  eager: true,
});

const operations = Object.keys(files)
  .sort()
  .map((file) => readOperation(files[file] ?? ""));

export const groups = byGroup(operations);

/** Open when the playground is seen for the first time: what sets a club up. */
export const firstTabs = groups[0]?.operations ?? [];
