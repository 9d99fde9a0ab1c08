// How GraphiQL reaches the API: POST for queries and mutations, graphql-transport-ws for subscriptions, both with the
// token. Never sends anything to another host.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
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
export function makeFetcher(refused: () => void) {
  const http: typeof fetch = async (address, init) => {
    const response = await fetchWithToken(address as RequestInfo, init);
    if (response.status === 401) refused();
    return response;
  };
  return createGraphiQLFetcher({
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
}
