// Tries an edit on the recorded door events.
import { useClient } from "@urql/preact";
import { useState } from "preact/hooks";
import { PageLink } from "..";
import { type Failure, failureOf } from "../../api/failure";
import type { BacktestRuleQuery, RuleChangeInput } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { SelectField, TextField } from "../../parts/field";
import { ErrorBox, Notice, ServerText } from "../../parts/states";
import { dayAfter, instantOf, startOfDay } from "../../parts/zone";
import { useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { BacktestRule } from "./changes";
import { type Draft, type Rule, inputOf } from "./draft";

type Outcome = BacktestRuleQuery["backtestRule"];
const PERIODS = { P7D: 7, P30D: 30, P90D: 90 } as const;

interface Props {
  rule: Rule | null;
  draft: Draft;
  /** Whether the edit is complete. */
  isPossible: boolean;
}

export function BackTest({ rule, draft, isPossible }: Props) {
  const { backTest: texts } = useTexts().ruleEffect;
  const test = useBackTest();
  const { timeZone } = useFormat();
  const [period, setPeriod] = useState("P30D");
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const input = inputOf(draft);
  const change: RuleChangeInput = rule ? { update: { rule: rule.id, input } } : { create: { ...input, name: input.name || "–" } };
  const days = PERIODS[period as keyof typeof PERIODS];
  const start = days ? new Date(startOfDay(Date.now(), timeZone, 1 - days)).toISOString() : instantOf(from, timeZone);
  const end = !days && until ? instantOf(dayAfter(until), timeZone) : null;
  const isStale = test.key !== null && test.key !== JSON.stringify(change);
  return (
    <Card title={texts.title}>
      <p class="quiet small">{texts.lead}</p>
      <SelectField
        label={texts.period}
        required
        value={period}
        onValue={setPeriod}
        options={(["P7D", "P30D", "P90D", "own"] as const).map((value) => ({ value, label: texts.periods[value] }))}
      />
      {!days && (
        <div class="pair">
          <TextField type="date" label={texts.from} required value={from} onValue={setFrom} />
          <TextField type="date" label={texts.until} value={until} min={from} onValue={setUntil} />
        </div>
      )}
      <div>
        <Button isBusy={test.isBusy} disabled={!isPossible || !start} onClick={() => start && test.run(change, start, end)}>
          {texts.run}
        </Button>
      </div>
      {test.failure && <ErrorBox failure={test.failure} />}
      <div role="status" class="stack tight">
        {test.outcome && isStale && <p class="quiet small">{texts.stale}</p>}
        {test.outcome && !isStale && <Result outcome={test.outcome} />}
      </div>
    </Card>
  );
}

function useBackTest() {
  const client = useClient();
  const [key, setKey] = useState<string | null>(null);
  const [outcome, setOutcome] = useState<Outcome>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const run = async (change: RuleChangeInput, from: string, until: string | null) => {
    setBusy(true);
    const { data, error } = await client.query(BacktestRule, { change, from, until }).toPromise();
    setBusy(false);
    setKey(JSON.stringify(change));
    setOutcome(data?.backtestRule);
    setFailure(error && failureOf(error));
  };
  return { key, outcome, failure, isBusy, run };
}

function Result({ outcome }: { outcome: Outcome }) {
  const { backTest: texts } = useTexts().ruleEffect;
  const format = useFormat();
  const { entryCount, refusalCount, refusedEntryCount, allowedRefusalCount, unexplainedCount, endsEarlyAt } = outcome;
  if (entryCount + refusalCount === 0) {
    return (
      <p>
        {texts.nothing} <span class="quiet">{texts.nothingHint}</span>
      </p>
    );
  }
  const isSame = refusedEntryCount + allowedRefusalCount === 0;
  return (
    <>
      <p>{texts.summary(entryCount, refusalCount)}</p>
      {isSame && <Notice tone="good" title={texts.allRight} />}
      <Events title={texts.refused(refusedEntryCount)} count={refusedEntryCount} events={outcome.refusedEntries} />
      <Events title={texts.allowed(allowedRefusalCount)} count={allowedRefusalCount} events={outcome.allowedRefusals} />
      {unexplainedCount > 0 && <p class="quiet small">{texts.unexplained(unexplainedCount)}</p>}
      {endsEarlyAt && <p class="quiet small">{texts.early(format.time(endsEarlyAt))}</p>}
    </>
  );
}

function Events({ title, count, events }: { title: string; count: number; events: Outcome["refusedEntries"] }) {
  if (count === 0) return null;
  return (
    <section class="stack tight">
      <h3>{title}</h3>
      <ul class="changes">
        {events.map(({ id, at, message, member }) => (
          <li key={id}>
            {member && (
              <PageLink to={`/people/${member.id}`} otherwise={member.name}>
                {member.name}
              </PageLink>
            )}
            <span class="quiet small">
              <Time at={at} /> · <ServerText>{message}</ServerText>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
