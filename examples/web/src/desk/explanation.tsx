// Why a door is open or shut to a person, what nearly let them in, what would help and who can do it.
import { useQuery } from "@urql/preact";
import { useEffect } from "preact/hooks";
import type { ExplainQuery } from "../gql/graphql";
import { inWords } from "../shared/client";
import { useLast } from "../shared/fresh";
import { Fault, Time } from "../shared/parts";
import { spanWords } from "../shared/times";
import { Explain } from "./operations";

type Explained = ExplainQuery["explain"];

const BY: Record<string, string> = {
  MEMBER: "the member",
  DESK: "you at the desk",
  CLUB_ADMIN: "an admin of the club",
  PLATFORM: "the platform",
  KISI_ADMIN: "whoever runs Kisi",
};

interface Props {
  member: string;
  target: string;
  zone: string;
  /** Another value whenever something happened. */
  seen: number;
}

export function Explanation({ member, target, zone, seen }: Props) {
  const [{ data: answer, error }, again] = useQuery({ query: Explain, variables: { member, target } });
  const data = useLast(answer);
  useEffect(() => {
    if (seen > 0) again();
  }, [seen]);

  if (!data) return error ? <Fault>{inWords(error)}</Fault> : <p class="quiet">Asking why…</p>;
  const { decision, fixes, nextChangeAt, rules, shares, grants } = data.explain;
  return (
    <section class="card why" aria-label="Why" aria-live="polite">
      {error && <Fault>{inWords(error)}</Fault>}
      <p class="verdict" data-allowed={decision.allowed}>
        {decision.message}
      </p>
      {fixes.length > 0 && (
        <>
          <h4>What would help</h4>
          <ul class="fixes">
            {fixes.map((fix) => (
              <li key={fix.message}>
                {fix.message} <span class="quiet">({fix.by.map((party) => BY[party] ?? party).join(" or ")})</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <Rules rules={rules} />
      {shares.map((share) => (
        <p key={share.id}>
          Given by hand: {spanWords(share.from ?? null, share.until ?? null, zone)}
          {share.note && ` (${share.note})`}
        </p>
      ))}
      {grants.map((grant) => (
        <p key={grant.id} class="quiet">
          Kisi: {grant.state.toLowerCase()}
          {grant.problem && `, ${grant.problem}`}
        </p>
      ))}
      {nextChangeAt && (
        <p class="quiet">
          Changes next <Time at={nextChangeAt} zone={zone} />, if nothing else happens.
        </p>
      )}
    </section>
  );
}

function Rules({ rules }: { rules: Explained["rules"] }) {
  if (rules.length === 0) return <p>No rule is about this door.</p>;
  return (
    <ul class="rules">
      {rules.map(({ rule, holds, conditions }) => (
        <li key={rule.id}>
          <span class={holds ? "mark good" : "mark bad"}>{holds ? "holds" : "does not hold"}</span>{" "}
          <strong>{rule.name}</strong>
          <div class="quiet">{rule.summary}</div>
          {conditions.map(({ because, nearMisses }, at) => (
            // Conditions have no id, and their order is the rule's.
            <ul key={at} class="because">
              {because.map((held) => (
                <li key={held.id}>by {held.offering.name}</li>
              ))}
              {nearMisses.map((miss) => (
                <li key={miss.code + miss.message}>nearly: {miss.message}</li>
              ))}
            </ul>
          ))}
        </li>
      ))}
    </ul>
  );
}
