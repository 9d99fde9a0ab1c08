// Managing a group, or managing it otherwise, after it is shown who keeps, gains and loses access in it; and no longer managing it.
import { useEffect, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { useMutationWithErrors } from "../../api/use-mutation";
import type { TakeOverPreviewQuery } from "../../gql/graphql";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary, Loaded, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useTexts } from "../../texts";
import { StartManaging } from "./changes";
import { TakeOverPreview } from "./operations";
import type { Group } from "./progress";
import { Radios } from "./radios";

type Preview = TakeOverPreviewQuery["previewGroup"];
type Policy = "KEEP" | "REMOVE";
type Choice = Policy | "STOP";

interface Props {
  group: Group;
  onClose: () => void;
  onDone: () => Promise<void>;
}

export function TakeOver({ group, onClose, onDone }: Props) {
  const { groups } = useTexts().setup;
  const toast = useToast();
  const [choice, setChoice] = useState<Choice>(group.strangers === "REMOVE" ? "REMOVE" : "KEEP");
  const isStop = choice === "STOP";
  const strangers = isStop ? "KEEP" : choice;
  const [read, setRead] = useState<Policy | null>(null);
  // Each preview reads the group from Kisi: once for each policy, not after each change in the club.
  const preview = useLive(TakeOverPreview, { group: group.id, strangers }, { pause: read === strangers || isStop });
  useEffect(() => {
    if (preview.data) setRead(strangers);
  }, [preview.data]);
  const mutation = useMutationWithErrors(StartManaging);
  const isStale = mutation.userErrors.some(({ code }) => code === "STALE");
  const name = group.name.trim();
  const shown = preview.data?.previewGroup;
  const basedOn = shown?.basedOn;
  const isLoss = shown !== undefined && shown.removedCount + removedLater(shown, strangers) > 0;
  const manage = async () => {
    if (isStop) {
      if (!(await mutation.run({ input: { group: group.id, managed: false } }))) return;
    } else {
      if (!basedOn) return;
      if (!(await mutation.run({ input: { group: group.id, managed: true, strangers }, basedOn }))) return preview.refetch();
    }
    toast(isStop ? groups.stopped(name) : groups.done(name));
    onClose();
    await onDone();
  };
  return (
    <Confirm
      isOpen
      title={group.managed ? groups.changeTitle(name) : groups.title(name)}
      confirm={isStop ? groups.stop : group.managed ? groups.confirmChange : groups.confirm}
      isDanger={!isStop && isLoss}
      isBusy={mutation.isBusy || (!basedOn && !isStop)}
      onConfirm={manage}
      onCancel={onClose}
    >
      <Radios
        label={groups.policy}
        value={choice}
        onValue={setChoice}
        options={(group.managed ? (["KEEP", "REMOVE", "STOP"] as const) : (["KEEP", "REMOVE"] as const)).map((value) => ({
          value,
          label: groups.policies[value],
          hint: groups.policyHints[value],
        }))}
      />
      <div aria-live="polite" class="stack">
        {!isStop && !preview.data && !preview.failure && <p class="quiet">{groups.reading}</p>}
        {!isStop && <Loaded result={preview}>{({ previewGroup }) => <Effect preview={previewGroup} strangers={strangers} />}</Loaded>}
      </div>
      {isStale ? <Notice tone="warn" role="alert" title={groups.stale} /> : <ErrorSummary of={mutation} />}
    </Confirm>
  );
}

const KINDS = [
  { kind: "removed", tone: "bad" },
  { kind: "granted", tone: "good" },
  { kind: "adopted", tone: "info" },
  { kind: "kept", tone: "info" },
] as const;

/** How many assignments the first rule of the group puts at risk: nothing is removed before. */
function removedLater(preview: Preview, strangers: Policy): number {
  return !preview.hasRule && strangers === "REMOVE" ? preview.keptCount : 0;
}

function Effect({ preview, strangers }: { preview: Preview; strangers: Policy }) {
  const { groups } = useTexts().setup;
  const counts = { removed: preview.removedCount, granted: preview.grantedCount, adopted: preview.adoptedCount, kept: preview.keptCount };
  const later = removedLater(preview, strangers);
  const isNobody = Object.values(counts).every((count) => count === 0);
  return (
    <>
      {!preview.hasRule && <Notice tone="info" title={groups.noRule} />}
      {later > 0 && (
        <Notice tone="warn" title={groups.removedLater(later)}>
          <span class="small">{groups.removedLaterHint}</span>
        </Notice>
      )}
      {preview.hasRule && isNobody && <Notice tone="info" title={groups.nobody} />}
      {KINDS.filter(({ kind }) => counts[kind] > 0).map(({ kind, tone }) => (
        <People
          key={kind}
          tone={tone}
          title={groups.counts[kind](counts[kind])}
          hint={preview.hasRule ? groups.hints[kind] : ""}
          people={preview[kind].nodes}
          count={counts[kind]}
        />
      ))}
    </>
  );
}

interface PeopleProps {
  tone: "good" | "bad" | "info";
  title: string;
  hint: string;
  people: Preview["kept"]["nodes"];
  count: number;
}

function People({ tone, title, hint, people, count }: PeopleProps) {
  const { groups } = useTexts().setup;
  const names = people.map(({ name, email }) => name || email || "–");
  return (
    <details class="people" data-tone={tone} open={tone === "bad" || count <= 5}>
      <summary>{title}</summary>
      {hint && <p class="quiet small">{hint}</p>}
      <p class="small">
        {names.join(", ")}
        {count > names.length && ` ${groups.more(count - names.length)}`}
      </p>
    </details>
  );
}
