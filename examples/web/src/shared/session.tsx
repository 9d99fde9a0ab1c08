// The frame of both pages: asks for a token where there is none, and gives what is inside a client for it. A token that
// the server refuses is forgotten, and the page says so.
import { Provider } from "@urql/preact";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Connection, type Live, bearer, connect } from "./client";
import { LiveContext } from "./live";
import type { TokenStore } from "./token";

interface Props {
  store: TokenStore;
  /** Asks for a token; `ended` where the last one is good no more. */
  ask: (take: (token: string) => void, ended: boolean) => ComponentChildren;
  children: (leave: () => void) => ComponentChildren;
}

export function Session({ store, ask, children }: Props) {
  const [token, setToken] = useState(store.read);
  const [ended, setEnded] = useState(false);
  const [live, setLive] = useState<Live>("connecting");

  const leave = () => {
    store.forget();
    setToken("");
  };
  const connection: Connection | null = useMemo(() => {
    const refused = () => {
      leave();
      setEnded(true);
    };
    return token ? connect(bearer(token), { refused, live: setLive }) : null;
  }, [token]);

  // What is live for one token says nothing about the next.
  useEffect(() => {
    return () => {
      connection?.close();
      setLive("connecting");
    };
  }, [connection]);

  const take = (fresh: string) => {
    store.keep(fresh);
    setEnded(false);
    setToken(store.read());
  };
  if (!connection) return <>{ask(take, ended)}</>;
  return (
    <Provider value={connection.client} key={token}>
      <LiveContext.Provider value={live}>{children(leave)}</LiveContext.Provider>
    </Provider>
  );
}
