// Who is signed in. Asks for a token or offers the company's sign-in where nobody is, and gives what is inside a connection.
// What the server refuses is forgotten, and the sign-in says so.
import { type Live, connect } from "@shared/client";
import { LiveContext } from "@shared/live";
import { tokenStore } from "@shared/token";
import { Provider } from "@urql/preact";
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import { navigate } from "../router/router";
import { type Holder, type SessionOffer, credentialsOf, endSession, readOffer } from "./offer";
import { SignIn } from "./sign-in";

// The playground's key: a query that is opened there needs no second sign-in.
const store = tokenStore("latchkey:token");
const RETURN_KEY = "latchkey:console-return";

interface Session {
  by: Holder["by"];
  signOut: () => void;
}

const SessionContext = createContext<Session>({ by: "token", signOut: () => {} });

export const useSession = () => useContext(SessionContext);

/** The page that was asked for before the way to the identity provider and back. */
export const rememberPage = () => sessionStorage.setItem(RETURN_KEY, location.pathname.replace(/^\/console/, "") + location.search);

function returnToPage() {
  const page = sessionStorage.getItem(RETURN_KEY);
  sessionStorage.removeItem(RETURN_KEY);
  if (page && page !== "/") navigate(page, { replace: true });
}

const storedHolder = (): Holder | null => (store.read() ? { by: "token", token: store.read() } : null);

export function SessionProvider({ children }: { children: ComponentChildren }) {
  const [offer, setOffer] = useState<SessionOffer | null>();
  const [holder, setHolder] = useState<Holder | null>(storedHolder);
  const [notice, setNotice] = useState<"token" | "session" | "signOutFailed">();

  useEffect(() => {
    void readOffer().then((answer) => {
      setOffer(answer);
      if (holder || !answer?.signedIn || !answer.csrf) return;
      returnToPage();
      setHolder({ by: "session", csrf: answer.csrf });
    });
  }, []);

  const forget = () => {
    store.forget();
    setHolder(null);
  };
  const take = (token: string) => {
    store.keep(token);
    setNotice(undefined);
    setHolder({ by: "token", token: store.read() });
  };
  const refused = (by: Holder["by"]) => {
    forget();
    setNotice(by);
  };
  const signOut = async () => {
    setNotice(undefined);
    const isEnded = holder?.by !== "session" || (await endSession(holder.csrf));
    forget();
    if (!isEnded) setNotice("signOutFailed");
  };

  if (holder) {
    return (
      <Connected key={JSON.stringify(holder)} holder={holder} refused={refused} signOut={() => void signOut()}>
        {children}
      </Connected>
    );
  }
  // Until it is known what the server offers, nothing can be asked.
  return offer === undefined ? null : <SignIn offer={offer} notice={notice} take={take} />;
}

interface ConnectedProps {
  holder: Holder;
  refused: (by: Holder["by"]) => void;
  signOut: () => void;
  children: ComponentChildren;
}

function Connected({ holder, refused, signOut, children }: ConnectedProps) {
  const [live, setLive] = useState<Live>("connecting");
  const connection = useMemo(
    () => connect(credentialsOf(holder), { refused: () => refused(holder.by), live: setLive }),
    [],
  );
  useEffect(() => () => connection.close(), [connection]);
  return (
    <SessionContext.Provider value={{ by: holder.by, signOut }}>
      <Provider value={connection.client}>
        <LiveContext.Provider value={live}>{children}</LiveContext.Provider>
      </Provider>
    </SessionContext.Provider>
  );
}
