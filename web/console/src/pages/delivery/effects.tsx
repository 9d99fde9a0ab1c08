// What a delivery changed, from the history. The history has no filter by delivery: what follows its receipt is searched.
import { useLive } from "../../api/use-live";
import { Card } from "../../parts/card";
import { Loaded } from "../../parts/states";
import { useTexts } from "../../texts";
import { EventList } from "../history/events";
import { DeliveryEffects } from "./operations";
import type { Delivery } from "./page";

export function Effects({ delivery: { id, receivedAt, members } }: { delivery: Delivery }) {
  const { delivery: texts } = useTexts();
  const [only] = members;
  const member = members.length === 1 && only ? only.id : undefined;
  const result = useLive(DeliveryEffects, { filter: { from: receivedAt, member } });
  return (
    <Card title={texts.changes} isFlush>
      <Loaded result={result}>
        {({ history: { nodes, pageInfo } }) => {
          const own = nodes.filter(({ delivery }) => delivery?.id === id).map((event) => ({ ...event, delivery: null }));
          return (
            <>
              {own.length === 0 ? <p class="rows-empty quiet">{texts.noChanges}</p> : <EventList events={own} />}
              {pageInfo.hasNextPage && <p class="rows-empty quiet small">{texts.maybeMore}</p>}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}
