// A query that a link brings along: `/?query=…&variables=…`. It opens in a tab of its own and is never run: a link could
// come from anybody, and the token of this page would run it.
import { useEditorContext } from "@graphiql/react";
import { parse } from "graphql";
import { useEffect } from "react";

/** Longer than any query of the console, and far below what a browser takes as an address. */
const MAX_CHARS = 32_000;

interface LinkedQuery {
  query: string;
  /** JSON, or an empty string. */
  variables: string;
  name: string | null;
}

/** The linked query; null if there is none, it is too long, or it does not parse. */
export function readLinkedQuery(search: string): LinkedQuery | null {
  const given = new URLSearchParams(search);
  const query = given.get("query")?.trim() ?? "";
  const variables = given.get("variables")?.trim() ?? "";
  if (!query || query.length > MAX_CHARS || variables.length > MAX_CHARS) return null;
  try {
    const [operation] = parse(query).definitions.filter(({ kind }) => kind === "OperationDefinition");
    if (variables && !isObject(JSON.parse(variables))) return null;
    const name = operation && "name" in operation ? (operation.name?.value ?? null) : null;
    return { query: `${query}\n`, variables, name };
  } catch {
    return null;
  }
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

const linked = readLinkedQuery(location.search);
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

let isOpened = false;

/** Opens the linked query in a new tab, once the editors are there. */
export function useLinkedQuery() {
  const { tabs, moveTab, changeTab, queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const isReady = Boolean(queryEditor && variableEditor);

  useEffect(() => {
    if (!isReady || !linked || isOpened) return;
    isOpened = true;
    const { query, variables, name } = linked;
    const id = `linked-${Date.now()}`;
    const tab = { query, variables, headers: null, operationName: name, response: null };
    moveTab([...tabs, { ...tab, title: name ?? "<untitled>", id, hash: id }]);
    changeTab(tabs.length);
  }, [isReady]);
}
