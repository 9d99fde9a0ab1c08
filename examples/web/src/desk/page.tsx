// The desk's screen: a search beside the person who was chosen. Who that is stands behind the address's #, so that the
// screen can be loaded again.
import { useQuery } from "@urql/preact";
import { useEffect, useState } from "preact/hooks";
import { inWords } from "../shared/client";
import { Fault, LiveMark } from "../shared/parts";
import { Desk } from "./operations";
import { Person } from "./person";
import { Search } from "./search";

const inAddress = () => decodeURIComponent(location.hash.slice(1));

export function Page({ leave }: { leave: () => void }) {
  const [{ data, error }] = useQuery({ query: Desk });
  const [member, setMember] = useState(inAddress);
  useEffect(() => {
    const moved = () => setMember(inAddress());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  const choose = (id: string) => {
    location.hash = encodeURIComponent(id);
  };

  return (
    <>
      <header class="bar">
        <h1>{data ? `${data.club.name}: front desk` : "Front desk"}</h1>
        <LiveMark />
        <button type="button" class="plain" onClick={leave}>
          Forget the token
        </button>
      </header>
      <main class="desk">
        <Search chosen={member} choose={choose} />
        <div>
          {error && <Fault>{inWords(error)}</Fault>}
          {member && data ? (
            <Person key={member} id={member} zone={data.club.timeZone} locks={data.locks.nodes} />
          ) : (
            <p class="quiet">Who is at the door?</p>
          )}
        </div>
      </main>
    </>
  );
}
