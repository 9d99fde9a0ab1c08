// How a page reaches Latchkey: queries and mutations over HTTP, subscriptions over graphql-transport-ws, both with the
// credentials of the holder. Documents are sent by their hash, and whole only where the server has not seen them yet;
// never by GET, since what is searched for would stand in the logs of every proxy.
//
// Keeps no answer for later: whether somebody may pass is asked anew each time.
import { Client, type Exchange, fetchExchange, mapExchange, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { CloseCode, createClient as createSocket } from "graphql-ws";

/** Whether events come in as they happen. */
export type Live = "connecting" | "live" | "away";

export interface Listeners {
  /** The server refuses the token: it is wrong, has expired or was revoked. */
  refused: () => unknown;
  live: (state: Live) => unknown;
}

/** What a request is made with: headers over HTTP, and the payload of the socket's `connection_init`. */
export interface Credentials {
  headers: Record<string, string>;
  socket: Record<string, string>;
}

/** The credentials of a token or a member session. */
export function bearer(token: string): Credentials {
  const authorization = `Bearer ${token}`;
  return { headers: { authorization }, socket: { authorization } };
}

// Another origin has to be one of the server's LATCHKEY_CORS_ORIGINS.
const address = new URL("/graphql", import.meta.env.VITE_LATCHKEY_URL ?? location.href);

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Longer after each failure, with jitter: a server that comes back is not met by everybody at once. */
function pause(failures: number): Promise<void> {
  const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
  return new Promise((done) => setTimeout(done, most / 2 + (Math.random() * most) / 2));
}

/** The socket is opened at once, so that the page knows whether it is live before it subscribes to anything. */
function socket(credentials: Credentials, { refused, live }: Listeners): { exchange: Exchange; close: () => void } {
  const url = new URL(address);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const closedByUs = (event: unknown) => event instanceof CloseEvent && event.code === CloseCode.Forbidden;
  const client = createSocket({
    url: url.href,
    lazy: false,
    // What went wrong is told by `closed`, and tried again.
    onNonLazyError: () => {},
    connectionParams: credentials.socket,
    keepAlive: 20_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: pause,
    shouldRetry: (event) => !closedByUs(event),
    on: {
      connecting: () => live("connecting"),
      connected: () => live("live"),
      closed: (event) => {
        live("away");
        if (closedByUs(event)) refused();
      },
    },
  });
  const exchange = subscriptionExchange({
    forwardSubscription: ({ query = "", variables }) => ({
      subscribe: (sink) => ({
        unsubscribe: client.subscribe(
          { query, variables },
          { ...sink, error: (error) => sink.error(error instanceof Error ? error : new Error(String(error))) },
        ),
      }),
    }),
  });
  return { exchange, close: () => void client.dispose() };
}

/** A connection for one holder: other credentials need another one. After `close`, its listeners are called no more. */
export interface Connection {
  client: Client;
  close: () => void;
}

export function connect(credentials: Credentials, listeners: Listeners): Connection {
  let isClosed = false;
  const { refused, live }: Listeners = {
    refused: () => isClosed || listeners.refused(),
    live: (state) => isClosed || listeners.live(state),
  };
  const refusals = mapExchange({
    onError: (error) => {
      if (error.response?.status === 401) refused();
    },
  });
  const { exchange, close } = socket(credentials, { refused, live });
  // As application/json, the answer to an unknown hash has the status 200: browsers log every other as an error.
  const headers = { ...credentials.headers, accept: "application/json" };
  const client = new Client({
    url: address.href,
    exchanges: [refusals, persistedExchange({ preferGetForPersistedQueries: false }), fetchExchange, exchange],
    fetchOptions: { headers, cache: "no-store" },
    requestPolicy: "network-only",
    preferGetMethod: false,
  });
  return {
    client,
    close: () => {
      isClosed = true;
      close();
    },
  };
}

/** What an error means, for people. */
export function inWords(error: { networkError?: Error; graphQLErrors: { message: string }[] }): string {
  if (error.networkError) return "The server does not answer. Are you online?";
  return error.graphQLErrors[0]?.message ?? "Something went wrong at the server.";
}
