// Outbound webhooks: the endpoints, and the messages that were sent to them.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, Loaded } from "../../parts/states";
import { useTexts } from "../../texts";
import { EndpointCard } from "./endpoint";
import { CreateDialog } from "./form";
import { Messages } from "./messages";
import { EndpointList } from "./operations";

export function Page() {
  const { webhooks } = useTexts();
  const result = useLive(EndpointList, {});
  const [isCreating, setCreating] = useState(false);
  return (
    <>
      <PageHeader
        title={webhooks.title}
        lead={webhooks.lead}
        query={{ document: EndpointList }}
        actions={
          <Button variant="primary" icon="add" onClick={() => setCreating(true)}>
            {webhooks.create}
          </Button>
        }
      />
      <Loaded result={result}>
        {({ webhookEndpoints: endpoints }) => (
          <div class="stack">
            {endpoints.length === 0 && (
              <Card>
                <EmptyState title={webhooks.none} icon="webhooks">
                  <p class="quiet">{webhooks.noneDetail}</p>
                </EmptyState>
              </Card>
            )}
            {endpoints.map((endpoint) => (
              <EndpointCard key={endpoint.id} endpoint={endpoint} changed={result.refetch} />
            ))}
            <Messages endpoints={endpoints} />
          </div>
        )}
      </Loaded>
      {isCreating && <CreateDialog close={() => setCreating(false)} changed={result.refetch} />}
    </>
  );
}
