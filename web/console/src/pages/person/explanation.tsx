// The answer to why: the decision, what would help, and each rule in detail.
import { PageLink } from "..";
import type { PersonWhyQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Notice, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { Opens } from "./actions";
import { Fixes } from "./fixes";

export type Explained = PersonWhyQuery["explain"];

interface Props {
  explain: Explained;
  target: string;
  /** Whether it is about the present, so that something can be done about it. */
  isNow: boolean;
  opens: Opens;
}

export function Explanation({ explain, target, isNow, opens }: Props) {
  const { personWhy, access } = useTexts();
  const format = useFormat();
  const { decision, nextChangeAt, fixes, kisiProblem, unlockRestrictions } = explain;
  return (
    <div class="stack tight">
      <Notice tone={decision.allowed ? "good" : "bad"} title={textFor(access.codes, decision.code)}>
        <p>
          <ServerText>{decision.message}</ServerText>
        </p>
        {nextChangeAt && <p class="quiet small">{decision.allowed ? personWhy.until(format.time(nextChangeAt)) : personWhy.next(format.time(nextChangeAt))}</p>}
      </Notice>
      {kisiProblem && (
        <Notice tone="warn" title={personWhy.kisi}>
          <p>
            <ServerText>{kisiProblem}</ServerText>
          </p>
        </Notice>
      )}
      {unlockRestrictions.length > 0 && (
        <Notice tone="warn" title={personWhy.restrictions}>
          <ul>
            {unlockRestrictions.map((one) => (
              <li key={one}>{textFor(access.restrictions, one)}</li>
            ))}
          </ul>
        </Notice>
      )}
      {fixes.length > 0 && <Fixes fixes={fixes} target={target} isNow={isNow} opens={opens} />}
      <Rules rules={explain.rules} />
      <Shares shares={explain.shares} />
      <Grants grants={explain.grants} />
    </div>
  );
}

function Rules({ rules }: { rules: Explained["rules"] }) {
  const { personWhy } = useTexts();
  if (rules.length === 0) return <p class="quiet">{personWhy.noRules}</p>;
  return (
    <details class="why-details">
      <summary>{personWhy.rules}</summary>
      <ul class="why-rules">
        {rules.map(({ rule, holds, conditions }) => (
          <li key={rule.id}>
            <div class="row">
              <PageLink to={`/rules/${rule.id}`} otherwise={<strong>{rule.name}</strong>}>
                {rule.name}
              </PageLink>
              <Badge tone={holds ? "good" : "bad"}>{holds ? personWhy.holds : personWhy.fails}</Badge>
            </div>
            <p class="quiet">
              <ServerText>{rule.summary}</ServerText>
            </p>
            <Conditions conditions={conditions} />
          </li>
        ))}
      </ul>
    </details>
  );
}

function Conditions({ conditions }: { conditions: Explained["rules"][number]["conditions"] }) {
  const { personWhy, access } = useTexts();
  const format = useFormat();
  return (
    <ul class="why-conditions small">
      {conditions.map(({ condition, holds, because, nearMisses }, at) => (
        // Conditions have no id, and their order is the rule's.
        <li key={at}>
          {textFor(access.conditions, condition.__typename)}: {holds ? personWhy.holds : personWhy.fails}
          {because.length > 0 && ` ${personWhy.because(format.list(because.map(({ offering }) => offering.name)))}`}
          {nearMisses.map(({ code, message }) => (
            <p key={code + message}>
              {personWhy.nearly} <ServerText>{message}</ServerText>
            </p>
          ))}
        </li>
      ))}
    </ul>
  );
}

function Shares({ shares }: { shares: Explained["shares"] }) {
  const { personWhy } = useTexts();
  const format = useFormat();
  if (shares.length === 0) return null;
  const lines = shares.map(({ from, until, note }) => [format.span(from, until), note && `(${note})`].filter(Boolean).join(" "));
  return (
    <p>
      {personWhy.shares}: {format.list(lines)}
    </p>
  );
}

function Grants({ grants }: { grants: Explained["grants"] }) {
  const { personWhy, access } = useTexts();
  const format = useFormat();
  if (grants.length === 0) return null;
  return (
    <div class="small">
      <strong>{personWhy.grants}</strong>
      <ul class="quiet">
        {grants.map(({ id, state, problem, target, validFrom, validUntil }) => (
          <li key={id}>
            {target.name.trim()}: {textFor(access.grants, state)}, {format.span(validFrom, validUntil)}
            {problem && (
              <>
                {" · "}
                <ServerText>{problem}</ServerText>
              </>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
