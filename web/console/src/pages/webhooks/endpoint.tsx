// One endpoint: where it is, what is sent, whether that works, and its buttons.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { EndpointListQuery } from "../../gql/graphql";
import { Badge, type Tone } from "../../parts/badge";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { RemoveDialog, ReplayFailedDialog } from "./confirm";
import { EditDialog } from "./form";
import { UpdateEndpoint } from "./operations";
import { RotateDialog } from "./rotate";
import { TestDialog } from "./test";

export type Endpoint = EndpointListQuery["webhookEndpoints"][number];

export interface EndpointProps {
  endpoint: Endpoint;
  changed: () => unknown;
}

const TONES: Partial<Record<string, Tone>> = { ACTIVE: "good", PAUSED: "neutral", GONE: "bad" };

export function EndpointCard({ endpoint, changed }: EndpointProps) {
  const { webhooks } = useTexts();
  const format = useFormat();
  const { name, url, events, status, failingSince, oldSecretUntil, createdAt } = endpoint;
  const isFailing = status === "ACTIVE" && failingSince;
  return (
    <Card
      title={name}
      actions={isFailing ? <Badge tone="bad">{webhooks.failing}</Badge> : <Badge tone={TONES[status] ?? "neutral"}>{textFor(webhooks.statuses, status)}</Badge>}
    >
      {isFailing && <Notice tone="bad" title={webhooks.failingSince(format.time(failingSince))} />}
      {status === "GONE" && <Notice tone="bad" title={webhooks.gone} />}
      {status === "PAUSED" && <Notice tone="info" title={webhooks.paused} />}
      <dl class="facts">
        <dt>{webhooks.url}</dt>
        <dd>
          <code>{url}</code>
        </dd>
        <dt>{webhooks.events}</dt>
        <dd>{format.list(events.map((event) => textFor(webhooks.eventTypes, event)))}</dd>
        <dt>{webhooks.created}</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
      </dl>
      {oldSecretUntil && <p class="quiet small">{webhooks.oldSecret(format.time(oldSecretUntil))}</p>}
      <Actions endpoint={endpoint} changed={changed} />
    </Card>
  );
}

function Actions({ endpoint, changed }: EndpointProps) {
  const { webhooks } = useTexts();
  const [open, setOpen] = useState<"test" | "edit" | "rotate" | "remove" | "replay">();
  const dialog = { endpoint, changed, close: () => setOpen(undefined) };
  return (
    <div class="row" role="group" aria-label={endpoint.name}>
      <Button size="small" onClick={() => setOpen("test")}>
        {webhooks.test}
      </Button>
      <PauseButton endpoint={endpoint} changed={changed} />
      <Button size="small" onClick={() => setOpen("edit")}>
        {webhooks.edit}
      </Button>
      <Button size="small" onClick={() => setOpen("rotate")}>
        {webhooks.rotate}
      </Button>
      <Button size="small" onClick={() => setOpen("replay")}>
        {webhooks.replayFailed}
      </Button>
      <Button size="small" variant="danger" onClick={() => setOpen("remove")}>
        {webhooks.remove}
      </Button>
      {open === "test" && <TestDialog {...dialog} />}
      {open === "edit" && <EditDialog {...dialog} />}
      {open === "rotate" && <RotateDialog {...dialog} />}
      {open === "replay" && <ReplayFailedDialog {...dialog} />}
      {open === "remove" && <RemoveDialog {...dialog} />}
    </div>
  );
}

function PauseButton({ endpoint: { id, name, status }, changed }: EndpointProps) {
  const { webhooks } = useTexts();
  const toast = useToast();
  const update = useMutationWithErrors(UpdateEndpoint);
  const isActive = status === "ACTIVE";
  const toggle = async () => {
    if (!(await update.run({ input: { endpoint: id, paused: isActive } }))) return;
    toast(isActive ? webhooks.pausedDone(name) : webhooks.resumedDone(name));
    changed();
  };
  return (
    <>
      <Button size="small" isBusy={update.isBusy} onClick={() => void toggle()}>
        {isActive ? webhooks.pause : webhooks.resume}
      </Button>
      <ErrorSummary of={update} />
    </>
  );
}
