// One listener for the club's changes: pages ask again when something happened. Events carry no data that is shown, since
// what may be shown is decided by the query of a page.
import { useLiveState } from "@shared/live";
import { useClient } from "@urql/preact";
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useRef } from "preact/hooks";
import { graphql } from "../gql";

const AccessChanged = graphql(`
  subscription AccessChanged {
    accessEvents {
      id
    }
  }
`);

const DeliveryChanged = graphql(`
  subscription DeliveryChanged {
    deliveries {
      id
    }
  }
`);

type Listener = () => void;
interface Changes {
  listen: (listener: Listener) => () => void;
}

const ChangesContext = createContext<Changes>({ listen: () => () => {} });

const EVERY_MS = 60_000;

export function LiveProvider({ children }: { children: ComponentChildren }) {
  const client = useClient();
  const live = useLiveState();
  const listeners = useRef(new Set<Listener>());
  const announce = () => {
    for (const listener of listeners.current) listener();
  };
  const changes = useMemo<Changes>(
    () => ({
      listen: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [],
  );

  useEffect(() => {
    const feeds = [client.subscription(AccessChanged, {}), client.subscription(DeliveryChanged, {})];
    const open = feeds.map((feed) => feed.subscribe(({ data }) => data && announce()));
    return () => {
      for (const feed of open) feed.unsubscribe();
    };
  }, [client]);

  // Not everything has an event, such as the state of a Kisi account; and a hidden page may have slept.
  useEffect(() => {
    const seen = () => document.visibilityState === "visible" && announce();
    const timer = setInterval(seen, EVERY_MS);
    document.addEventListener("visibilitychange", seen);
    addEventListener("online", announce);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", announce);
    };
  }, []);

  const wasAway = useRef(false);
  useEffect(() => {
    // Events during a break are not sent later.
    if (live === "live" && wasAway.current) announce();
    if (live !== "connecting") wasAway.current = live === "away";
  }, [live]);

  return <ChangesContext.Provider value={changes}>{children}</ChangesContext.Provider>;
}

export const useChanges = () => useContext(ChangesContext);
