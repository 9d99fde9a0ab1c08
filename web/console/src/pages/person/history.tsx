// What happened to a person.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { Card } from "../../parts/card";
import { Pager, usePager } from "../../parts/pager";
import { Scope } from "../../parts/scope";
import { Loaded } from "../../parts/states";
import { useTexts } from "../../texts";
import { EVENT_GROUPS, EventKinds, Events } from "./events";
import { PersonHistory } from "./time-operations";

const PAGE_SIZE = 10;

export function History({ member }: { member: string }) {
  const { personLists } = useTexts();
  const [kinds, setKinds] = useState("");
  const pager = usePager(PAGE_SIZE);
  const result = useLive(PersonHistory, { id: member, kinds: EVENT_GROUPS[kinds], ...pager.variables }, { keepPrevious: true });
  const choose = (value: string) => {
    pager.reset();
    setKinds(value);
  };
  return (
    <Card title={personLists.history} isFlush actions={<EventKinds value={kinds} onValue={choose} />}>
      <Loaded result={result}>
        {({ history }) => (
          <>
            <Events events={history.nodes} about={({ target }) => target && <Scope of={target} />} />
            <Pager of={pager} page={history} />
          </>
        )}
      </Loaded>
    </Card>
  );
}
