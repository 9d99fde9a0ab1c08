// Who a person is and how it stands with them: facts, and what needs attention.
import type { ComponentChildren } from "preact";
import type { PersonQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Card } from "../../parts/card";
import { Notice, ServerText } from "../../parts/states";
import { Link } from "../../router/router";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";

type Member = NonNullable<PersonQuery["member"]>;

export function Facts({ member }: { member: Member }) {
  const { person, people, access } = useTexts();
  const format = useFormat();
  const sources = [...new Set(member.entitlements.map(({ source }) => source.name))];
  const accounts = member.kisiUsers.map(({ account }) => person.kisiUser(account.name));
  return (
    <Card>
      <div class="row">
        {member.suspension ? (
          <Badge tone="bad">{access.suspended}</Badge>
        ) : member.doors.length > 0 ? (
          <Badge tone="good">{access.allowed}</Badge>
        ) : (
          <Badge tone="neutral">{access.denied}</Badge>
        )}
        {member.doors.length > 0 && <span>{person.opensNow(format.list(member.doors.map(({ lock }) => lock.name)))}</span>}
      </div>
      <dl class="fact-grid">
        <Fact name={person.email}>{member.email ?? <span class="quiet">{people.noEmail}</span>}</Fact>
        <Fact name={person.sources}>{sources.length > 0 ? format.list(sources) : <span class="quiet">{person.enteredByStaff}</span>}</Fact>
        <Fact name={person.kisi}>{accounts.length > 0 ? format.list(accounts) : <span class="quiet">{person.noKisiUser}</span>}</Fact>
        {member.companies.length > 0 && (
          <Fact name={person.companies}>
            {member.companies.map(({ id, name }) => (
              <Link key={id} to={`/people?company=${id}`}>
                {name}
              </Link>
            ))}
          </Fact>
        )}
        {member.tags.length > 0 && <Fact name={person.tags}>{format.list(member.tags)}</Fact>}
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Warnings({ member: { suspension, erasure, problems } }: { member: Member }) {
  const { person } = useTexts();
  const format = useFormat();
  return (
    <>
      {erasure && <Notice tone="warn" title={textFor(person.erasure, erasure.state)} />}
      {suspension && (
        <Notice tone="bad" title={suspension.until ? person.suspendedUntil(format.time(suspension.until)) : person.suspendedOpen}>
          <p>{person.reason(suspension.reason)}</p>
          <p class="quiet small">
            <Time at={suspension.createdAt} />
          </p>
        </Notice>
      )}
      {problems.map(({ code, message }) => (
        <Notice key={code} tone="warn">
          <p>
            <ServerText>{message}</ServerText>
          </p>
        </Notice>
      ))}
    </>
  );
}
