// Subscriptions for the plain playground: one WebSocket each, with the protocol graphql-transport-ws. Plain browser code without
// dependencies; the token is sent to this server only.
import { NO_TOKEN, endpoint, readToken } from "./session.js";

/** The close code of a socket whose token was refused. */
const FORBIDDEN = 4403;

const REFUSED = "The server refuses this token.";
const CLOSED = "The server closed the connection. Run the subscription again to continue.";

/**
 * Whether a document's first operation is a subscription.
 * @param {string} query
 */
export const isSubscription = (query) => /^\s*(?:#[^\n]*\n\s*)*subscription\b/.test(query);

/**
 * Subscribes, and returns a function that ends the subscription.
 * @param {{ query: string, variables?: unknown }} request
 * @param {{ next: (payload: unknown) => void, end: (message: string, refused: boolean) => void }} handlers `end` is called
 *   once, unless the caller has ended the subscription
 * @returns {() => void}
 */
export function listen(request, { next, end }) {
  const address = endpoint();
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address, "graphql-transport-ws");
  let over = false;
  const finish = (message, refused = false) => {
    if (over) return;
    over = true;
    socket.close(1000);
    end(message, refused);
  };
  const send = (message) => socket.send(JSON.stringify(message));

  socket.addEventListener("open", () => {
    send({ type: "connection_init", payload: { authorization: `Bearer ${readToken()}` } });
  });
  socket.addEventListener("message", ({ data }) => {
    const { type, payload } = JSON.parse(data);
    if (type === "connection_ack") send({ id: "1", type: "subscribe", payload: request });
    else if (type === "ping") send({ type: "pong" });
    else if (type === "next") next(payload);
    else if (type === "error") finish(payload[0]?.message ?? CLOSED);
    else if (type === "complete") finish("The subscription has ended.");
  });
  socket.addEventListener("close", ({ code }) => {
    const refused = code === FORBIDDEN;
    finish(refused ? (readToken() ? REFUSED : NO_TOKEN) : CLOSED, refused);
  });
  return () => {
    over = true;
    socket.close(1000);
  };
}
