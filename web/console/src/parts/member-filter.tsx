// A filter by one person: a search while nobody is chosen, else the name with a button that removes it.
import { useState } from "preact/hooks";
import { useLive } from "../api/use-live";
import { graphql } from "../gql";
import { useTexts } from "../texts";
import { Button } from "./button";
import { useDebounced } from "./debounced";
import { Field } from "./field";
import { Icon } from "./icon";

const FilterMembers = graphql(`
  query FilterMembers($search: String!) {
    members(first: 6, filter: { search: $search }) {
      nodes {
        id
        name
        email
      }
    }
  }
`);

const FilterMember = graphql(`
  query FilterMember($id: ID!) {
    member(id: $id) {
      id
      name
    }
  }
`);

interface Props {
  /** The id of the chosen member; empty for everybody. */
  value: string;
  onValue: (id: string) => void;
}

export function MemberFilter({ value, onValue }: Props) {
  return value ? <Chosen value={value} onValue={onValue} /> : <Search value={value} onValue={onValue} />;
}

function Chosen({ value, onValue }: Props) {
  const { parts, common } = useTexts();
  const { data } = useLive(FilterMember, { id: value });
  const name = data?.member?.name ?? common.unknown;
  return (
    <div class="field" role="group" aria-label={parts.member}>
      <span class="field-title">{parts.member}</span>
      <Button onClick={() => onValue("")}>
        {name}
        <Icon name="close" size={15} />
        <span class="unseen">{parts.removeMember(name)}</span>
      </Button>
    </div>
  );
}

function Search({ onValue }: Props) {
  const { parts } = useTexts();
  const [text, setText] = useState("");
  const search = useDebounced(text.trim());
  const { data } = useLive(FilterMembers, { search }, { pause: search.length === 0, keepPrevious: true });
  const members = search ? (data?.members.nodes ?? []) : [];
  return (
    <div class="member-filter">
      <Field label={parts.member} isFilter>
        {(control) => (
          <input {...control} type="search" autoComplete="off" title={parts.memberHint} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        )}
      </Field>
      {search && data && (
        <ul class="member-choices">
          {members.length === 0 && <li class="quiet small">{parts.noMember}</li>}
          {members.map(({ id, name, email }) => (
            <li key={id}>
              <button type="button" onClick={() => onValue(id)}>
                {name} <span class="quiet small">{email}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
