// The search and the filters above a list. What is chosen goes into the address (search-state.ts).
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import "./filters.css";
import { Icon } from "./icon";

const TYPING_MS = 250;

interface SearchProps {
  label: string;
  placeholder?: string;
  value: string;
  /** Called once nothing was typed for a moment. */
  onSearch: (text: string) => void;
  autoFocus?: boolean;
}

export function SearchBox({ label, placeholder, value, onSearch, autoFocus }: SearchProps) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  const latest = useRef(onSearch);
  latest.current = onSearch;
  useEffect(() => {
    const text = typed.trim();
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      latest.current(text);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    // Something else changed the search, such as a button that removes all filters.
    if (value === sent.current) return;
    sent.current = value;
    setTyped(value);
  }, [value]);
  return (
    <div class="search-box">
      <label class="unseen" htmlFor={id}>
        {label}
      </label>
      <Icon name="search" />
      <input
        id={id}
        type="search"
        autoComplete="off"
        spellcheck={false}
        autoFocus={autoFocus}
        placeholder={placeholder ?? label}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
    </div>
  );
}

export interface Option {
  value: string;
  label: string;
}

interface ChoiceProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  options: readonly Option[];
  /** Further options under headings. */
  groups?: readonly { label: string; options: readonly Option[] }[];
}

const optionsOf = (options: readonly Option[]) =>
  options.map(({ value, label }) => (
    <option key={value} value={value}>
      {label}
    </option>
  ));

/** A select with a small label: one of a row of filters. */
export function Choice({ label, value, onValue, options, groups = [] }: ChoiceProps) {
  const id = useId();
  return (
    <div class="choice" data-active={value !== "" && value !== options[0]?.value}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {optionsOf(options)}
        {groups
          .filter((group) => group.options.length > 0)
          .map((group) => (
            <optgroup key={group.label} label={group.label}>
              {optionsOf(group.options)}
            </optgroup>
          ))}
      </select>
    </div>
  );
}

export function Choices({ children }: { children: ComponentChildren }) {
  return <div class="choices">{children}</div>;
}
