// Somebody else edited the rule meanwhile: what changed, and how to go on.
import { useLive } from "../../api/use-live";
import { Button } from "../../parts/button";
import { Notice } from "../../parts/states";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { type Draft, type Rule, conflicts, draftOf } from "./draft";
import { RuleChanges } from "./operations";
import { useSentence } from "./reading";
import type { EditorState } from "./use-editor";

export function Stale({ rule, editor: { base, draft, rebase } }: { rule: Rule; editor: EditorState }) {
  const { stale } = useTexts().ruleEffect;
  const format = useFormat();
  const { data } = useLive(RuleChanges, { rule: rule.id, first: 20 });
  const since = data?.history.nodes.filter(({ ruleAfter }) => ruleAfter && ruleAfter.version > (base.version ?? 0)) ?? [];
  const who = [...new Set(since.map(({ actor }) => actor ?? stale.someone))];
  const both = conflicts(base.draft, draft, draftOf(rule)).map((part) => stale.parts[part]);
  return (
    <Notice tone="warn" title={stale.title} role="alert">
      <p>{stale.by(who.length ? format.list(who) : stale.someone, format.time(rule.updatedAt))}</p>
      <p>
        <strong class="plain-strong">{stale.what}</strong>
      </p>
      <Difference before={base.draft} after={draftOf(rule)} />
      <p class="small">{stale.kept}</p>
      {both.length > 0 && <p class="small">{stale.conflict(format.list(both))}</p>}
      <div class="row">
        <Button size="small" variant="primary" onClick={() => rebase(true)}>
          {stale.continue}
        </Button>
        <Button size="small" onClick={() => rebase(false)}>
          {stale.discard}
        </Button>
      </div>
    </Notice>
  );
}

/** The parts that differ, before and after. */
export function Difference({ before, after }: { before: Draft; after: Draft }) {
  const { ruleEffect, common } = useTexts();
  const { stale } = ruleEffect;
  const { sentence } = useSentence();
  const yes = (is: boolean) => (is ? common.yes : common.no);
  const rows = [
    { term: stale.names, from: before.name, to: after.name },
    { term: stale.enabled, from: yes(before.enabled), to: yes(after.enabled) },
    { term: stale.sentence, from: sentence(before), to: sentence(after) },
  ].filter(({ from, to }) => from !== to);
  return (
    <dl class="difference">
      {rows.map(({ term, from, to }) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>
            <span class="unseen">{stale.before}: </span>
            <del>{from}</del>
          </dd>
          <dd>
            <span class="unseen">{stale.after}: </span>
            <ins>{to}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
}
