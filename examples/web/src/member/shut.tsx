// What is shut to the member now, and on demand why, and what would help.
import { useQuery } from "@urql/preact";
import { useEffect, useState } from "preact/hooks";
import type { DoorsQuery } from "../gql/graphql";
import { inWords } from "../shared/client";
import { Fault, Time } from "../shared/parts";
import { Why } from "./operations";

type Decision = NonNullable<DoorsQuery["viewer"]["member"]>["access"][number];
type DoorDecision = Decision & { target: { __typename: "Lock" } };

/** Decisions come for doors and for groups of doors: a member stands before doors. */
export const isShutDoor = (decision: Decision): decision is DoorDecision =>
  !decision.allowed && decision.target.__typename === "Lock";

/** `seen` is another value whenever the page asked anew: an answer that is open is asked for again. */
interface Props {
  member: string;
  decision: DoorDecision;
  zone: string;
  seen: number;
}

export function Shut(props: Props) {
  const { target, message } = props.decision;
  const [open, setOpen] = useState(false);
  return (
    <li class="shut">
      <h3>{target.name}</h3>
      <p>{message}</p>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          What would help?<span class="unseen"> {target.name}</span>
        </summary>
        {open && <Help {...props} />}
      </details>
    </li>
  );
}

const BY: Record<string, string> = {
  MEMBER: "you",
  DESK: "the front desk",
  CLUB_ADMIN: "the club",
  PLATFORM: "the booking platform",
  KISI_ADMIN: "whoever runs the doors",
};

function Help({ member, decision, zone, seen }: Props) {
  const variables = { member, target: decision.target.id };
  const [{ data, error, fetching }, again] = useQuery({ query: Why, variables });
  useEffect(() => {
    if (seen > 0) again();
  }, [seen]);

  if (error) return <Fault>{inWords(error)}</Fault>;
  if (!data) return <p class="quiet">{fetching && "Asking…"}</p>;
  const { fixes, nextChangeAt } = data.explain;
  return (
    <>
      {fixes.length > 0 ? (
        <ul class="fixes">
          {fixes.map((fix) => (
            <li key={fix.code + fix.message}>
              {fix.message} <span class="quiet">({fix.by.map((party) => BY[party] ?? party).join(" or ")})</span>
            </li>
          ))}
        </ul>
      ) : (
        <p>The front desk can tell you more.</p>
      )}
      {nextChangeAt && (
        <p class="quiet">
          This changes <Time at={nextChangeAt} zone={zone} />, if nothing else happens.
        </p>
      )}
    </>
  );
}
