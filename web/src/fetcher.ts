// How GraphiQL reaches the API: POST for queries and mutations, graphql-transport-ws for subscriptions, both with the
// token. Never sends anything to another host.
import { type Fetcher, createGraphiQLFetcher } from "@graphiql/toolkit";
import type { ExecutionResult } from "graphql";
import { createClient } from "graphql-ws";
import { endpoint, fetchWithToken, readToken } from "./session.js";

function socketAddress(): string {
  const address = endpoint();
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

/** The close code of a socket whose token was refused. */
const FORBIDDEN = 4403;

/** `refused` is called whenever the server refuses the token, over HTTP or on the socket. */
export function makeFetcher(refused: () => void): Fetcher {
  const http: typeof fetch = async (address, init) => {
    const response = await fetchWithToken(address as RequestInfo, init);
    if (response.status === 401) refused();
    return response;
  };
  const fetcher = createGraphiQLFetcher({
    url: endpoint().href,
    fetch: http,
    headers: { accept: "application/json" },
    enableIncrementalDelivery: false,
    wsClient: createClient({
      url: socketAddress(),
      connectionParams: () => ({ authorization: `Bearer ${readToken()}` }),
      // A refused token is to be said at once.
      retryAttempts: 0,
      on: {
        closed: (event) => {
          if (event instanceof CloseEvent && event.code === FORBIDDEN) refused();
        },
      },
    }),
  });
  return async (params, options) => {
    const answer = await fetcher(params, options);
    return isIterable(answer) ? collected(answer) : answer;
  };
}

/** How many events of a subscription stay on the screen. */
const MOST_EVENTS = 100;

const isIterable = (answer: unknown): answer is AsyncIterable<ExecutionResult> =>
  typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;

/** GraphiQL shows only the latest value: each one here has the events before it, the latest first. */
function collected(events: AsyncIterable<ExecutionResult>): AsyncIterableIterator<ExecutionResult> {
  const inner = events[Symbol.asyncIterator]();
  const ended = { done: true as const, value: undefined };
  let received = 0;
  let latest: ExecutionResult[] = [];
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const { done, value } = await inner.next();
      if (done) return ended;
      received += 1;
      latest = [value, ...latest].slice(0, MOST_EVENTS);
      return { done: false, value: { data: { received, latest } } };
    },
    async return() {
      await inner.return?.();
      return ended;
    },
  };
}
