// Step 4: the first rule, from what memberships and groups have in common.
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import type { SuggestionsQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { LinkButton } from "../../parts/button";
import { Loaded, Notice, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { useSentence } from "../rule/reading";
import { Suggestions } from "./operations";
import type { StepProps } from "./page";
import type { Source } from "./progress";

type Suggested = SuggestionsQuery["suggestRules"];
type Suggestion = Suggested["suggestions"][number];

export function RuleStep({ data }: StepProps) {
  const { rule } = useTexts().setup;
  const { sources, offerings, rules } = data;
  return (
    <>
      <p class="quiet">{rule.lead}</p>
      {rules.totalCount > 0 && (
        <p>
          {rule.rulesExist(rules.totalCount)} <PageLink to="/rules">{rule.all}</PageLink>
        </p>
      )}
      {sources.length === 0 && <Notice tone="info" title={rule.noSource} />}
      {sources.length > 0 && offerings.totalCount === 0 && <Notice tone="info" title={rule.noOfferings} />}
      {offerings.totalCount > 0 && sources.map((source) => <OfSource key={source.id} source={source} isNamed={sources.length > 1} />)}
      <div>
        <LinkButton to="/rules/new?from=setup" icon="add">
          {rule.own}
        </LinkButton>
      </div>
    </>
  );
}

function OfSource({ source, isNamed }: { source: Source; isNamed: boolean }) {
  const { rule } = useTexts().setup;
  const result = useLive(Suggestions, { source: source.id });
  return (
    <section class="stack tight" aria-label={source.name}>
      {isNamed && <h3>{source.name}</h3>}
      <Loaded result={result}>
        {({ suggestRules }) => (
          <>
            {suggestRules.suggestions.length === 0 && <p class="quiet">{isNamed ? rule.nothingHere : rule.nothing}</p>}
            {suggestRules.suggestions.map((suggestion) => (
              <One key={JSON.stringify(suggestion.input)} suggestion={suggestion} />
            ))}
            <Unclear suggested={suggestRules} />
          </>
        )}
      </Loaded>
    </section>
  );
}

function One({ suggestion }: { suggestion: Suggestion }) {
  const { setup, common } = useTexts();
  const { rule } = setup;
  const { sentence } = useSentence();
  const { group, conditions, input, reason, existing, preview } = suggestion;
  const target = { __typename: "Group" as const, ...group };
  const names = preview.gains.nodes.map(({ member }) => member.name).join(", ");
  const more = preview.gainCount > preview.gains.nodes.length ? "…" : "";
  const covered = preview.gainCount > 0 ? `${rule.covers(common.people(preview.gainCount))}: ${names}${more}` : rule.coversNobody;
  return (
    <div class="box stack tight">
      <div class="row apart">
        <p>
          <strong>{sentence({ target, conditions })}</strong>
        </p>
        <Badge tone="neutral">{textFor(rule.reasons, reason)}</Badge>
      </div>
      {existing ? (
        <p>
          {rule.exists} <PageLink to={`/rules/${existing.id}`}>{existing.name}</PageLink>
        </p>
      ) : (
        <>
          <p class="quiet small">{group.managed ? covered : rule.unmanaged}</p>
          <div>
            <LinkButton to={`/rules/new?from=setup&input=${encodeURIComponent(JSON.stringify(input))}`} variant="primary" size="small">
              {rule.create}
            </LinkButton>
          </div>
        </>
      )}
    </div>
  );
}

function Unclear({ suggested: { unknownGroups, ambiguousNames, itemGroups } }: { suggested: Suggested }) {
  const { rule } = useTexts().setup;
  const messages = [...unknownGroups, ...ambiguousNames, ...itemGroups].map(({ message }) => message);
  if (messages.length === 0) return null;
  return (
    <details class="people">
      <summary>
        {rule.unclear} ({messages.length})
      </summary>
      <ul class="bullets small">
        {messages.map((message) => (
          <li key={message}>
            <ServerText>{message}</ServerText>
          </li>
        ))}
      </ul>
    </details>
  );
}
