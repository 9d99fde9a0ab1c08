// What happened at a door or group.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { Card } from "../../parts/card";
import { Pager, usePager } from "../../parts/pager";
import { Loaded } from "../../parts/states";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { EVENT_GROUPS, EventKinds, Events } from "../person/events";
import { DoorHistory } from "./operations";

const PAGE_SIZE = 10;

export function History({ id }: { id: string }) {
  const { door } = useTexts();
  const [kinds, setKinds] = useState("");
  const pager = usePager(PAGE_SIZE);
  const result = useLive(DoorHistory, { id, kinds: EVENT_GROUPS[kinds], ...pager.variables }, { keepPrevious: true });
  const choose = (value: string) => {
    pager.reset();
    setKinds(value);
  };
  return (
    <Card title={door.history} isFlush actions={<EventKinds value={kinds} onValue={choose} />}>
      <Loaded result={result}>
        {({ history }) => (
          <>
            <Events events={history.nodes} about={({ member }) => member && <Link to={`/people/${member.id}`}>{member.name}</Link>} />
            <Pager of={pager} page={history} />
          </>
        )}
      </Loaded>
    </Card>
  );
}
