// The home page: what needs a person first, then how Kisi and the sources are doing, and what happened last.
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import type { HomeQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Card } from "../../parts/card";
import { Icon } from "../../parts/icon";
import { PageHeader } from "../../parts/page-header";
import { Loaded, Notice, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { Time } from "../../texts/format";
import { type Item, attentionItems } from "./attention";
import "./home.css";
import { Home } from "./operations";

export function Page() {
  const texts = useTexts();
  const result = useLive(Home, {});
  return (
    <>
      <PageHeader title={texts.home.title} lead={texts.home.lead} query={{ document: Home }} />
      <Loaded result={result}>
        {(data) => (
          <div class="stack">
            <Attention items={attentionItems(data, texts)} />
            <div class="grid">
              <Accounts accounts={data.kisiAccounts} />
              <Sources sources={data.sources} />
            </div>
            <Latest events={data.history.nodes} />
          </div>
        )}
      </Loaded>
    </>
  );
}

function Attention({ items }: { items: Item[] }) {
  const { home } = useTexts();
  if (items.length === 0) {
    return (
      <Notice tone="good" title={home.allWell}>
        <p>{home.allWellDetail}</p>
      </Notice>
    );
  }
  return (
    <Card title={home.attention(items.length)} isFlush>
      <ul class="attention">
        {items.map(({ id, tone, title, details, action, link }) => (
          <li key={id} data-tone={tone}>
            <Icon name={tone} />
            <div class="stack tight">
              <h3>{title}</h3>
              {details.map((detail) => (
                <p key={detail}>
                  <ServerText>{detail}</ServerText>
                </p>
              ))}
              {action && <p class="quiet">{action}</p>}
            </div>
            {link && (
              <PageLink to={link.to} class="button small">
                {link.text}
              </PageLink>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Accounts({ accounts }: { accounts: HomeQuery["kisiAccounts"] }) {
  const { home, common } = useTexts();
  if (accounts.length === 0) return null;
  return (
    <Card title={home.kisiAccounts} isFlush>
      <ul class="rows">
        {accounts.map(({ id, name, status, backlog, lastReadAt, listening, groups }) => {
          const isConnected = status === "CONNECTED";
          const isOff = status === "DISCONNECTED" || status === "DISCONNECTING";
          return (
            <li key={id}>
              <div class="row apart">
                <h3>{name}</h3>
                <Badge tone={isConnected ? "good" : isOff ? "neutral" : "bad"}>{textFor(home.kisiStatus, status)}</Badge>
              </div>
              <p class="quiet small">
                {isConnected ? home.backlog(backlog) : home.backlogWaiting(backlog)} ·{" "}
                {home.managedGroups(groups.filter(({ managed }) => managed).length, groups.length)} ·{" "}
                {listening ? home.listening : home.notListening} · {home.lastRead}:{" "}
                {lastReadAt ? <Time at={lastReadAt} /> : common.never}
              </p>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Sources({ sources }: { sources: HomeQuery["sources"] }) {
  const { home, common } = useTexts();
  if (sources.length === 0) return null;
  return (
    <Card title={home.sources} isFlush>
      <ul class="rows">
        {sources.map(({ id, name, problems, lastDeliveryAt }) => (
          <li key={id}>
            <div class="row apart">
              <h3>{name}</h3>
              {problems.length === 0 ? (
                <Badge tone="good">{home.working}</Badge>
              ) : (
                <Badge tone="bad">{home.problems(problems.length)}</Badge>
              )}
            </div>
            <p class="quiet small">
              {home.lastDelivery}: {lastDeliveryAt ? <Time at={lastDeliveryAt} /> : common.never}
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Latest({ events }: { events: HomeQuery["history"]["nodes"] }) {
  const { home } = useTexts();
  return (
    <Card
      title={home.latest}
      isFlush
      actions={
        <PageLink to="/history" class="small">
          {home.wholeHistory}
        </PageLink>
      }
    >
      {events.length === 0 && <p class="rows-empty quiet">{home.noChanges}</p>}
      <ol class="rows">
        {events.map(({ id, at, message, cause, member }) => (
          <li key={id}>
            <p class="row apart">
              <ServerText>{message}</ServerText>
              <span class="quiet small">
                <Time at={at} />
              </span>
            </p>
            <p class="quiet small">
              {member && (
                <>
                  <PageLink to={`/people/${member.id}`} otherwise={member.name}>
                    {member.name}
                  </PageLink>
                  {" · "}
                </>
              )}
              <ServerText>{cause}</ServerText>
            </p>
          </li>
        ))}
      </ol>
    </Card>
  );
}
