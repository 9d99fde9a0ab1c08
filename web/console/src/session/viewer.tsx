// The caller and the club, read after the sign-in: what a page shows and offers depends on them.
import { type ComponentChildren, createContext } from "preact";
import { useContext, useMemo } from "preact/hooks";
import { useLive } from "../api/use-live";
import { graphql } from "../gql";
import type { ConsoleViewerQuery } from "../gql/graphql";
import type { MutationName, QueryName } from "../gql/names";
import { Button } from "../parts/button";
import { Loaded } from "../parts/states";
import { useTexts } from "../texts";
import { useSession } from "./session";

const ConsoleViewer = graphql(`
  query ConsoleViewer {
    viewer {
      role
      tokenName
      expiresAt
      queries
      mutations
    }
    club {
      id
      name
      timeZone
    }
  }
`);

export type Role = ConsoleViewerQuery["viewer"]["role"];

export interface Viewer {
  role: Role;
  /** The name of the token or the person; null for a member session. */
  name: string | null;
  expiresAt: string | null;
  club: ConsoleViewerQuery["club"];
  /** Whether the caller may use a mutation: `may("shareAccess")`. */
  may: (mutation: MutationName) => boolean;
  /** Whether the caller may use a query: `mayRead("tokens")`. */
  mayRead: (query: QueryName) => boolean;
}

const ViewerContext = createContext<Viewer | null>(null);

export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext);
  if (!viewer) throw new Error("useViewer outside of ViewerProvider");
  return viewer;
}

export function ViewerProvider({ children }: { children: ComponentChildren }) {
  const result = useLive(ConsoleViewer, {});
  return (
    <Loaded result={result} isWhole>
      {(data) => (data.viewer.role === "MEMBER" ? <MemberOnly /> : <Known data={data}>{children}</Known>)}
    </Loaded>
  );
}

/** A member session that the playground was given in this tab. */
function MemberOnly() {
  const { shell } = useTexts();
  const { signOut } = useSession();
  return (
    <main class="sign-in">
      <h1>{shell.memberOnly.title}</h1>
      <p>{shell.memberOnly.explanation}</p>
      <Button onClick={signOut}>{shell.signOut}</Button>
    </main>
  );
}

function Known({ data: { viewer, club }, children }: { data: ConsoleViewerQuery; children: ComponentChildren }) {
  const value = useMemo<Viewer>(() => {
    const mutations = new Set(viewer.mutations);
    const queries = new Set(viewer.queries);
    return {
      role: viewer.role,
      name: viewer.tokenName ?? null,
      expiresAt: viewer.expiresAt ?? null,
      club,
      may: (mutation) => mutations.has(mutation),
      mayRead: (query) => queries.has(query),
    };
  }, [JSON.stringify(viewer), JSON.stringify(club)]);
  return <ViewerContext.Provider value={value}>{children}</ViewerContext.Provider>;
}
