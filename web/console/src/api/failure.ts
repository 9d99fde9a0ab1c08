// What went wrong with a request, as the pages tell it. The texts are `errors` in the texts.
import type { CombinedError } from "@urql/core";

export interface Failure {
  kind: "network" | "forbidden" | "busy" | "tooLarge" | "request" | "internal";
  /** The server's own words, in English. */
  detail?: string;
  /** What the server's log calls the request. */
  requestId?: string;
}

const KINDS: Record<string, Failure["kind"]> = {
  FORBIDDEN: "forbidden",
  BAD_USER_INPUT: "request",
  NOT_RETAINED: "request",
  TOO_COMPLEX: "tooLarge",
  INTERNAL: "internal",
};

export function failureOf(error: CombinedError): Failure {
  const [first] = error.graphQLErrors;
  if (!first) return { kind: error.response && error.response.status >= 500 ? "internal" : "network" };
  const { code, limit, requestId } = first.extensions as Record<string, string | undefined>;
  const isBusy = limit === "concurrency" || limit === "time";
  return { kind: isBusy ? "busy" : (KINDS[code ?? ""] ?? "internal"), detail: first.message, requestId };
}
