// One person: how it stands with them, which doors are open to them, why or why not, and what happened last. Asked anew
// with each event about them.
import { useQuery, useSubscription } from "@urql/preact";
import { useState } from "preact/hooks";
import type { DeskQuery, PersonQuery } from "../gql/graphql";
import { inWords } from "../shared/client";
import { nextOf, useFreshness, useLast } from "../shared/fresh";
import { Fault, News, Time } from "../shared/parts";
import { Explanation } from "./explanation";
import { Holdings } from "./holdings";
import { HappenedTo, Person as PersonQueryDocument } from "./operations";

type Locks = DeskQuery["locks"]["nodes"];
type Member = NonNullable<PersonQuery["member"]>;

export function Person({ id, zone, locks }: { id: string; zone: string; locks: Locks }) {
  const [{ data: answer, error }, ask] = useQuery({ query: PersonQueryDocument, variables: { member: id } });
  const data = useLast(answer);
  const [target, setTarget] = useState("");
  const [seen, setSeen] = useState(0);

  const refresh = () => {
    ask();
    setSeen((count) => count + 1);
  };
  const [{ data: latest, error: deaf }] = useSubscription({ query: HappenedTo, variables: { member: id } }, (_, event) => {
    refresh();
    return event;
  });
  const member = data?.member;
  const ends = [...(member?.doors ?? []), ...(member?.access ?? [])].map(({ until }) => until);
  useFreshness(refresh, nextOf(ends, Date.now()));

  if (!data) return error ? <Fault>{inWords(error)}</Fault> : <p class="quiet">Asking…</p>;
  if (!member) return <Fault>There is nobody of this id.</Fault>;
  return (
    <article aria-label={member.name}>
      {error && <Fault>{inWords(error)}</Fault>}
      {deaf && <Fault>Changes do not come by themselves: {inWords(deaf)}</Fault>}
      <Heading member={member} zone={zone} />
      <News kind={latest?.accessEvents.kind}>{latest?.accessEvents.message}</News>
      <h3>Doors</h3>
      <ul class="locks">
        {locks.map((lock) => {
          const door = member.doors.find((one) => one.lock.id === lock.id);
          return (
            <li key={lock.id}>
              <button type="button" aria-pressed={lock.id === target} onClick={() => setTarget(lock.id)}>
                <strong>{lock.name}</strong>
                <span class={door ? "mark good" : "mark bad"}>
                  {door ? "open" : "shut"}
                  {door?.until && (
                    <>
                      {" until "}
                      <Time at={door.until} zone={zone} />
                    </>
                  )}
                </span>
                {lock.online === false && <span class="mark bad">offline</span>}
              </button>
            </li>
          );
        })}
      </ul>
      {target ? (
        <Explanation key={target} member={id} target={target} zone={zone} seen={seen} />
      ) : (
        <p class="quiet">Choose a door to see why it is open or shut.</p>
      )}
      <Holdings entitlements={member.entitlements} zone={zone} />
      <h3>What happened last</h3>
      {data.history.nodes.length === 0 && <p class="quiet">Nothing yet.</p>}
      <ol class="history">
        {data.history.nodes.map(({ id, at, kind, message, cause }) => (
          <li key={id}>
            <Time at={at} zone={zone} /> <span class="mark">{kind.toLowerCase().replaceAll("_", " ")}</span>
            <div>
              {message} <span class="quiet">{cause}</span>
            </div>
          </li>
        ))}
      </ol>
    </article>
  );
}

function Heading({ member, zone }: { member: Member; zone: string }) {
  const { name, email, tags, companies, suspension, problems } = member;
  const about = [email ?? "no e-mail", ...companies.map((company) => company.name), ...tags];
  return (
    <>
      <h2>{name}</h2>
      <p class="quiet">{about.join(" · ")}</p>
      {suspension && (
        <Fault>
          Suspended: {suspension.reason}
          {suspension.until && (
            <>
              {", until "}
              <Time at={suspension.until} zone={zone} />
            </>
          )}
        </Fault>
      )}
      {problems.map(({ code, message }) => (
        <Fault key={code}>{message}</Fault>
      ))}
    </>
  );
}
