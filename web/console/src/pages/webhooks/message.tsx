// One message: its attempts, its content, and sending it again.
import { useState } from "preact/hooks";
import { PageLink, type PageProps } from "..";
import { useLive } from "../../api/use-live";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { OneMessageQuery } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Confirm } from "../../parts/dialog";
import { JsonText } from "../../parts/json";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, ErrorSummary, Loaded, ServerText } from "../../parts/states";
import { Table } from "../../parts/table";
import { useToast } from "../../parts/toast";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { MessageStatus } from "./messages";
import { OneMessage, ReplayMessages } from "./operations";
import { tookText } from "./took";

type Message = Extract<NonNullable<OneMessageQuery["node"]>, { webhookId: unknown }>;

export const isMessage = (node: OneMessageQuery["node"] | undefined): node is Message => Boolean(node && "webhookId" in node);

export function Page({ params: { id = "" } }: PageProps) {
  const { webhooks, webhookMessage } = useTexts();
  const result = useLive(OneMessage, { id });
  const message = isMessage(result.data?.node) ? result.data.node : undefined;
  const missing = result.data ? webhookMessage.missing : webhooks.messages;
  return (
    <>
      <PageHeader
        title={message ? webhookMessage.title(textFor(webhooks.eventTypes, message.event)) : missing}
        back={{ to: "/webhooks", label: webhooks.title }}
        query={{ document: OneMessage, variables: { id } }}
        actions={message && <ReplayButton id={id} changed={result.refetch} />}
      />
      <Loaded result={result}>
        {() =>
          message ? (
            <div class="stack">
              <Facts message={message} />
              <Attempts attempts={message.attempts} />
              <Card title={webhookMessage.body}>
                <JsonText label={webhookMessage.body} text={message.body} />
              </Card>
            </div>
          ) : (
            <EmptyState title={webhookMessage.missing} icon="search">
              <p class="quiet">{webhookMessage.missingDetail}</p>
            </EmptyState>
          )
        }
      </Loaded>
    </>
  );
}

function ReplayButton({ id, changed }: { id: string; changed: () => unknown }) {
  const { webhooks } = useTexts();
  const toast = useToast();
  const [isOpen, setOpen] = useState(false);
  const replay = useMutationWithErrors(ReplayMessages);
  const confirm = async () => {
    const payload = await replay.run({ input: { messages: [id] } });
    if (!payload) return;
    toast(webhooks.replayed(payload.replayed ?? 0));
    setOpen(false);
    changed();
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>{webhooks.replay}</Button>
      <Confirm isOpen={isOpen} title={webhooks.replayTitle} confirm={webhooks.replay} isBusy={replay.isBusy} onConfirm={confirm} onCancel={() => setOpen(false)}>
        <p>{webhooks.replayText}</p>
        <ErrorSummary of={replay} />
      </Confirm>
    </>
  );
}

function Facts({ message: { status, endpoint, member, createdAt, nextAttemptAt, finishedAt, webhookId } }: { message: Message }) {
  const { webhooks, webhookMessage } = useTexts();
  const format = useFormat();
  return (
    <Card>
      <dl class="facts">
        <dt>{webhooks.status}</dt>
        <dd class="row">
          <MessageStatus status={status} />
          {status === "WAITING" && nextAttemptAt && <span class="quiet">{webhooks.nextAttempt(format.time(nextAttemptAt))}</span>}
        </dd>
        <dt>{webhooks.endpoint}</dt>
        <dd>
          {endpoint.name} <code>{endpoint.url}</code>
        </dd>
        {member && (
          <>
            <dt>{webhooks.about}</dt>
            <dd>
              <PageLink to={`/people/${member.id}`} otherwise={member.name}>
                {member.name}
              </PageLink>
            </dd>
          </>
        )}
        <dt>{webhooks.at}</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
        {finishedAt && (
          <>
            <dt>{webhookMessage.finished}</dt>
            <dd>
              <Time at={finishedAt} />
            </dd>
          </>
        )}
        <dt>{webhookMessage.id}</dt>
        <dd>
          <code>{webhookId}</code>
        </dd>
      </dl>
    </Card>
  );
}

function Attempts({ attempts }: { attempts: Message["attempts"] }) {
  const { webhookMessage } = useTexts();
  const format = useFormat();
  return (
    <Card title={webhookMessage.attempts} isFlush>
      {attempts.length === 0 ? (
        <p class="rows-empty quiet">{webhookMessage.noAttempts}</p>
      ) : (
        <Table
          caption={webhookMessage.attempts}
          rows={attempts}
          keyOf={({ at }) => at}
          columns={[
            { header: webhookMessage.attemptAt, cell: ({ at }) => <Time at={at} /> },
            {
              header: webhookMessage.result,
              cell: ({ statusCode, problem }) => (
                <>
                  {statusCode ? webhookMessage.status(statusCode) : webhookMessage.noResponse}
                  {problem && (
                    <>
                      {": "}
                      <ServerText>{problem}</ServerText>
                    </>
                  )}
                </>
              ),
            },
            { header: webhookMessage.duration, cell: ({ duration }) => tookText(duration, format.locale) },
            { header: webhookMessage.response, cell: ({ response }) => (response ? <code>{response}</code> : "–") },
          ]}
        />
      )}
    </Card>
  );
}
