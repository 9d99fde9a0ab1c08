// Choosing several of the offerings or locations that the sources report: the chosen ones first, then a search.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import type { OfferingChoicesQueryVariables } from "../../gql/graphql";
import { Icon } from "../../parts/icon";
import { useTexts } from "../../texts";
import type { Named } from "./draft";
import { LocationChoices, OfferingChoices } from "./operations";
import { useDebounced } from "../../parts/debounced";

interface Labels {
  label: string;
  hint?: string;
  error?: string;
}

interface Chosen {
  chosen: readonly Named[];
  onChosen: (chosen: Named[]) => void;
}

/** A group of controls with a legend, a hint and an error. */
export function Fieldset({ label, hint, error, children }: Labels & { children: ComponentChildren }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <fieldset class="field" aria-describedby={described || undefined}>
      <legend>{label}</legend>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {children}
      {error && (
        <p class="error" id={`${id}-error`}>
          <Icon name="bad" size={16} />
          {error}
        </p>
      )}
    </fieldset>
  );
}

/** What is chosen, each with a button that removes it. */
export function Chips({ names, onRemove }: { names: readonly { id: string; name: string; note?: string }[]; onRemove: (id: string) => void }) {
  const { rule } = useTexts();
  if (names.length === 0) return null;
  return (
    <ul class="chips" aria-label={rule.picker.chosen}>
      {names.map(({ id, name, note }) => (
        <li key={id}>
          <span>
            {name} {note && <span class="quiet small">({note})</span>}
          </span>
          <button type="button" onClick={() => onRemove(id)}>
            <Icon name="close" size={14} />
            <span class="unseen">{rule.picker.removeChoice(name)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

interface ListProps extends Chosen {
  /** What the boxes stand for. */
  label: string;
  found: readonly (Named & { note?: string })[];
  more: number;
  /** Shown where there is nothing at all. */
  nothing: string;
  search?: string;
  onSearch?: (text: string) => void;
}

function Choosable({ label, chosen, onChosen, found, more, nothing, search, onSearch }: ListProps) {
  const { rule } = useTexts();
  const isChosen = (id: string) => chosen.some((one) => one.id === id);
  const remove = (id: string) => onChosen(chosen.filter((one) => one.id !== id));
  const isSearchable = onSearch && (more > 0 || found.length > 6 || search);
  return (
    <>
      <Chips names={chosen} onRemove={remove} />
      {isSearchable && (
        <input
          type="search"
          aria-label={`${label}: ${rule.picker.search}`}
          placeholder={rule.picker.search}
          value={search}
          onInput={(event) => onSearch(event.currentTarget.value)}
          // It would save the rule.
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
      )}
      {found.length === 0 && <p class="quiet small">{search ? rule.picker.nothing : nothing}</p>}
      <ul class="choosable">
        {found.map(({ id, name, note }) => (
          <li key={id}>
            <label>
              <input
                type="checkbox"
                checked={isChosen(id)}
                onChange={() => (isChosen(id) ? remove(id) : onChosen([...chosen, { id, name }]))}
              />
              <span>
                {name} {note && <span class="quiet small">({note})</span>}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet small">{rule.picker.more(more)}</p>}
    </>
  );
}

export function OfferingPicker({ kinds, label, hint, error, ...rest }: Labels & Chosen & { kinds: NonNullable<OfferingChoicesQueryVariables["kinds"]> }) {
  const { rule } = useTexts();
  const [search, setSearch] = useState("");
  const settled = useDebounced(search);
  const { data } = useLive(OfferingChoices, { search: settled || null, kinds }, { keepPrevious: true });
  const nodes = data?.offerings.nodes ?? [];
  const found = nodes.map(({ id, name, source }) => ({ id, name, note: source.name }));
  return (
    <Fieldset label={label} hint={hint} error={error}>
      {data && (
        <Choosable
          {...rest}
          label={label}
          found={found}
          more={data.offerings.totalCount - nodes.length}
          nothing={rule.picker.noOfferings}
          search={search}
          onSearch={setSearch}
        />
      )}
    </Fieldset>
  );
}

/** The API has no search of locations: the first 250 are listed. */
export function LocationPicker({ error, ...rest }: Chosen & { error?: string }) {
  const { rule } = useTexts();
  const { data } = useLive(LocationChoices, {});
  const [search, setSearch] = useState("");
  const nodes = data?.locations.nodes ?? [];
  const isMatch = ({ name }: Named) => name.toLowerCase().includes(search.trim().toLowerCase());
  const found = nodes.filter(isMatch).map(({ id, name, source }) => ({ id, name, note: source.name }));
  return (
    <Fieldset label={rule.fields.locations} hint={rule.fields.locationsHint} error={error}>
      <Choosable {...rest} label={rule.fields.locations} found={found} more={0} nothing={rule.fields.noLocations} search={search} onSearch={setSearch} />
    </Fieldset>
  );
}
