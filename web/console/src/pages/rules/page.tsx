// All rules in words, by what they open.
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import type { RuleListQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { LinkButton } from "../../parts/button";
import { Card } from "../../parts/card";
import { Choice, SearchBox } from "../../parts/filters";
import { PageHeader } from "../../parts/page-header";
import { Pager, usePager } from "../../parts/pager";
import { useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded } from "../../parts/states";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { Time } from "../../texts/format";
import { useSentence } from "../rule/reading";
import { RuleList } from "./operations";
import "./rules.css";

type Listed = RuleListQuery["rules"]["nodes"][number];

export function Page() {
  const { rules } = useTexts();
  const { may } = useViewer();
  const params = useSearchState();
  const pager = usePager(50);
  const search = params.get("search");
  const state = params.get("state");
  const enabled = state === "enabled" ? true : state === "disabled" ? false : null;
  const variables = { ...pager.variables, filter: { search: search || null, enabled } };
  const result = useLive(RuleList, variables, { keepPrevious: true });
  const set = (changes: Record<string, string>) => {
    pager.reset();
    params.set(changes);
  };
  const create = may("createRule") && (
    <LinkButton to="/rules/new" variant="primary" icon="add">
      {rules.create}
    </LinkButton>
  );
  return (
    <>
      <PageHeader title={rules.title} lead={rules.lead} query={{ document: RuleList, variables }} actions={create} />
      <div class="stack">
        <div class="rule-filters">
          <SearchBox label={rules.search} value={search} onSearch={(text) => set({ search: text })} />
          <Choice
            label={rules.state}
            value={state}
            onValue={(value) => set({ state: value })}
            options={[
              { value: "", label: rules.states.all },
              { value: "enabled", label: rules.states.enabled },
              { value: "disabled", label: rules.states.disabled },
            ]}
          />
        </div>
        <Loaded result={result}>
          {({ rules: page }) =>
            page.nodes.length === 0 ? (
              <Nothing isFiltered={Boolean(search || state)} showAll={() => set({ search: "", state: "" })} />
            ) : (
              <>
                <p class="unseen" role="status">
                  {rules.found(page.totalCount)}
                </p>
                {byTarget(page.nodes).map((group) => (
                  <TargetRules key={group[0]?.target.id} rules={group} />
                ))}
                <Pager of={pager} page={page} />
              </>
            )
          }
        </Loaded>
      </div>
    </>
  );
}

function byTarget(all: readonly Listed[]): Listed[][] {
  const groups = new Map<string, Listed[]>();
  for (const rule of all) groups.set(rule.target.id, [...(groups.get(rule.target.id) ?? []), rule]);
  return [...groups.values()].sort(([a], [b]) => (a?.target.name ?? "").localeCompare(b?.target.name ?? ""));
}

function TargetRules({ rules: all }: { rules: Listed[] }) {
  const { rules } = useTexts();
  const { sentence } = useSentence();
  const target = all[0]?.target;
  if (!target) return null;
  const isUnmanaged = target.__typename === "Group" && !target.managed;
  return (
    <Card
      isFlush
      title={
        <>
          {target.name} <span class="quiet small">{target.__typename === "Group" ? rules.group : rules.lock}</span>
        </>
      }
      actions={isUnmanaged && <Badge tone="warn">{rules.unmanaged}</Badge>}
    >
      <ul class="rows rule-list">
        {all.map((rule) => (
          <li key={rule.id} data-off={!rule.enabled}>
            <div class="row apart">
              <h3>
                <PageLink to={`/rules/${rule.id}`}>{rule.name}</PageLink>
              </h3>
              <Badge tone={rule.enabled ? "good" : "neutral"}>{rule.enabled ? rules.enabled : rules.disabled}</Badge>
            </div>
            <p>{sentence(rule)}</p>
            <p class="quiet small">
              {rules.changed}: <Time at={rule.updatedAt} />
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Nothing({ isFiltered, showAll }: { isFiltered: boolean; showAll: () => void }) {
  const { rules } = useTexts();
  const { may } = useViewer();
  if (isFiltered) {
    return (
      <EmptyState title={rules.nothingFound} icon="search">
        <p class="quiet">{rules.nothingFoundHint}</p>
        <button type="button" class="button small" onClick={showAll}>
          {rules.showAll}
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState title={rules.none} icon="rules">
      <p class="quiet">{may("createRule") ? rules.noneHint : rules.noneReadOnly}</p>
      <PageLink to="/setup?step=rule" class="button small">
        {rules.suggestions}
      </PageLink>
    </EmptyState>
  );
}
