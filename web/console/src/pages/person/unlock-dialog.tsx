// Unlocks a door for a person, after a confirmation, and says what became of it.
import { useClient } from "@urql/preact";
import { useRef, useState } from "preact/hooks";
import type { AccessTargetsQuery, PersonQuery } from "../../gql/graphql";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Choice } from "../../parts/filters";
import { Notice, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { type Outcome, requestUnlock } from "./unlock";

interface Props {
  member: NonNullable<PersonQuery["member"]>;
  targets: AccessTargetsQuery;
  onClose: () => void;
}

export function UnlockDialog({ member, targets, onClose }: Props) {
  const { unlocking, common } = useTexts();
  const client = useClient();
  const doors = new Map(member.doors.map((door) => [door.lock.id, door]));
  const [lock, setLock] = useState(member.doors[0]?.lock.id ?? targets.locks.nodes[0]?.id ?? "");
  const [outcome, setOutcome] = useState<{ lock: string; of: Outcome } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isRunning = useRef(false);
  const name = targets.locks.nodes.find(({ id }) => id === lock)?.name ?? "";
  const choose = (id: string) => {
    setLock(id);
    setOutcome(null);
  };
  const unlock = async () => {
    // A second press comes before the first one has rendered.
    if (isRunning.current || !lock) return;
    isRunning.current = true;
    setBusy(true);
    setOutcome(null);
    setOutcome({ lock: name, of: await requestUnlock(client, member.id, lock) });
    setBusy(false);
    isRunning.current = false;
  };
  return (
    <Dialog
      isOpen
      title={unlocking.title(member.name)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{outcome?.of.kind === "unlocked" ? common.close : common.cancel}</Button>
          <Button variant="primary" isBusy={isBusy} onClick={() => void unlock()}>
            {outcome?.of.kind === "unlocked" ? unlocking.again : unlocking.submit}
          </Button>
        </>
      }
    >
      <p>{unlocking.lead}</p>
      <Locks member={member} targets={targets} lock={lock} onLock={choose} />
      {!doors.has(lock) && !outcome && (
        <Notice tone="warn">
          <p>{unlocking.notAllowed}</p>
        </Notice>
      )}
      <Restrictions restrictions={doors.get(lock)?.unlockRestrictions ?? []} />
      <div role="status">{outcome && <Result lock={outcome.lock} outcome={outcome.of} />}</div>
    </Dialog>
  );
}

function Locks({ member, targets, lock, onLock }: Omit<Props, "onClose"> & { lock: string; onLock: (id: string) => void }) {
  const { unlocking } = useTexts();
  const isAllowed = new Set(member.doors.map((door) => door.lock.id));
  const options = targets.locks.nodes.map(({ id, name, place }) => ({ value: id, label: place ? `${name} (${place.name})` : name }));
  return (
    <Choice
      label={unlocking.lock}
      value={lock}
      onValue={onLock}
      options={[]}
      groups={[
        { label: unlocking.allowed, options: options.filter(({ value }) => isAllowed.has(value)) },
        { label: unlocking.other, options: options.filter(({ value }) => !isAllowed.has(value)) },
      ]}
    />
  );
}

function Restrictions({ restrictions }: { restrictions: string[] }) {
  const { access, personWhy } = useTexts();
  if (restrictions.length === 0) return null;
  return (
    <Notice tone="warn" title={personWhy.restrictions}>
      <ul>
        {restrictions.map((one) => (
          <li key={one}>{textFor(access.restrictions, one)}</li>
        ))}
      </ul>
    </Notice>
  );
}

function Result({ lock, outcome }: { lock: string; outcome: Outcome }) {
  const { unlocking, access } = useTexts();
  if (outcome.kind === "unlocked") return <Notice tone="good" title={unlocking.unlocked(lock)} />;
  if (outcome.kind === "unknown") return <Notice tone="warn" title={unlocking.noAnswer} />;
  const { code, reason } = outcome;
  return (
    <Notice tone="bad" title={code ? `${unlocking.refused(lock)}: ${textFor(access.codes, code)}` : unlocking.refused(lock)}>
      <p>
        <ServerText>{reason}</ServerText>
      </p>
    </Notice>
  );
}
