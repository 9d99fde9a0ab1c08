// The member's page: doors that are open with their buttons, doors that are shut with the reason, kept up to date.
import { useQuery, useSubscription } from "@urql/preact";
import { useState } from "preact/hooks";
import { inWords } from "../shared/client";
import { nextOf, useFreshness, useLast } from "../shared/fresh";
import { Fault, LiveMark, News, Time } from "../shared/parts";
import { Door } from "./door";
import { Doors, Happened } from "./operations";
import { Shut, isShutDoor } from "./shut";

const NEWS: Record<string, string> = {
  GRANTED: "You may now pass at",
  CHANGED: "Your times changed at",
  REVOKED: "You may no longer pass at",
  SHARED: "You were given access to",
  SHARE_ENDED: "No longer shared with you:",
  SUSPENDED: "Your access is suspended",
  RESUMED: "Your access is back",
};

export function Page({ leave }: { leave: () => void }) {
  const [{ data: answer, error }, ask] = useQuery({ query: Doors });
  const data = useLast(answer);
  const [seen, setSeen] = useState(0);
  const [news, setNews] = useState({ kind: "", words: "" });

  const refresh = () => {
    ask();
    setSeen((count) => count + 1);
  };
  const [{ error: deaf }] = useSubscription({ query: Happened }, (_, happened) => {
    const event = happened.accessEvents;
    const words = NEWS[event.kind];
    if (words) setNews({ kind: event.kind, words: event.target ? `${words} ${event.target.name}.` : `${words}.` });
    refresh();
    return happened;
  });

  const member = data?.viewer.member;
  const shut = member?.access.filter(isShutDoor) ?? [];
  const ends = [...(member?.doors ?? []), ...(member?.access ?? [])].map(({ until }) => until);
  useFreshness(refresh, nextOf(ends, Date.now()));

  const zone = data?.club.timeZone ?? "UTC";
  return (
    <>
      <header class="bar">
        <h1>{data?.club.name ?? "My doors"}</h1>
        <LiveMark />
        <button type="button" class="plain" onClick={leave}>
          Sign out
        </button>
      </header>
      <main class="narrow">
        {error && <Fault>{inWords(error)}</Fault>}
        {deaf && <Fault>Changes do not come by themselves: {inWords(deaf)}</Fault>}
        <News kind={news.kind}>{news.words}</News>
        {member && (
          <>
            <p class="hello">Hello, {member.name}.</p>
            {member.suspension && (
              <Fault>
                Your access is suspended
                {member.suspension.until && (
                  <>
                    {" "}
                    until <Time at={member.suspension.until} zone={zone} />
                  </>
                )}
                . The front desk can tell you more.
              </Fault>
            )}
            <h2>Open to you now</h2>
            {member.doors.length === 0 && <p class="quiet">No door at the moment.</p>}
            <ul class="cards">
              {member.doors.map((door) => (
                <Door key={door.lock.id} door={door} zone={zone} pressed={refresh} />
              ))}
            </ul>
            {shut.length > 0 && (
              <>
                <h2>Shut to you now</h2>
                <ul class="cards">
                  {shut.map((decision) => (
                    <Shut key={decision.target.id} member={member.id} decision={decision} zone={zone} seen={seen} />
                  ))}
                </ul>
              </>
            )}
          </>
        )}
        {!data && !error && <p class="quiet">Asking for your doors…</p>}
        {data && !member && <Fault>This token is no member session. Sign out, and sign in as a member.</Fault>}
      </main>
    </>
  );
}
