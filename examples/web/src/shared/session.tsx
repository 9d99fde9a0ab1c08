// The frame of both pages: asks for a token where there is none, and gives what is inside a client for it. A token that
// the server refuses is forgotten, and the page says so.
import { type Client, Provider } from "@urql/preact";
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import { type Live, connect } from "./client";
import type { TokenStore } from "./token";

const LiveContext = createContext<Live>("connecting");

/** Whether events come in as they happen. */
export const useLiveState = () => useContext(LiveContext);

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
  const client: Client | null = useMemo(() => {
    const refused = () => {
      leave();
      setEnded(true);
    };
    return token ? connect(token, { refused, live: setLive }) : null;
  }, [token]);

  // What was live for one token says nothing of the next.
  useEffect(() => setLive("connecting"), [token]);

  const take = (fresh: string) => {
    store.keep(fresh);
    setEnded(false);
    setToken(store.read());
  };
  if (!client) return <>{ask(take, ended)}</>;
  return (
    <Provider value={client} key={token}>
      <LiveContext.Provider value={live}>{children(leave)}</LiveContext.Provider>
    </Provider>
  );
}
