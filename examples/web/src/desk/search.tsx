// Finding a person by name or e-mail, as it is typed.
import { useQuery } from "@urql/preact";
import { useEffect, useState } from "preact/hooks";
import { inWords } from "../shared/client";
import { useLast } from "../shared/fresh";
import { Fault } from "../shared/parts";
import { Search as SearchQuery } from "./operations";

/** How long nothing is typed before the server is asked. */
const STILL_MS = 200;

export function Search({ chosen, choose }: { chosen: string; choose: (member: string) => void }) {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), STILL_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const [{ data: answer, error }] = useQuery({ query: SearchQuery, variables: { search }, pause: search === "" });
  const data = useLast(answer);
  const found = search === "" ? undefined : data?.members;
  const more = found ? found.totalCount - found.nodes.length : 0;
  return (
    <section aria-label="Find a person" class="search">
      <label htmlFor="search">Name or e-mail</label>
      <input
        id="search"
        type="search"
        autoComplete="off"
        autoFocus
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {error && <Fault>{inWords(error)}</Fault>}
      <p class="quiet" role="status">
        {found && (found.totalCount === 0 ? "Nobody is found." : `${found.totalCount} found`)}
        {more > 0 && `, ${more} more: type on`}
      </p>
      <ul class="people">
        {found?.nodes.map(({ id, name, email, suspension }) => (
          <li key={id}>
            <button type="button" aria-current={id === chosen} onClick={() => choose(id)}>
              <strong>{name}</strong>
              <span class="quiet">{email ?? "no e-mail"}</span>
              {suspension && <span class="mark bad">suspended</span>}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
