// Why a person has access to a door or group, or has none: at any time, and as it was known at any time.
import { useEffect, useRef, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import type { AccessTargetsQuery } from "../../gql/graphql";
import { Card } from "../../parts/card";
import { useDebounced } from "../../parts/debounced";
import { TextField } from "../../parts/field";
import { Choice } from "../../parts/filters";
import { PlaygroundLink } from "../../parts/page-header";
import { Loaded } from "../../parts/states";
import { instantOf, localOf } from "../../parts/zone";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { Explanation } from "./explanation";
import type { Opens } from "./actions";
import { PersonWhy } from "./why-operation";
import "./why.css";

interface Props {
  member: string;
  targets: AccessTargetsQuery;
  target: string;
  onTarget: (id: string) => void;
  knownSince: string | null;
  opens: Opens;
}

/** When the question is about, and when it is asked as of; null means now. */
interface Times {
  at: string | null;
  asKnownAt: string | null;
}

const namesOf = (nodes: { id: string; name: string }[]) => nodes.map(({ id, name }) => ({ value: id, label: name.trim() }));

export function Why({ member, targets, target, onTarget, knownSince, opens }: Props) {
  const { personWhy, access } = useTexts();
  const { timeZone } = useFormat();
  const [at, setAt] = useState("");
  const [asKnownAt, setAsKnownAt] = useState("");
  const asKnown = instantOf(asKnownAt, timeZone);
  const isLost = asKnown !== null && knownSince !== null && asKnown < knownSince;
  const times: Times = {
    at: useDebounced(instantOf(at, timeZone)),
    asKnownAt: useDebounced(isLost ? null : asKnown),
  };
  return (
    <Card
      title={personWhy.title}
      actions={target && <PlaygroundLink document={PersonWhy} variables={{ member, target, ...times }} />}
    >
      <div class="why-form">
        <Choice
          label={personWhy.target}
          value={target}
          onValue={onTarget}
          options={[{ value: "", label: personWhy.choose }]}
          groups={[
            { label: access.locks, options: namesOf(targets.locks.nodes) },
            { label: access.groups, options: namesOf(targets.groups.nodes) },
          ]}
        />
        <details>
          <summary>{personWhy.more}</summary>
          <div class="grid">
            <TextField label={personWhy.at} hint={personWhy.atHint} required type="datetime-local" value={at} onValue={setAt} />
            <AsKnownAt value={asKnownAt} onValue={setAsKnownAt} knownSince={knownSince} isLost={isLost} />
          </div>
        </details>
      </div>
      {target ? (
        <Answer key={target} member={member} target={target} times={times} opens={opens} />
      ) : (
        <p class="quiet">{personWhy.lead}</p>
      )}
    </Card>
  );
}

interface AsKnownAtProps {
  value: string;
  onValue: (value: string) => void;
  knownSince: string | null;
  isLost: boolean;
}

function AsKnownAt({ value, onValue, knownSince, isLost }: AsKnownAtProps) {
  const { personWhy } = useTexts();
  const { timeZone, time } = useFormat();
  return (
    <TextField
      label={personWhy.asKnownAt}
      hint={personWhy.asKnownAtHint}
      required
      type="datetime-local"
      max={localOf(Date.now(), timeZone)}
      value={value}
      onValue={onValue}
      error={isLost && knownSince ? personWhy.tooEarly(time(knownSince)) : undefined}
    />
  );
}

interface AnswerProps {
  member: string;
  target: string;
  times: Times;
  opens: Opens;
}

function Answer({ member, target, times, opens }: AnswerProps) {
  const result = useLive(PersonWhy, { member, target, ...times }, { keepPrevious: true });
  const box = useRef<HTMLDivElement>(null);
  // A name in the timeline, far above, may have been pressed.
  useEffect(() => box.current?.parentElement?.parentElement?.scrollIntoView({ block: "nearest" }), [target]);
  return (
    <div ref={box} aria-live="polite" aria-busy={result.isLoading}>
      <Loaded result={result}>
        {({ explain }) => <Explanation explain={explain} target={target} isNow={!times.at && !times.asKnownAt} opens={opens} />}
      </Loaded>
    </div>
  );
}
