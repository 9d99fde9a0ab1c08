// Whom a change concerns, by name and from when, and what is suspicious about it.
import { useState } from "preact/hooks";
import { PageLink } from "..";
import { Button } from "../../parts/button";
import { ErrorBox, Loading, Notice } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { AccessChart } from "./chart";
import type { FieldErrors } from "./errors";
import { type AccessChange, firstDifference } from "./spans";
import { MOST_LISTED, type Preview, type PreviewState, lossCount, nameOfRemoved } from "./use-preview";
import { Warnings } from "./warnings";

interface Props {
  state: PreviewState;
  errors: FieldErrors;
  /** The target, for the chart; none while a rule is deleted. */
  target?: string;
  isChart?: boolean;
  /** The rule that is edited: its warnings come first. */
  rule?: string;
}

export function PreviewPanel({ state: { preview, isCurrent, failure, ask }, errors, target, isChart = true, rule }: Props) {
  const { ruleEffect: texts } = useTexts();
  if (failure) return <ErrorBox failure={failure} retry={() => ask()} />;
  if (errors.all.length > 0) return <Missing errors={errors} />;
  if (!preview) return <Loading />;
  return (
    <div class="stack" aria-busy={!isCurrent}>
      <p class="unseen" role="status">
        {isCurrent ? summary(preview, texts) : texts.updating}
      </p>
      <Effect preview={preview} isCurrent={isCurrent} />
      <People kind="gains" count={preview.gainCount} changes={preview.gains.nodes} />
      <People kind="losses" count={preview.lossCount} changes={preview.losses.nodes} />
      <Removed preview={preview} />
      {isChart && <AccessChart preview={preview} target={target} />}
      <Warnings warnings={preview.warnings} own={rule} />
    </div>
  );
}

export function summary(preview: Preview, texts: ReturnType<typeof useTexts>["ruleEffect"]): string {
  return `${texts.gains(preview.gainCount)}, ${texts.losses(lossCount(preview))}.`;
}

function Missing({ errors }: { errors: FieldErrors }) {
  const { ruleEffect } = useTexts();
  return (
    <div class="stack tight">
      <p class="quiet">{ruleEffect.incomplete}</p>
      <p class="quiet small">{ruleEffect.missing}</p>
      <ul class="bullets quiet small">
        {errors.all.map((message) => (
          <li key={message}>{message}</li>
        ))}
      </ul>
    </div>
  );
}

const TONES = { NONE: "info", ADDS_ONLY: "good", REMOVES_ONLY: "warn", ADDS_AND_REMOVES: "warn" } as const;

function Effect({ preview, isCurrent }: { preview: Preview; isCurrent: boolean }) {
  const { ruleEffect } = useTexts();
  const tone = TONES[preview.effect] ?? "info";
  return (
    <Notice tone={tone} title={textFor(ruleEffect.effects, preview.effect)}>
      {!isCurrent && <span class="quiet small">{ruleEffect.updating}</span>}
    </Notice>
  );
}

function Heading({ kind, children }: { kind: "gains" | "losses"; children: string }) {
  return (
    <h3 class="row" data-tone={kind === "gains" ? "good" : "bad"}>
      <span class="sign" aria-hidden="true">
        {kind === "gains" ? "+" : "−"}
      </span>
      {children}
    </h3>
  );
}

const SHORT = 8;

function People({ kind, count, changes }: { kind: "gains" | "losses"; count: number; changes: readonly AccessChange[] }) {
  const { ruleEffect } = useTexts();
  const [isAll, setAll] = useState(false);
  if (count === 0) return null;
  const shown = isAll ? changes : changes.slice(0, SHORT);
  return (
    <section class="stack tight">
      <Heading kind={kind}>{ruleEffect[kind](count)}</Heading>
      <ul class="changes">
        {shown.map((change) => (
          <Person key={change.member.id + change.target.id} change={change} kind={kind} />
        ))}
      </ul>
      {changes.length > shown.length && (
        <Button size="small" variant="plain" onClick={() => setAll(true)}>
          {ruleEffect.showAll(changes.length)}
        </Button>
      )}
      {isAll && count > changes.length && <p class="quiet small">{ruleEffect.onlyFirst(MOST_LISTED)}</p>}
    </section>
  );
}

/** Those whom somebody else let in in Kisi, and whom the group's first rule does not allow. */
function Removed({ preview: { removed, removedCount } }: { preview: Preview }) {
  const { ruleEffect } = useTexts();
  if (removedCount === 0) return null;
  const names = removed.nodes.map(nameOfRemoved);
  return (
    <section class="stack tight">
      <Heading kind="losses">{ruleEffect.removed(removedCount)}</Heading>
      <p class="quiet small">{ruleEffect.removedHint}</p>
      <ul class="changes">
        {names.map((name, index) => (
          <li key={`${index} ${name}`}>{name}</li>
        ))}
      </ul>
      {removedCount > names.length && <p class="quiet small">{ruleEffect.onlyFirst(names.length)}</p>}
    </section>
  );
}

function Person({ change: { member, target, before, after }, kind }: { change: AccessChange; kind: "gains" | "losses" }) {
  const { ruleEffect } = useTexts();
  const format = useFormat();
  const now = Date.now();
  const at = kind === "gains" ? firstDifference(after, before, now) : firstDifference(before, after, now);
  const when = at === null ? ruleEffect.inFuture : at <= now + 60_000 ? ruleEffect.fromNow : ruleEffect.from(format.time(new Date(at).toISOString()));
  const { until } = kind === "gains" ? (after.at(-1) ?? { until: null }) : { until: null };
  return (
    <li>
      <PageLink to={`/people/${member.id}`} otherwise={member.name}>
        {member.name}
      </PageLink>
      <span class="quiet small">
        {target.name} · {when}
        {until && !until.startsWith("9999") && ` ${ruleEffect.until(format.time(until))}`}
      </span>
    </li>
  );
}
