// The filters above the list.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { Button } from "../../parts/button";
import { Choice, Choices, type Option } from "../../parts/filters";
import { useTexts } from "../../texts";
import { type FilterKey, FILTERS, type Get, activeCount } from "./filter";
import { PeopleFilters } from "./operations";

interface Props {
  get: Get;
  set: (changes: Partial<Record<FilterKey, string>>) => void;
}

const optionsOf = (nodes: { id: string; name: string }[] = []): Option[] => nodes.map(({ id, name }) => ({ value: id, label: name.trim() }));

export function Filters({ get, set }: Props) {
  const { people } = useTexts();
  const active = activeCount(get);
  const [isOpen] = useState(() => active > 0 || matchMedia("(min-width: 40rem)").matches);
  const clear = () => set(Object.fromEntries(FILTERS.map((key) => [key, ""])));
  return (
    <details class="people-filters" open={isOpen}>
      <summary>
        {people.filters}
        {active > 0 && <span class="badge">{active}</span>}
      </summary>
      <div class="stack tight">
        <Choices>
          <DataChoices get={get} set={set} />
          <StateChoices get={get} set={set} />
        </Choices>
        {active > 0 && (
          <div class="row">
            <Button size="small" icon="close" onClick={clear}>
              {people.clear}
            </Button>
          </div>
        )}
      </div>
    </details>
  );
}

/** The filters whose choices come from the club's data. */
function DataChoices({ get, set }: Props) {
  const { people, access } = useTexts();
  const { data } = useLive(PeopleFilters, {});
  const any = [{ value: "", label: people.any }];
  const companies = optionsOf(data?.companies.nodes);
  return (
    <>
      <Choice
        label={people.door}
        value={get("target")}
        onValue={(target) => set({ target, allowed: target ? get("allowed") : "" })}
        options={any}
        groups={[
          { label: access.locks, options: optionsOf(data?.locks.nodes) },
          { label: access.groups, options: optionsOf(data?.groups.nodes) },
        ]}
      />
      {get("target") && (
        <Choice
          label={people.allowed}
          value={get("allowed")}
          onValue={(allowed) => set({ allowed })}
          options={[
            { value: "", label: people.withAccess },
            { value: "no", label: people.withoutAccess },
          ]}
        />
      )}
      <Choice
        label={people.plan}
        value={get("plan")}
        onValue={(plan) => set({ plan })}
        options={[...any, ...optionsOf(data?.offerings.nodes)]}
      />
      {companies.length > 0 && (
        <Choice label={people.company} value={get("company")} onValue={(company) => set({ company })} options={[...any, ...companies]} />
      )}
    </>
  );
}

/** The filters with fixed choices, and the order. */
function StateChoices({ get, set }: Props) {
  const { people } = useTexts();
  const either = (yes: string, no: string) => [
    { value: "", label: people.any },
    { value: "yes", label: yes },
    { value: "no", label: no },
  ];
  const entries = (texts: Record<string, string>) => Object.entries(texts).map(([value, label]) => ({ value, label }));
  return (
    <>
      <Choice
        label={people.suspended}
        value={get("suspended")}
        onValue={(suspended) => set({ suspended })}
        options={either(people.onlySuspended, people.notSuspended)}
      />
      <Choice
        label={people.problem}
        value={get("problem")}
        onValue={(problem) => set({ problem })}
        options={either(people.onlyProblems, people.noProblems)}
      />
      <Choice
        label={people.changed}
        value={get("changed")}
        onValue={(changed) => set({ changed })}
        options={entries(people.changedSince)}
      />
      <Choice label={people.order} value={get("order") || "NAME"} onValue={(order) => set({ order })} options={entries(people.orders)} />
    </>
  );
}
