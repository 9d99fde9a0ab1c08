// The rows of the list: who, what they hold, and which doors they open.
import { useRef } from "preact/hooks";
import type { PeopleQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { ServerText } from "../../parts/states";
import { Table } from "../../parts/table";
import { Link } from "../../router/router";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { type Held, standingOf } from "../person/standing";

type Person = PeopleQuery["members"]["nodes"][number];

const SHOWN = 3;

export function List({ people: rows }: { people: Person[] }) {
  const { people } = useTexts();
  const box = useRef<HTMLDivElement>(null);
  return (
    <div ref={box} class="compact-list" onKeyDown={(event) => moveFocus(event, box.current)}>
      <Table
        caption={people.list}
        keyOf={({ id }) => id}
        rows={rows}
        columns={[
          { header: people.name, cell: (person) => <Name person={person} /> },
          { header: people.holds, cell: ({ entitlements }) => <Holds entitlements={entitlements} /> },
          { header: people.access, cell: (person) => <Access person={person} /> },
        ]}
      />
    </div>
  );
}

/** The arrow keys move from name to name; the tab key still reaches each. */
export function moveFocus(event: KeyboardEvent, box: HTMLElement | null) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !box) return;
  const links = [...box.querySelectorAll<HTMLElement>(".person-link")];
  const at = links.findIndex((link) => link === document.activeElement);
  const next = links[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function Name({ person: { id, name, email, companies } }: { person: Person }) {
  const { people } = useTexts();
  return (
    <>
      <Link to={`/people/${id}`} class="person-link">
        {name}
      </Link>
      <div class="quiet small">{[email ?? people.noEmail, ...companies.map((company) => company.name)].join(" · ")}</div>
    </>
  );
}

function Holds({ entitlements }: { entitlements: Held[] }) {
  const { people, access } = useTexts();
  if (entitlements.length === 0) return <span class="quiet">{people.holdsNothing}</span>;
  return (
    <ul class="holds">
      {entitlements.slice(0, SHOWN).map((held) => {
        const { status, isGood, blocked } = standingOf(held);
        return (
          <li key={held.id}>
            {held.offering.name}
            {!isGood && <Badge tone="warn">{blocked ? textFor(access.blocked, blocked) : textFor(access.status, status)}</Badge>}
          </li>
        );
      })}
      {entitlements.length > SHOWN && <li class="quiet small">{people.more(entitlements.length - SHOWN)}</li>}
    </ul>
  );
}

function Access({ person: { doors, suspension, problems } }: { person: Person }) {
  const { people, access, common } = useTexts();
  const format = useFormat();
  return (
    <div class="access-cell">
      {suspension ? (
        <Badge tone="bad">
          {access.suspended}
          {suspension.until && ` ${common.until(format.time(suspension.until))}`}
        </Badge>
      ) : doors.length > 0 ? (
        <Badge tone="good">{access.doors(doors.length)}</Badge>
      ) : (
        <Badge tone="neutral">{people.noDoors}</Badge>
      )}
      {doors.length > 0 && <span class="quiet small">{format.list(doors.slice(0, SHOWN).map(({ lock }) => lock.name))}</span>}
      {problems.map(({ code, message }) => (
        <Badge key={code} tone="bad" icon="warn">
          <ServerText>{message}</ServerText>
        </Badge>
      ))}
    </div>
  );
}
