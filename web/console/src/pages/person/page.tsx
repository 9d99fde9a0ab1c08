// One person: how it stands with them, when and why which doors open, and what staff do about it.
import { useState } from "preact/hooks";
import type { PageProps } from "..";
import { useLive } from "../../api/use-live";
import type { PersonQuery } from "../../gql/graphql";
import "../../parts/lists.css";
import { PageHeader } from "../../parts/page-header";
import { useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded } from "../../parts/states";
import { Link } from "../../router/router";
import { useTexts } from "../../texts";
import { Actions, type DialogName, Dialogs } from "./actions";
import { PersonalData } from "./data";
import { Entitlements } from "./entitlements";
import { Facts, Warnings } from "./facts";
import { History } from "./history";
import { AccessTargets, Person } from "./operations";
import "./person.css";
import { Shares } from "./shares";
import { Timeline } from "./timeline";
import { Why } from "./why";

type Member = NonNullable<PersonQuery["member"]>;

export function Page({ params: { id = "" } }: PageProps) {
  const { person } = useTexts();
  const result = useLive(Person, { id });
  const [open, setOpen] = useState<DialogName | null>(null);
  const { data } = result;
  const member = data?.member;
  return (
    <>
      <PageHeader
        title={member?.name ?? (data ? person.notFound : person.title)}
        back={{ to: "/people", label: person.back }}
        query={{ document: Person, variables: { id } }}
        actions={member && !member.erasure && <Actions member={member} opens={setOpen} />}
      />
      <Loaded result={result}>
        {({ member: found, club }) =>
          found ? (
            <Content member={found} knownSince={club.knownSince ?? null} refetch={result.refetch} open={open} setOpen={setOpen} />
          ) : (
            <EmptyState title={person.notFoundDetail} icon="search">
              <Link to="/people">{person.back}</Link>
            </EmptyState>
          )
        }
      </Loaded>
    </>
  );
}

interface Props {
  member: Member;
  knownSince: string | null;
  refetch: () => Promise<void>;
  open: DialogName | null;
  setOpen: (dialog: DialogName | null) => void;
}

function Content({ member, knownSince, refetch, open, setOpen }: Props) {
  const targets = useLive(AccessTargets, {});
  const { get, set } = useSearchState();
  const setTarget = (target: string) => set({ target });
  return (
    <div class="stack">
      <Warnings member={member} />
      <Facts member={member} />
      <Timeline member={member.id} onTarget={setTarget} />
      <Loaded result={targets}>
        {(data) => (
          <Why member={member.id} targets={data} target={get("target")} onTarget={setTarget} knownSince={knownSince} opens={setOpen} />
        )}
      </Loaded>
      <div class="grid">
        <Entitlements entitlements={member.entitlements} />
        <Shares member={member} onShare={() => setOpen("share")} refetch={refetch} />
      </div>
      <History member={member.id} />
      <PersonalData member={member} isErased={member.erasure != null} refetch={refetch} />
      <Dialogs open={open} member={member} targets={targets.data} refetch={refetch} onClose={() => setOpen(null)} />
    </div>
  );
}
