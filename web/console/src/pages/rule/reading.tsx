// A rule to read: its sentence, and its conditions for those who may not edit it.
import { Badge } from "../../parts/badge";
import { Card } from "../../parts/card";
import { Scope } from "../../parts/scope";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { type Draft, type Rule, draftOf } from "./draft";
import { clause, sentence } from "./sentence";

/** Functions that put rules into words in the chosen language. */
export function useSentence() {
  const { rule } = useTexts();
  const format = useFormat();
  const words = { texts: rule.sentence, format };
  return {
    sentence: (draft: Pick<Draft, "target" | "conditions">) => sentence(draft, words),
    clause: (condition: Draft["conditions"][number]) => clause(condition, words),
  };
}

export function InWords({ draft }: { draft: Draft }) {
  const { rule } = useTexts();
  const words = useSentence();
  return (
    <section class="in-words" aria-label={rule.inWords}>
      <p>{words.sentence(draft)}</p>
      {!draft.enabled && <p class="quiet small">{rule.enabledHint}</p>}
    </section>
  );
}

export function ReadOnly({ rule }: { rule: Rule }) {
  const { rule: texts, rules } = useTexts();
  const { clause: clauseOf } = useSentence();
  return (
    <>
      <InWords draft={draftOf(rule)} />
      <Card title={texts.form} actions={<Badge tone={rule.enabled ? "good" : "neutral"}>{rule.enabled ? rules.enabled : rules.disabled}</Badge>}>
        <dl class="facts">
          <dt>{texts.target}</dt>
          <dd>
            <Scope of={rule.target} />
          </dd>
          {rule.conditions.map((condition, index) => (
            <Fragments key={index} term={texts.types[condition.__typename]} text={clauseOf(condition)} />
          ))}
        </dl>
      </Card>
    </>
  );
}

function Fragments({ term, text }: { term: string; text: string }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{text}</dd>
    </>
  );
}
