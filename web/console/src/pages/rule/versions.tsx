// The edits of a rule, the latest first, each with what it changed.
import { useLive } from "../../api/use-live";
import { Card } from "../../parts/card";
import { Loaded, ServerText } from "../../parts/states";
import { useTexts } from "../../texts";
import { Time } from "../../texts/format";
import type { Draft, Rule } from "./draft";
import { RuleChanges } from "./operations";
import { Difference } from "./stale";

export function Versions({ rule }: { rule: Rule }) {
  const { changes: texts } = useTexts().ruleEffect;
  const result = useLive(RuleChanges, { rule: rule.id, first: 20 });
  // The API's versions have no target.
  const draftOf = (version: Omit<Draft, "target">): Draft => ({ ...version, target: rule.target });
  return (
    <Card title={texts.title} isFlush>
      <Loaded result={result}>
        {({ history: { nodes } }) => (
          <ol class="rows">
            {nodes.length === 0 && <li class="quiet">{texts.none}</li>}
            {nodes.map(({ id, at, actor, message, ruleBefore, ruleAfter }) => (
              <li key={id}>
                <p class="row apart">
                  <span>
                    <strong>{ruleAfter && texts.version(ruleAfter.version)}</strong> {actor && texts.by(actor)}
                  </span>
                  <span class="quiet small">
                    <Time at={at} />
                  </span>
                </p>
                {ruleBefore && ruleAfter ? (
                  <Difference before={draftOf(ruleBefore)} after={draftOf(ruleAfter)} />
                ) : (
                  <p class="quiet small">
                    <ServerText>{message}</ServerText>
                  </p>
                )}
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Card>
  );
}
