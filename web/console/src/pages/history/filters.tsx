// The filters of the history.
import { useEffect, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { CheckField, Field, SelectField, TextField } from "../../parts/field";
import { FilterBox } from "../../parts/filter-box";
import { useDebounced } from "../../parts/debounced";
import { MemberFilter } from "../../parts/member-filter";
import type { SearchState } from "../../parts/search-state";
import { textFor, useTexts } from "../../texts";
import { KINDS, kindsOf } from "./filter";
import "./history.css";
import { HistoryChoices } from "./operations";

export function Filters({ search }: { search: SearchState }) {
  const { history, parts } = useTexts();
  const { get, set } = search;
  const { data } = useLive(HistoryChoices, {});
  const rules = data?.rules.nodes ?? [];
  return (
    <FilterBox search={search} more={<Kinds search={search} />}>
      <MemberFilter value={get("member")} onValue={(member) => set({ member })} />
      <Target search={search} groups={data?.groups.nodes ?? []} doors={data?.locks.nodes ?? []} />
      <SelectField
        label={history.rule}
        isFilter
        value={get("rule")}
        onValue={(rule) => set({ rule })}
        options={[{ value: "", label: parts.all }, ...rules.map(({ id, name }) => ({ value: id, label: name }))]}
      />
      <Actor value={get("actor")} onValue={(actor) => set({ actor })} />
      <TextField label={history.from} type="date" isFilter value={get("from")} max={get("until")} onValue={(from) => set({ from })} />
      <TextField label={history.until} type="date" isFilter value={get("until")} min={get("from")} onValue={(until) => set({ until })} />
      <SelectField
        label={history.order}
        isFilter
        value={get("order")}
        onValue={(order) => set({ order })}
        options={[
          { value: "", label: history.newest },
          { value: "oldest", label: history.oldest },
        ]}
      />
    </FilterBox>
  );
}

interface Named {
  id: string;
  name: string;
}

function Target({ search: { get, set }, groups, doors }: { search: SearchState; groups: Named[]; doors: Named[] }) {
  const { history, parts } = useTexts();
  const options = (all: Named[]) =>
    all.map(({ id, name }) => (
      <option key={id} value={id}>
        {name}
      </option>
    ));
  return (
    <Field label={history.target} isFilter>
      {(control) => (
        <select {...control} value={get("target")} onChange={({ currentTarget }) => set({ target: currentTarget.value })}>
          <option value="">{parts.all}</option>
          <optgroup label={history.groups}>{options(groups)}</optgroup>
          <optgroup label={history.doors}>{options(doors)}</optgroup>
        </select>
      )}
    </Field>
  );
}

/** Goes into the address once nobody has typed for a moment. */
function Actor({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const { history } = useTexts();
  const [text, setText] = useState(value);
  const settled = useDebounced(text.trim(), 400);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (settled === text.trim() && settled !== value) onValue(settled);
  }, [settled]);
  return (
    <Field label={history.actor} isFilter>
      {(control) => (
        <input {...control} type="search" autoComplete="off" title={history.actorHint} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
      )}
    </Field>
  );
}

function Kinds({ search: { get, set } }: { search: SearchState }) {
  const { history } = useTexts();
  const chosen = kindsOf(get);
  const toggle = (kind: (typeof chosen)[number], isChosen: boolean) => {
    const next = isChosen ? [...chosen, kind] : chosen.filter((one) => one !== kind);
    set({ kinds: next.join(",") });
  };
  return (
    <details class="kinds" open={chosen.length > 0}>
      <summary>{history.kindFilter(chosen.length)}</summary>
      <div class="filter-grid">
        {(Object.keys(KINDS) as (keyof typeof KINDS)[]).map((group) => (
          <fieldset key={group}>
            <legend>{history.kindGroups[group]}</legend>
            {KINDS[group].map((kind) => (
              <CheckField
                key={kind}
                label={textFor(history.kinds, kind)}
                isChecked={chosen.includes(kind)}
                onChecked={(isChosen) => toggle(kind, isChosen)}
              />
            ))}
          </fieldset>
        ))}
      </div>
    </details>
  );
}
